package recorder

import (
	"fmt"
	"time"

	"keepwatch.internal/storage"
)

const (
	// maxStep is how far the computer's clock may be set without ending a run: that much is mended little by little while
	// recording goes on (docs/time.md).
	maxStep = 5 * time.Second
	// maxReturnPPM is how fast, in millionths, a run that is filed later than it happens comes back to the clock. It is half
	// of what a muxer corrects; the other half is for the camera's own drift.
	maxReturnPPM = 250
)

// timing turns the arrival of units, which has a monotonic reading, into the wall time under which they are filed. Within
// a run that time goes on evenly, whatever the computer's clock is set to: a step is noted, and ends the run at its next
// key frame.
type timing struct {
	clock func(time.Time) time.Time // what the computer's clock said at a moment that has a monotonic reading

	last, lastWall time.Time     // of the newest unit
	step           time.Duration // by which the clock was set since the run began, beyond maxStep
	began          time.Time     // arrival of the run's first picture
	shift          time.Duration // by which the run's begin is filed later than the clock said
}

func newTiming(clock func(time.Time) time.Time) timing {
	if clock == nil {
		clock = func(t time.Time) time.Time { return t }
	}
	return timing{clock: func(t time.Time) time.Time { return clock(t).Round(0) }}
}

// note looks at the clock when a unit arrives.
func (t *timing) note(arrived time.Time) {
	wall := t.clock(arrived)
	if !t.last.IsZero() {
		if off := wall.Sub(t.lastWall) - arrived.Sub(t.last); off > maxStep || off < -maxStep {
			t.step += off
		}
	}
	t.last, t.lastWall = arrived, wall
}

// begin begins a run with a picture and returns the time under which that is filed: what the clock says, or the end of
// what was recorded before when the clock is behind it.
func (t *timing) begin(arrived, end time.Time) time.Time {
	start := t.clock(arrived)
	t.step, t.began, t.shift = 0, arrived, 0
	if start.Before(end) {
		if behind := end.Sub(start); behind > maxStep {
			t.shift = behind
		}
		start = end
	}
	return start
}

// behind returns by how much what arrives now is filed later than the clock says.
func (t *timing) behind(arrived time.Time) time.Duration {
	return max(0, t.shift-arrived.Sub(t.began)/1e6*maxReturnPPM)
}

// of returns the time to which the picture that arrived is compared, as if the clock had not been set during the run.
func (t *timing) of(arrived time.Time) time.Time {
	return t.clock(arrived).Add(t.behind(arrived) - t.step)
}

// stepReason says how the clock was set.
func (t *timing) stepReason() string {
	if t.step > 0 {
		return fmt.Sprintf("%s: this computer's clock was set forward by %s", storage.KindClockStep, t.step.Round(time.Second))
	}
	return fmt.Sprintf("%s: this computer's clock was set back by %s", storage.KindClockStep, (-t.step).Round(time.Second))
}
