package recorder

import (
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	// maxStep is how far the server's clock may be set without ending a run. That much is corrected gradually while recording
	// continues (docs/time.md).
	maxStep = 5 * time.Second
	// maxReturnPPM is how fast, in millionths, a shifted run returns to the clock. It is a little less than what a muxer corrects; the
	// rest is for the drift of the camera.
	maxReturnPPM = media.MaxReturnPPM - 10_000
)

// timing turns the arrival of units, which has a monotonic reading, into the wall time under which they are filed. Within a
// run that time advances evenly, whatever the server's clock is set to. A clock jump ends the run at its next key frame.
type timing struct {
	clock func(time.Time) time.Time // returns the wall clock at a moment with a monotonic reading

	last, lastWall time.Time     // of the newest unit
	step           time.Duration // how far the clock was set since the run began, if beyond maxStep
	began          time.Time     // arrival of the run's first frame
	shift          time.Duration // how much later the run's start is filed than the clock said
	setBack        bool          // shift is because the clock was seen to be set back
}

func newTiming(clock func(time.Time) time.Time) timing {
	if clock == nil {
		clock = func(t time.Time) time.Time { return t }
	}
	return timing{clock: func(t time.Time) time.Time { return clock(t).Round(0) }}
}

// note checks the clock when a unit arrives.
func (t *timing) note(arrived time.Time) {
	wall := t.clock(arrived)
	if !t.last.IsZero() {
		if off := wall.Sub(t.lastWall) - arrived.Sub(t.last); off > maxStep || off < -maxStep {
			t.step += off
		}
	}
	t.last, t.lastWall = arrived, wall
}

// begin begins a run with a frame and returns the time under which that is filed: the clock's time, or the end of existing
// footage if the clock is behind that.
func (t *timing) begin(arrived, end time.Time) time.Time {
	start := t.clock(arrived)
	seen := t.setBack || t.step < 0
	t.step, t.began, t.shift, t.setBack = 0, arrived, 0, false
	if start.Before(end) {
		if behind := end.Sub(start); behind > maxStep {
			t.shift, t.setBack = behind, seen
		}
		start = end
	}
	return start
}

// behind returns how much later a frame arriving now is filed than the clock says.
func (t *timing) behind(arrived time.Time) time.Duration {
	return max(0, t.shift-arrived.Sub(t.began)/1e6*maxReturnPPM)
}

// of returns the arrival time of a frame as if the clock had not been set during the run.
func (t *timing) of(arrived time.Time) time.Time {
	return t.clock(arrived).Add(t.behind(arrived) - t.step)
}

// stepReason returns the reason of a gap after the clock was set.
func (t *timing) stepReason() string {
	if t.step > 0 {
		return fmt.Sprintf("%s: this computer's clock was set forward by %s", storage.KindClockStep, t.step.Round(time.Second))
	}
	return fmt.Sprintf("%s: this computer's clock was set back by %s", storage.KindClockStep, (-t.step).Round(time.Second))
}
