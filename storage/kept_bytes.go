package storage

import (
	"context"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// keptBytesOf returns how many bytes of a camera kept spans pin, with what is being written now.
func (x *keptClips) keptBytesOf(ctx context.Context, c *camera) (int64, error) {
	var sum int64
	for _, quality := range qualities {
		st := index.Stream{Camera: c.row, Quality: quality}
		n, err := x.db.index.KeptBytes(ctx, st)
		if err != nil {
			return 0, err
		}
		sum += n
		now := x.cameraList.writtenOf(media.StreamID{Camera: c.id, Quality: quality})
		if len(now.entries) == 0 {
			continue
		}
		kept, err := x.db.index.KeptSpans(ctx, st)
		if err != nil {
			return 0, err
		}
		for _, x := range kept {
			if x.From < now.end && now.start < x.To {
				sum += now.size
				break
			}
		}
	}
	return sum, nil
}

// keptTotal returns how many bytes of all cameras kept spans pin.
func (x *keptClips) keptTotal(ctx context.Context) (int64, error) {
	known := x.cameraList.all()
	var sum int64
	for _, c := range known {
		n, err := x.keptBytesOf(ctx, c)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
