package recorder_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/recorder"
)

// The only IDR picture is three minutes away; recovery points come every six seconds.
func TestAStreamJoinedMidwayIsWaitedForAndRecordedFromItsRecoveryPoint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params string
		refresh      bool
	}{
		{"open GOP", "open-gop=1:keyint=60:min-keyint=60:bframes=2:b-adapt=0:scenecut=0", false},
		{"intra refresh", "intra-refresh=1:keyint=60:bframes=0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "clip.mp4")
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=180", "-c:v", "libx264",
				"-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x264-params", c.params, path).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := newRig(t, testcam.Camera{Name: "cam", File: path, Midway: true})
			r.until("cam", "waiting", func(s recorder.Status) bool {
				return s.State == recorder.Connecting && s.Reason == "waiting for a key frame"
			})
			s := r.until("cam", "recording", recording)
			if s.Reason != "" || (s.Health.Refresh > 0) != c.refresh {
				t.Errorf("recording, reason %q, exact after %d pictures", s.Reason, s.Health.Refresh)
			}
			later := s.LastFrame.Add(8 * time.Second)
			if s = r.until("cam", "eight seconds on", func(s recorder.Status) bool { return s.LastFrame.After(later) }); s.Health.GOP < 5*time.Second || s.Health.GOP > 7*time.Second {
				t.Errorf("recovery points %v apart", s.Health.GOP)
			}
		})
	}
}
