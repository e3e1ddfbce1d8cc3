package index

import (
	"context"
	"database/sql"
	"time"

	"keepwatch.internal/internal/media"
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

// deletableQuery lists the segments of a stream from a time on that are not being written or deleted.
const deletableQuery = `SELECT s.camera, s.quality, s.start_us, s.end_us, s.run, x'', s.state, s.size_bytes, s.init_bytes FROM segment s
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.state IN (2, 4) ORDER BY s.start_us LIMIT ?`

// Deletable lists at most limit segments of a stream that begin at or after from and are not being written or deleted, in
// order, without their RunID. Whether they are kept is not looked at.
func (r Reader) Deletable(ctx context.Context, st Stream, from int64, limit int) ([]Segment, error) {
	return r.segments(ctx, deletableQuery, st.Camera, st.Quality, from, limit)
}

// SizedSegment is what a row says of its segment's size over time.
type SizedSegment struct {
	Start, End, Run, Size, Init int64
	State                       State
	Keys                        []byte // packed key frames, when they were asked for; valid until the next row
}

// activityQuery finds the segments that reach into [?3, ?4), of the camera with the UUID ?1.
const activityQuery = `SELECT s.start_us, s.end_us, s.run, s.state, s.size_bytes, s.init_bytes, s.key_frames` + activitySource

// coarseActivityQuery is activityQuery without the key frames, which lie on pages of their own where there are many.
const coarseActivityQuery = `SELECT s.start_us, s.end_us, s.run, s.state, s.size_bytes, s.init_bytes, NULL` + activitySource

const activitySource = inFootage + `s.start_us < ?4
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f WHERE f.camera = c.id AND f.quality = ?2 AND f.start_us <= ?3), ?3)
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us`

// Sizes calls segment with what is known of the sizes of the camera's segments that reach into the span, and the last
// before it, in order: those that may be served. Key frames are read when keys is set.
func (r Reader) Sizes(ctx context.Context, stream media.StreamID, span Interval, keys bool, segment func(SizedSegment)) error {
	query := coarseActivityQuery
	if keys {
		query = activityQuery
	}
	return r.each(ctx, query, []any{stream.Camera[:], stream.Quality, span.From, span.To}, func(rows *sql.Rows) error {
		var x SizedSegment
		var packed sql.RawBytes
		if err := rows.Scan(&x.Start, &x.End, &x.Run, &x.State, &x.Size, &x.Init, &packed); err != nil {
			return err
		}
		x.Keys = packed
		segment(x)
		return nil
	})
}
