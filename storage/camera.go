package storage

import (
	"context"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// owner says whose footage the camera's files have to be.
func (c *camera) owner() segment.Owner {
	return segment.Owner{Folder: c.files, Camera: c.id, Key: c.key}
}

// expected says what the file of one of the camera's segments has to be.
func (c *camera) expected(r index.Segment) segment.Expected {
	return segment.Expected{Stream: media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, Key: c.key, Run: r.RunID,
		Start: r.Start, End: r.End, Size: r.Size, Init: r.Init}
}

// closing is what the row of a segment learns from its file.
func closing(st index.Stream, x segment.Contents) index.ClosedSegment {
	start := index.Micros(x.Start())
	return index.ClosedSegment{Stream: st, Start: start, End: index.Micros(x.End()), Size: x.Size, Keys: index.PackKeys(start, index.KeysOf(x.Entries))}
}

// verify reads the whole file of a closed segment. It returns the packed key frames of the file, and a flaw when the file is not
// what its row says. The error is that of ctx, or of a disk that could not be read.
func (c *camera) verify(ctx context.Context, r index.Segment, pace *disk.Pace) (keys []byte, bad *segment.Flaw, err error) {
	entries, bad, err := segment.Verify(ctx, c.files, r.Name(), c.expected(r), segment.Verification{Fragments: true, Pace: pace})
	if bad != nil || err != nil {
		return nil, bad, err
	}
	return index.PackKeys(r.Start, index.KeysOf(entries)), nil, nil
}
