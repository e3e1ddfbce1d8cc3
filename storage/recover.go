package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
)

// recover settles what the last process left, as far as recording has to wait for it: it opens the cameras, finds out until
// when at most each stream has footage, and ends runs and gaps. What reads files whole or depends on their number is
// reconcile's, beside the recording. It may be interrupted at any point and repeated.
func (s *Store) recover(ctx context.Context) error {
	if err := s.loadCameras(ctx); err != nil {
		return err
	}
	if err := s.adoptCameras(ctx); err != nil {
		return err
	}
	alive, err := s.lastAlive(ctx)
	if err != nil {
		return err
	}
	if err := s.boundOpen(ctx); err != nil {
		return err
	}
	if err := s.dropReplaced(ctx); err != nil {
		return err
	}
	unknown, err := s.findUnknown(ctx)
	if err != nil {
		return err
	}
	s.judge(alive, unknown)
	if err := s.endLeftovers(ctx, alive); err != nil {
		return err
	}
	s.adoptNewest(ctx, unknown)
	return nil
}

// loadCameras opens the folder of every camera that the index knows.
func (s *Store) loadCameras(ctx context.Context) error {
	found, err := cameraRows(ctx, s.index.Read())
	if err != nil {
		return err
	}
	for _, c := range found {
		c.key = s.LabelKey(c.id)
		retired := c.retired
		if err := s.openCamera(c); err != nil {
			return explainDisk(path.Join(s.o.Recordings, c.folder), err)
		}
		s.know(c)
		if !c.retired.Equal(retired) {
			if err := s.noteRetired(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// cameraRows reads what the index knows of cameras.
func cameraRows(ctx context.Context, q queryer) ([]*camera, error) {
	const query = `SELECT id, uuid, name, label, folder, created_us, coalesce(retired_us, 0), retain_us, retain_bytes FROM camera`
	var found []*camera
	err := each(ctx, q, query, nil, func(rows *sql.Rows) error {
		c := &camera{}
		var id []byte
		var created, retired, age int64
		if err := rows.Scan(&c.row, &id, &c.name, &c.label, &c.folder, &created, &retired, &age, &c.retain.MaxBytes); err != nil {
			return err
		}
		copy(c.id[:], id)
		c.created, c.retain.Age = fromMicros(created), time.Duration(age)*time.Microsecond
		if retired != 0 {
			c.retired = fromMicros(retired)
		}
		found = append(found, c)
		return nil
	})
	return found, err
}

// openCamera opens the camera's folder, which must say that it is this camera's. A folder that vanished is made anew. A
// camera that its folder calls retired is, whatever an index says that may be older: its name may be another's now.
func (s *Store) openCamera(c *camera) error {
	if !fs.ValidPath(c.folder) || strings.Contains(c.folder, "/") {
		return refuse("the index names the folder %q for camera %s", c.folder, c.name)
	}
	_, err := s.disk.Stat(c.folder)
	if errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the folder of a camera is missing; making a new one", "camera", c.name, "folder", c.folder)
		return s.makeFolder(c)
	}
	if err != nil {
		return err
	}
	if c.files, err = s.disk.Sub(c.folder); err != nil {
		return err
	}
	k, id, err := readCard(c.files)
	if err == nil && c.retired.IsZero() && !k.Retired.IsZero() {
		c.retired = k.Retired.UTC().Truncate(time.Microsecond)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = c.writeCard()
	case err == nil && id != c.id:
		err = refuse("the folder %s says it is camera %s, expected %s", c.folder, id, c.id)
	}
	if err != nil {
		return errors.Join(err, c.files.Close())
	}
	return nil
}

// adoptCameras adds the cameras whose folders the index does not know: all of them when it was lost.
func (s *Store) adoptCameras(ctx context.Context) error {
	entries, err := s.disk.List(".")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, c := range s.cameras {
		known[c.folder] = true
	}
	before := len(known)
	for _, e := range entries {
		if !e.IsDir() || known[e.Name()] || e.Name() == quarantineName || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := s.adoptCamera(ctx, e.Name()); err != nil {
			s.log.Warn("a folder in recordings is left alone", "folder", e.Name(), "err", err)
		}
	}
	if before == 0 && len(s.cameras) > 0 && !s.standing(AlarmIndexRebuilt) {
		s.raise(AlarmIndexRebuilt, fmt.Sprintf("There was no index in %s: it is made again from the recordings. Nothing of them is lost.", s.o.Data))
	}
	return nil
}

func (s *Store) adoptCamera(ctx context.Context, name string) error {
	d, err := s.disk.Sub(name)
	if err != nil {
		return err
	}
	k, id, err := readCard(d)
	if err == nil && s.cameras[id] != nil {
		err = fmt.Errorf("it says it is camera %s, whose folder is %s", id, s.cameras[id].folder)
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	c := &camera{id: id, name: k.Name, label: k.Label, folder: name, created: k.Created.UTC().Truncate(time.Microsecond), files: d, key: s.LabelKey(id)}
	if !k.Retired.IsZero() {
		c.retired = k.Retired.UTC().Truncate(time.Microsecond)
	}
	for _, other := range s.cameras {
		if other.name == c.name && other.retired.IsZero() && c.retired.IsZero() {
			c.retired = s.now()
		}
	}
	err = s.index.Write(ctx, func(tx *sql.Tx) error {
		if err := c.insert(ctx, tx); err != nil {
			return err
		}
		return enter(ctx, tx, streamRow{c.row, media.Main}, micros(c.created), micros(s.now()), gap(ReasonRebuilt))
	})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	s.know(c)
	s.log.Info("camera found on disk", "camera", c.name, "id", c.id, "folder", c.folder)
	return nil
}

// segmentRow is a segment as the index has it.
type segmentRow struct {
	st         streamRow
	start, end int64
	run        int64
	runID      media.RunID
	state      state
	size, init int64
}

func (r segmentRow) name() string { return segmentName(r.st.quality, r.start) }

// unsettledQuery finds the segments in a state that does not last, of all cameras.
const unsettledQuery = `SELECT ` + segmentColumns + `
	FROM segment s JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE s.state = ? AND s.state IN (1, 3) LIMIT ?`

// unsettled lists at most limit segments in the given state, of all cameras.
func (s *Store) unsettled(ctx context.Context, in state, limit int64) ([]segmentRow, error) {
	return s.segmentRows(ctx, unsettledQuery, in, limit)
}

// segmentRows runs a query that returns the columns of segmentRow in their order.
func (s *Store) segmentRows(ctx context.Context, query string, args ...any) ([]segmentRow, error) {
	found, err := segmentRowsOf(ctx, s.index.Read(), query, args...)
	return found, s.suspect(err)
}

func segmentRowsOf(ctx context.Context, q queryer, query string, args ...any) ([]segmentRow, error) {
	var found []segmentRow
	err := each(ctx, q, query, args, func(rows *sql.Rows) error {
		var r segmentRow
		var id []byte
		if err := rows.Scan(&r.st.camera, &r.st.quality, &r.start, &r.end, &r.run, &id, &r.state, &r.size, &r.init); err != nil {
			return err
		}
		copy(r.runID[:], id)
		found = append(found, r)
		return nil
	})
	return found, err
}

// cameraOf returns the camera of a row.
func (s *Store) cameraOf(row int64) *camera {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range s.cameras {
		if c.row == row {
			return c
		}
	}
	return nil
}

// recoverSegment settles one open row by what its file holds.
func (s *Store) recoverSegment(ctx context.Context, c *camera, r segmentRow) error {
	m, err := mend(c, r.name())
	another := err == nil && m.run.ID != r.runID
	if err == nil && !another {
		err = s.write(ctx, func(tx *sql.Tx) error {
			if err := m.closing(r.st).update(ctx, tx); err != nil {
				return err
			}
			// An earlier start may have been unable to read the file and have called it a gap.
			if err := enter(ctx, tx, r.st, r.start, micros(m.end()), footage(r.run)); err != nil {
				return err
			}
			return claimNoMore(ctx, tx, r, micros(m.end()), s.down)
		})
		if !sqlite.IsConstraint(err) {
			return err
		}
		err = fmt.Errorf("%w: %w: %w", media.ErrFormat, ErrOverlap, err) // its place is taken, which only a clock set back can do
	}
	switch {
	case another:
		// The power went before the index knew that this row's file was gone and another run has made one of that name.
		s.log.Warn("a segment is of another run than the index says; adopting it anew", "camera", c.name, "segment", r.name())
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errNoFragments), isFormat(err) && m.size <= r.init: // nothing was recorded
		err = disk.RemoveSynced(c.files, r.name())
		if err != nil {
			return err
		}
	case isFormat(err):
		if err := s.quarantineFile(c, r.name(), err); err != nil {
			return err
		}
	default:
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := dropSegment(ctx, tx, r.st, r.start); err != nil {
			return err
		}
		if err := claimNoMore(ctx, tx, r, r.start, s.down); err != nil {
			return err
		}
		return dropRunIfEmpty(ctx, tx, r.st, r.run)
	})
}

// claimNoMore takes back what the ledger says of the row's run after end, up to the next segment.
func claimNoMore(ctx context.Context, tx *sql.Tx, r segmentRow, end int64, reason string) error {
	held, _, err := holdingAt(ctx, tx, r.st, end)
	if err != nil || held != footage(r.run) {
		return err
	}
	const next = `SELECT min(
		coalesce((SELECT min(start_us) FROM ledger WHERE camera = ?1 AND quality = ?2 AND start_us > ?3), ?4),
		coalesce((SELECT min(start_us) FROM segment WHERE camera = ?1 AND quality = ?2 AND start_us >= ?3 AND start_us > ?5), ?4))`
	var until int64
	if err := tx.QueryRowContext(ctx, next, r.st.camera, r.st.quality, end, int64(forever), r.start).Scan(&until); err != nil {
		return err
	}
	return enter(ctx, tx, r.st, end, until, gap(reason))
}

// endLeftovers ends the runs that the last process did not end, and says that since it was last alive nothing ran.
func (s *Store) endLeftovers(ctx context.Context, alive time.Time) error {
	if s.stale { // what the ledger says of the time after it is not known to be true
		if err := s.admitIgnorance(ctx, alive); err != nil {
			return err
		}
	}
	err := s.index.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range s.cameras {
			for _, quality := range qualities {
				if err := endLeftover(ctx, tx, streamRow{c.row, quality}, s.down); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.noteDownSince(ctx, alive, s.down)
}

// admitIgnorance writes into the ledger that of the time since the index was copied nothing is known; footage that is found
// is entered over it.
func (s *Store) admitIgnorance(ctx context.Context, alive time.Time) error {
	now := micros(s.now())
	return s.index.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range s.cameras {
			for _, quality := range qualities {
				st := streamRow{c.row, quality}
				tail, since, err := holdingAt(ctx, tx, st, forever)
				if err != nil {
					return err
				}
				if tail.code == CodeNotRecorded || tail.code == CodeRetired {
					continue
				}
				from := max(since, micros(alive))
				if !tail.isGap() {
					end, err := lastSettled(ctx, tx, st)
					if err != nil {
						return err
					}
					from = max(since, end)
				}
				if err := enter(ctx, tx, st, from, now, gap(ReasonRebuilt)); err != nil {
					return err
				}
				if err := enter(ctx, tx, st, max(now, from), forever, gap(s.down)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

const lastSettledQuery = `SELECT CASE state WHEN 1 THEN start_us ELSE end_us END FROM segment
	WHERE camera = ? AND quality = ? ORDER BY start_us DESC LIMIT 1`

// lastSettled returns until when a stream certainly has footage: a segment that is still open is not counted.
func lastSettled(ctx context.Context, q queryer, st streamRow) (int64, error) {
	var end int64
	err := q.QueryRowContext(ctx, lastSettledQuery, st.camera, st.quality).Scan(&end)
	if errors.Is(err, sql.ErrNoRows) {
		return noEnd, nil
	}
	return end, err
}

// endLeftover ends what the last process did not. The segments that it left open are footage once they are recovered.
func endLeftover(ctx context.Context, tx *sql.Tx, st streamRow, reason string) error {
	tail, since, err := holdingAt(ctx, tx, st, forever)
	if err != nil {
		return err
	}
	if !tail.isGap() {
		end, err := lastSettled(ctx, tx, st)
		if err != nil {
			return err
		}
		if err := enter(ctx, tx, st, max(since, end), forever, gap(reason)); err != nil {
			return err
		}
	}
	const list = `SELECT id FROM run WHERE camera = ? AND quality = ? AND end_reason IS NULL`
	var runs []int64
	err = each(ctx, tx, list, []any{st.camera, st.quality}, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		runs = append(runs, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, run := range runs {
		const query = `UPDATE run SET end_reason = ? WHERE camera = ? AND quality = ? AND id = ?`
		if err := exec(ctx, tx, query, reason, st.camera, st.quality, run); err != nil {
			return err
		}
		if err := dropRunIfEmpty(ctx, tx, st, run); err != nil {
			return err
		}
	}
	return nil
}
