package recorder

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
)

func TestTheClockIsSaidToBeSetBackOnlyIfThatWasSeen(t *testing.T) {
	var step time.Duration // by which the wall clock was set
	timing := newTiming(func(at time.Time) time.Time { return at.Add(step) })
	now := time.Now()
	at := func(after time.Duration) time.Time { return now.Add(after) }
	check := func(what string, shifted, setBack bool) {
		t.Helper()
		if (timing.shift > 0) != shifted || timing.setBack != setBack {
			t.Errorf("%s: shifted by %v, set back %v", what, timing.shift, timing.setBack)
		}
	}
	timing.note(at(0))
	timing.begin(at(0), at(time.Minute))
	check("footage from the future, of an earlier process or filed late", true, false)
	timing.note(at(30 * time.Second)) // nothing came for long
	timing.begin(at(30*time.Second), at(time.Minute))
	check("after a slow delivery", true, false)
	timing.note(at(2 * time.Minute))
	timing.begin(at(2*time.Minute), at(time.Minute))
	check("all is well", false, false)
	step = -time.Hour
	timing.note(at(3 * time.Minute))
	timing.begin(at(3*time.Minute), at(3*time.Minute))
	check("after the clock was set back", true, true)
	timing.note(at(4 * time.Minute))
	timing.begin(at(4*time.Minute), at(4*time.Minute))
	check("in the next run", true, true)
	timing.note(at(2 * time.Hour))
	timing.begin(at(2*time.Hour), at(4*time.Minute))
	check("once it has caught up", false, false)
}

// confused is a session with a camera that refused its sound.
type confused struct {
	turncoat
	refused string
}

func (c *confused) SoundRefused() string { return c.refused }

func TestACameraThatFreezesAfterItRefusedItsSoundIsAskedForPicturesAlone(t *testing.T) {
	frozen := &camera.Failure{Kind: camera.Frozen}
	for _, c := range []struct {
		refused string
		err     error
		off     bool
	}{
		{"the camera refused its sound: 461", frozen, true},
		{"the camera refused its sound: 461", &camera.Failure{Kind: camera.Unreachable}, false},
		{"the camera refused its sound: 461", errors.New("ours"), false},
		{"", frozen, false},
	} {
		r := &Recorder{opts: Options{Logger: slog.New(slog.DiscardHandler)}}
		if r.doubtSound(&confused{refused: c.refused}, c.err); r.soundOff != c.off {
			t.Errorf("%q, %v: sound off %v", c.refused, c.err, r.soundOff)
		}
	}
}
