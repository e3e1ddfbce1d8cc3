package storage

import (
	"context"
	"fmt"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// part is a segment that a reader has looked into: its header and table are verified, its fragments not yet.
type part struct {
	row     index.Segment
	run     *media.Run
	entries []media.Entry
}

// look takes note of what is being written. It comes before the index is asked: what is closed in between has its row
// then, and what is begun in between is not seen.
func (r *reader) look() { r.live = r.l.liveOf(r.stream) }

// parts opens all segments of the span, and the last before it.
func (r *reader) parts(ctx context.Context, from, to int64) ([]part, error) {
	rows, err := r.l.index.Footage(ctx, r.stream, index.Interval{From: from, To: to})
	if err != nil {
		return nil, r.l.suspect(err)
	}
	parts := make([]part, 0, len(rows))
	for _, row := range rows {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x, err := r.open(row)
		if err != nil {
			return nil, err
		}
		if len(x.entries) > 0 {
			parts = append(parts, x)
		}
	}
	return parts, nil
}

// before opens the last segment that begins before the time at; ErrNoFootage when there is none.
func (r *reader) before(ctx context.Context, at int64) (part, error) {
	row, found, err := r.l.index.FootageBefore(ctx, r.stream, at)
	if err != nil {
		return part{}, r.l.suspect(err)
	}
	if !found {
		return part{}, ErrNoFootage
	}
	return r.open(row)
}

// open verifies the segment's header and reads its table. A segment that is open in the index but not among what was
// being written has no entries.
func (r *reader) open(row index.Segment) (part, error) {
	x := part{row: row}
	if row.State == index.StateOpen {
		if len(r.live.entries) == 0 || r.live.start != row.Start || r.live.run != row.Run {
			return x, nil
		}
		x.entries = r.live.entries
	}
	f, err := r.c.files.Open(row.Name())
	if err != nil {
		return x, r.explain(row, err)
	}
	defer f.Close()
	if x.run, err = r.expected(row).Header(f); err != nil {
		return x, r.explain(row, err)
	}
	if row.State == index.StateClosed {
		if x.entries, err = r.expected(row).Table(f); err != nil {
			return x, r.explain(row, err)
		}
	}
	return x, nil
}

// explain turns what went wrong with a segment into what the caller may know, and sets the segment aside when its bytes
// are wrong.
func (r *reader) explain(row index.Segment, err error) error {
	switch {
	case disk.IsMissing(err):
		r.l.issues.missed(r.c, row)
		return ErrGone
	case segment.IsDamage(err):
		r.l.issues.setAside(r.c, row, err)
		return ErrQuarantined
	}
	return fmt.Errorf("segment %s: %w", row.Name(), err)
}
