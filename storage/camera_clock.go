package storage

import (
	"context"
	"database/sql"
	"time"

	"keepwatch.internal/internal/media"
)

// NoteCameraClock keeps by how much the camera's own clock was ahead of ours during a run that has begun. It stands beside
// the times of the footage and changes none of them.
func (s *Store) NoteCameraClock(ctx context.Context, stream media.StreamID, run media.RunID, ahead time.Duration) error {
	c, err := s.camera(stream.Camera)
	if err != nil {
		return err
	}
	return s.writeOrOwe(ctx, "camera's clock", func(ctx context.Context, tx *sql.Tx) error {
		const query = `UPDATE run SET camera_clock_us = ? WHERE camera = ? AND quality = ? AND uuid = ?`
		return exec(ctx, tx, query, ahead.Microseconds(), c.row, stream.Quality, run[:])
	})
}
