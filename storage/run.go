package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"keepwatch.internal/storage/index"
)

// housekeeping is how often retention looks, and how often the index learns that the recorder is alive: the downtime
// after a crash is known to within that.
const housekeeping = 5 * time.Second

// Run does what has to be done while footage is written: it syncs what was written, deletes what need not be kept, and
// looks through all files for what the index does not know. It blocks until ctx is over and returns nil then, or until the
// index turns out to be damaged and returns ErrIndexDamaged.
func (s *Store) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.Reconcile(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the walk over the files did not finish; the next start begins it again", "err", err)
		}
	})
	group.Go(func() { s.keepHouse(ctx) })
	group.Go(func() { s.examineIndex(ctx) })
	group.Go(func() { s.keepResolving(ctx) })
	group.Go(func() { s.keepVerifying(ctx) })
	group.Go(func() { s.space.watchSpace(ctx) })
	tick := time.NewTicker(s.syncEvery())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			group.Wait()
			s.syncDirty()
			return nil
		case <-s.damage.found:
			stop()
			group.Wait()
			s.syncDirty()
			return fmt.Errorf("%w: %w", ErrIndexDamaged, s.damage.err)
		case <-tick.C:
			s.syncDirty()
		}
	}
}

// keepHouse does what needs no hurry. The same trouble is reported once.
func (s *Store) keepHouse(ctx context.Context) {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	last := ""
	for {
		s.lookAtClock(time.Now())
		err := s.write(ctx, func(tx *index.Tx) error { return s.noteAlive(ctx, tx, s.now()) })
		err = errors.Join(err, s.retain(ctx)) // which may be what helps
		text := ""
		if err != nil && ctx.Err() == nil {
			text = err.Error()
			if text != last {
				s.log.Error("housekeeping", "err", err)
			}
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.kick:
		}
	}
}
