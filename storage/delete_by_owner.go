package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// MaxDelete is the longest span that can be deleted at once.
const MaxDelete = 24 * time.Hour

// Deletion says what is, or was, deleted with the footage of a span: whole segments of both streams, even where they
// extend beyond the span.
type Deletion struct {
	Span     Span // from the begin of the first segment to the end of the last
	Segments int
	Bytes    int64
	Kept     []Kept // that lie in the way, unless they were named
}

// KeptError says that footage was not deleted because it is kept. errors.Is finds ErrKept in it.
type KeptError struct{ Kept []Kept }

func (e *KeptError) Error() string { return fmt.Sprintf("%v: %d", ErrKept, len(e.Kept)) }

// Is reports whether target is ErrKept.
func (e *KeptError) Is(target error) bool { return target == ErrKept }

// ErrUnsettled is returned for a span with footage that a crash left and that is still being looked at.
var ErrUnsettled = errors.New("what the last crash left of this span is still being looked at; try again in a moment")

// deletions deletes footage for its owner.
type deletions struct {
	log         *slog.Logger
	db          *database
	cameraList  *cameraList
	holds       *holds
	kept        *keptClips
	timeline    *timelines
	retention   *retention
	permitCheck *permitCheck
	// purgeQuarantine deletes the files in quarantine that hold anything of the camera's footage in the span, and returns how many
	// they were.
	purgeQuarantine func(context.Context, *camera, Span) (int, error)
}

// PreviewDelete says what DeleteFootage would delete now, and changes nothing. It needs a permit for Manage, and returns
// access.ErrDenied, ErrSpan, ErrTooLong, ErrNoFootage or ErrUnsettled.
func (x *deletions) PreviewDelete(ctx context.Context, p access.Permit, span Span, named ...KeptID) (Deletion, error) {
	c, err := x.permitCheck.manage(p)
	if err != nil {
		return Deletion{}, err
	}
	if err := span.check(MaxDelete); err != nil {
		return Deletion{}, err
	}
	if err := x.kept.knowKept(ctx, c); err != nil {
		return Deletion{}, err
	}
	_, d, err := x.doomed(ctx, c, span, named)
	return d, err
}

// DeleteFootage deletes all segments of both streams that hold anything of the span, and the kept spans that are named. When it
// returns they are gone from the disk, and will not come back after a power cut; clips that are open over them end. It
// cannot be undone. The gap that is left says that the owner deleted it. What is being written is closed first, and
// recording goes on at the next key frame. It needs a permit for Manage, and returns access.ErrDenied, ErrSpan, ErrTooLong,
// ErrNoFootage, ErrUnsettled, ErrNotKept, or a *KeptError when a kept span that is not named lies in the way; nothing is
// deleted then. After any other error part of it may be gone; the rest of what was begun follows by itself.
func (x *deletions) DeleteFootage(ctx context.Context, p access.Permit, span Span, named ...KeptID) (Deletion, error) {
	c, err := x.permitCheck.manage(p)
	if err != nil {
		return Deletion{}, err
	}
	if err := span.check(MaxDelete); err != nil {
		return Deletion{}, err
	}
	x.kept.keeping.Lock() // so that nobody keeps what is being deleted
	defer x.kept.keeping.Unlock()
	if err := x.kept.loadKept(ctx, c); err != nil {
		return Deletion{}, err
	}
	for _, id := range named {
		if _, err := x.kept.keptOne(ctx, c, id); err != nil {
			return Deletion{}, err
		}
	}
	_, d, err := x.doomed(ctx, c, span, named)
	if errors.Is(err, ErrNoFootage) { // but perhaps there is some that was damaged
		if n, purging := x.purgeQuarantine(context.WithoutCancel(ctx), c, span); n > 0 || purging != nil {
			return Deletion{Span: span}, purging
		}
	}
	if err != nil {
		return Deletion{}, err
	}
	if len(d.Kept) > 0 {
		return d, &KeptError{d.Kept}
	}
	return x.deleteNow(context.WithoutCancel(ctx), c, span, named)
}

// deleteNow deletes. keeping is held.
func (x *deletions) deleteNow(ctx context.Context, c *camera, span Span, named []KeptID) (Deletion, error) {
	for _, quality := range qualities {
		if err := x.closeOpen(ctx, media.StreamID{Camera: c.id, Quality: quality}, span); err != nil {
			return Deletion{}, err
		}
	}
	rows, d, err := x.doomed(ctx, c, span, named)
	if err == nil && len(d.Kept) > 0 { // what was being written reached into another kept span by now
		err = &KeptError{d.Kept}
	}
	if err != nil {
		return Deletion{}, err
	}
	for _, id := range named {
		if err := x.kept.unkeep(ctx, c, id); err != nil {
			return Deletion{}, err
		}
	}
	// What lies damaged in quarantine goes first, and again behind what may be moved there meanwhile: after a crash between the
	// two nothing of it is left that could come back.
	whole := Span{earlier(span.From, d.Span.From), later(span.To, d.Span.To)}
	if _, err := x.purgeQuarantine(ctx, c, whole); err != nil {
		return Deletion{}, fmt.Errorf("delete footage: %w", err)
	}
	for batch := range slices.Chunk(rows, deleteBatch) {
		if err := x.deleteForOwner(ctx, c, batch); err != nil {
			return Deletion{}, fmt.Errorf("delete footage: %w", err)
		}
	}
	if _, err := x.purgeQuarantine(ctx, c, whole); err != nil {
		return Deletion{}, fmt.Errorf("delete footage: %w", err)
	}
	x.log.Info("footage was deleted by an owner", "camera", c.name, "from", d.Span.From, "to", d.Span.To, "segments", d.Segments)
	return d, nil
}

// doomed lists the segments that hold anything of the span, and says what they are.
func (x *deletions) doomed(ctx context.Context, c *camera, span Span, named []KeptID) ([]index.Segment, Deletion, error) {
	var all []index.Segment
	var d Deletion
	for _, quality := range qualities {
		rows, err := x.timeline.touched(ctx, c, quality, span)
		if err != nil {
			return nil, d, fmt.Errorf("delete footage: %w", err)
		}
		for _, r := range rows {
			if r.State == index.StateOpen && r.End == r.Start {
				return nil, d, ErrUnsettled
			}
			d.count(r)
		}
		if err := x.noteKept(ctx, c, rows, &d); err != nil {
			return nil, d, fmt.Errorf("delete footage: %w", err)
		}
		all = append(all, rows...)
	}
	if len(all) == 0 {
		return nil, d, ErrNoFootage
	}
	d.Kept = slices.DeleteFunc(d.Kept, func(k Kept) bool { return slices.Contains(named, k.ID) })
	return all, d, nil
}

func (d *Deletion) count(r index.Segment) {
	from, to := index.FromMicros(r.Start), index.FromMicros(r.End)
	if d.Segments == 0 || from.Before(d.Span.From) {
		d.Span.From = from
	}
	if to.After(d.Span.To) {
		d.Span.To = to
	}
	d.Segments++
	d.Bytes += r.Size
}

// noteKept adds what is kept of the segments, which are all of one stream, and was not added before.
func (x *deletions) noteKept(ctx context.Context, c *camera, rows []index.Segment, d *Deletion) error {
	if len(rows) == 0 {
		return nil
	}
	kept, err := x.db.index.KeptIn(ctx, rows[0].Stream, index.Interval{From: rows[0].Start, To: rows[len(rows)-1].End})
	if err != nil {
		return err
	}
	for _, k := range x.kept.keptOf(c, kept...) {
		known := slices.ContainsFunc(d.Kept, func(x Kept) bool { return x.ID == k.ID })
		touches := slices.ContainsFunc(rows, func(r index.Segment) bool {
			return k.Streams.Has(r.Stream.Quality) && index.Micros(k.Span.From) < r.End && r.Start < index.Micros(k.Span.To)
		})
		if touches && !known {
			d.Kept = append(d.Kept, k)
		}
	}
	return nil
}

// closeOpen closes the segment that is being written when it holds anything of the span.
func (x *deletions) closeOpen(ctx context.Context, stream media.StreamID, span Span) error {
	now := x.cameraList.writtenOf(stream)
	if len(now.entries) == 0 || now.start >= index.Micros(span.To) || now.end <= index.Micros(span.From) {
		return nil
	}
	w := x.cameraList.writer(stream)
	if w == nil {
		return nil // it was closed just now
	}
	return w.cut(ctx, now.start)
}

// cut closes the segment that begins at start so that it can be deleted. Recording goes on at the next key frame, since
// what depends on the deleted pictures could not be shown.
func (w *Writer) cut(ctx context.Context, start int64) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.ended || w.seg == nil || w.seg.Start != start {
		return nil
	}
	w.closeSegment(ctx)
	w.wantKey = true
	if !w.recorded {
		return nil
	}
	return w.endStretch(ctx, ReasonDeletedByOwner)
}

// deleteForOwner deletes segments whether clips are open over them or not.
func (x *deletions) deleteForOwner(ctx context.Context, c *camera, rows []index.Segment) error {
	err := x.db.writeFirst(ctx, func(tx *index.Tx) error {
		for _, r := range rows {
			if err := markForOwner(ctx, tx, r); err != nil {
				return err
			}
			if err := tx.Enter(ctx, r.Stream, r.Start, r.End, gap(ReasonDeletedByOwner)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		x.holds.breakHolds(media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, r.Start, r.End)
	}
	return x.retention.finish(ctx, c, rows)
}

// markForOwner is markDeleting for a segment that retention may have marked before.
func markForOwner(ctx context.Context, tx *index.Tx, r index.Segment) error {
	done, err := tx.MarkDeleting(ctx, r)
	if done || err != nil {
		return err
	}
	if done, err = tx.Deleting(ctx, r); done || err != nil {
		return err
	}
	return fmt.Errorf("segment %s is kept or being written", r.Name())
}
