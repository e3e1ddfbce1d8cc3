package storage

import (
	"sync"
	"time"
)

const (
	// maxLeap is how far the clock may go ahead of the time that passed before retention does not believe it.
	maxLeap = time.Hour
	// leapFor is how long it does not, if the clock stays where it is.
	leapFor = 24 * time.Hour
)

// leaps keeps retention from deleting by age at the word of a clock that leapt ahead: set wrongly, or after the program
// had not run for long. Until it is over, age is counted as if the clock had not leapt.
type leaps struct {
	mu       sync.Mutex
	by       time.Duration // how much later the clock is than what retention believes
	left     time.Duration // for how long that is not believed
	seen     time.Time     // when it was last looked at, monotonic
	seenWall time.Time
}

// leap notes by how much the clock went ahead, or back.
func (d *leaps) leap(by time.Duration) {
	switch {
	case by > maxLeap:
		d.by, d.left = d.by+by, leapFor
	case by < -maxLeap: // it was set right
		d.by = max(0, d.by+by)
	}
}

// look compares the clock with the time that passed, at a moment with a monotonic reading. It reports whether the
// clock leapt ahead.
func (d *leaps) look(wall, moment time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen.IsZero() {
		d.seen, d.seenWall = moment, wall
		return false
	}
	passed := moment.Sub(d.seen)
	off := wall.Sub(d.seenWall) - passed
	d.seen, d.seenWall = moment, wall
	if d.left -= passed; d.left <= 0 {
		d.by, d.left = 0, 0
	}
	d.leap(off)
	return off > maxLeap
}

// resume takes over what the last process did not believe, and the time since it was alive.
func (d *leaps) resume(by, left, away time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by, d.left = by, left
	d.leap(away)
}

// state returns what the next process has to know.
func (d *leaps) state() (by, left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.by, d.left
}

// ageNow is the time by which retention counts age.
func (s *Store) ageNow() time.Time {
	by, _ := s.leaps.state()
	return s.now().Add(-by)
}

// lookAtClock has retention not believe a clock that leapt.
func (s *Store) lookAtClock(moment time.Time) {
	if s.leaps.look(s.now(), moment) {
		s.log.Warn("the clock leapt ahead; for a day footage is not deleted by age at its word", "clock", s.now(), "believed", s.ageNow())
	}
}
