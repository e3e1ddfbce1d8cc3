package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// MaxKept is the longest kept span. schema.sql checks it.
const MaxKept = 24 * time.Hour

// maxKeptUS is MaxKept in microseconds, for SQL.
const maxKeptUS = `86400000000`

// keptTouching holds for a kept span k of the camera ?1 that has any of the streams ?2 and touches [?3, ?4). No span is
// longer than MaxKept: so the key finds the few that can reach into it.
const keptTouching = `k.camera = ?1 AND k.streams & ?2 AND k.start_us < ?4 AND k.start_us > ?3 - ` + maxKeptUS + ` AND k.end_us > ?3`

// Kept is the row of a kept span. What counts is its file.
type Kept struct {
	ID      [16]byte
	Span    Interval
	Streams uint8 // a set: its bits are the numbers of the qualities
	Note    string
	By      string // name of the account
	Created int64  // µs
	Bytes   int64  // of the segments that it touches, without the one being written; not stored
}

// keptColumns are the columns of a kept span k, and the bytes of the segments that it touches.
const keptColumns = `k.uuid, k.start_us, k.end_us, k.streams, k.note, k.kept_by, k.created_us,
	CASE WHEN k.streams & 1 THEN (SELECT coalesce(sum(s.size_bytes), 0) FROM segment s
		WHERE s.camera = k.camera AND s.quality = 1 AND s.state <> 3 AND s.start_us < k.end_us AND s.end_us > k.start_us AND s.start_us >= coalesce(
		(SELECT max(f.start_us) FROM segment f WHERE f.camera = k.camera AND f.quality = 1 AND f.start_us <= k.start_us), k.start_us)) ELSE 0 END +
	CASE WHEN k.streams & 2 THEN (SELECT coalesce(sum(s.size_bytes), 0) FROM segment s
		WHERE s.camera = k.camera AND s.quality = 2 AND s.state <> 3 AND s.start_us < k.end_us AND s.end_us > k.start_us AND s.start_us >= coalesce(
		(SELECT max(f.start_us) FROM segment f WHERE f.camera = k.camera AND f.quality = 2 AND f.start_us <= k.start_us), k.start_us)) ELSE 0 END`

// kept runs a query that returns keptColumns.
func (r Reader) kept(ctx context.Context, query string, args ...any) ([]Kept, error) {
	var out []Kept
	err := r.each(ctx, query, args, func(rows *sql.Rows) error {
		var k Kept
		var id []byte
		if err := rows.Scan(&id, &k.Span.From, &k.Span.To, &k.Streams, &k.Note, &k.By, &k.Created, &k.Bytes); err != nil {
			return err
		}
		copy(k.ID[:], id)
		out = append(out, k)
		return nil
	})
	return out, err
}

// keptQuery lists what is kept of the camera ?1, the newest footage first.
const keptQuery = `SELECT ` + keptColumns + ` FROM kept k WHERE k.camera = ?1 ORDER BY k.start_us DESC, k.uuid DESC`

// Kept lists what is kept of a camera, the newest footage first.
func (r Reader) Kept(ctx context.Context, camera int64) ([]Kept, error) {
	return r.kept(ctx, keptQuery, camera)
}

// keptOneQuery finds the kept span ?2 of the camera ?1.
const keptOneQuery = `SELECT ` + keptColumns + ` FROM kept k WHERE k.camera = ?1 AND k.uuid = ?2`

// KeptOne returns one kept span of a camera, and whether there is such.
func (r Reader) KeptOne(ctx context.Context, camera int64, id [16]byte) (Kept, bool, error) {
	found, err := r.kept(ctx, keptOneQuery, camera, id[:])
	if err != nil || len(found) == 0 {
		return Kept{}, false, err
	}
	return found[0], true, nil
}

// keptInQuery finds what is kept of anything in [?3, ?4) of the stream ?2 of the camera ?1.
const keptInQuery = `SELECT ` + keptColumns + ` FROM kept k WHERE ` + keptTouching + ` ORDER BY k.start_us, k.uuid`

// KeptIn lists what is kept of anything in the span of a stream, in order.
func (r Reader) KeptIn(ctx context.Context, st Stream, span Interval) ([]Kept, error) {
	return r.kept(ctx, keptInQuery, st.Camera, st.Quality, span.From, span.To)
}

// isKeptQuery finds out whether a kept span of the stream ?2 of the camera ?1 touches [?3, ?4).
const isKeptQuery = `SELECT EXISTS (SELECT 1 FROM kept k WHERE ` + keptTouching + `)`

// IsKept reports whether a segment belongs to a kept span.
func (r Reader) IsKept(ctx context.Context, s Segment) (bool, error) {
	var kept bool
	err := r.q.QueryRowContext(ctx, isKeptQuery, s.Stream.Camera, s.Stream.Quality, s.Start, s.End).Scan(&kept)
	return kept, err
}

// KeptCount returns how many spans of a camera are kept.
func (r Reader) KeptCount(ctx context.Context, camera int64) (int, error) {
	const query = `SELECT count(*) FROM kept WHERE camera = ?`
	var n int
	err := r.q.QueryRowContext(ctx, query, camera).Scan(&n)
	return n, err
}

// KeptIDs lists the names of a camera's kept spans, in no order.
func (r Reader) KeptIDs(ctx context.Context, camera int64) ([][16]byte, error) {
	const query = `SELECT uuid FROM kept WHERE camera = ?`
	var ids [][16]byte
	err := r.each(ctx, query, []any{camera}, func(rows *sql.Rows) error {
		var b []byte
		err := rows.Scan(&b)
		var id [16]byte
		copy(id[:], b)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// KeptSpans returns what is kept of a stream, in order, with what overlaps or adjoins made one.
func (r Reader) KeptSpans(ctx context.Context, st Stream) ([]Interval, error) {
	const query = `SELECT start_us, end_us FROM kept WHERE camera = ? AND streams & ? ORDER BY start_us`
	var out []Interval
	err := r.each(ctx, query, []any{st.Camera, st.Quality}, func(rows *sql.Rows) error {
		var x Interval
		if err := rows.Scan(&x.From, &x.To); err != nil {
			return err
		}
		if n := len(out); n > 0 && x.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, x.To)
		} else {
			out = append(out, x)
		}
		return nil
	})
	return out, err
}

// keptBytesQuery adds up the segments of the camera ?1 and stream ?2 that any of the spans ?3, [[from, to], …], touches.
// Spans that are near may touch the same segment; it counts once.
const keptBytesQuery = `SELECT coalesce(sum(size_bytes), 0) FROM (
	SELECT DISTINCT s.start_us, s.size_bytes FROM json_each(?3) u CROSS JOIN segment s
	WHERE s.camera = ?1 AND s.quality = ?2 AND s.state <> 3 AND s.start_us < (u.value ->> 1) AND s.end_us > (u.value ->> 0)
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f
			WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= (u.value ->> 0)), (u.value ->> 0)))`

// KeptBytes returns how much of a stream's closed segments kept spans hold. What several of them hold counts once.
func (r Reader) KeptBytes(ctx context.Context, st Stream) (int64, error) {
	kept, err := r.KeptSpans(ctx, st)
	if err != nil || len(kept) == 0 {
		return 0, err
	}
	spans := make([][2]int64, len(kept))
	for i, x := range kept {
		spans[i] = [2]int64{x.From, x.To}
	}
	list, err := json.Marshal(spans)
	if err != nil {
		return 0, err
	}
	var sum int64
	err = r.q.QueryRowContext(ctx, keptBytesQuery, st.Camera, st.Quality, string(list)).Scan(&sum)
	return sum, err
}

// InsertKept adds the row of a kept span. Bytes does not count.
func (tx *Tx) InsertKept(ctx context.Context, camera int64, k Kept) error {
	const query = `INSERT INTO kept (camera, start_us, uuid, end_us, streams, note, kept_by, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	return tx.exec(ctx, query, camera, k.Span.From, k.ID[:], k.Span.To, k.Streams, k.Note, k.By, k.Created)
}

// DeleteKept forgets a kept span, if there is such.
func (tx *Tx) DeleteKept(ctx context.Context, camera int64, id [16]byte) error {
	const query = `DELETE FROM kept WHERE camera = ? AND uuid = ?`
	return tx.exec(ctx, query, camera, id[:])
}
