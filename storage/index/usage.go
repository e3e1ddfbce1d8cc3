package index

import (
	"context"
	"database/sql"
	"time"
)

// StreamTotal is what the segments of a stream add up to, without the one being written.
type StreamTotal struct {
	Segments, Bytes int64
	Oldest          time.Time // begin of the oldest; meaningless without segments
}

// StreamTotals returns what each stream's segments add up to.
func (r Reader) StreamTotals(ctx context.Context) (map[Stream]StreamTotal, error) {
	const query = `SELECT t.camera, t.quality, t.segments, t.size_bytes,
			coalesce((SELECT min(g.start_us) FROM segment g WHERE g.camera = t.camera AND g.quality = t.quality), 0)
		FROM stream t`
	totals := map[Stream]StreamTotal{}
	err := r.each(ctx, query, nil, func(rows *sql.Rows) error {
		var st Stream
		var t StreamTotal
		var oldest int64
		if err := rows.Scan(&st.Camera, &st.Quality, &t.Segments, &t.Bytes, &oldest); err != nil {
			return err
		}
		t.Oldest = FromMicros(oldest)
		totals[st] = t
		return nil
	})
	return totals, err
}

// Total returns how many segments all streams have, and their bytes.
func (r Reader) Total(ctx context.Context) (segments, bytes int64, err error) {
	const query = `SELECT coalesce(sum(segments), 0), coalesce(sum(size_bytes), 0) FROM stream`
	err = r.q.QueryRowContext(ctx, query).Scan(&segments, &bytes)
	return segments, bytes, err
}

// heldQuery adds up a camera's segments without those that are being deleted. That the state is one of 1 and 3 is said so
// that the index of unsettled segments serves.
const heldQuery = `SELECT coalesce(sum(size_bytes), 0) - (SELECT coalesce(sum(size_bytes), 0) FROM segment
		WHERE state = 3 AND state IN (1, 3) AND camera = ?1)
	FROM stream WHERE camera = ?1`

// CameraBytes returns the bytes of a camera's segments, without those that are being deleted.
func (r Reader) CameraBytes(ctx context.Context, camera int64) (int64, error) {
	var size int64
	err := r.q.QueryRowContext(ctx, heldQuery, camera).Scan(&size)
	return size, err
}

// BytesSince returns the bytes of a stream's segments that begin at or after since, and the begin of the first of them or
// Forever.
func (r Reader) BytesSince(ctx context.Context, st Stream, since int64) (size, first int64, err error) {
	const query = `SELECT coalesce(sum(size_bytes), 0), coalesce(min(start_us), ?4) FROM segment WHERE camera = ?1 AND quality = ?2 AND start_us >= ?3`
	err = r.q.QueryRowContext(ctx, query, st.Camera, st.Quality, since, int64(Forever)).Scan(&size, &first)
	return size, first, err
}
