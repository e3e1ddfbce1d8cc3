package camera

import (
	"testing"
	"time"
)

func TestPatienceFollowsWhatAStreamHasShown(t *testing.T) {
	base := time.Now()
	for _, c := range []struct {
		name   string
		shown  []float64 // seconds
		silent float64   // after the last
		frozen bool
	}{
		{"nothing yet", nil, 7, false},
		{"nothing ever", nil, 9, true},
		{"a usual camera", []float64{0, 0.04, 0.08, 0.12}, 9, true},
		{"a picture every ten seconds", []float64{0, 10}, 30, false},
		{"a picture every ten seconds, then none", []float64{0, 10, 20}, 41, true},
		{"a picture an hour", []float64{0, 3600}, 125, true},
	} {
		w := &watchdog{least: usualPatience}
		w.begin(base)
		at := base
		for _, s := range c.shown {
			at = base.Add(time.Duration(s * float64(time.Second)))
			w.saw(at)
		}
		if got := w.frozen(at.Add(time.Duration(c.silent * float64(time.Second)))); got != c.frozen {
			t.Errorf("%s: frozen %t after %v s", c.name, got, c.silent)
		}
	}
}

// A stream with a picture every ten seconds is torn down once, since its second picture is not awaited; never again.
func TestASlowStreamGetsMoreTimeInTheNextSession(t *testing.T) {
	w := &watchdog{least: usualPatience}
	w.begin(time.Now())
	if w.next() != usualPatience {
		t.Error("a stream that shows nothing gets more time")
	}
	w.saw(time.Now())
	if w.next() != 2*usualPatience {
		t.Errorf("then %v", w.next())
	}
	w.saw(time.Now())
	if w.next() != 0 {
		t.Error("a stream that shows pictures gets more time")
	}
}
