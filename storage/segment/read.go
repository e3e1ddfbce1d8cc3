package segment

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// Owner is the camera whose footage a file has to be.
type Owner struct {
	Folder disk.Folder // of the camera; names of segments are below it
	Camera media.CameraID
	Key    media.LabelKey // of the camera
}

// Expected is what the index says of a segment. Its methods compare the file with it.
type Expected struct {
	Stream     media.StreamID
	Key        media.LabelKey // of the stream's camera
	Run        media.RunID
	Start, End int64 // µs
	Size       int64 // bytes of the file
	Init       int64 // bytes of the init header
}

// Place is where a fragment lies in a segment file.
type Place struct {
	At     int64  // wall clock of its first picture, µs
	Offset int64  // of its label in the file
	Size   uint32 // bytes; 0 when only the label knows
}

// PlaceOf returns the place of a fragment in a table.
func PlaceOf(e *media.Entry) Place { return Place{e.Start.UnixMicro(), e.Offset, e.Size} }

const (
	// maxInit bounds the memory that a wrong size of an init header can claim.
	maxInit = 1 << 20
	// maxFragment bounds the memory that a wrong size of a fragment can claim.
	maxFragment = 128 << 20
)

// IsDamage reports whether err says that the bytes of a file are wrong, and not that they could not be read.
func IsDamage(err error) bool {
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return false
	}
	return errors.Is(err, media.ErrForged) || errors.Is(err, media.ErrFormat)
}

// tooShort turns an unexpected end of a file into damage.
func tooShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", media.ErrFormat, err)
	}
	return err
}

// Header reads and verifies the init header. IsDamage holds for its error when the header is wrong or another run's.
func (x Expected) Header(f disk.File) (*media.Run, error) {
	if x.Init <= 0 || x.Init > maxInit {
		return nil, fmt.Errorf("%w: init header of %d bytes", media.ErrFormat, x.Init)
	}
	init := make([]byte, x.Init)
	if _, err := f.ReadAt(init, 0); err != nil {
		return nil, fmt.Errorf("init header: %w", tooShort(err))
	}
	run, err := media.OpenRun(init, x.Stream.Camera, x.Key)
	if err != nil {
		return nil, err
	}
	if run.ID != x.Run || run.Stream != x.Stream {
		return nil, fmt.Errorf("%w: a segment of run %s of %v, expected %s", media.ErrForged, run.ID, run.Stream, x.Run)
	}
	return run, nil
}

// Table reads the entries of a closed segment from the table at its end, or from the fragments when a fault prevented the
// table from being written. IsDamage holds for its error when the table does not fit the segment.
func (x Expected) Table(f disk.File) ([]media.Entry, error) {
	t, err := media.ReadTable(f, x.Size, x.Stream.Camera, x.Key)
	if errors.Is(err, media.ErrFormat) {
		var res media.ScanResult
		if res, err = media.Scan(f, x.Size, x.Stream.Camera, x.Key); err == nil {
			t, err = res.Table, res.Err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("table: %w", tooShort(err))
	}
	for i := range t.Entries {
		e := &t.Entries[i]
		if e.Offset < x.Init || int64(e.Payload)+e.VideoBytes()+e.AudioBytes() != int64(e.Size) || e.Offset+int64(e.Size) > x.Size {
			return nil, fmt.Errorf("%w: table does not fit its segment", media.ErrFormat)
		}
	}
	if n := len(t.Entries); n == 0 || micros(t.Entries[0].Start) != x.Start || micros(t.Entries[n-1].End()) != x.End {
		return nil, fmt.Errorf("%w: table of another segment", media.ErrForged)
	}
	return t.Entries, nil
}

// Fragment reads and verifies one fragment. It reads into the caller's buffer when that is large enough. IsDamage holds for
// its error when the fragment is wrong or another one than expected.
func (x Expected) Fragment(f disk.File, p Place, buffer []byte) ([]byte, media.Label, error) {
	if p.Size == 0 {
		var head [media.LabelSize]byte
		if _, err := f.ReadAt(head[:], p.Offset); err != nil {
			return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", p.Offset, tooShort(err))
		}
		label, err := media.ParseLabel(head[:])
		if err != nil {
			return nil, label, fmt.Errorf("fragment at %d: %w", p.Offset, err)
		}
		p.Size = uint32(min(int64(label.ContentSize)+media.LabelSize, maxFragment+1))
	}
	if p.Size > maxFragment {
		return nil, media.Label{}, fmt.Errorf("fragment at %d of %d bytes: %w", p.Offset, p.Size, media.ErrFormat)
	}
	b := slices.Grow(buffer[:0], int(p.Size))[:p.Size]
	if _, err := f.ReadAt(b, p.Offset); err != nil {
		return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", p.Offset, tooShort(err))
	}
	label, err := x.Key.VerifyFragment(x.Stream.Camera, b)
	if err != nil {
		return nil, label, fmt.Errorf("fragment at %d: %w", p.Offset, err)
	}
	if label.Quality != x.Stream.Quality || label.Run != x.Run || micros(label.Start) != p.At {
		return nil, label, fmt.Errorf("fragment at %d: %w: another one than expected", p.Offset, media.ErrForged)
	}
	return b, label, nil
}

func micros(t time.Time) int64 { return t.UnixMicro() }
