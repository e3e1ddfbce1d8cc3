package storage

import (
	"context"
	"errors"
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
func (r *reader) look() { r.written = r.l.writtenOf(r.stream) }

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
		if len(r.written.entries) == 0 || r.written.start != row.Start || r.written.run != row.Run {
			return x, nil
		}
		x.entries = r.written.entries
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

// selection lists the fragments of a clip in the order of time. Each can be decoded after the ones before it.
type selection struct {
	parts []part // entries are cut to what belongs to the clip; none is empty
}

// follows reports whether e is the very next fragment after last in the same run.
func follows(lastRun, run media.RunID, last, e *media.Entry) bool {
	return lastRun == run && last.Seq+1 == e.Seq
}

// choose opens the footage of [from, to): from the key frame at or before from, or else the first one after, to the end
// of the last fragment that begins before to. Of a permit's window only what lies wholly in it is chosen. It returns ErrNoFootage when there is none.
func (r *reader) choose(ctx context.Context, from, to int64) (selection, error) {
	parts, err := r.parts(ctx, from, to)
	if err != nil {
		return selection{}, err
	}
	if parts, err = r.reachBack(ctx, parts, from); err != nil {
		return selection{}, err
	}
	start, _ := decodeFrom(parts, from)
	var x selection
	var last *media.Entry
	var lastRun media.RunID
	for i := range parts {
		whole, run := parts[i].entries, parts[i].row.RunID
		first, end := len(whole), 0
		for k := range whole {
			e := &whole[k]
			if index.Micros(e.Start) < start || index.Micros(e.Start) >= to || !r.window.Covers(e.Start, e.End()) {
				continue
			}
			if !e.Random && (last == nil || !follows(lastRun, run, last, e)) {
				continue // it cannot be decoded without what is missing before it
			}
			first, end = min(first, k), k+1
			last, lastRun = e, run
		}
		if first < end {
			part := parts[i]
			part.entries = whole[first:end:end]
			x.parts = append(x.parts, part)
		}
	}
	if len(x.parts) == 0 {
		return x, ErrNoFootage
	}
	return x, nil
}

// reachBack opens earlier segments until there is a key frame at or before from in the run that covers from. More than
// one is needed only where a segment had to begin without a key frame.
func (r *reader) reachBack(ctx context.Context, parts []part, from int64) ([]part, error) {
	const most = 64
	for range most {
		if _, ok := decodeFrom(parts, from); ok {
			return parts, nil
		}
		earlier, err := r.before(ctx, parts[0].row.Start)
		if errors.Is(err, ErrNoFootage) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		n := len(earlier.entries)
		if n == 0 || !follows(earlier.row.RunID, parts[0].row.RunID, &earlier.entries[n-1], &parts[0].entries[0]) {
			return parts, nil
		}
		parts = append([]part{earlier}, parts...)
	}
	return parts, nil
}

// decodeFrom returns where decoding has to begin for the picture at the time from: at the last key frame that is not
// after it, from which on nothing is missing and the picture is exact. In a gap it is from itself. It reports false when from lies in
// footage whose key frame is not among the parts. If it is there and the picture is not exact, the result is the earliest one.
func decodeFrom(parts []part, from int64) (int64, bool) {
	var keys keyFrames
	var last *media.Entry
	var lastRun media.RunID
	for i := range parts {
		for k := range parts[i].entries {
			e := &parts[i].entries[k]
			if index.Micros(e.Start) > from {
				break
			}
			if last == nil || !follows(lastRun, parts[i].row.RunID, last, e) {
				keys = keyFrames{}
			}
			keys.add(e, from)
			last, lastRun = e, parts[i].row.RunID
		}
	}
	if last == nil || index.Micros(last.End()) <= from {
		return from, true
	}
	return keys.best(from)
}

// keyFrames finds the key frame from which decoding is exact in time.
type keyFrames struct {
	first, exact int64 // µs
	some, sure   bool  // first and exact are known
	waiting      []refreshing
}

// refreshing is a key frame from which on pictures are not exact yet.
type refreshing struct {
	start  int64 // µs
	frames int   // that it still takes
}

// add takes the next fragment, which begins before the time from.
func (x *keyFrames) add(e *media.Entry, from int64) {
	if e.Random && e.Refresh == 0 {
		*x = keyFrames{first: index.Micros(e.Start), exact: index.Micros(e.Start), some: true, sure: true}
		return
	}
	if e.Random {
		if !x.some {
			x.first, x.some = index.Micros(e.Start), true
		}
		x.waiting = append(x.waiting, refreshing{index.Micros(e.Start), e.Refresh})
	}
	passed := len(e.Video)
	if length := e.Duration.Microseconds(); index.Micros(e.End()) > from && length > 0 { // the picture is in it
		passed = int(int64(passed) * (from - index.Micros(e.Start)) / length)
	}
	left := x.waiting[:0]
	for _, w := range x.waiting {
		if w.frames -= passed; w.frames > 0 {
			left = append(left, w)
			continue
		}
		x.exact, x.sure = w.start, true
	}
	x.waiting = left
}

// best returns the time of the best key frame, and whether no earlier one could be better.
func (x *keyFrames) best(from int64) (int64, bool) {
	switch {
	case x.sure:
		return x.exact, true
	case x.some:
		return x.first, false
	}
	return from, false
}
