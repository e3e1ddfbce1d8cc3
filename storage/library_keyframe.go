package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// OpenKeyFrame opens the key frame at or before the time at, however long before, as an MP4 of one picture. Clip.Start is
// its time. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrNoFootage or ErrQuarantined.
func (l *library) OpenKeyFrame(ctx context.Context, p access.Permit, q media.Quality, at time.Time) (_ *Clip, err error) {
	r, err := l.reader(p, q)
	if err != nil {
		return nil, err
	}
	held := l.hold(r.stream, math.MinInt64, index.Micros(at)+1)
	defer l.endHold(held) // what is served is in memory when this returns
	r.look()
	row, key, err := r.findKey(ctx, index.Micros(at))
	if err != nil {
		return nil, err
	}
	f, err := r.c.files.Open(row.Name())
	if err != nil {
		return nil, r.explain(row, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	x := r.expected(row)
	run, err := x.Header(f)
	if err != nil {
		return nil, r.explain(row, err)
	}
	b, label, err := x.Fragment(f, segment.Place(key), nil)
	if segment.IsDamage(err) && row.State == index.StateClosed {
		// Before the file is blamed its own table is asked: it is labelled, the index is not.
		if key, err = r.keyFromFile(f, row, index.Micros(at)); err == nil {
			b, label, err = x.Fragment(f, segment.Place(key), nil)
		}
	}
	if err != nil {
		return nil, r.explain(row, err)
	}
	if !r.window.Holds(label.Start) {
		return nil, ErrNoFootage
	}
	c := &Clip{r: r, loaded: -1}
	c.permit.latest = p
	frags := [][]byte{b}
	if label.Refresh > 0 {
		if frags, err = r.refreshed(f, row, index.Micros(at)); err != nil {
			return nil, r.explain(row, err)
		}
	}
	head, err := media.KeyFrameFile(run, r.key, frags...)
	if err != nil {
		return nil, r.explain(row, err)
	}
	c.layout = segment.Layout{Head: head, Size: int64(len(head)), Start: label.Start, End: label.Start.Add(label.Duration), Run: row.RunID, MIME: run.SilentMIME()}
	return c, nil
}

// maxRefresh bounds the bytes of the frames before an exact one.
const maxRefresh = 32 << 20

// refreshed returns the fragments from the last key frame on, not after the time at, from which decoding gets exact within the segment,
// up to where it is. If there is none, it begins at the first key frame.
func (r *reader) refreshed(f disk.File, row index.Segment, at int64) ([][]byte, error) {
	entries := r.written.entries
	if row.State != index.StateOpen {
		var err error
		if entries, err = r.expected(row).Table(f); err != nil {
			return nil, err
		}
	}
	first, frames := -1, 0
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		if !r.window.Covers(e.Start, e.End()) {
			frames = 0
			continue
		}
		frames += len(e.Video)
		if !e.Random || index.Micros(e.Start) > at {
			continue
		}
		if first = i; frames > e.Refresh {
			break
		}
	}
	var out [][]byte
	size, left := 0, 1
	for i := max(first, 0); first >= 0 && i < len(entries) && left > 0 && size < maxRefresh; i++ {
		e := &entries[i]
		if i == first {
			left = e.Refresh + 1
		}
		if !r.window.Covers(e.Start, e.End()) {
			break
		}
		b, _, err := r.expected(row).Fragment(f, segment.PlaceOf(e), nil)
		if err != nil {
			return nil, err
		}
		out, size, left = append(out, b), size+len(b), left-len(e.Video)
	}
	if len(out) == 0 {
		return nil, ErrNoFootage
	}
	return out, nil
}

// keyFromFile finds the last key frame that is not after the time at in the segment's own table.
func (r *reader) keyFromFile(f disk.File, row index.Segment, at int64) (index.KeyFrame, error) {
	entries, err := r.expected(row).Table(f)
	if err != nil {
		return index.KeyFrame{}, err
	}
	key, ok := index.KeyBefore(index.KeysOf(entries), at)
	if !ok {
		return key, fmt.Errorf("%w: the index has a key frame where the file has none", ErrNoFootage)
	}
	return key, nil
}

// findKey finds the last key frame that is not after the time at.
func (r *reader) findKey(ctx context.Context, at int64) (index.Segment, index.KeyFrame, error) {
	const most = 64 // segments in a row without a key frame
	before := at + 1
	for range most {
		row, keys, err := r.keysBefore(ctx, before)
		if err != nil {
			return row, index.KeyFrame{}, err
		}
		if key, ok := index.KeyBefore(keys, at); ok {
			return row, key, nil
		}
		before = row.Start
	}
	return index.Segment{}, index.KeyFrame{}, ErrNoFootage
}

// keysBefore returns the last segment that begins before the time, and its key frames.
func (r *reader) keysBefore(ctx context.Context, before int64) (index.Segment, []index.KeyFrame, error) {
	row, packed, found, err := r.l.index.KeyFramesBefore(ctx, r.stream, before)
	if err != nil {
		return row, nil, r.l.suspect(err)
	}
	if !found {
		return row, nil, ErrNoFootage
	}
	if row.State == index.StateOpen {
		if r.written.start == row.Start && r.written.run == row.Run {
			return row, index.KeysOf(r.written.entries), nil
		}
		return row, nil, nil
	}
	keys, err := index.UnpackKeys(row.Start, packed)
	if err != nil { // what fits least sends OpenKeyFrame to the file's own table
		keys = []index.KeyFrame{{At: row.Start}}
	}
	return row, keys, nil
}
