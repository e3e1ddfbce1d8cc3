package testcam

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"

	"keepwatch.internal/internal/media"
)

func TestFramesArriveOneByOneByEveryTransport(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "plain"}, Camera{Name: "secure", TLS: true})
	for _, c := range []struct {
		name     string
		protocol gortsplib.Protocol
	}{{"plain", gortsplib.ProtocolTCP}, {"plain", gortsplib.ProtocolUDP}, {"secure", gortsplib.ProtocolTCP}} {
		for _, q := range []media.Quality{media.Main, media.Sub} {
			t.Run(fmt.Sprintf("%s %v %s", c.name, c.protocol, q), func(t *testing.T) {
				t.Parallel()
				v, err := tryWatch(t, s.URL(c.name, q), c.protocol)
				if err != nil {
					t.Fatal(err)
				}
				checkFrames(t, v, c.name, q)
			})
		}
	}
}

// checkFrames checks that a key frame of the right camera comes within half a second, and that all following frames are
// consecutive. On a busy machine the server begins to send a little before the key frame for the new viewer.
func checkFrames(t *testing.T, v *viewer, name string, q media.Quality) {
	t.Helper()
	first := v.next(t)
	for n := 0; !first.key && n < 7; n++ {
		first = v.next(t)
	}
	if !first.key || first.mark.Camera != CodeOf(name) || first.mark.Quality != q || first.mark.Run != 1 {
		t.Errorf("it begins with %v, key frame: %v", first.mark, first.key)
	}
	if code, err := SPSCamera(v.sdp.SPS); err != nil || code != CodeOf(name) {
		t.Errorf("the SDP names %x, %v", code, err)
	}
	last := first
	for range 20 {
		now := v.next(t)
		if now.mark.Frame != last.mark.Frame+1 || now.timestamp != last.timestamp+6000 {
			t.Errorf("%v at %d follows %v at %d", now.mark, now.timestamp, last.mark, last.timestamp)
		}
		last = now
	}
}

func TestTimesInMarksAndSenderReportsAgree(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	v := watch(t, s.URL("x", media.Main))
	for deadline := time.Now().Add(patience); ; {
		f := v.next(t)
		if late := time.Since(f.mark.Time); late < 0 || late > time.Second {
			t.Fatalf("frame %d says %v, %v ago", f.mark.Frame, f.mark.Time, late)
		}
		if !f.ntp.IsZero() {
			// A sender report is derived from the time between two calls, so it is some milliseconds off.
			if d := f.ntp.Sub(f.mark.Time).Abs(); d > 50*time.Millisecond {
				t.Errorf("the sender report is %v off", d)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no sender report came")
		}
	}
}

func TestFramesAreCountedWhileNobodyWatches(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	pass(t, h, 10)
	v := watch(t, h.URL(media.Main))
	f := v.next(t)
	if f.mark.Frame <= 10 || !f.key {
		t.Errorf("the first frame seen is %v, key frame: %v", f.mark, f.key)
	}
	if other := watch(t, h.URL(media.Main)).next(t); other.mark.Frame <= f.mark.Frame {
		t.Errorf("a second viewer is sent %v after %v", other.mark, f.mark)
	}
	if n := h.Viewers(media.Main); n != 2 {
		t.Errorf("%d viewers", n)
	}
}

func TestEveryMethodOfLoginLetsInWhoKnowsThePassword(t *testing.T) {
	t.Parallel()
	for _, auth := range []Auth{AnyAuth, Basic, DigestMD5, DigestSHA256} {
		s := serve(t, Camera{Name: "x", Username: "viewer", Password: "s3cret/@%", Auth: auth})
		url := s.URL("x", media.Main)
		watch(t, url).next(t)
		for _, wrong := range []string{
			strings.Replace(url, "s3cret", "guess", 1), strings.Replace(url, "viewer", "admin", 1),
			"rtsp://" + url[strings.Index(url, "@")+1:],
		} {
			if err := describe(t, wrong); err == nil || !strings.Contains(err.Error(), "401") {
				t.Errorf("method %d: %s is answered %v", auth, wrong, err)
			}
		}
		s.Camera("x").SetPassword("changed")
		if err := describe(t, url); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("method %d: the old password is answered %v", auth, err)
		}
	}
}

func TestFFmpegReadsPictureAndSoundOverRTSP(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "aac", Audio: AAC, Username: "u", Password: "p"}, Camera{Name: "pcmu", Audio: PCMU})
	for name, want := range map[string]string{"aac": "aac,16000,1", "pcmu": "pcm_mulaw,8000,1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := s.URL(name, media.Main)
			out := string(run(t, "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-analyzeduration", "1000000", "-show_entries",
				"stream=codec_name,width,height,r_frame_rate,sample_rate,channels", "-of", "csv=p=0", url))
			for _, part := range []string{"h264,640,360", "15/1", want} {
				if !strings.Contains(out, part) {
					t.Errorf("ffprobe sees %q, without %s", out, part)
				}
			}
			run(t, "ffmpeg", "-v", "error", "-xerror", "-rtsp_transport", "tcp", "-analyzeduration", "1000000", "-i", url, "-t", "2", "-f", "null", "-")
		})
	}
}

func TestStartRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for want, cameras := range map[string][]Camera{
		"no name":       {{}},
		"two cameras":   {{Name: "a"}, {Name: "a"}},
		"same code":     {{Name: "a", Code: 5}, {Name: "b", Code: 5}},
		"24 bits":       {{Name: "a", Code: 1 << 24}},
		"cannot draw":   {{Name: "a", Main: Video{Width: 33, Height: 20}}},
		"no such file":  {{Name: "a", File: "/nonexistent/x.mp4"}},
		"no video that": {{Name: "a", File: annexB(t, "x.h264", [][]byte{{0x61, 0x80}})}},
	} {
		s, err := Start(t.Context(), Options{Cameras: cameras})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if s != nil {
			s.Close()
		}
	}
}

func TestThirtyTwoCamerasLoseNoFrame(t *testing.T) {
	t.Parallel()
	var cameras []Camera
	for i := range 32 {
		cameras = append(cameras, Camera{Name: string(rune('a'+i%26)) + string(rune('a'+i/26)), Sub: Video{Width: 160, Height: 90, FPS: 5}, NoUDP: true})
	}
	s := serve(t, cameras...)
	var viewers []*viewer
	for _, h := range s.Cameras() {
		viewers = append(viewers, watch(t, h.URL(media.Sub)))
	}
	for i, v := range viewers {
		last := v.next(t)
		for range 12 {
			now := v.next(t)
			if now.mark.Frame != last.mark.Frame+1 || now.mark.Camera != s.Cameras()[i].Code() {
				t.Fatalf("%v follows %v", now.mark, last.mark)
			}
			last = now
		}
	}
}
