package testcam

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func TestDecodedPicturesCarryTheMarkOfTheirFrame(t *testing.T) {
	for _, size := range [][2]int{{640, 360}, {320, 180}, {1280, 720}, {1920, 1080}, {640, 480}, {354, 202}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			w, h := size[0], size[1]
			d := drawnAt(t, Camera{Name: "front-door", Main: Video{Width: w, Height: h}}, media.Main)
			var units [][][]byte
			var marks []Mark
			for range 40 {
				u := d.next(true, false)
				m, err := MarkOf(u.data)
				if err != nil {
					t.Fatal(err)
				}
				units, marks = append(units, u.data), append(marks, m)
			}
			yuv := decodeYUV(t, annexB(t, "x.h264", units...))
			frame := w * h * 3 / 2
			if len(yuv) != len(units)*frame {
				t.Fatalf("%d pictures came out of %d", len(yuv)/frame, len(units))
			}
			for i, m := range marks {
				got, err := ReadPixels(yuv[i*frame:], w, w, h)
				if err != nil {
					t.Fatalf("picture %d: %v", i, err)
				}
				m.Time = m.Time.Truncate(time.Millisecond)
				if got != m || got.Frame != uint64(i+1) || got.Camera != CodeOf("front-door") || got.Run != 7 {
					t.Fatalf("picture %d says %v, its SEI %v", i, got, m)
				}
			}
		})
	}
}

// Noise of every strength produces coefficient blocks of every length, and so uses every row of the code tables.
func TestDecoderSeesWhatTheEncoderThinksItSees(t *testing.T) {
	const w, h, frames = 160, 96, 48
	random := rand.New(rand.NewPCG(1, 2))
	e := newEncoder(w, h, 15, 1)
	src := newPicture(w, h)
	var units [][][]byte
	var want bytes.Buffer
	for n := range frames {
		for _, plane := range [][]uint8{src.y, src.cb, src.cr} {
			strength := []int{2, 8, 30, 90, 240}[random.IntN(5)]
			for i := range plane {
				if n%3 == 0 || random.IntN(4) == 0 {
					plane[i] = uint8(128 + random.IntN(strength+1) - strength/2)
				}
			}
		}
		slice := e.encode(src, n%10 == 0, func(mx, my int) bool { return (mx+my+n)%7 == 0 })
		units = append(units, [][]byte{e.sps, e.pps, slice})
		for _, plane := range [][]uint8{e.recon.y, e.recon.cb, e.recon.cr} {
			want.Write(plane)
		}
	}
	if got := decodeYUV(t, annexB(t, "noise.h264", units...)); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("ffmpeg decodes %d bytes otherwise than the encoder reckoned", len(got))
	}
}

func TestPicturesStayCloseToWhatWasDrawn(t *testing.T) {
	d := drawnAt(t, Camera{Name: "garden"}, media.Main)
	for range 20 {
		d.next(true, false)
	}
	sum := 0
	for i, v := range d.encoder.recon.y {
		difference := int(v) - int(d.painter.now.y[i])
		sum += difference * difference
	}
	if mean := float64(sum) / float64(len(d.encoder.recon.y)); mean > 6.5 { // 40 dB
		t.Errorf("mean square error %.1f", mean)
	}
}

func TestFFprobeSeesSizeRateAndProfile(t *testing.T) {
	d := drawnAt(t, Camera{Name: "garage", Main: Video{Width: 640, Height: 360, FPS: 20}}, media.Main)
	var units [][][]byte
	for range 30 {
		units = append(units, d.next(true, false).data)
	}
	out := string(run(t, "ffprobe", "-show_entries", "stream=width,height,r_frame_rate,profile,has_b_frames", "-of", "csv=p=0",
		annexB(t, "x.h264", units...)))
	if strings.TrimSpace(out) != "Constrained Baseline,640,360,0,20/1" {
		t.Errorf("ffprobe sees %s", out)
	}
}

func TestStreamsStayWithinTwoMegabits(t *testing.T) {
	for scene := FrontDoor; scene < sceneCount; scene++ {
		for _, q := range []media.Quality{media.Main, media.Sub} {
			d := drawnAt(t, Camera{Name: "x", Scene: scene}, q)
			bytes := 0
			for range 150 {
				for _, nalu := range d.next(true, false).data {
					bytes += len(nalu)
				}
			}
			if bytes*8/10 > 2_000_000 {
				t.Errorf("scene %d %s takes %d bit/s", scene, q, bytes*8/10)
			}
		}
	}
}

func TestAKeyFrameStandsEveryGOP(t *testing.T) {
	d := drawnAt(t, Camera{Name: "x", Main: Video{FPS: 10, GOP: 500 * time.Millisecond}}, media.Main)
	for i := range 20 {
		u := d.next(true, false)
		if key := len(u.data) == 4; key != (i%5 == 0) {
			t.Errorf("frame %d: key frame %v", i+1, key)
		}
	}
	d.next(false, false)
	if u := d.next(true, false); len(u.data) != 4 {
		t.Error("after frames that were not made, the next is no key frame")
	}
}
