package camera_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// TestMain has more tests run at a time than there are processors: they wait for cameras.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// start runs one simulated camera and returns its handle.
func start(t *testing.T, c testcam.Camera) *testcam.Handle {
	t.Helper()
	if c.Name == "" {
		c.Name = "cam"
	}
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: []testcam.Camera{c}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv.Camera(c.Name)
}

func options(t *testing.T, address string) camera.Options {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return camera.Options{URL: u, Audio: true, Logger: slog.New(slog.DiscardHandler)}
}

// open connects, and fails the test if that fails.
func open(t *testing.T, o camera.Options) *camera.Session {
	t.Helper()
	s, err := camera.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open: %v (%v)", err, errors.Unwrap(err))
	}
	t.Cleanup(s.Close)
	return s
}

// video returns the next n frames.
func video(t *testing.T, s *camera.Session, n int) []camera.Item {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var items []camera.Item
	for len(items) < n {
		it, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d pictures: %v (%v)", len(items), err, errors.Unwrap(err))
		}
		if it.Unit.Kind == media.Video {
			items = append(items, it)
		}
	}
	return items
}

func TestEveryPictureArrivesOnceInOrderByEveryTransport(t *testing.T) {
	for _, c := range []struct {
		name      string
		cam       testcam.Camera
		transport camera.Transport
	}{
		{"TCP", testcam.Camera{Audio: testcam.AAC}, camera.TCP},
		{"UDP", testcam.Camera{Audio: testcam.AAC}, camera.UDP},
		{"automatic", testcam.Camera{NoUDP: true}, camera.Auto},
		{"TLS", testcam.Camera{TLS: true, Audio: testcam.AAC}, camera.TCP},
		{"basic login", testcam.Camera{Username: "u", Password: "p/@ä?", Auth: testcam.Basic}, camera.TCP},
		{"digest login", testcam.Camera{Username: "u", Password: "p w", Auth: testcam.DigestSHA256}, camera.TCP},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, c.cam)
			o := options(t, h.URL(media.Main))
			o.Transport = c.transport
			s := open(t, o)
			items := video(t, s, 45)
			if !items[0].Unit.Random || items[0].Video.Width != 640 || items[0].Video.Height != 360 {
				t.Fatalf("first picture: random %v, track %+v", items[0].Unit.Random, items[0].Video)
			}
			first, err := testcam.MarkOf(items[0].Unit.Data)
			if err != nil {
				t.Fatal(err)
			}
			for i, it := range items {
				m, err := testcam.MarkOf(it.Unit.Data)
				if err != nil || m.Camera != h.Code() || m.Frame != first.Frame+uint64(i) {
					t.Fatalf("picture %d carries %v, %v; the first was %v", i, m, err, first)
				}
				if want := int64(i) * 6000; it.Unit.DTS-items[0].Unit.DTS != want || it.Unit.PTS != it.Unit.DTS {
					t.Fatalf("picture %d is due %d ticks after the first, want %d", i, it.Unit.DTS-items[0].Unit.DTS, want)
				}
			}
			if (s.Audio() != nil) != (c.cam.Audio == testcam.AAC) {
				t.Errorf("sound: %+v", s.Audio())
			}
		})
	}
}

func TestSoundComesWithThePicturesAndInTheirTime(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Audio: testcam.AAC})
	s := open(t, options(t, h.URL(media.Main)))
	a := s.Audio()
	if a == nil || a.Codec != media.AAC || a.SampleRate != 16000 || a.Channels != 1 {
		t.Fatalf("audio %+v", a)
	}
	var last *media.Unit
	for range 60 {
		it, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u := it.Unit; u.Kind == media.Audio {
			if last != nil && u.DTS-last.DTS != 1024 {
				t.Fatalf("frames are %d samples apart", u.DTS-last.DTS)
			}
			last = u
		}
	}
	if last == nil {
		t.Fatal("no sound came")
	}
}

// failure runs fn until the session that it opens fails, and returns the failure.
func failure(t *testing.T, err error) *camera.Failure {
	t.Helper()
	f := (*camera.Failure)(nil)
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a failure", err)
	}
	return f
}

func TestWhatGoesWrongIsSaidInPlainWords(t *testing.T) {
	secret := "s3cret-canary"
	for _, c := range []struct {
		name  string
		fault func(h *testcam.Handle) error
		kind  camera.Kind
		say   string
	}{
		{"refused", func(h *testcam.Handle) error { return h.Refuse(true) }, camera.Unreachable, "connection refused"},
		{"password", func(h *testcam.Handle) error { h.SetPassword("other"); return nil }, camera.Refused, "wrong user name or password"},
		{"path", func(h *testcam.Handle) error { h.Reject(404); return nil }, camera.NotFound, "404"},
		{"busy", func(h *testcam.Handle) error { h.Reject(453); return nil }, camera.Busy, "no connection free"},
		{"overloaded", func(h *testcam.Handle) error { h.Reject(503); return nil }, camera.Busy, "no connection free"},
		{"odd status", func(h *testcam.Handle) error { h.Reject(418); return nil }, camera.Broken, "418"},
		{"codec", func(h *testcam.Handle) error { h.Describe(testcam.UnsupportedSDP); return nil }, camera.Unsupported, "VP8"},
		{"sound only", func(h *testcam.Handle) error { h.Describe(testcam.AudioOnlySDP); return nil }, camera.Unsupported, "sound only"},
		{"nothing", func(h *testcam.Handle) error { h.Describe(testcam.EmptySDP); return nil }, camera.Broken, "SDP"},
		{"garbage", func(h *testcam.Handle) error { h.Describe(testcam.GarbageSDP); return nil }, camera.Broken, "SDP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, testcam.Camera{Username: "admin", Password: secret})
			if err := c.fault(h); err != nil {
				t.Fatal(err)
			}
			_, err := camera.Open(t.Context(), options(t, h.URL(media.Main)))
			f := failure(t, err)
			if f.Kind != c.kind || !strings.Contains(f.Reason, c.say) {
				t.Errorf("kind %d, reason %q; want %d, %q (cause %v)", f.Kind, f.Reason, c.kind, c.say, f.Err)
			}
			if strings.Contains(f.Reason, secret) || strings.Contains(f.Err.Error(), secret) {
				t.Errorf("the password is told: %q, %v", f.Reason, f.Err)
			}
		})
	}
}

func TestANameWithoutAddressAndAPortWithoutTLSAreSaid(t *testing.T) {
	t.Parallel()
	_, err := camera.Open(t.Context(), options(t, "rtsp://no-such-camera.invalid/x"))
	if f := failure(t, err); f.Kind != camera.Unreachable || !strings.Contains(f.Reason, "no-such-camera.invalid") {
		t.Errorf("%d %q (%v)", f.Kind, f.Reason, f.Err)
	}
	_, err = camera.Open(t.Context(), options(t, "rtsps://"+start(t, testcam.Camera{}).URL(media.Main)[len("rtsp://"):]))
	if f := failure(t, err); f.Kind != camera.Unreachable || !strings.Contains(f.Reason, "TLS") {
		t.Errorf("TLS to a port without: %d %q (%v)", f.Kind, f.Reason, f.Err)
	}
}

// untilFailure reads until the session ends.
func untilFailure(t *testing.T, s *camera.Session) *camera.Failure {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		if _, err := s.Next(ctx); err != nil {
			return failure(t, err)
		}
	}
}

func TestASessionEndsWhenTheCameraStopsSendingPictures(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(h *testcam.Handle)
		kind  camera.Kind
	}{
		{"frozen", func(h *testcam.Handle) { h.Freeze(true) }, camera.Frozen},
		{"hung", func(h *testcam.Handle) { h.Hang(true) }, camera.Frozen},
		{"dropped", func(h *testcam.Handle) { h.Drop() }, camera.Unreachable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, testcam.Camera{Audio: testcam.AAC})
			o := options(t, h.URL(media.Main))
			o.FrameTimeout = 2 * time.Second
			s := open(t, o)
			video(t, s, 5)
			c.fault(h)
			if f := untilFailure(t, s); f.Kind != c.kind {
				t.Errorf("kind %d, %q (%v)", f.Kind, f.Reason, f.Err)
			}
			if c.name == "hung" {
				h.Hang(false)
			}
		})
	}
}

func TestAReaderThatStallsEndsTheSessionAndNotTheCamera(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{Main: testcam.Video{FPS: 120}, Audio: testcam.AAC})
	s := open(t, options(t, h.URL(media.Main)))
	if err := h.WaitFrame(t.Context(), media.Main, h.LastFrame(media.Main)+1200); err != nil {
		t.Fatal(err)
	}
	if f := untilFailure(t, s); f.Kind != camera.Overrun {
		t.Errorf("kind %d, %q", f.Kind, f.Reason)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := camera.Open(ctx, options(t, "rtsp://"+l.Addr().String()+"/x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestRealEncodersKeepTheirDecodingOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		codec   string
		want    media.Codec
		options []string
	}{
		{"libx264", media.H264, []string{"-bf", "3", "-g", "25"}},
		{"libx265", media.H265, []string{"-g", "25", "-x265-params", "log-level=none:bframes=3"}},
	} {
		t.Run(c.codec, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "clip.mp4")
			args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=3", "-c:v", c.codec, "-pix_fmt", "yuv420p"}, c.options...)
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			h := start(t, testcam.Camera{File: path})
			items := video(t, open(t, options(t, h.URL(media.Main))), 50)
			reordered := false
			for i, it := range items {
				reordered = reordered || it.Unit.PTS != it.Unit.DTS
				if it.Unit.PTS < it.Unit.DTS || (i > 0 && it.Unit.DTS <= items[i-1].Unit.DTS) {
					t.Fatalf("picture %d: PTS %d, DTS %d", i, it.Unit.PTS, it.Unit.DTS)
				}
			}
			if items[0].Video.Codec != c.want || !reordered {
				t.Errorf("codec %v, reordered %v", items[0].Video.Codec, reordered)
			}
		})
	}
}
