package recorder_test

import (
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/recorder"
)

func TestACameraForOneViewerIsRecordedInMainAndItsSubStreamSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	r := newRigOf(t, &rig{subs: true},
		testcam.Camera{Name: "refuses", Viewers: testcam.RefuseSecond},
		testcam.Camera{Name: "throws-out", Viewers: testcam.EndFirst},
		testcam.Camera{Name: "serves-all"})
	waits := func(s recorder.Status) bool {
		return s.State == recorder.Offline && strings.Contains(s.Reason, "one viewer at a time") && strings.Contains(s.Reason, "main is recorded")
	}
	for _, name := range []string{"refuses", "throws-out"} {
		r.until(name+" sub", "waits", waits)
		r.until(name, "recorded", recording)
	}
	for _, name := range []string{"serves-all", "serves-all sub"} {
		r.until(name, "recorded", recording)
	}
	before := map[string]int{}
	for _, h := range r.cams.Cameras() {
		before[h.Name()] = h.Connections()
	}
	since := r.recorders["refuses"].Status().Since
	last := time.Now().Add(5 * time.Second) // several of the pauses after which the sub stream used to come back
	r.until("serves-all", "later pictures", func(s recorder.Status) bool { return s.LastFrame.After(last) })
	for _, h := range r.cams.Cameras() {
		if n := h.Connections() - before[h.Name()]; n > 0 {
			t.Errorf("%s: %d more connections", h.Name(), n)
		}
	}
	for _, name := range []string{"refuses", "throws-out"} {
		if s := r.recorders[name].Status(); s.State != recorder.Recording || s.LastFrame.Before(last.Add(-3*time.Second)) {
			t.Errorf("%s: main is %s: %s", name, s.State, s.Reason)
		}
		if s := r.recorders[name+" sub"].Status(); !waits(s) {
			t.Errorf("%s: sub is %s: %s", name, s.State, s.Reason)
		}
	}
	if s := r.recorders["refuses"].Status(); !s.Since.Equal(since) {
		t.Error("main was interrupted")
	}
}
