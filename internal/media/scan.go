package media

import (
	"encoding/binary"
	"fmt"
	"io"
)

// ScanResult is the content of a segment file.
type ScanResult struct {
	Run      *Run
	InitSize int64
	Table    *Table // one entry for each fragment that verified, in order
	GoodSize int64  // length of the file up to the end of the last fragment that verified
	Closed   bool   // a table that verifies follows the last fragment at the end of the file
	Err      error  // why the scan stopped before the end of the file; nil at a clean end
}

// Scan reads a segment file of size bytes from the beginning and verifies every byte under the camera's key: the init
// header, then each fragment, until the file ends or something does not verify. Fragments must be of the header's run and
// follow each other. Scan returns an error only if the init header itself is unusable (ErrFormat, ErrForged) or reading
// fails. It ignores everything after a bad place and reports it in ScanResult.Err.
func Scan(r io.ReaderAt, size int64, camera CameraID, key LabelKey) (ScanResult, error) {
	res, err := openHeader(r, size, camera, key)
	if err != nil {
		return ScanResult{}, err
	}
	for res.GoodSize < size && !res.Closed && res.Err == nil {
		res.Err = res.next(r, size, key)
	}
	return res, nil
}

// next reads the fragment, or the closing table, at GoodSize.
func (res *ScanResult) next(r io.ReaderAt, size int64, key LabelKey) error {
	var head [LabelSize]byte
	if size-res.GoodSize < LabelSize {
		return fmt.Errorf("%w: %d bytes after the last fragment", ErrFormat, size-res.GoodSize)
	}
	if _, err := r.ReadAt(head[:], res.GoodSize); err != nil {
		return err
	}
	label, err := ParseLabel(head[:])
	if err != nil {
		return err
	}
	if label.Run != res.Run.ID || label.Quality != res.Run.Stream.Quality {
		return fmt.Errorf("%w: fragment of another run", ErrForged)
	}
	if int64(label.ContentSize) > size-res.GoodSize-LabelSize || int64(label.ContentSize) > maxFragmentBytes*2 {
		return fmt.Errorf("%w: cut off in its last fragment", ErrFormat)
	}
	b := make([]byte, LabelSize+int(label.ContentSize))
	if _, err := r.ReadAt(b, res.GoodSize); err != nil {
		return err
	}
	if label.Kind == LabelTable {
		return res.close(b, size, key)
	}
	if _, err := key.VerifyFragment(res.Run.Stream.Camera, b); err != nil {
		return err
	}
	if n := len(res.Table.Entries); n > 0 && label.Seq != res.Table.Entries[n-1].Seq+1 {
		return fmt.Errorf("%w: fragment %d after %d", ErrFormat, label.Seq, res.Table.Entries[n-1].Seq)
	}
	if err := res.Table.Append(res.GoodSize, b); err != nil {
		return err
	}
	res.GoodSize += int64(len(b))
	return nil
}

// close reads the table box b, which must end the file and match the scan.
func (res *ScanResult) close(b []byte, size int64, key LabelKey) error {
	t, err := openTable(b, res.Run.Stream.Camera, key)
	if err != nil {
		return err
	}
	if res.GoodSize+int64(len(b)) != size || len(t.Entries) != len(res.Table.Entries) ||
		binary.BigEndian.Uint32(b[len(b)-4:]) != uint32(len(b)) {
		return fmt.Errorf("%w: segment table does not fit its file", ErrFormat)
	}
	res.Closed = true
	return nil
}
