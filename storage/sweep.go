package storage

import (
	"context"
	"database/sql"
)

// interval is a stretch of wall time in microseconds, half-open.
type interval struct{ from, to int64 }

// keptSpans returns what is kept of a stream, in order, with what overlaps or adjoins made one.
func keptSpans(ctx context.Context, q queryer, st streamRow) ([]interval, error) {
	const query = `SELECT start_us, end_us FROM kept WHERE camera = ? AND streams & ? ORDER BY start_us`
	var out []interval
	err := each(ctx, q, query, []any{st.camera, st.quality}, func(rows *sql.Rows) error {
		var x interval
		if err := rows.Scan(&x.from, &x.to); err != nil {
			return err
		}
		if n := len(out); n > 0 && x.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, x.to)
		} else {
			out = append(out, x)
		}
		return nil
	})
	return out, err
}

// sweep walks over the segments of a stream that may be deleted, the oldest first: those that are not being written or
// deleted, and that no kept span touches.
type sweep struct {
	q     queryer
	st    streamRow
	kept  []interval // what lies behind from is taken off
	from  int64      // where to look on
	ahead []segmentRow
	fetch int // how many to ask for at once
	done  bool
}

// looseQuery lists the segments of a stream from a time on that are not being written or deleted.
const looseQuery = `SELECT s.camera, s.quality, s.start_us, s.end_us, s.run, x'', s.state, s.size_bytes, s.init_bytes FROM segment s
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.state IN (2, 4) ORDER BY s.start_us LIMIT ?`

func newSweep(ctx context.Context, q queryer, st streamRow) (*sweep, error) {
	kept, err := keptSpans(ctx, q, st)
	return &sweep{q: q, st: st, kept: kept, from: noEnd, fetch: 1}, err
}

// peek returns the oldest segment that was not taken yet, and whether there is one.
func (w *sweep) peek(ctx context.Context) (segmentRow, bool, error) {
	for len(w.ahead) == 0 && !w.done {
		rows, err := segmentRowsOf(ctx, w.q, looseQuery, w.st.camera, w.st.quality, w.from, w.fetch)
		if err != nil {
			return segmentRow{}, false, err
		}
		w.done = len(rows) < w.fetch
		w.fetch = min(2*w.fetch, 2*deleteBatch)
		for _, r := range rows {
			w.from = max(w.from, r.start+1)
			if to, kept := w.keptUntil(r); kept {
				w.from = max(w.from, to) // whatever begins before that is kept as well
			} else {
				w.ahead = append(w.ahead, r)
			}
		}
	}
	if len(w.ahead) == 0 {
		return segmentRow{}, false, nil
	}
	return w.ahead[0], true, nil
}

// pop takes the segment that peek returned.
func (w *sweep) pop() { w.ahead = w.ahead[1:] }

// keptUntil reports whether a kept span touches the segment, and to when it reaches. Segments come in order.
func (w *sweep) keptUntil(r segmentRow) (int64, bool) {
	for len(w.kept) > 0 && w.kept[0].to <= r.start {
		w.kept = w.kept[1:]
	}
	if len(w.kept) == 0 || w.kept[0].from >= r.end {
		return 0, false
	}
	return w.kept[0].to, true
}
