package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// part is a segment that a reader has looked into: its header and table are verified, its fragments not yet.
type part struct {
	row     index.Segment
	run     *media.Run
	entries []media.Entry
}

// reader opens segments of one stream of the camera that a permit names.
type reader struct {
	s      *Store
	c      *camera
	stream media.StreamID
	key    media.LabelKey
	window access.Window // nothing outside of it is handed out
	live   live
}

// reader checks the permit. Everything it finds later is compared with the permit's camera, not with what the index says
// of itself.
func (s *Store) reader(p access.Permit, q media.Quality) (*reader, error) {
	c, err := s.admit(p)
	if err != nil {
		return nil, err
	}
	camera := media.CameraID(p.Camera())
	return &reader{s: s, c: c, stream: media.StreamID{Camera: camera, Quality: q}, key: s.LabelKey(camera), window: p.Window()}, nil
}

// look takes note of what is being written. It comes before the index is asked: what is closed in between has its row
// then, and what is begun in between is not seen.
func (r *reader) look() { r.live = r.s.liveOf(r.stream) }

// parts opens all segments of the span, and the last before it.
func (r *reader) parts(ctx context.Context, from, to int64) ([]part, error) {
	rows, err := r.s.index.Footage(ctx, r.stream, index.Interval{From: from, To: to})
	if err != nil {
		return nil, r.s.suspect(err)
	}
	parts := make([]part, 0, len(rows))
	for _, row := range rows {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		x, err := r.open(row)
		if err != nil {
			return nil, err
		}
		if len(x.entries) > 0 {
			parts = append(parts, x)
		}
	}
	return parts, nil
}

// before opens the last segment that begins before the time at; ErrNoFootage when there is none.
func (r *reader) before(ctx context.Context, at int64) (part, error) {
	row, found, err := r.s.index.FootageBefore(ctx, r.stream, at)
	if err != nil {
		return part{}, r.s.suspect(err)
	}
	if !found {
		return part{}, ErrNoFootage
	}
	return r.open(row)
}

// open verifies the segment's header and reads its table. A segment that is open in the index but not among what was
// being written has no entries.
func (r *reader) open(row index.Segment) (part, error) {
	x := part{row: row}
	if row.State == index.StateOpen {
		if len(r.live.entries) == 0 || r.live.start != row.Start || r.live.run != row.Run {
			return x, nil
		}
		x.entries = r.live.entries
	}
	f, err := r.c.files.Open(row.Name())
	if err != nil {
		return x, r.explain(row, err)
	}
	defer f.Close()
	if x.run, err = r.header(f, row); err != nil {
		return x, r.explain(row, err)
	}
	if row.State == index.StateClosed {
		if x.entries, err = r.table(f, row); err != nil {
			return x, r.explain(row, err)
		}
	}
	return x, nil
}

// header reads and verifies the init header.
func (r *reader) header(f disk.File, row index.Segment) (*media.Run, error) {
	if row.Init <= 0 || row.Init > maxSmallFile {
		return nil, fmt.Errorf("%w: init header of %d bytes", media.ErrFormat, row.Init)
	}
	init := make([]byte, row.Init)
	if _, err := f.ReadAt(init, 0); err != nil {
		return nil, fmt.Errorf("init header: %w", tooShort(err))
	}
	run, err := media.OpenRun(init, r.stream.Camera, r.key)
	if err != nil {
		return nil, err
	}
	if run.ID != row.RunID || run.Stream != r.stream {
		return nil, fmt.Errorf("%w: a segment of run %s of %v, expected %s", media.ErrForged, run.ID, run.Stream, row.RunID)
	}
	return run, nil
}

// table reads the entries of a closed segment: from the table at its end, or from the front when a fault kept the table
// from being written.
func (r *reader) table(f disk.File, row index.Segment) ([]media.Entry, error) {
	t, err := media.ReadTable(f, row.Size, r.stream.Camera, r.key)
	if errors.Is(err, media.ErrFormat) {
		var res media.ScanResult
		if res, err = media.Scan(f, row.Size, r.stream.Camera, r.key); err == nil {
			t, err = res.Table, res.Err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("table: %w", tooShort(err))
	}
	for i := range t.Entries {
		e := &t.Entries[i]
		if e.Offset < row.Init || int64(e.Payload)+e.VideoBytes()+e.AudioBytes() != int64(e.Size) || e.Offset+int64(e.Size) > row.Size {
			return nil, fmt.Errorf("%w: table does not fit its segment", media.ErrFormat)
		}
	}
	if n := len(t.Entries); n == 0 || index.Micros(t.Entries[0].Start) != row.Start || index.Micros(t.Entries[n-1].End()) != row.End {
		return nil, fmt.Errorf("%w: table of another segment", media.ErrForged)
	}
	return t.Entries, nil
}

// maxFragment bounds the memory that a wrong size in the index can claim.
const maxFragment = 128 << 20

// fragment reads and verifies the fragment that stands at an offset. It reads into the caller's buffer when that is large
// enough.
func (r *reader) fragment(f disk.File, x part, k index.KeyFrame, buffer []byte) ([]byte, media.Label, error) {
	offset := k.Offset
	if k.Size == 0 {
		var head [media.LabelSize]byte
		if _, err := f.ReadAt(head[:], offset); err != nil {
			return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", offset, tooShort(err))
		}
		label, err := media.ParseLabel(head[:])
		if err != nil {
			return nil, label, fmt.Errorf("fragment at %d: %w", offset, err)
		}
		k.Size = uint32(min(int64(label.ContentSize)+media.LabelSize, maxFragment+1))
	}
	if k.Size > maxFragment {
		return nil, media.Label{}, fmt.Errorf("fragment at %d of %d bytes: %w", offset, k.Size, media.ErrFormat)
	}
	b := slices.Grow(buffer[:0], int(k.Size))[:k.Size]
	if _, err := f.ReadAt(b, offset); err != nil {
		return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", offset, tooShort(err))
	}
	label, err := r.key.VerifyFragment(r.stream.Camera, b)
	if err != nil {
		return nil, label, fmt.Errorf("fragment at %d: %w", offset, err)
	}
	if label.Quality != r.stream.Quality || label.Run != x.row.RunID || index.Micros(label.Start) != k.At {
		return nil, label, fmt.Errorf("fragment at %d: %w: another one than expected", offset, media.ErrForged)
	}
	return b, label, nil
}

// explain turns what went wrong with a segment into what the caller may know, and sets the segment aside when its bytes
// are wrong.
func (r *reader) explain(row index.Segment, err error) error {
	switch {
	case disk.IsMissing(err):
		r.s.missed(r.c, row)
		return ErrGone
	case isFormat(err):
		r.s.setAside(r.c, row, err)
		return ErrQuarantined
	}
	return fmt.Errorf("segment %s: %w", row.Name(), err)
}
