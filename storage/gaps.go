package storage

import (
	"context"
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
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
	w := s.writer(stream)
	if w != nil {
		return w.gap(ctx, from, reason)
	}
	st, fromUS := index.Stream{Camera: c.row, Quality: stream.Quality}, index.Micros(from)
	return s.writeOrOwe(ctx, "gap", func(ctx context.Context, tx *index.Tx) error {
		end, err := tx.LastEnd(ctx, st)
		if err != nil {
			return err
		}
		return tx.Enter(ctx, st, max(fromUS, end), index.Forever, gap(reason))
	})
}

// EndOfFootage returns the latest moment to which the stream has footage, so that no run begins earlier; the zero time
// when there is none.
func (s *Store) EndOfFootage(ctx context.Context, stream media.StreamID) (time.Time, error) {
	c, err := s.camera(stream.Camera)
	if err != nil {
		return time.Time{}, err
	}
	w := s.writer(stream)
	if w != nil {
		if end := w.footageEnd(); !end.IsZero() {
			return end, nil
		}
	}
	end, err := s.index.LastEnd(ctx, index.Stream{Camera: c.row, Quality: stream.Quality})
	if err != nil || end == index.NoEnd {
		return time.Time{}, err
	}
	return index.FromMicros(end), nil
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
	known := s.all()
	return s.index.Write(ctx, func(tx *index.Tx) error {
		for _, c := range known {
			for _, quality := range qualities {
				st := index.Stream{Camera: c.row, Quality: quality}
				tail, from, err := tx.LedgerAt(ctx, st, index.Forever)
				if err != nil {
					return err
				}
				if !tail.IsGap() || tail.Code == CodeNotRecorded || tail.Code == CodeRetired || isDown(tail.Code) {
					continue
				}
				if err := tx.Enter(ctx, st, max(from, index.Micros(since)), index.Forever, gap(reason)); err != nil {
					return err
				}
			}
		}
		return s.noteAlive(ctx, tx, s.now())
	})
}

// noteAlive remembers that the recorder was alive.
func (s *Store) noteAlive(ctx context.Context, tx *index.Tx, at time.Time) error {
	by, left := s.clockJumps.state()
	return tx.NoteAlive(ctx, index.Alive{At: at, Boot: s.boot, ClockJump: by, JumpLeft: left})
}

// lastAlive returns when the recorder was last known to be alive; on a new index now. It finds out why nothing ran
// since, and what to think of the clock.
func (s *Store) lastAlive(ctx context.Context) (time.Time, error) {
	last, known, err := s.index.Alive(ctx)
	if err != nil || !known {
		return s.now(), err
	}
	if last.Boot != s.boot && last.Boot != "" && s.boot != "" {
		s.down = ReasonComputerDown
	}
	s.clockJumps.resume(last.ClockJump, last.JumpLeft, s.now().Sub(last.At))
	return last.At, nil
}
