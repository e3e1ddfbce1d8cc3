package storage

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// inspection compares one closed segment's file with its row: name, size, header and table, and, when it is deep, every
// fragment. It verifies with the code that serving verifies with.
type inspection struct {
	c    *camera
	row  index.Segment
	keys []byte // the row's packed key frames; compared when not nil
	deep bool
	pace *pace

	packed []byte // set by inspect: the key frames of the file's table, packed
}

// flaw is what is wrong with something, and how much footage cannot be served for it.
type flaw struct {
	kind    string
	problem string
	lostUS  int64
}

// inspect returns what is wrong with the segment, nil when nothing is, or an error when the disk could not be read.
func (x *inspection) inspect(ctx context.Context) (*flaw, error) {
	whole := x.row.End - x.row.Start
	f, err := x.c.files.Open(x.row.Name())
	if disk.IsMissing(err) {
		return &flaw{FindingMissing, "the file is not there", whole}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size < x.row.Size {
		return &flaw{FindingShort, fmt.Sprintf("the file has %d bytes, its row says %d", size, x.row.Size), whole}, nil
	}
	bad, err := x.contents(paced{f, ctx, x.pace})
	switch {
	case err == nil:
		return bad, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isFormat(err):
		return &flaw{FindingDamaged, err.Error(), whole}, nil
	}
	return nil, err
}

// contents verifies header, table and, when deep, the fragments.
func (x *inspection) contents(f disk.File) (*flaw, error) {
	r := &reader{c: x.c, stream: media.StreamID{Camera: x.c.id, Quality: x.row.Stream.Quality}, key: x.c.key}
	run, err := r.header(f, x.row)
	if err != nil {
		return nil, err
	}
	entries, err := r.table(f, x.row)
	if err != nil {
		return nil, err
	}
	at := x.row.Init
	for i := range entries {
		if entries[i].Offset != at || i > 0 && entries[i].Seq != entries[i-1].Seq+1 {
			return nil, fmt.Errorf("%w: a hole before the fragment at %d", media.ErrFormat, entries[i].Offset)
		}
		at += int64(entries[i].Size)
	}
	if x.deep {
		if bad, err := x.fragments(r, f, part{x.row, run, entries}); bad != nil || err != nil {
			return bad, err
		}
	}
	x.packed = index.PackKeys(x.row.Start, index.KeysOf(entries))
	if x.keys != nil && !index.SameKeys(x.row.Start, x.keys, x.packed) {
		return &flaw{FindingKeys, "the key frames that the index lists are not those of the file", 0}, nil
	}
	return nil, nil
}

// fragments verifies every fragment, also those behind a bad one, so that all that is lost is told.
func (x *inspection) fragments(r *reader, f disk.File, p part) (*flaw, error) {
	var buffer []byte
	var first error
	var lost int64
	bad := 0
	for i := range p.entries {
		e := &p.entries[i]
		b, label, err := r.fragment(f, p, index.KeyFrame{At: index.Micros(e.Start), Offset: e.Offset, Size: e.Size}, buffer)
		if err == nil && (label.Seq != e.Seq || label.Duration != e.Duration || label.Random != e.Random) {
			err = fmt.Errorf("fragment at %d: %w: another fragment than its table says", e.Offset, media.ErrForged)
		}
		switch {
		case err == nil:
			buffer = b
			continue
		case !isFormat(err):
			return nil, err
		}
		bad, lost = bad+1, lost+e.Duration.Microseconds()
		if first == nil {
			first = err
		}
	}
	if bad == 0 {
		return nil, nil
	}
	return &flaw{FindingDamaged, fmt.Sprintf("%d of %d fragments do not verify, the first: %v", bad, len(p.entries), first), lost}, nil
}

// stray inspects a file that has no row, and returns its run and how much footage it holds.
func (x *inspection) stray(ctx context.Context, name string) (media.ScanResult, error) {
	f, err := x.c.files.Open(name)
	if err != nil {
		return media.ScanResult{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return media.ScanResult{}, err
	}
	return media.Scan(paced{f, ctx, x.pace}, size, x.c.id, x.c.key)
}

// ours reports whether a name in a day's folder is a segment's, or what is left of one that was about to be made.
func ours(name string) bool {
	return strings.HasSuffix(name, ".mp4") || strings.HasSuffix(name, pieceSuffix)
}

// regular reports whether an entry is a file, and no link or device.
func regular(e fs.DirEntry) bool { return e.Type().IsRegular() }
