package testcam

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// film has ffmpeg encode a moving picture with frame numbers, 25 a second, and an optional tone.
func film(t testing.TB, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1", "-f", "lavfi", "-i", "sine=r=44100:d=1"}
	run(t, "ffmpeg", append(append(all, args...), path)...)
	return path
}

func TestFilesOfEncodersAreServedWithTheirTimes(t *testing.T) {
	t.Parallel()
	x264 := film(t, "x264.mp4", "-map", "0", "-map", "1", "-c:v", "libx264", "-bf", "3", "-g", "25", "-c:a", "aac")
	x265 := film(t, "x265.mp4", "-map", "0", "-c:v", "libx265", "-x265-params", "log-level=error:bframes=4:keyint=25")
	slices := film(t, "slices.h264", "-map", "0", "-c:v", "libx264", "-bf", "0", "-slices", "3", "-g", "25")
	hevc := film(t, "x.h265", "-map", "0", "-c:v", "libx265", "-x265-params", "log-level=error:bframes=0:keyint=25")
	rate := Video{FPS: 25}
	s := serve(t, Camera{Name: "x264", File: x264}, Camera{Name: "x265", File: x265},
		Camera{Name: "slices", File: slices, Main: rate}, Camera{Name: "hevc", File: hevc, Main: rate, SubFile: x264})
	for name, reordered := range map[string]bool{"x264": true, "x265": true, "slices": false, "hevc": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times, sounds := timestamps(t, s.URL(name, media.Main), 1400*time.Millisecond)
			checkTimes(t, name, times, reordered)
			if (sounds > 0) != (name == "x264") {
				t.Errorf("%d packets of sound", sounds)
			}
			for s.Camera(name).Viewers(media.Main) > 0 { // so that ffmpeg is sent a key frame first
				pass(t, s.Camera(name), 1)
			}
			run(t, "ffmpeg", "-v", "error", "-xerror", "-rtsp_transport", "tcp", "-i", s.URL(name, media.Main),
				"-t", "1", "-f", "null", "-")
		})
	}
}

// timestamps watches for a while and returns the timestamps of all access units in the order of arrival.
func timestamps(t *testing.T, url string, length time.Duration) (times []int32, sounds int) {
	t.Helper()
	c, u, err := connect(t, url, gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatal(err)
	}
	units, done := make(chan uint32, 4096), make(chan struct{})
	c.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		if m.Type != description.MediaTypeVideo {
			sounds++
		} else if p.Marker {
			units <- p.Timestamp
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		c.Wait() //nolint:errcheck // it ends with the Close below
	}()
	var first uint32
	for len(times) < int(length/(40*time.Millisecond)) {
		select {
		case at := <-units:
			if len(times) == 0 {
				first = at
			}
			times = append(times, int32(at-first))
		case <-time.After(patience):
			t.Fatal("no frame came")
		}
	}
	c.Close()
	<-done
	return times, sounds
}

// checkTimes checks that access units are 3600 ticks apart without duplicates, also where the file repeats. If the encoder
// reordered, some must arrive before a unit that is shown earlier.
func checkTimes(t *testing.T, name string, times []int32, reordered bool) {
	t.Helper()
	seen := map[int32]bool{}
	low, high, backwards := int32(0), int32(0), 0
	for i, at := range times {
		if at%3600 != 0 || seen[at] {
			t.Errorf("%s: unit %d is at %d, again or off the beat", name, i, at)
		}
		if i > 0 && at < times[i-1] {
			backwards++
		}
		seen[at] = true
		low, high = min(low, at), max(high, at)
	}
	// At both ends a few may be missing, since the viewer came and left in the middle of a reordered group.
	if missing := int(high-low)/3600 + 1 - len(times); missing > 8 {
		t.Errorf("%s: %d of %d units are missing", name, missing, len(times)+missing)
	}
	if (backwards > 0) != reordered {
		t.Errorf("%s: %d units are shown before the one that came before", name, backwards)
	}
}

func TestAFarmSendsAllItsCamerasFrames(t *testing.T) {
	t.Parallel()
	d := drawnAt(t, Camera{Name: "x"}, media.Sub)
	var units [][][]byte
	for range 30 {
		u := d.next(true, false).data
		units = append(units, append(u[:len(u)-2:len(u)-2], u[len(u)-1])) // without the SEI message
	}
	farm, err := StartFarm(t.Context(), FarmOptions{File: annexB(t, "x.h264", units...), Count: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(farm.Close)
	var viewers []*viewer
	for i := 1; i <= farm.Count(); i++ {
		viewers = append(viewers, watch(t, farm.URL(i)))
	}
	for i := 1; i <= farm.Count(); i++ {
		v := viewers[i-1]
		last := v.next(t)
		for range 40 {
			now := v.next(t)
			if now.mark.Camera != uint32(i) || now.mark.Frame != last.mark.Frame+1 || now.timestamp != last.timestamp+6000 {
				t.Fatalf("camera %d: %v at %d follows %v at %d", i, now.mark, now.timestamp, last.mark, last.timestamp)
			}
			last = now
		}
		if n := farm.LastFrame(i); n < last.mark.Frame || n > last.mark.Frame+75 {
			t.Errorf("camera %d counts %d, sent %d", i, n, last.mark.Frame)
		}
	}
	if n := farm.Viewers(); n != 5 {
		t.Errorf("%d viewers", n)
	}
	if err := describe(t, farm.URL(6)); err == nil {
		t.Error("there is a sixth camera")
	}
}

func FuzzSplitAnnexB(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var joined []byte
		nalus := splitAnnexB(b)
		for _, nalu := range nalus {
			joined = append(append(joined, 0, 0, 1), nalu...)
		}
		again := splitAnnexB(joined)
		if fmt.Sprint(again) != fmt.Sprint(nalus) {
			t.Errorf("%x became %x", nalus, again)
		}
	})
}

func TestFilesThatAreNoneAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"empty.mp4": nil, "text.mp4": []byte("hello, hello, hello"), "empty.h264": nil, "zeros.h265": make([]byte, 99),
		"huge.mp4": binary.BigEndian.AppendUint64([]byte{0, 0, 0, 1, 'm', 'd', 'a', 't'}, 1<<60),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := readClip(path, 15); err == nil {
			t.Errorf("%s holds %d pictures", name, len(c.video))
		}
	}
}
