package storage

import (
	"keepwatch.internal/internal/media"
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
