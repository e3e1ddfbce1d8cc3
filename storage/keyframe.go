package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// keyFrameQuery finds the last segment that begins before ?3 with its key frames, of the camera with the UUID ?1.
const keyFrameQuery = `SELECT ` + segmentColumns + `, s.key_frames
	FROM camera c
	JOIN segment s ON s.camera = c.id AND s.quality = ?2 AND s.start_us < ?3
	JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE c.uuid = ?1 AND s.state IN (1, 2) ORDER BY s.start_us DESC LIMIT 1`

// OpenKeyFrame opens the key frame at or before the time at, however long before, as an MP4 of one picture. Clip.Start is
// its time. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrNoFootage or ErrQuarantined.
func (s *Store) OpenKeyFrame(ctx context.Context, p access.Permit, q media.Quality, at time.Time) (_ *Clip, err error) {
	r, err := s.reader(p, q)
	if err != nil {
		return nil, err
	}
	pin := s.pin(r.stream, math.MinInt64, micros(at)+1)
	defer s.unpin(pin) // what is served is in memory when this returns
	r.look()
	row, key, err := r.findKey(ctx, micros(at))
	if err != nil {
		return nil, err
	}
	f, err := r.c.files.Open(row.name())
	if err != nil {
		return nil, r.explain(row, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	run, err := r.header(f, row)
	if err != nil {
		return nil, r.explain(row, err)
	}
	b, label, err := r.fragment(f, part{row: row}, key, nil)
	if isFormat(err) && row.state == stateClosed {
		// Before the file is blamed its own table is asked: it is labelled, the index is not.
		if key, err = r.keyFromFile(f, row, micros(at)); err == nil {
			b, label, err = r.fragment(f, part{row: row}, key, nil)
		}
	}
	if err != nil {
		return nil, r.explain(row, err)
	}
	if !r.window.Holds(label.Start) {
		return nil, ErrNoFootage
	}
	c := &Clip{r: r, loaded: -1, start: label.Start, end: label.Start.Add(label.Duration), run: row.runID, mime: run.SilentMIME()}
	c.gate.permit = p
	if c.head, err = media.KeyFrameFile(run, r.key, b); err != nil {
		return nil, r.explain(row, err)
	}
	c.size = int64(len(c.head))
	return c, nil
}

// keyFromFile finds the last key frame that is not after the time at in the segment's own table.
func (r *reader) keyFromFile(f disk.File, row segmentRow, at int64) (keyFrame, error) {
	entries, err := r.table(f, row)
	if err != nil {
		return keyFrame{}, err
	}
	key, ok := keyBefore(keysOf(entries), at)
	if !ok {
		return key, fmt.Errorf("%w: the index has a key frame where the file has none", ErrNoFootage)
	}
	return key, nil
}

// findKey finds the last key frame that is not after the time at.
func (r *reader) findKey(ctx context.Context, at int64) (segmentRow, keyFrame, error) {
	const most = 64 // segments in a row without a key frame
	before := at + 1
	for range most {
		row, keys, err := r.keysBefore(ctx, before)
		if err != nil {
			return row, keyFrame{}, err
		}
		if key, ok := keyBefore(keys, at); ok {
			return row, key, nil
		}
		before = row.start
	}
	return segmentRow{}, keyFrame{}, ErrNoFootage
}

// keysBefore returns the last segment that begins before the time, and its key frames.
func (r *reader) keysBefore(ctx context.Context, before int64) (segmentRow, []keyFrame, error) {
	var row segmentRow
	var id, packed []byte
	err := r.s.index.Read().QueryRowContext(ctx, keyFrameQuery, r.stream.Camera[:], r.stream.Quality, before).Scan(&row.st.camera,
		&row.st.quality, &row.start, &row.end, &row.run, &id, &row.state, &row.size, &row.init, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		return row, nil, ErrNoFootage
	}
	if err != nil {
		return row, nil, r.s.suspect(err)
	}
	copy(row.runID[:], id)
	if row.state == stateOpen {
		if r.live.start == row.start && r.live.run == row.run {
			return row, keysOf(r.live.entries), nil
		}
		return row, nil, nil
	}
	keys, err := unpackKeys(row.start, packed)
	if err != nil { // what fits least sends OpenKeyFrame to the file's own table
		keys = []keyFrame{{at: row.start}}
	}
	return row, keys, nil
}
