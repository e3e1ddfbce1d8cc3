package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// deleteBatch is how many segments are deleted at once, so that no writer waits long for the index.
const deleteBatch = 32

// Limit says which of the limits it is that footage goes by.
type Limit string

// The limits of retention.
const (
	NoLimit    Limit = "none"
	LimitAge   Limit = "age"   // Retain.Age
	LimitSize  Limit = "size"  // Retain.MaxBytes
	LimitSpace Limit = "space" // MinFree
)

// retentionRun finds what has to go: what is older or more than each camera may keep, and then the oldest footage of all
// until enough of the disk is free. Kept segments never go. What it finds it hands to take; it changes nothing itself.
type retentionRun struct {
	now     time.Time
	cameras []*retentionUsage
	lack    func(freed int64) (int64, error) // bytes that had to go, freed among them, so that enough is free
	take    func(context.Context, *retentionUsage, index.Segment, Limit) error
	flush   func(context.Context) error // ends a batch: what was taken so far must go before more is decided
	freed   int64
}

// retentionUsage is what a camera has, as retention looks at it.
type retentionUsage struct {
	c          *camera
	retain     Retain
	size       int64 // of its segments, kept ones included, without those that are being deleted
	candidates []*candidates
}

// retentionUsageOf prepares a camera for a retention run.
func retentionUsageOf(ctx context.Context, q index.Reader, c *camera, retain Retain) (*retentionUsage, error) {
	size, err := q.CameraBytes(ctx, c.row)
	if err != nil {
		return nil, err
	}
	h := &retentionUsage{c: c, retain: retain, size: size}
	for _, quality := range qualities {
		w, err := newCandidates(ctx, q, index.Stream{Camera: c.row, Quality: quality})
		if err != nil {
			return nil, err
		}
		h.candidates = append(h.candidates, w)
	}
	return h, nil
}

// oldest returns the candidates of the stream with the camera's oldest segment; nil when nothing is left.
func (h *retentionUsage) oldest(ctx context.Context) (*candidates, index.Segment, error) {
	var found *candidates
	var oldest index.Segment
	for _, w := range h.candidates {
		r, ok, err := w.peek(ctx)
		if err != nil {
			return nil, r, err
		}
		if ok && (found == nil || r.Start < oldest.Start) {
			found, oldest = w, r
		}
	}
	return found, oldest, nil
}

// run looks at all cameras. One that fails does not keep the others from their turn.
func (p *retentionRun) run(ctx context.Context) error {
	var errs []error
	for _, h := range p.cameras {
		if err := p.camera(ctx, h); err != nil {
			errs = append(errs, fmt.Errorf("retention of %s: %w", h.c.name, err))
		}
	}
	return errors.Join(append(errs, p.free(ctx))...)
}

func (p *retentionRun) camera(ctx context.Context, h *retentionUsage) error {
	if h.retain.Age > 0 {
		limit := index.Micros(p.now.Add(-h.retain.Age))
		for _, w := range h.candidates {
			for {
				r, ok, err := w.peek(ctx)
				if err != nil {
					return err
				}
				if !ok || r.End > limit {
					break
				}
				if err := p.send(ctx, h, w, LimitAge); err != nil {
					return err
				}
			}
		}
	}
	for h.retain.MaxBytes > 0 && h.size > h.retain.MaxBytes {
		w, _, err := h.oldest(ctx)
		if err != nil {
			return err
		}
		if w == nil {
			break
		}
		if err := p.send(ctx, h, w, LimitSize); err != nil {
			return err
		}
	}
	return p.flush(ctx)
}

// free takes the oldest of all until enough is free. It goes by the sizes of what was taken, since some file systems give
// the space back later.
func (p *retentionRun) free(ctx context.Context) error {
	lack, err := p.lack(p.freed)
	if err != nil {
		return err
	}
	for lack > p.freed {
		var owner *retentionUsage
		var from *candidates
		var oldest index.Segment
		for _, h := range p.cameras {
			w, r, err := h.oldest(ctx)
			if err != nil {
				return err
			}
			if w != nil && (owner == nil || r.Start < oldest.Start) {
				owner, from, oldest = h, w, r
			}
		}
		if owner == nil {
			return errors.Join(p.flush(ctx), errNothingLeft)
		}
		if err := p.send(ctx, owner, from, LimitSpace); err != nil {
			return err
		}
	}
	return p.flush(ctx)
}

// errNothingLeft says that too little is free though all that may be deleted is.
var errNothingLeft = errors.New("nothing is left to delete")

// send takes the first of the candidates.
func (p *retentionRun) send(ctx context.Context, h *retentionUsage, w *candidates, why Limit) error {
	r, _, err := w.peek(ctx)
	if err != nil {
		return err
	}
	w.pop()
	h.size -= r.Size
	p.freed += r.Size
	return p.take(ctx, h, r, why)
}

// retention deletes what need not be kept, and what has to go so that others fit.
type retention struct {
	o      *Options
	log    *slog.Logger
	disk   disk.Folder // recordings
	db     *database
	clock  *storeClock
	roster *roster
	holds  *holds
	kept   *keptClips
	alarms *alarms
	space  *diskSpace
	kick   chan struct{}
}

// wake asks for retention soon.
func (x *retention) wake() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// errEnough ends a retention run that took long. The next one goes on where it ended.
var errEnough = errors.New("enough for now")

// retain makes one retention run, of at most about housekeeping, and deletes what it finds in small batches: a writer waits for
// the index for one batch at most, and the disk is left to the recorders for as long again as each batch took.
func (x *retention) retain(ctx context.Context) error {
	errs := []error{x.finishDeleting(ctx)}
	before, _, err := x.disk.Space()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	known := x.roster.all()
	d := &deleter{x: x, began: time.Now()}
	p := &retentionRun{now: x.clock.ageNow(), take: d.take, flush: d.flush}
	p.lack = func(freed int64) (int64, error) {
		free, total, err := x.disk.Space()
		return x.o.MinFree.of(total) - max(before, free-freed), err
	}
	for _, c := range known {
		if err := x.kept.knowKept(ctx, c); err != nil { // nothing of it is deleted before it is known what is kept
			errs = append(errs, err)
			continue
		}
		h, err := retentionUsageOf(ctx, x.db.index.Reader, c, c.retain)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("retention of %s: %w", c.name, err))...)
		}
		p.cameras = append(p.cameras, h)
	}
	err = p.run(ctx)
	switch {
	case errors.Is(err, errEnough):
		x.wake()
		return errors.Join(errs...)
	case errors.Is(err, errNothingLeft):
		err = x.raiseNothingLeft(ctx)
	case err == nil:
		x.alarms.lower(AlarmNothingLeft)
	}
	return errors.Join(append(errs, err)...)
}

// raiseNothingLeft says what fills the disk. Recording goes on as long as the disk takes it.
func (x *retention) raiseNothingLeft(ctx context.Context) error {
	_, total, err := x.disk.Space()
	if err != nil {
		return err
	}
	kept, err := x.kept.keptTotal(ctx)
	if err != nil {
		return err
	}
	words, remedy := "", "Free space there, or lower storage.min_free."
	if kept > 0 {
		words = "; kept clips take " + format.Size(kept)
		remedy = "Kept clips take " + format.Size(kept) + ": remove some of them on the page Saved, or free space there."
	}
	need := format.Size(x.o.MinFree.of(total))
	x.alarms.raise(AlarmNothingLeft, fmt.Sprintf("Less than %s is free in %s, and nothing is left that may be deleted. When the disk is full, "+
		"new footage is dropped. %s", need, x.o.Recordings, remedy))
	return fmt.Errorf("%s: less than %s is free and %w%s", x.o.Recordings, need, errNothingLeft, words)
}

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
		errs = append(errs, x.finish(ctx, x.roster.cameraOf(row), rows))
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
