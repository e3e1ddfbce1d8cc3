package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// part is a segment that a reader has looked into: its header and table are verified, its fragments not yet.
type part struct {
	row     segmentRow
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

const segmentColumns = `s.camera, s.quality, s.start_us, s.end_us, s.run, r.uuid, s.state, s.size_bytes, s.init_bytes`

// segmentsQuery finds the segments that hold anything of [?3, ?4) and the last before it, of the camera with the UUID ?1.
const segmentsQuery = `SELECT ` + segmentColumns + `
	FROM camera c
	JOIN segment s ON s.camera = c.id AND s.quality = ?2 AND s.start_us < ?4
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f WHERE f.camera = c.id AND f.quality = ?2 AND f.start_us <= ?3), ?3)
	JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us`

// segmentBeforeQuery finds the last segment that begins before ?3, of the camera with the UUID ?1.
const segmentBeforeQuery = `SELECT ` + segmentColumns + `
	FROM camera c
	JOIN segment s ON s.camera = c.id AND s.quality = ?2 AND s.start_us < ?3
	JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us DESC LIMIT 1`

// parts opens all segments of the span, and the last before it.
func (r *reader) parts(ctx context.Context, from, to int64) ([]part, error) {
	rows, err := r.s.segmentRows(ctx, segmentsQuery, r.stream.Camera[:], r.stream.Quality, from, to)
	if err != nil {
		return nil, err
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
	rows, err := r.s.segmentRows(ctx, segmentBeforeQuery, r.stream.Camera[:], r.stream.Quality, at)
	if err != nil {
		return part{}, err
	}
	if len(rows) == 0 {
		return part{}, ErrNoFootage
	}
	return r.open(rows[0])
}

// open verifies the segment's header and reads its table. A segment that is open in the index but not among what was
// being written has no entries.
func (r *reader) open(row segmentRow) (part, error) {
	x := part{row: row}
	if row.state == stateOpen {
		if len(r.live.entries) == 0 || r.live.start != row.start || r.live.run != row.run {
			return x, nil
		}
		x.entries = r.live.entries
	}
	f, err := r.c.files.Open(row.name())
	if err != nil {
		return x, r.explain(row, err)
	}
	defer f.Close()
	if x.run, err = r.header(f, row); err != nil {
		return x, r.explain(row, err)
	}
	if row.state == stateClosed {
		if x.entries, err = r.table(f, row); err != nil {
			return x, r.explain(row, err)
		}
	}
	return x, nil
}

// header reads and verifies the init header.
func (r *reader) header(f disk.File, row segmentRow) (*media.Run, error) {
	if row.init <= 0 || row.init > maxSmallFile {
		return nil, fmt.Errorf("%w: init header of %d bytes", media.ErrFormat, row.init)
	}
	init := make([]byte, row.init)
	if _, err := f.ReadAt(init, 0); err != nil {
		return nil, fmt.Errorf("init header: %w", tooShort(err))
	}
	run, err := media.OpenRun(init, r.stream.Camera, r.key)
	if err != nil {
		return nil, err
	}
	if run.ID != row.runID || run.Stream != r.stream {
		return nil, fmt.Errorf("%w: a segment of run %s of %v, expected %s", media.ErrForged, run.ID, run.Stream, row.runID)
	}
	return run, nil
}

// table reads the entries of a closed segment: from the table at its end, or from the front when a fault kept the table
// from being written.
func (r *reader) table(f disk.File, row segmentRow) ([]media.Entry, error) {
	t, err := media.ReadTable(f, row.size, r.stream.Camera, r.key)
	if errors.Is(err, media.ErrFormat) {
		var res media.ScanResult
		if res, err = media.Scan(f, row.size, r.stream.Camera, r.key); err == nil {
			t, err = res.Table, res.Err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("table: %w", tooShort(err))
	}
	for i := range t.Entries {
		e := &t.Entries[i]
		if e.Offset < row.init || int64(e.Payload)+e.VideoBytes()+e.AudioBytes() != int64(e.Size) || e.Offset+int64(e.Size) > row.size {
			return nil, fmt.Errorf("%w: table does not fit its segment", media.ErrFormat)
		}
	}
	if n := len(t.Entries); n == 0 || micros(t.Entries[0].Start) != row.start || micros(t.Entries[n-1].End()) != row.end {
		return nil, fmt.Errorf("%w: table of another segment", media.ErrForged)
	}
	return t.Entries, nil
}

// maxFragment bounds the memory that a wrong size in the index can claim.
const maxFragment = 128 << 20

// fragment reads and verifies the fragment that stands at an offset. It reads into the caller's buffer when that is large
// enough.
func (r *reader) fragment(f disk.File, x part, k keyFrame, buffer []byte) ([]byte, media.Label, error) {
	offset := k.offset
	if k.size == 0 {
		var head [media.LabelSize]byte
		if _, err := f.ReadAt(head[:], offset); err != nil {
			return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", offset, tooShort(err))
		}
		label, err := media.ParseLabel(head[:])
		if err != nil {
			return nil, label, fmt.Errorf("fragment at %d: %w", offset, err)
		}
		k.size = uint32(min(int64(label.ContentSize)+media.LabelSize, maxFragment+1))
	}
	if k.size > maxFragment {
		return nil, media.Label{}, fmt.Errorf("fragment at %d of %d bytes: %w", offset, k.size, media.ErrFormat)
	}
	b := slices.Grow(buffer[:0], int(k.size))[:k.size]
	if _, err := f.ReadAt(b, offset); err != nil {
		return nil, media.Label{}, fmt.Errorf("fragment at %d: %w", offset, tooShort(err))
	}
	label, err := r.key.VerifyFragment(r.stream.Camera, b)
	if err != nil {
		return nil, label, fmt.Errorf("fragment at %d: %w", offset, err)
	}
	if label.Quality != r.stream.Quality || label.Run != x.row.runID || micros(label.Start) != k.at {
		return nil, label, fmt.Errorf("fragment at %d: %w: another one than expected", offset, media.ErrForged)
	}
	return b, label, nil
}

// explain turns what went wrong with a segment into what the caller may know, and sets the segment aside when its bytes
// are wrong.
func (r *reader) explain(row segmentRow, err error) error {
	switch {
	case disk.IsMissing(err):
		r.s.missed(r.c, row)
		return ErrGone
	case isFormat(err):
		r.s.setAside(r.c, row, err)
		return ErrQuarantined
	}
	return fmt.Errorf("segment %s: %w", row.name(), err)
}
