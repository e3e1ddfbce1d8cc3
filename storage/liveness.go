package storage

import (
	"context"
	"time"

	"keepwatch.internal/storage/index"
)

// liveness knows when the recorder ran, and why it did not.
type liveness struct {
	db         *database
	clock      *storeClock
	cameraList *cameraList
	boot       string // of the computer, see disk.BootID
	down       string // why nothing ran before this start
}

// noteDown says for every stream that is not recorded that from now on nothing runs, because it was stopped.
func (l *liveness) noteDown(ctx context.Context) error {
	return l.noteDownSince(ctx, l.clock.now(), ReasonStopped)
}

// isDown reports whether the reason is that the program did not run.
func isDown(code Code) bool {
	return code == CodeServerStopped || code == CodeServerDown || code == CodeComputerDown
}

// noteDownSince says from the given time on, or from when the stream's tail began if that was later, that nothing runs.
func (l *liveness) noteDownSince(ctx context.Context, since time.Time, reason string) error {
	if l.db.index == nil {
		return nil
	}
	known := l.cameraList.all()
	return l.db.index.Write(ctx, func(tx *index.Tx) error {
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
		return l.noteAlive(ctx, tx, l.clock.now())
	})
}

// noteAlive remembers that the recorder was alive.
func (l *liveness) noteAlive(ctx context.Context, tx *index.Tx, at time.Time) error {
	by, left := l.clock.clockJumps.state()
	return tx.NoteAlive(ctx, index.Alive{At: at, Boot: l.boot, ClockJump: by, JumpLeft: left})
}

// lastAlive returns when the recorder was last known to be alive; on a new index now. It finds out why nothing ran
// since, and what to think of the clock.
func (l *liveness) lastAlive(ctx context.Context) (time.Time, error) {
	last, known, err := l.db.index.Alive(ctx)
	if err != nil || !known {
		return l.clock.now(), err
	}
	if last.Boot != l.boot && last.Boot != "" && l.boot != "" {
		l.down = ReasonComputerDown
	}
	l.clock.clockJumps.resume(last.ClockJump, last.JumpLeft, l.clock.now().Sub(last.At))
	return last.At, nil
}
