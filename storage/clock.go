package storage

import (
	"log/slog"
	"sync"
	"time"
)

// storeClock is the wall clock as the store reads it, and what retention thinks of it.
type storeClock struct {
	wall       func() time.Time
	log        *slog.Logger
	clockJumps clockJumps
}

// now is the wall clock in whole microseconds, UTC, and never before Earliest.
func (c *storeClock) now() time.Time {
	if t := c.wall().UTC().Truncate(time.Microsecond); t.After(Earliest()) {
		return t
	}
	return Earliest()
}

// ageNow is the time by which retention counts age.
func (c *storeClock) ageNow() time.Time {
	by, _ := c.clockJumps.state()
	return c.now().Add(-by)
}

// lookAtClock has retention not believe a clock that jumped.
func (c *storeClock) lookAtClock(moment time.Time) {
	if c.clockJumps.look(c.now(), moment) {
		c.log.Warn("the clock jumped ahead; for a day footage is not deleted by age at its word", "clock", c.now(), "believed", c.ageNow())
	}
}

const (
	// maxJump is how far the clock may go ahead of the time that passed before retention does not believe it.
	maxJump = time.Hour
	// distrustFor is how long it does not, if the clock stays where it is.
	distrustFor = 24 * time.Hour
)

// clockJumps keeps retention from deleting by age at the word of a clock that jumped ahead: set wrongly, or after the program
// had not run for long. Until it is over, age is counted as if the clock had not jumped.
type clockJumps struct {
	mu       sync.Mutex
	by       time.Duration // how much later the clock is than what retention believes
	left     time.Duration // for how long that is not believed
	seen     time.Time     // when it was last looked at, monotonic
	seenWall time.Time
}

// jump notes by how much the clock went ahead, or back.
func (d *clockJumps) jump(by time.Duration) {
	switch {
	case by > maxJump:
		d.by, d.left = d.by+by, distrustFor
	case by < -maxJump: // it was set right
		d.by = max(0, d.by+by)
	}
}

// look compares the clock with the time that passed, at a moment with a monotonic reading. It reports whether the
// clock jumped ahead.
func (d *clockJumps) look(wall, moment time.Time) bool {
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
	d.jump(off)
	return off > maxJump
}

// resume takes over what the last process did not believe, and the time since it was alive.
func (d *clockJumps) resume(by, left, away time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by, d.left = by, left
	d.jump(away)
}

// state returns what the next process has to know.
func (d *clockJumps) state() (by, left time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.by, d.left
}
