package storage

import (
	"context"
	"errors"
	"path"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// deleteBatch is how many segments are deleted at once, so that no writer waits long for the index.
const deleteBatch = 32

// deleter deletes in batches what a retention run takes.
type deleter struct {
	x     *retention
	began time.Time
	batch []index.Segment
	of    *camera // whose the batch is
}

func (d *deleter) take(ctx context.Context, h *retentionUsage, r index.Segment, _ Limit) error {
	if d.of != h.c || len(d.batch) >= deleteBatch {
		if err := d.flush(ctx); err != nil {
			return err
		}
	}
	d.of, d.batch = h.c, append(d.batch, r)
	return nil
}

func (d *deleter) flush(ctx context.Context) error {
	if len(d.batch) == 0 {
		return nil
	}
	began := time.Now()
	rows := d.batch
	d.batch = nil
	if err := d.x.deleteRows(ctx, d.of, rows); err != nil {
		return err
	}
	if time.Since(d.began) > housekeeping {
		return errEnough
	}
	if len(rows) < deleteBatch {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Since(began), time.Second)):
		return nil
	}
}

// deleteRows deletes the segments of one camera that nobody has begun to keep meanwhile.
func (x *retention) deleteRows(ctx context.Context, c *camera, rows []index.Segment) error {
	marked := make([]index.Segment, 0, len(rows))
	mark := func(tx *index.Tx) error {
		marked = marked[:0]
		for _, r := range rows {
			done, err := tx.MarkDeleting(ctx, r)
			if err != nil {
				return err
			}
			if !done {
				continue
			}
			marked = append(marked, r)
			from, err := tx.MergedGapBegin(ctx, r.Stream, r.Start, gap(ReasonDeleted))
			if err != nil {
				return err
			}
			if err := tx.Enter(ctx, r.Stream, from, r.End, gap(ReasonDeleted)); err != nil {
				return err
			}
		}
		return nil
	}
	err := x.db.writeFirst(ctx, mark)
	if sqlite.IsFull(err) && x.sacrifice(ctx, c, rows) {
		err = x.db.writeFirst(ctx, mark)
	}
	if err != nil {
		return err
	}
	return x.finish(ctx, c, marked)
}

// finishDeleting deletes the files of all segments that are marked, except those that open clips need.
func (x *retention) finishDeleting(ctx context.Context) error {
	marked, err := x.db.index.InState(ctx, index.StateDeleting)
	if err != nil {
		return err
	}
	byCamera := map[int64][]index.Segment{}
	for _, r := range marked {
		byCamera[r.Stream.Camera] = append(byCamera[r.Stream.Camera], r)
	}
	var errs []error
	for row, rows := range byCamera {
		errs = append(errs, x.finish(ctx, x.cameraList.cameraOf(row), rows))
	}
	return errors.Join(errs...)
}

// finish deletes the files of marked segments of one camera: unlink, sync the folders, forget the rows.
func (x *retention) finish(ctx context.Context, c *camera, rows []index.Segment) error {
	days := map[string]bool{}
	var gone []index.Segment
	var errs []error
	for _, r := range rows {
		if x.holds.held(media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, r.Start, r.End) {
			continue
		}
		if err := c.files.Remove(r.Name()); err != nil && !disk.IsMissing(err) {
			errs = append(errs, err)
			continue
		}
		days[path.Dir(r.Name())] = true
		gone = append(gone, r)
	}
	for day := range days {
		if err := c.files.SyncDir(day); err != nil && !disk.IsMissing(err) {
			return errors.Join(append(errs, err)...)
		}
	}
	if len(gone) == 0 {
		return errors.Join(errs...)
	}
	errs = append(errs, x.db.write(ctx, func(tx *index.Tx) error {
		for _, r := range gone {
			if err := tx.DropSegment(ctx, r.Stream, r.Start); err != nil {
				return err
			}
			if err := tx.DropRunIfEmpty(ctx, r.Stream, r.Run); err != nil {
				return err
			}
		}
		return nil
	}))
	x.removeEmptyDays(c, days)
	return errors.Join(errs...)
}

// removeEmptyDays removes folders of days that are over and empty now.
func (x *retention) removeEmptyDays(c *camera, days map[string]bool) {
	yesterday := x.clock.now().AddDate(0, 0, -1).Format(index.DayLayout)
	for day := range days {
		if path.Base(day) < yesterday {
			c.files.Remove(day) //nolint:errcheck // it fails while the folder is not empty; an empty one does no harm
		}
	}
}

// sacrifice is for a disk so full that the index cannot even note what is to be deleted, the reserve being used up by others:
// it deletes the file of the first of the rows before they are marked, so that there is space to mark them. It reports
// whether it did. A crash right after it leaves a row without a file, which becomes a gap.
func (x *retention) sacrifice(ctx context.Context, c *camera, rows []index.Segment) bool {
	if !x.space.shared {
		return false
	}
	for _, r := range rows {
		kept, err := x.db.index.IsKept(ctx, r)
		if err != nil || kept || x.holds.held(media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, r.Start, r.End) {
			continue
		}
		if err := c.files.Remove(r.Name()); err == nil {
			x.log.Warn("the disk is full to the last byte: a segment was deleted before the index could note it", "camera", c.name, "segment", r.Name())
			return true
		}
	}
	return false
}
