package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// labelSign is the beginning of every label: the header of its box and its extended type. Encoded video cannot contain it
// by accident, and a deliberate copy does not verify.
var labelSign = string(binary.BigEndian.AppendUint32(nil, LabelSize)) + "uuid" + string(labelType[:])

// The search for the next label reads little at first, since one is usually near.
const (
	firstWindow = 1 << 10
	lastWindow  = 256 << 10
)

// Salvage reads a damaged segment file of size bytes and returns every fragment of the run that verifies, wherever it is.
// The result is a list of sequences, in order of time. In each sequence the fragments follow each other without a gap, and
// the first begins with a key frame. Fragments that cannot be decoded, since they depend on damaged ones, are left out.
//
// run is the run whose header the file should have. If it is nil, the header is read from the file, and Salvage returns
// ErrFormat or ErrForged if it is unusable. Otherwise it returns an error only if reading fails. The run is returned.
func Salvage(r io.ReaderAt, size int64, run *Run, key LabelKey, camera CameraID) (*Run, []Table, error) {
	if run == nil {
		res, err := openHeader(r, size, camera, key)
		if err != nil {
			return nil, nil, err
		}
		run = res.Run
	}
	s := &salvage{r: r, size: size, run: run, key: key, budget: 4*size + lastWindow}
	for at := int64(0); at >= 0 && at < size; {
		next, err := s.take(at)
		if err != nil {
			return nil, nil, err
		}
		if next > at {
			at = next
			continue
		}
		if at, err = s.search(at + 1); err != nil {
			return nil, nil, err
		}
	}
	return run, s.trimmed(), nil
}

type salvage struct {
	r      io.ReaderAt
	size   int64
	run    *Run
	key    LabelKey
	budget int64 // bytes that may be spent on labels that then do not verify; bounds labels made to waste time
	found  []Table
}

// take verifies the fragment at the offset at and returns where it ends, or at if no fragment there verifies.
func (s *salvage) take(at int64) (int64, error) {
	var head [LabelSize]byte
	if s.size-at < LabelSize {
		return at, nil
	}
	if _, err := s.r.ReadAt(head[:], at); err != nil {
		return at, err
	}
	label, err := ParseLabel(head[:])
	if err != nil || label.Kind != LabelFragment || label.Run != s.run.ID || label.Quality != s.run.Stream.Quality {
		return at, nil
	}
	n := LabelSize + int64(label.ContentSize)
	if n > s.size-at || n > maxFragmentBytes*2 || s.budget < n {
		return at, nil
	}
	b := make([]byte, n)
	if _, err := s.r.ReadAt(b, at); err != nil {
		return at, err
	}
	var t Table
	if _, err := s.key.VerifyFragment(s.run.Stream.Camera, b); err != nil || t.Append(at, b) != nil || !s.add(t.Entries[0]) {
		s.budget -= n
		return at, nil
	}
	return at + n, nil
}

// add appends the entry to the result. It reports false for an entry that is not later than the previous ones.
func (s *salvage) add(e Entry) bool {
	if n := len(s.found); n > 0 {
		t := &s.found[n-1]
		last := &t.Entries[len(t.Entries)-1]
		if e.Seq <= last.Seq || e.Start.Before(last.End()) {
			return false
		}
		if e.Seq == last.Seq+1 && e.Start.Equal(last.End()) {
			t.Entries = append(t.Entries, e)
			return true
		}
	}
	s.found = append(s.found, Table{Entries: []Entry{e}})
	return true
}

// search returns the next offset from at on where a label could begin, or -1.
func (s *salvage) search(at int64) (int64, error) {
	for window := firstWindow; at < s.size; window = min(2*window, lastWindow) {
		b := make([]byte, min(int64(window), s.size-at))
		if _, err := s.r.ReadAt(b, at); err != nil {
			return 0, err
		}
		if i := bytes.Index(b, []byte(labelSign)); i >= 0 {
			return at + int64(i), nil
		}
		if len(b) < window {
			break
		}
		at += int64(len(b) - len(labelSign) + 1)
	}
	return -1, nil
}

// trimmed returns the sequences from their first key frame on.
func (s *salvage) trimmed() []Table {
	var out []Table
	for _, t := range s.found {
		for i := range t.Entries {
			if t.Entries[i].Random {
				out = append(out, Table{Entries: t.Entries[i:]})
				break
			}
		}
	}
	return out
}

// openHeader reads and verifies the init header of a segment file.
func openHeader(r io.ReaderAt, size int64, camera CameraID, key LabelKey) (ScanResult, error) {
	initSize, err := InitSize(r, size)
	if err != nil {
		return ScanResult{}, err
	}
	init := make([]byte, initSize)
	if _, err := r.ReadAt(init, 0); err != nil {
		return ScanResult{}, fmt.Errorf("read init header: %w", err)
	}
	res := ScanResult{InitSize: initSize, GoodSize: initSize, Table: &Table{}}
	res.Run, err = OpenRun(init, camera, key)
	return res, err
}

// FirstLabel returns the first unverified label in a file of size bytes. It hints at the file's camera if the header cannot be
// read. It returns ErrFormat if there is none.
func FirstLabel(r io.ReaderAt, size int64) (Label, error) {
	s := &salvage{r: r, size: size}
	at, err := s.search(0)
	if err != nil {
		return Label{}, err
	}
	if at < 0 || size-at < LabelSize {
		return Label{}, fmt.Errorf("%w: no label in %d bytes", ErrFormat, size)
	}
	head := make([]byte, LabelSize)
	if _, err := r.ReadAt(head, at); err != nil {
		return Label{}, err
	}
	return ParseLabel(head)
}
