package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
)

// SetGap says that from the given time on the stream is not recorded, and why. It holds until footage is appended again
// or the next SetGap. A time before the end of the last footage means that end. The reason is a sentence without a full
// stop that people read on the timeline. While the index cannot be written the gap is kept in memory.
func (s *Store) SetGap(ctx context.Context, stream media.StreamID, from time.Time, reason string) error {
	c, err := s.camera(stream.Camera)
	if err != nil {
		return err
	}
	if !stream.Valid() || reason == "" {
		return fmt.Errorf("gap of %v: a stream and a reason are needed", stream)
	}
	if !c.retired.IsZero() {
		return fmt.Errorf("%w: %s is retired", ErrUnknownCamera, c.name)
	}
	s.mu.RLock()
	w := s.writers[stream]
	s.mu.RUnlock()
	if w != nil {
		return w.gap(ctx, from, reason)
	}
	st, fromUS := streamRow{c.row, stream.Quality}, micros(from)
	return s.writeOrOwe(ctx, "gap", func(ctx context.Context, tx *sql.Tx) error {
		end, err := lastEnd(ctx, tx, st)
		if err != nil {
			return err
		}
		return enter(ctx, tx, st, max(fromUS, end), forever, gap(reason))
	})
}

// EndOfFootage returns the latest moment to which the stream has footage, so that no run begins earlier; the zero time
// when there is none.
func (s *Store) EndOfFootage(ctx context.Context, stream media.StreamID) (time.Time, error) {
	c, err := s.camera(stream.Camera)
	if err != nil {
		return time.Time{}, err
	}
	s.mu.RLock()
	w := s.writers[stream]
	s.mu.RUnlock()
	if w != nil {
		if end := w.footageEnd(); !end.IsZero() {
			return end, nil
		}
	}
	end, err := lastEnd(ctx, s.index.Read(), streamRow{c.row, stream.Quality})
	if err != nil || end == noEnd {
		return time.Time{}, err
	}
	return fromMicros(end), nil
}

// noEnd is the end of the footage of a stream that has none.
const noEnd = -1 << 63

const lastEndQuery = `SELECT end_us FROM segment WHERE camera = ? AND quality = ? ORDER BY start_us DESC LIMIT 1`

// lastEnd returns the end of the last segment of a stream.
func lastEnd(ctx context.Context, q queryer, st streamRow) (int64, error) {
	var end int64
	err := q.QueryRowContext(ctx, lastEndQuery, st.camera, st.quality).Scan(&end)
	if errors.Is(err, sql.ErrNoRows) {
		return noEnd, nil
	}
	return end, err
}

// noteDown says for every stream that is not recorded that from now on nothing runs, because it was stopped.
func (s *Store) noteDown(ctx context.Context) error {
	return s.noteDownSince(ctx, s.now(), ReasonStopped)
}

// isDown reports whether the reason is that the program did not run.
func isDown(code Code) bool {
	return code == CodeServerStopped || code == CodeServerDown || code == CodeComputerDown
}

// noteDownSince says from the given time on, or from when the stream's tail began if that was later, that nothing runs.
func (s *Store) noteDownSince(ctx context.Context, since time.Time, reason string) error {
	if s.index == nil {
		return nil
	}
	s.mu.RLock()
	known := s.cameras
	s.mu.RUnlock()
	return s.index.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range known {
			for _, quality := range qualities {
				st := streamRow{c.row, quality}
				tail, from, err := holdingAt(ctx, tx, st, forever)
				if err != nil {
					return err
				}
				if !tail.isGap() || tail.code == CodeNotRecorded || tail.code == CodeRetired || isDown(tail.code) {
					continue
				}
				if err := enter(ctx, tx, st, max(from, micros(since)), forever, gap(reason)); err != nil {
					return err
				}
			}
		}
		return s.noteAlive(ctx, tx, s.now())
	})
}

// noteAlive remembers that the recorder was alive.
func (s *Store) noteAlive(ctx context.Context, tx *sql.Tx, at time.Time) error {
	const query = `INSERT INTO alive (id, at_us, boot, leap_us, leap_left_us) VALUES (1, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us, boot = excluded.boot,
			leap_us = excluded.leap_us, leap_left_us = excluded.leap_left_us`
	by, left := s.leaps.state()
	return exec(ctx, tx, query, micros(at), s.boot, by.Microseconds(), left.Microseconds())
}

// lastAlive returns when the recorder was last known to be alive; on a new index now. It finds out why nothing ran
// since, and what to think of the clock.
func (s *Store) lastAlive(ctx context.Context) (time.Time, error) {
	const query = `SELECT at_us, boot, leap_us, leap_left_us FROM alive WHERE id = 1`
	var at, by, left int64
	var boot string
	err := s.index.Read().QueryRowContext(ctx, query).Scan(&at, &boot, &by, &left)
	if errors.Is(err, sql.ErrNoRows) {
		return s.now(), nil
	}
	if boot != s.boot && boot != "" && s.boot != "" {
		s.down = ReasonComputerDown
	}
	s.leaps.resume(time.Duration(by)*time.Microsecond, time.Duration(left)*time.Microsecond, s.now().Sub(fromMicros(at)))
	return fromMicros(at), err
}
