package storage

import (
	"context"

	"keepwatch.internal/storage/index"
)

// candidates are the segments of a stream that may be deleted, the oldest first: those that are not being written or
// deleted, and that no kept span touches.
type candidates struct {
	q     index.Reader
	st    index.Stream
	kept  []index.Interval // what lies behind from is taken off
	from  int64            // where to look on
	ahead []index.Segment
	fetch int // how many to ask for at once
	done  bool
}

func newCandidates(ctx context.Context, q index.Reader, st index.Stream) (*candidates, error) {
	kept, err := q.KeptSpans(ctx, st)
	return &candidates{q: q, st: st, kept: kept, from: index.NoEnd, fetch: 1}, err
}

// peek returns the oldest segment that was not taken yet, and whether there is one.
func (w *candidates) peek(ctx context.Context) (index.Segment, bool, error) {
	for len(w.ahead) == 0 && !w.done {
		rows, err := w.q.Deletable(ctx, w.st, w.from, w.fetch)
		if err != nil {
			return index.Segment{}, false, err
		}
		w.done = len(rows) < w.fetch
		w.fetch = min(2*w.fetch, 2*deleteBatch)
		for _, r := range rows {
			w.from = max(w.from, r.Start+1)
			if to, kept := w.keptUntil(r); kept {
				w.from = max(w.from, to) // whatever begins before that is kept as well
			} else {
				w.ahead = append(w.ahead, r)
			}
		}
	}
	if len(w.ahead) == 0 {
		return index.Segment{}, false, nil
	}
	return w.ahead[0], true, nil
}

// pop takes the segment that peek returned.
func (w *candidates) pop() { w.ahead = w.ahead[1:] }

// keptUntil reports whether a kept span touches the segment, and to when it reaches. Segments come in order.
func (w *candidates) keptUntil(r index.Segment) (int64, bool) {
	for len(w.kept) > 0 && w.kept[0].To <= r.Start {
		w.kept = w.kept[1:]
	}
	if len(w.kept) == 0 || w.kept[0].From >= r.End {
		return 0, false
	}
	return w.kept[0].To, true
}
