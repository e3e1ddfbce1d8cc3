package storage

import (
	"context"
	"io/fs"
	"strings"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// inspection compares one closed segment's file with its row.
type inspection struct {
	c    *camera
	row  index.Segment
	keys []byte // the row's packed key frames; compared when not nil
	deep bool   // read and verify every fragment
	pace *disk.Pace
}

// flaw is what is wrong with a segment, and how much footage cannot be served for it.
type flaw struct {
	kind    string // one of the Finding constants
	problem string
	lostUS  int64
}

// inspect returns what is wrong with the segment, nil when nothing is, and the packed key frames of the file's table. The error
// is that of ctx, or of a disk that could not be read.
func (x inspection) inspect(ctx context.Context) (keys []byte, bad *flaw, err error) {
	entries, found, err := segment.Verify(ctx, x.c.files, x.row.Name(), x.c.expected(x.row), segment.Verification{Fragments: x.deep, Pace: x.pace})
	if err != nil {
		return nil, nil, err
	}
	if found != nil {
		kind := [...]string{segment.Missing: FindingMissing, segment.Short: FindingShort, segment.Damaged: FindingDamaged}[found.Fault]
		return nil, &flaw{kind, found.Problem, found.LostUS}, nil
	}
	keys = index.PackKeys(x.row.Start, index.KeysOf(entries))
	if x.keys != nil && !index.SameKeys(x.row.Start, x.keys, keys) {
		return keys, &flaw{FindingKeys, "the key frames that the index lists are not those of the file", 0}, nil
	}
	return keys, nil, nil
}

// ours reports whether a name in a day's folder is a segment's, or what is left of one that was about to be made.
func ours(name string) bool {
	return strings.HasSuffix(name, ".mp4") || strings.HasSuffix(name, segment.PieceSuffix)
}

// regular reports whether an entry is a file, and no link or device.
func regular(e fs.DirEntry) bool { return e.Type().IsRegular() }
