package recorder_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
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

func TestJPEGAndAV1AreRecorded(t *testing.T) {
	t.Parallel()
	for codec, options := range map[string][]string{
		"JPEG": {"-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p", "-f", "image2pipe", "x.mjpeg"},
		"AV1":  {"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "10", "-lag-in-frames", "0", "-pix_fmt", "yuv420p", "x.ivf"},
	} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=6"}, options...)...)
			cmd.Dir = t.TempDir()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := newRig(t, testcam.Camera{Name: "cam", File: filepath.Join(cmd.Dir, options[len(options)-1]), Main: testcam.Video{FPS: 10}})
			s := r.until("cam", "recording", recording)
			if s.Health.Codec != codec || s.Health.Width != 160 || s.Health.Height != 120 {
				t.Fatalf("%+v", s.Health)
			}
			end := s.LastFrame.Add(4 * time.Second)
			r.until("cam", "four seconds on", func(s recorder.Status) bool { return s.LastFrame.After(end) })
			r.timeline("cam", "recorded so far", func(line storage.Timeline) bool {
				n := len(line.Spans)
				return n > 0 && !line.Spans[n-1].To.Before(end)
			})
			clip, err := r.store.OpenClip(t.Context(), permit(t, r.ids["cam"], access.Export), media.Main, storage.Span{From: end.Add(-3 * time.Second), To: end})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(clip)
			if err := errors.Join(err, clip.Close()); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "out.mp4")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := mediatest.Decode(t, file); n < 30 || n > 45 {
				t.Errorf("%d pictures in three seconds", n)
			}
		})
	}
}
