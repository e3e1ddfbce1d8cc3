package storage

import (
	"context"
	"database/sql"
	"errors"
	"path"
	"time"
)

const (
	// scrubRound is how long reading all footage once is to take.
	scrubRound = 30 * 24 * time.Hour
	// scrubBurst is how fast one segment is read, bytes a second: a few reads of one fragment, with pauses between them.
	scrubBurst = 2 << 20
	// scrubPause bounds the pause between two segments, which in a small store would last for hours.
	scrubPause = 10 * time.Minute
	// scrubIdle is how long the end of a round lasts at least, so that a store of one segment is not read over and over.
	scrubIdle = 24 * time.Hour
)

// Scrub tells how far the slow reading of all closed segments has come.
type Scrub struct {
	LastRound time.Time // end of the last full round; zero before the first
	Began     time.Time // begin of this round; zero while none has begun
	Camera    string    // name of the camera whose footage is being read; empty before the first
	At        time.Time // the footage that was read last
	Read      int64     // bytes in this round
	Total     int64     // bytes of footage
	Found     int64     // segments that did not verify, since the index was made
}

// scrubState is the row of the table scrub.
type scrubState struct {
	began, start, read, found int64
	st                        streamRow
	finished                  sql.NullInt64
}

func (s *Store) scrubState(ctx context.Context) (x scrubState, err error) {
	const query = `SELECT began_us, camera, quality, start_us, read_bytes, found, finished_us FROM scrub WHERE id = 1`
	err = s.index.Read().QueryRowContext(ctx, query).Scan(&x.began, &x.st.camera, &x.st.quality, &x.start, &x.read, &x.found, &x.finished)
	if errors.Is(err, sql.ErrNoRows) {
		return scrubState{}, nil
	}
	return x, err
}

func (x scrubState) save(ctx context.Context, tx *sql.Tx) error {
	const query = `INSERT INTO scrub (id, began_us, camera, quality, start_us, read_bytes, found, finished_us) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET began_us = excluded.began_us, camera = excluded.camera, quality = excluded.quality,
			start_us = excluded.start_us, read_bytes = excluded.read_bytes, found = excluded.found, finished_us = excluded.finished_us`
	return exec(ctx, tx, query, x.began, x.st.camera, x.st.quality, x.start, x.read, x.found, x.finished)
}

// Scrub returns how far the slow reading of all footage has come.
func (s *Store) Scrub(ctx context.Context) (Scrub, error) {
	x, err := s.scrubState(ctx)
	if err != nil {
		return Scrub{}, err
	}
	out := Scrub{Read: x.read, Found: x.found}
	if x.finished.Valid {
		out.LastRound = fromMicros(x.finished.Int64)
	}
	if x.began != 0 {
		out.Began = fromMicros(x.began)
	}
	if c := s.cameraOf(x.st.camera); c != nil {
		out.Camera, out.At = c.name, fromMicros(x.start)
	}
	totals, err := s.streamTotals(ctx)
	for _, t := range totals {
		out.Total += t.bytes
	}
	return out, err
}

// keepScrubbing reads one segment after the other, at a pace that takes weeks for all of them, until ctx is over.
func (s *Store) keepScrubbing(ctx context.Context) {
	last := ""
	for {
		pause, err := s.scrubNext(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			s.log.Error("reading footage over did not go on; will try again", "err", err)
		}
		timer := time.NewTimer(max(pause, settleEvery))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

const scrubQuery = `SELECT ` + segmentColumns + `
	FROM segment s JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE (s.camera, s.quality, s.start_us) > (?, ?, ?) AND s.state = 2 ORDER BY s.camera, s.quality, s.start_us LIMIT 1`

// scrubNext reads and verifies the segment after the one that was read last, and returns how long to wait then. Where it
// stands is in the index before it returns.
func (s *Store) scrubNext(ctx context.Context) (time.Duration, error) {
	x, err := s.scrubState(ctx)
	if err != nil {
		return scrubPause, err
	}
	if x.began == 0 { // no round is under way
		if since := s.now().Sub(fromMicros(x.finished.Int64)); x.finished.Valid && since >= 0 && since < scrubIdle {
			return min(scrubIdle-since, scrubPause), nil
		}
		x.began, x.read, x.st, x.start = micros(s.now()), 0, streamRow{}, 0
	}
	rows, err := s.segmentRows(ctx, scrubQuery, x.st.camera, x.st.quality, x.start)
	if err != nil {
		return scrubPause, err
	}
	if len(rows) == 0 {
		x.began, x.finished = 0, sql.NullInt64{Int64: micros(s.now()), Valid: true}
		return scrubPause, s.write(ctx, func(tx *sql.Tx) error { return x.save(ctx, tx) })
	}
	r := rows[0]
	if err := s.scrubSegment(ctx, r, &x); err != nil {
		return scrubPause, err
	}
	return s.scrubPauseAfter(ctx, r)
}

// scrubSegment verifies one segment and moves the state behind it.
func (s *Store) scrubSegment(ctx context.Context, r segmentRow, x *scrubState) error {
	c := s.cameraOf(r.st.camera)
	look := inspection{c: c, row: r, deep: true, pace: &pace{rate: scrubBurst}}
	bad, err := look.inspect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		bad = &flaw{kind: FindingUnreadable, problem: err.Error()} // the next one may be readable
	}
	if bad != nil {
		now, noted, err := s.rowOf(ctx, c, r.name())
		if err != nil {
			return err
		}
		if !noted || now != r { // it was deleted or settled meanwhile
			bad = nil
		}
	}
	x.st, x.start, x.read = r.st, r.start, x.read+r.size
	return s.write(ctx, func(tx *sql.Tx) error {
		if bad != nil && bad.kind != FindingUnreadable {
			x.found++
			s.log.Error("footage that was read over does not verify", "camera", c.name, "segment", r.name(), "problem", bad.problem)
			d := Doubt{Found: s.now(), Finder: finderScrub, Subject: path.Join(c.folder, r.name()), Problem: bad.problem}
			if err := noteDoubt(ctx, tx, d); err != nil {
				return err
			}
		} else if bad != nil {
			s.log.Error("footage cannot be read", "camera", c.name, "segment", r.name(), "err", bad.problem)
		}
		return x.save(ctx, tx)
	})
}

// scrubPauseAfter returns how long a segment's reading is to be followed by nothing, for all of them to take scrubRound.
func (s *Store) scrubPauseAfter(ctx context.Context, r segmentRow) (time.Duration, error) {
	const query = `SELECT coalesce(sum(size_bytes), 0) FROM stream`
	var total int64
	if err := s.index.Read().QueryRowContext(ctx, query).Scan(&total); err != nil || total <= 0 {
		return scrubPause, err
	}
	share := time.Duration(float64(r.size) / float64(total) * float64(scrubRound))
	return min(share-time.Duration(r.size)*time.Second/scrubBurst, scrubPause), nil
}
