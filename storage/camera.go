package storage

import (
	"context"
	"strings"
	"time"

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

// syntheticKept is how long footage of synthetic cameras is kept.
const syntheticKept = time.Hour

// SyntheticCameras are the two cameras with which the running server tests itself. They are enrolled beside the configured
// ones, under names that no configuration can hold, and are cameras like every other from there on.
func SyntheticCameras() [2]CameraSpec {
	return [2]CameraSpec{
		{Name: "_canary-1", Label: "Canary 1", Retain: Retain{Age: syntheticKept}},
		{Name: "_canary-2", Label: "Canary 2", Retain: Retain{Age: syntheticKept}},
	}
}

// Synthetic reports whether the name is a synthetic camera's, which no list for people shows.
func Synthetic(name string) bool { return strings.HasPrefix(name, "_") }
