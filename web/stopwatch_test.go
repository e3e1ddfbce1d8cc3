package web

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stopwatch measures how long something takes, less the time for which the process had to wait for a processor. Viewers are cut off
// within a second; a test that shares its computer with others may see more pass.
type stopwatch struct {
	began time.Time
	held  atomic.Int64 // nanoseconds
	done  chan struct{}
}

// beat is how often a stopwatch checks whether it runs on time.
const beat = 2 * time.Millisecond

// newStopwatch starts a stopwatch, which ends with the test.
func newStopwatch(t *testing.T) *stopwatch {
	s := &stopwatch{began: time.Now(), done: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		timer := time.NewTimer(beat)
		defer timer.Stop()
		for last := time.Now(); ; {
			select {
			case <-s.done:
				return
			case <-timer.C:
			}
			now := time.Now()
			s.held.Add(int64(max(0, now.Sub(last)-beat)))
			last = now
			timer.Reset(beat)
		}
	}()
	t.Cleanup(func() { close(s.done); <-ended })
	return s
}

// took returns the time since the start, less that in which the process was held up.
func (s *stopwatch) took() time.Duration { return time.Since(s.began) - time.Duration(s.held.Load()) }

func TestAStopwatchCountsTimeInWhichTheProcessRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStopwatch(t)
		time.Sleep(3*time.Second + beat/2)
		if took := s.took(); took < 3*time.Second {
			t.Errorf("a process that was never held up took %v of 3 s", took)
		}
	})
}
