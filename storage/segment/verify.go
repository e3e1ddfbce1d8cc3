package segment

import (
	"context"
	"fmt"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// Fault is a kind of difference between a segment's file and what the index says of it.
type Fault int

// The faults that Verify finds.
const (
	Missing Fault = iota + 1 // there is no file
	Short                    // the file is shorter than expected
	Damaged                  // header, table or fragments do not verify
)

// Flaw is what is wrong with a segment.
type Flaw struct {
	Fault   Fault
	Problem string
	LostUS  int64 // footage that cannot be served because of it, µs
}

// Verification says how thoroughly Verify reads.
type Verification struct {
	Fragments bool // read and verify every fragment, not only header and table
	Pace      *disk.Pace
}

// Verify compares a closed segment's file with what is expected of it, with the code that serving verifies with. It returns the
// entries of the file's table and, when something is wrong, a flaw. The error is that of ctx, or of a disk that could not be read.
func Verify(ctx context.Context, d disk.Folder, name string, x Expected, v Verification) ([]media.Entry, *Flaw, error) {
	whole := x.End - x.Start
	f, err := d.Open(name)
	if disk.IsMissing(err) {
		return nil, &Flaw{Missing, "the file is not there", whole}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	if size < x.Size {
		return nil, &Flaw{Short, fmt.Sprintf("the file has %d bytes, its row says %d", size, x.Size), whole}, nil
	}
	entries, flaw, err := x.verify(v.Pace.File(ctx, f), v.Fragments)
	switch {
	case err == nil:
		return entries, flaw, nil
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case IsDamage(err):
		return nil, &Flaw{Damaged, err.Error(), whole}, nil
	}
	return nil, nil, err
}

func (x Expected) verify(f disk.File, fragments bool) ([]media.Entry, *Flaw, error) {
	if _, err := x.Header(f); err != nil {
		return nil, nil, err
	}
	entries, err := x.Table(f)
	if err != nil {
		return nil, nil, err
	}
	at := x.Init
	for i := range entries {
		if entries[i].Offset != at || i > 0 && entries[i].Seq != entries[i-1].Seq+1 {
			return nil, nil, fmt.Errorf("%w: a hole before the fragment at %d", media.ErrFormat, entries[i].Offset)
		}
		at += int64(entries[i].Size)
	}
	if !fragments {
		return entries, nil, nil
	}
	flaw, err := x.verifyFragments(f, entries)
	return entries, flaw, err
}

// verifyFragments verifies every fragment. It goes on after a bad one, so that the flaw says how much is lost in all.
func (x Expected) verifyFragments(f disk.File, entries []media.Entry) (*Flaw, error) {
	var buffer []byte
	var first error
	var lost int64
	bad := 0
	for i := range entries {
		e := &entries[i]
		b, label, err := x.Fragment(f, PlaceOf(e), buffer)
		if err == nil && (label.Seq != e.Seq || label.Duration != e.Duration || label.Random != e.Random || label.Refresh != e.Refresh) {
			err = fmt.Errorf("fragment at %d: %w: another fragment than its table says", e.Offset, media.ErrForged)
		}
		switch {
		case err == nil:
			buffer = b
			continue
		case !IsDamage(err):
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
	return &Flaw{Damaged, fmt.Sprintf("%d of %d fragments do not verify, the first: %v", bad, len(entries), first), lost}, nil
}
