package probe_test

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/probe"
	"keepwatch.internal/internal/testcam"
)

// start runs one simulated camera.
func start(t *testing.T, c testcam.Camera) *testcam.Handle {
	t.Helper()
	c.Name = "cam"
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: []testcam.Camera{c}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv.Camera(c.Name)
}

func address(t *testing.T, h *testcam.Handle, q media.Quality) *url.URL {
	t.Helper()
	u, err := url.Parse(h.URL(q))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// watch probes the main stream.
func watch(t *testing.T, h *testcam.Handle, limit time.Duration) *probe.Report {
	t.Helper()
	r := probe.Streams(t.Context(), probe.Options{URL: address(t, h, media.Main), For: limit})[0]
	if r.Err != nil {
		t.Fatalf("%v (%v)", r.Err, errors.Unwrap(r.Err))
	}
	return r.Report
}

// says fails the test unless the advice has exactly these sentences, in part.
func says(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("advice %q, not %q", got, want)
		return
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("advice %q does not say %q", got[i], want[i])
		}
	}
}

// shows fails the test unless a line of the report has the text.
func shows(t *testing.T, r *probe.Report, label, want string) {
	t.Helper()
	for _, f := range r.Facts() {
		if f.Label == label {
			if !strings.Contains(f.Value, want) {
				t.Errorf("%s: %q, not %q", label, f.Value, want)
			}
			return
		}
	}
	t.Errorf("the report has no %s: %v", label, r.Facts())
}

func TestAGoodCameraIsDescribedAndGetsNoAdvice(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Audio: testcam.AAC, TLS: true, Username: "viewer", Password: "s3cret", Main: testcam.Video{GOP: time.Second}})
	r := watch(t, h, 30*time.Second)
	says(t, r.Advice(""))
	for label, want := range map[string]string{
		"Picture": "640×360", "Codec": "H.264 (avc1.", "Frame rate": "15 frames/s", "Key frames": "every 1 s (15 pictures)", "B-frames": "no",
		"Sound": "AAC, 16 kHz, mono, recorded", "Camera clock": "this computer's", "Connection": "TLS", "Login": "digest",
	} {
		shows(t, r, label, want)
	}
	if strings.Contains(r.Address, "s3cret") || strings.Contains(r.Address, "viewer") {
		t.Errorf("the address has the login: %s", r.Address)
	}
	if r.Watched > 20*time.Second {
		t.Errorf("watched for %v, though all was known", r.Watched)
	}
}

func TestThePictureIsAKeyFrame(t *testing.T) {
	t.Parallel()
	r := watch(t, start(t, testcam.Camera{Main: testcam.Video{GOP: time.Second}}), 30*time.Second)
	if r.PictureMIME != `video/mp4; codecs="`+r.CodecString+`"` {
		t.Errorf("type %q of codec %q", r.PictureMIME, r.CodecString)
	}
	dir := t.TempDir()
	file, still := filepath.Join(dir, "picture.mp4"), filepath.Join(dir, "picture.png")
	if err := os.WriteFile(file, r.Picture, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-frames:v", "1", still).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	f, err := os.Open(still)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	m, err := testcam.ReadImage(picture)
	if err != nil || m.Camera != testcam.CodeOf("cam") {
		t.Errorf("the picture is of camera %x, not %x: %v", m.Camera, testcam.CodeOf("cam"), err)
	}
}

func TestALongGOPIsSlowToSeek(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Main: testcam.Video{GOP: 5 * time.Minute}})
	r := watch(t, h, 6*time.Second)
	shows(t, r, "Key frames", "at least ")
	shows(t, r, "Sound", "none")
	says(t, r.Advice("main: "), "main: key frame every ")
}

func TestAClockThatIsOffIsSeen(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Main: testcam.Video{GOP: time.Second}})
	h.SetClock(-3 * time.Hour)
	r := watch(t, h, 30*time.Second)
	shows(t, r, "Camera clock", "behind this computer's")
	says(t, r.Advice(""), "the camera's own clock is 3h0m")
}

func TestAPasswordInClearIsSeen(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Username: "viewer", Password: "s3cret", Auth: testcam.Basic, Main: testcam.Video{GOP: time.Second}})
	says(t, watch(t, h, 30*time.Second).Advice(""), "the password crosses the network in clear")
}

// clip has ffmpeg make a clip of three seconds.
func clip(t *testing.T, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	all := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=3", "-pix_fmt", "yuv420p", "-c:v", "libx264"}, args...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(all, path)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

func TestBFramesAreSeen(t *testing.T) {
	t.Parallel()
	r := watch(t, start(t, testcam.Camera{NoSub: true, File: clip(t, "-bf", "2", "-b_strategy", "0", "-g", "15", "-sc_threshold", "0")}), 30*time.Second)
	shows(t, r, "B-frames", "yes")
	says(t, r.Advice(""), "the camera uses B-frames: live video comes ")
}

func TestJPEGsAreSeen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clip.mjpeg")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x176:rate=15:duration=3", "-pix_fmt", "yuvj420p", "-huffman", "default", "-c:v", "mjpeg", path).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r := watch(t, start(t, testcam.Camera{NoSub: true, File: path}), 30*time.Second)
	shows(t, r, "Codec", "JPEG")
	shows(t, r, "Key frames", "every picture")
	says(t, r.Advice(""), "the camera sends JPEG pictures")
	if picture, err := jpeg.Decode(bytes.NewReader(r.Picture)); err != nil || r.PictureMIME != "image/jpeg" || picture.Bounds().Dx() != 320 {
		t.Errorf("the picture is a %s: %v", r.PictureMIME, err)
	}
}

func TestIrregularKeyFramesAreSeen(t *testing.T) {
	t.Parallel()
	r := watch(t, start(t, testcam.Camera{NoSub: true, File: clip(t, "-bf", "0", "-g", "999", "-sc_threshold", "0", "-force_key_frames", "0,0.6")}), 30*time.Second)
	shows(t, r, "Key frames", "irregular, 0.6 s to 2 s apart")
	says(t, r.Advice("")) // seeking is quick all the same
}

func TestAWrongPasswordIsSentOnceOnly(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Username: "viewer", Password: "s3cret"})
	main, sub := address(t, h, media.Main), address(t, h, media.Sub)
	h.SetPassword("another")
	results := probe.Streams(t.Context(), probe.Options{URL: main}, probe.Options{URL: sub})
	if !probe.Refused(results[0].Err) || results[0].Err.Error() != "wrong user name or password" {
		t.Errorf("main: %v", results[0].Err)
	}
	if !errors.Is(results[1].Err, probe.ErrStopped) || h.Connections() != 1 {
		t.Errorf("sub: %v, after %d connections", results[1].Err, h.Connections())
	}
}

func TestMainAndSubAreWatchedAtTheSameTime(t *testing.T) {
	t.Parallel()
	v := testcam.Video{GOP: time.Second}
	h := start(t, testcam.Camera{Main: v, Sub: v})
	results := probe.Streams(t.Context(), probe.Options{URL: address(t, h, media.Main), For: 30 * time.Second},
		probe.Options{URL: address(t, h, media.Sub), For: 30 * time.Second}, probe.Options{URL: &url.URL{Scheme: "rtsp", Host: address(t, h, media.Main).Host, Path: "/third"}})
	if results[0].Err != nil || results[1].Err != nil || results[0].Report.Width != 640 || results[1].Report.Width != 320 {
		t.Errorf("%+v", results)
	}
	failure, ok := errors.AsType[*camera.Failure](results[2].Err)
	if !ok || failure.Kind != camera.NotFound {
		t.Errorf("a stream that does not exist: %v", results[2].Err)
	}
}

func TestACancelledProbeEnds(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Main: testcam.Video{GOP: time.Hour}})
	ctx, cancel := context.WithCancel(t.Context())
	w, err := probe.Open(ctx, probe.Options{URL: address(t, h, media.Main), For: probe.Longest})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Watch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
