package storage

import (
	"context"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// NoteCameraClock keeps by how much the camera's own clock was ahead of ours during a run that has begun. It stands beside
// the times of the footage and changes none of them.
func (s *Store) NoteCameraClock(ctx context.Context, stream media.StreamID, run media.RunID, ahead time.Duration) error {
	c, err := s.camera(stream.Camera)
	if err != nil {
		return err
	}
	return s.writeOrOwe(ctx, "camera's clock", func(ctx context.Context, tx *index.Tx) error {
		return tx.NoteCameraClock(ctx, index.Stream{Camera: c.row, Quality: stream.Quality}, run, ahead)
	})
}
