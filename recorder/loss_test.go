package recorder_test

import (
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/recorder"
)

func TestAStreamWhoseKeyFramesAreAllTornSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	r := newRigOf(t, &rig{transport: camera.UDP}, testcam.Camera{Name: "lossy", LoseUDP: 4, Main: testcam.Video{Width: 1280, Height: 720, GOP: time.Second}})
	s := r.until("lossy", "losses", func(s recorder.Status) bool { return s.Health.LostPackets > 100 })
	if s.State != recorder.Connecting || s.Health.Link.Transport != camera.UDP || s.Health.Link.Buffer == 0 {
		t.Errorf("%+v", s)
	}
}
