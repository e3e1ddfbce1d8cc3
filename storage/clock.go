package storage

import (
	"log/slog"
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
