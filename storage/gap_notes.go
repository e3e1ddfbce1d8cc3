package storage

import (
	"context"
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// gapNotes notes what the recorder knows of the time without footage.
type gapNotes struct {
	db         *database
	cameraList *cameraList
}

// SetGap says that from the given time on the stream is not recorded, and why. It holds until footage is appended again
// or the next SetGap. A time before the end of the last footage means that end. The reason is a sentence without a full
// stop that people read on the timeline. While the index cannot be written the gap is kept in memory.
func (g *gapNotes) SetGap(ctx context.Context, stream media.StreamID, from time.Time, reason string) error {
	c, err := g.cameraList.camera(stream.Camera)
	if err != nil {
		return err
	}
	if !stream.Valid() || reason == "" {
		return fmt.Errorf("gap of %v: a stream and a reason are needed", stream)
	}
	if !c.retired.IsZero() {
		return fmt.Errorf("%w: %s is retired", ErrUnknownCamera, c.name)
	}
	w := g.cameraList.writer(stream)
	if w != nil {
		return w.gap(ctx, from, reason)
	}
	st, fromUS := index.Stream{Camera: c.row, Quality: stream.Quality}, index.Micros(from)
	return g.db.writeOrOwe(ctx, "gap", func(ctx context.Context, tx *index.Tx) error {
		end, err := tx.LastEnd(ctx, st)
		if err != nil {
			return err
		}
		return tx.Enter(ctx, st, max(fromUS, end), index.Forever, gap(reason))
	})
}

// EndOfFootage returns when the stream's newest footage ends, so that no run begins earlier. It is the zero time when there
// is none.
func (g *gapNotes) EndOfFootage(ctx context.Context, stream media.StreamID) (time.Time, error) {
	c, err := g.cameraList.camera(stream.Camera)
	if err != nil {
		return time.Time{}, err
	}
	w := g.cameraList.writer(stream)
	if w != nil {
		if end := w.footageEnd(); !end.IsZero() {
			return end, nil
		}
	}
	end, err := g.db.index.LastEnd(ctx, index.Stream{Camera: c.row, Quality: stream.Quality})
	if err != nil || end == index.NoEnd {
		return time.Time{}, err
	}
	return index.FromMicros(end), nil
}

// NoteCameraClock keeps by how much the camera's own clock was ahead of ours during a run that has begun. It stands beside
// the times of the footage and changes none of them.
func (g *gapNotes) NoteCameraClock(ctx context.Context, stream media.StreamID, run media.RunID, ahead time.Duration) error {
	c, err := g.cameraList.camera(stream.Camera)
	if err != nil {
		return err
	}
	return g.db.writeOrOwe(ctx, "camera's clock", func(ctx context.Context, tx *index.Tx) error {
		return tx.NoteCameraClock(ctx, index.Stream{Camera: c.row, Quality: stream.Quality}, run, ahead)
	})
}
