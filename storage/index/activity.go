package index

import (
	"context"
	"database/sql"

	"keepwatch.internal/internal/media"
)

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
