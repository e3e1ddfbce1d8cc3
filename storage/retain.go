package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"

	"keepwatch.internal/internal/media"
)

// deleteBatch is how many segments are deleted at once, so that no writer waits long for the index.
const deleteBatch = 32

// wake asks for retention soon.
func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// retain deletes what is older or more than each camera may keep, and then the oldest footage of all until enough of the
// disk is free.
func (s *Store) retain(ctx context.Context) error {
	errs := []error{s.finishDeleting(ctx)}
	s.mu.RLock()
	known := s.cameras
	s.mu.RUnlock()
	for _, c := range known {
		if err := s.retainCamera(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("retention of %s: %w", c.name, err))
		}
	}
	return errors.Join(append(errs, s.retainFree(ctx, known))...)
}

func (s *Store) retainCamera(ctx context.Context, c *camera) error {
	if c.retain.Age > 0 {
		limit := micros(s.now().Add(-c.retain.Age))
		for _, quality := range qualities {
			for {
				n, _, err := s.deleteOldest(ctx, c, quality, limit, deleteBatch)
				if err != nil {
					return err
				}
				if n == 0 {
					break
				}
			}
		}
	}
	for c.retain.MaxBytes > 0 {
		size, err := s.keptBytes(ctx, c)
		if err != nil {
			return err
		}
		if size <= c.retain.MaxBytes {
			return nil
		}
		quality, err := s.oldestStream(ctx, map[media.CameraID]*camera{c.id: c})
		if err != nil || quality == (media.StreamID{}) {
			return err
		}
		if _, err := s.deleteUntil(ctx, c, quality.Quality, size-c.retain.MaxBytes); err != nil {
			return err
		}
	}
	return nil
}

// keptBytes returns the size of the camera's segments, without those that are being deleted.
func (s *Store) keptBytes(ctx context.Context, c *camera) (int64, error) {
	const query = `SELECT coalesce(sum(size_bytes), 0) - (SELECT coalesce(sum(size_bytes), 0) FROM segment WHERE state = 3 AND camera = ?1)
		FROM stream WHERE camera = ?1`
	var size int64
	err := s.index.Read().QueryRowContext(ctx, query, c.row).Scan(&size)
	return size, err
}

// retainFree deletes the oldest footage until enough is free. It goes by the sizes of what it deleted, since some file
// systems give the room back later.
func (s *Store) retainFree(ctx context.Context, known map[media.CameraID]*camera) error {
	free, total, err := s.disk.space()
	if err != nil {
		return err
	}
	for lack := s.o.MinFree.of(total) - free; lack > 0; {
		oldest, err := s.oldestStream(ctx, known)
		if err != nil {
			return err
		}
		if oldest == (media.StreamID{}) {
			return fmt.Errorf("%s: less than %s is free and nothing is left to delete", s.o.Recordings, bytesText(s.o.MinFree.of(total)))
		}
		freed, err := s.deleteUntil(ctx, known[oldest.Camera], oldest.Quality, lack)
		if err != nil {
			return err
		}
		lack -= freed
	}
	return nil
}

// oldestQuery finds the oldest segment of a stream that could be deleted.
const oldestQuery = `SELECT start_us FROM segment WHERE camera = ? AND quality = ? AND state IN (2, 4) ORDER BY start_us LIMIT 1`

// oldestStream returns the stream whose oldest segment that could be deleted is the oldest; the zero value when there is
// none.
func (s *Store) oldestStream(ctx context.Context, known map[media.CameraID]*camera) (media.StreamID, error) {
	var oldest media.StreamID
	least := int64(forever)
	for _, c := range known {
		for _, quality := range qualities {
			var start int64
			err := s.index.Read().QueryRowContext(ctx, oldestQuery, c.row, quality).Scan(&start)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return media.StreamID{}, err
			}
			if start < least {
				oldest, least = media.StreamID{Camera: c.id, Quality: quality}, start
			}
		}
	}
	return oldest, nil
}

// deleteUntil deletes a few of the oldest segments of a stream, not more than it takes to free lack bytes, and returns how
// much that was.
func (s *Store) deleteUntil(ctx context.Context, c *camera, quality media.Quality, lack int64) (int64, error) {
	var freed int64
	for n := 0; n < deleteBatch && freed < lack; n++ {
		deleted, size, err := s.deleteOldest(ctx, c, quality, forever, 1)
		if err != nil || deleted == 0 {
			return freed, err
		}
		freed += size
	}
	return freed, nil
}

// deleteOldest deletes at most limit of the stream's oldest segments that end before the time until. It returns how many
// they were and their size.
func (s *Store) deleteOldest(ctx context.Context, c *camera, quality media.Quality, until int64, limit int) (int, int64, error) {
	const query = `SELECT s.camera, s.quality, s.start_us, s.end_us, s.run, x'', s.state, s.size_bytes, s.init_bytes FROM segment s
		WHERE s.camera = ? AND s.quality = ? AND s.state IN (2, 4) AND s.end_us <= ? ORDER BY s.start_us LIMIT ?`
	rows, err := s.segmentRows(ctx, query, c.row, quality, until, limit)
	if err != nil || len(rows) == 0 {
		return 0, 0, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		for _, r := range rows {
			if err := markDeleting(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	var size int64
	for _, r := range rows {
		size += r.size
	}
	return len(rows), size, s.finish(ctx, c, rows)
}

// markDeleting makes a segment invisible to readers that come from now on.
func markDeleting(ctx context.Context, tx *sql.Tx, r segmentRow) error {
	const query = `UPDATE segment SET state = ? WHERE camera = ? AND quality = ? AND start_us = ? AND state IN (2, 4)`
	if err := exec(ctx, tx, query, stateDeleting, r.st.camera, r.st.quality, r.start); err != nil {
		return err
	}
	from, err := swallow(ctx, tx, r.st, r.start)
	if err != nil {
		return err
	}
	return enter(ctx, tx, r.st, from, r.end, gap(ReasonDeleted))
}

// swallow returns where the gap of deleted footage that ends at the time to begins: gaps between two deleted stretches
// become one with them, so that the ledger does not grow for ever.
func swallow(ctx context.Context, tx *sql.Tx, st streamRow, to int64) (int64, error) {
	from := to
	for range 64 {
		before, since, err := holdingAt(ctx, tx, st, from-1)
		if err != nil {
			return to, err
		}
		if !before.isGap() || before.reason == ReasonBefore {
			return to, nil
		}
		from = since
		if before.reason == ReasonDeleted {
			return from, nil
		}
	}
	return to, nil
}

// finishDeleting deletes the files of all segments that are marked, except those that open clips need.
func (s *Store) finishDeleting(ctx context.Context) error {
	marked, err := s.unsettled(ctx, stateDeleting, forever)
	if err != nil {
		return err
	}
	byCamera := map[int64][]segmentRow{}
	for _, r := range marked {
		byCamera[r.st.camera] = append(byCamera[r.st.camera], r)
	}
	for row, rows := range byCamera {
		if err := s.finish(ctx, s.cameraOf(row), rows); err != nil {
			return err
		}
	}
	return nil
}

// finish deletes the files of marked segments of one camera: unlink, sync the folders, forget the rows.
func (s *Store) finish(ctx context.Context, c *camera, rows []segmentRow) error {
	days := map[string]bool{}
	var gone []segmentRow
	var errs []error
	for _, r := range rows {
		if s.pinned(media.StreamID{Camera: c.id, Quality: r.st.quality}, r.start, r.end) {
			continue
		}
		if err := c.files.remove(r.name()); err != nil && !isMissing(err) {
			errs = append(errs, err)
			continue
		}
		days[path.Dir(r.name())] = true
		gone = append(gone, r)
	}
	for day := range days {
		if err := c.files.syncDir(day); err != nil && !isMissing(err) {
			return errors.Join(append(errs, err)...)
		}
	}
	if len(gone) == 0 {
		return errors.Join(errs...)
	}
	errs = append(errs, s.write(ctx, func(tx *sql.Tx) error {
		for _, r := range gone {
			if err := dropSegment(ctx, tx, r.st, r.start); err != nil {
				return err
			}
			if err := dropRunIfEmpty(ctx, tx, r.st, r.run); err != nil {
				return err
			}
		}
		return nil
	}))
	s.removeEmptyDays(c, days)
	return errors.Join(errs...)
}

// removeEmptyDays removes folders of days that are over and empty now.
func (s *Store) removeEmptyDays(c *camera, days map[string]bool) {
	yesterday := s.now().AddDate(0, 0, -1).Format(dayLayout)
	for day := range days {
		if path.Base(day) < yesterday {
			c.files.remove(day) //nolint:errcheck // it fails while the folder is not empty; an empty one does no harm
		}
	}
}
