package media_test

import (
	"bytes"
	"errors"
	"testing"

	"keepwatch.internal/internal/media"
)

// salvageable is a closed segment file, and where its fragments begin.
func salvageable(t *testing.T, pictures int) (run *media.Run, file []byte, starts []int, table media.Table) {
	run, fragments := synthetic(t, stream, key, pictures)
	file = bytes.Clone(run.Init)
	for _, f := range fragments {
		starts = append(starts, len(file))
		if err := table.Append(int64(len(file)), f.Bytes); err != nil {
			t.Fatal(err)
		}
		file = append(file, f.Bytes...)
	}
	return run, append(file, table.Box(run, key)...), starts, table
}

func salvaged(t *testing.T, b []byte, run *media.Run) []media.Table {
	t.Helper()
	_, stretches, err := media.Salvage(bytes.NewReader(b), int64(len(b)), run, key, camera)
	if err != nil {
		t.Fatal(err)
	}
	return stretches
}

func seqs(stretches []media.Table) (all []uint64) {
	for _, s := range stretches {
		for i := range s.Entries {
			all = append(all, s.Entries[i].Seq)
		}
	}
	return all
}

// TestWhatFollowsABadPlaceIsSalvagedFromItsNextKeyFrameOn damages, removes and duplicates each fragment in turn.
func TestWhatFollowsABadPlaceIsSalvagedFromItsNextKeyFrameOn(t *testing.T) {
	run, file, starts, table := salvageable(t, 150)
	for n := range starts {
		end := int(table.Entries[n].Offset) + int(table.Entries[n].Size)
		var want []uint64
		for i := range table.Entries {
			next := n + 1
			for next < len(starts) && !table.Entries[next].Random {
				next++
			}
			if i < n || i >= next {
				want = append(want, table.Entries[i].Seq)
			}
		}
		inLabel, inside, zeros, without := bytes.Clone(file), bytes.Clone(file), bytes.Clone(file), append(bytes.Clone(file[:starts[n]]), file[end:]...)
		inLabel[starts[n]+6] ^= 1
		inside[end-1] ^= 0x80
		clear(zeros[starts[n]:end])
		for what, b := range map[string][]byte{"bent label": inLabel, "bent content": inside, "zeros": zeros, "cut out": without} {
			got := seqs(salvaged(t, b, nil))
			if len(got) != len(want) {
				t.Fatalf("%s, fragment %d: salvaged %v, want %v", what, n, got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s, fragment %d: salvaged %v, want %v", what, n, got, want)
				}
			}
		}
		doubled := append(bytes.Clone(file[:end]), file[starts[n]:]...)
		if got := salvaged(t, doubled, nil); len(got) != 1 || len(got[0].Entries) != len(starts) {
			t.Fatalf("with fragment %d twice: %v", n, seqs(got))
		}
	}
	if got := salvaged(t, file, run); len(got) != 1 || len(got[0].Entries) != len(starts) {
		t.Errorf("of a whole file: %v", seqs(got))
	}
}

func TestABadHeaderIsReplacedByTheRunsOwn(t *testing.T) {
	run, file, starts, _ := salvageable(t, 60)
	clear(file[:len(run.Init)])
	if _, _, err := media.Salvage(bytes.NewReader(file), int64(len(file)), nil, key, camera); !errors.Is(err, media.ErrFormat) {
		t.Errorf("without a header: %v", err)
	}
	if got := salvaged(t, file, run); len(got) != 1 || len(got[0].Entries) != len(starts) {
		t.Errorf("with the run's header: %v", seqs(got))
	}
	l, err := media.FirstLabel(bytes.NewReader(file), int64(len(file)))
	if err != nil || l.Camera != camera || l.Run != run.ID {
		t.Errorf("the first label: %+v, %v", l, err)
	}
	if _, err := media.FirstLabel(bytes.NewReader(file[:len(run.Init)]), int64(len(run.Init))); !errors.Is(err, media.ErrFormat) {
		t.Errorf("no label: %v", err)
	}
}

// counted counts the bytes that were read.
type counted struct {
	*bytes.Reader
	n int64
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.Reader.ReadAt(b, at)
	c.n += int64(n)
	return n, err
}

// TestLabelsMadeToWasteTimeDoNot fills a file with labels that each claim to cover the rest of it.
func TestLabelsMadeToWasteTimeDoNot(t *testing.T) {
	run, fragments := synthetic(t, stream, key, 20)
	label := bytes.Clone(fragments[0].Bytes[:media.LabelSize])
	label[29], label[30] = 0x20, 0 // two million bytes
	file := bytes.Clone(run.Init)
	for range 9000 {
		file = append(file, label...)
	}
	file = append(file, make([]byte, 2<<20)...)
	c := &counted{Reader: bytes.NewReader(file)}
	_, stretches, err := media.Salvage(c, int64(len(file)), nil, key, camera)
	if err != nil || len(stretches) != 0 {
		t.Fatalf("salvaged %v, %v", seqs(stretches), err)
	}
	if c.n > 20*int64(len(file)) {
		t.Errorf("%d bytes were read of a file of %d", c.n, len(file))
	}
}
