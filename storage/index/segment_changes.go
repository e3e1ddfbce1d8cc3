package index

import (
	"context"
)

// InsertOpen adds the row of a segment whose file is about to be made. Of the segment only Stream, Start, Run and Init
// count. An error for which sqlite.IsConstraint holds says that the place is taken.
func (tx *Tx) InsertOpen(ctx context.Context, s Segment) error {
	const query = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, init_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)`
	return tx.exec(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start, s.Start, s.Run, StateOpen, s.Init)
}

// ClosedSegment is what the row of a segment learns when its file is complete.
type ClosedSegment struct {
	Stream           Stream
	Start, End, Size int64
	Keys             []byte // packed key frames
}

// CloseSegment closes an open segment.
func (tx *Tx) CloseSegment(ctx context.Context, x ClosedSegment) error {
	const query = `UPDATE segment SET end_us = ?, state = ?, size_bytes = ?, key_frames = ?
		WHERE camera = ? AND quality = ? AND start_us = ? AND state = ?`
	return tx.exec(ctx, query, x.End, StateClosed, x.Size, x.Keys, x.Stream.Camera, x.Stream.Quality, x.Start, StateOpen)
}

// Shorten changes a closed segment whose file was cut. It reports false when the segment is not closed any more.
func (tx *Tx) Shorten(ctx context.Context, x ClosedSegment) (bool, error) {
	const query = `UPDATE segment SET end_us = ?, size_bytes = ?, key_frames = ?
		WHERE camera = ? AND quality = ? AND start_us = ? AND state = 2`
	return tx.changes(ctx, query, x.End, x.Size, x.Keys, x.Stream.Camera, x.Stream.Quality, x.Start)
}

// InsertClosed adds the row of a file that was found. run is the number of its run, init the size of its init header. An
// error for which sqlite.IsConstraint holds says that the place is taken.
func (tx *Tx) InsertClosed(ctx context.Context, x ClosedSegment, run, init int64) error {
	const query = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, size_bytes, init_bytes, key_frames)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	return tx.exec(ctx, query, x.Stream.Camera, x.Stream.Quality, x.Start, x.End, run, StateClosed, x.Size, init, x.Keys)
}

// BoundOpen sets until when an open segment has footage at most: end, or the begin of the next segment if that is earlier.
func (tx *Tx) BoundOpen(ctx context.Context, s Segment, end int64) error {
	const query = `UPDATE segment SET end_us = min(?4, coalesce((SELECT min(n.start_us) FROM segment n
			WHERE n.camera = ?1 AND n.quality = ?2 AND n.start_us > ?3), ?4))
		WHERE camera = ?1 AND quality = ?2 AND start_us = ?3 AND state = 1`
	return tx.exec(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start, end)
}

// DropSegment forgets a segment that has no file.
func (tx *Tx) DropSegment(ctx context.Context, st Stream, start int64) error {
	const query = `DELETE FROM segment WHERE camera = ? AND quality = ? AND start_us = ?`
	return tx.exec(ctx, query, st.Camera, st.Quality, start)
}

// DropLost forgets a closed or quarantined segment that has no file. It reports false when the row is not what it was: retention was
// quicker, or the file was restored.
func (tx *Tx) DropLost(ctx context.Context, s Segment) (bool, error) {
	const query = `DELETE FROM segment WHERE camera = ? AND quality = ? AND start_us = ? AND end_us = ? AND size_bytes = ? AND state IN (2, 4)`
	return tx.changes(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start, s.End, s.Size)
}

// MarkDeleting makes a segment invisible to readers that come from now on, unless it is kept. It reports whether it did.
func (tx *Tx) MarkDeleting(ctx context.Context, s Segment) (bool, error) {
	const query = `UPDATE segment SET state = 3 WHERE camera = ?1 AND quality = ?2 AND start_us = ?3 AND state IN (2, 4)
		AND NOT EXISTS (SELECT 1 FROM kept k WHERE ` + keptTouching + `)`
	return tx.changes(ctx, query, s.Stream.Camera, s.Stream.Quality, s.Start, s.End)
}

// Quarantine has a closed segment served no more. It reports false when the row is not what it was, and when it is not served.
func (tx *Tx) Quarantine(ctx context.Context, s Segment) (bool, error) {
	const query = `UPDATE segment SET state = ?
		WHERE camera = ? AND quality = ? AND start_us = ? AND end_us = ? AND size_bytes = ? AND state = ?`
	return tx.changes(ctx, query, StateQuarantined, s.Stream.Camera, s.Stream.Quality, s.Start, s.End, s.Size, StateClosed)
}

// Restore has a segment that verifies served again, with the packed key frames of its file. It reports false when it is
// gone.
func (tx *Tx) Restore(ctx context.Context, s Segment, keys []byte) (bool, error) {
	const query = `UPDATE segment SET state = ?, key_frames = ? WHERE camera = ? AND quality = ? AND start_us = ? AND state IN (2, 4)`
	return tx.changes(ctx, query, StateClosed, keys, s.Stream.Camera, s.Stream.Quality, s.Start)
}
