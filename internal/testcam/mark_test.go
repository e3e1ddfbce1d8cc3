package testcam

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func FuzzMarksSurviveSEI(f *testing.F) {
	f.Add(uint32(1), uint32(1), uint64(1), int64(1_790_000_000_000_000), false)
	f.Add(uint32(MaxCode), uint32(0), uint64(0), int64(0), true)
	f.Fuzz(func(t *testing.T, code, run uint32, frame uint64, us int64, sub bool) {
		m := Mark{Camera: max(1, code&MaxCode), Quality: media.Main, Run: run, Frame: frame, Time: time.UnixMicro(us).UTC()}
		if sub {
			m.Quality = media.Sub
		}
		got, err := ParseSEI(markSEI(m))
		if err != nil || got != m {
			t.Errorf("%v came back as %v, %v", m, got, err)
		}
	})
}

func FuzzParseSEIAcceptsOnlyWhatItWouldWrite(f *testing.F) {
	f.Add(markSEI(Mark{Camera: 5, Quality: media.Sub, Run: 1, Frame: 9, Time: time.Now()}))
	f.Add([]byte{6, 5, 255, 255})
	f.Fuzz(func(t *testing.T, nalu []byte) {
		m, err := ParseSEI(nalu)
		if err != nil {
			return
		}
		if again, err := ParseSEI(markSEI(m)); err != nil || again != m {
			t.Errorf("%v came back as %v, %v", m, again, err)
		}
	})
}

func FuzzMarksSurviveThePixels(f *testing.F) {
	f.Add(uint32(1), uint32(1), uint32(1), uint64(0), uint16(320), uint16(180))
	f.Add(uint32(MaxCode), uint32(0x7fff), uint32(1<<32-1), uint64(1<<40-1), uint16(641), uint16(363))
	set := Street.draw(320, 180)
	f.Fuzz(func(t *testing.T, code, run, frame uint32, ms uint64, w, h uint16) {
		m := Mark{
			Camera: max(1, code&MaxCode), Quality: media.Sub, Run: run & 0x7fff, Frame: uint64(frame),
			Time: time.UnixMilli(int64(ms&(1<<40-1)) + wordEpoch).UTC(),
		}
		width := (160 + int(w)%800) &^ 1
		height := max(width/4, int(h)%600) &^ 1
		if width != set.background.w || height > set.background.h {
			set = &scenery{background: newPicture((width+15)&^15, (height+15)&^15)}
		}
		p := newPainter(width, height, set, "x", time.UTC)
		got, err := ReadPixels(p.paint(m).y, p.now.w, width, height)
		if err != nil || got != m {
			t.Errorf("%d×%d: %v came back as %v, %v", width, height, m, got, err)
		}
	})
}

func TestADamagedCodeWordIsNotRead(t *testing.T) {
	d := drawnAt(t, Camera{Name: "x"}, media.Main)
	d.next(true, false)
	p := d.painter
	for i := range 2 * ribbonData {
		r := p.cell(ribbonFirst+i%ribbonData, 1+i/ribbonData)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				p.now.y[y*p.now.w+x] = 255 - p.now.y[y*p.now.w+x]
			}
		}
		if m, err := ReadPixels(p.now.y, p.now.w, p.w, p.h); !errors.Is(err, ErrNoMark) && i < 2*ribbonData-1 {
			t.Fatalf("with %d cells turned it reads %v, %v", i+1, m, err)
		}
	}
	if _, err := ReadPixels(nil, 640, 640, 360); !errors.Is(err, ErrNoMark) {
		t.Errorf("no picture: %v", err)
	}
}

func TestEachSPSNamesItsCamera(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range []uint32{1, 2, 3, 255, 256, 65536, 0x030303, 0x000300, MaxCode} {
		sps := writeSPS(640, 360, 15, code)
		got, err := SPSCamera(sps)
		if err != nil || got != code || seen[string(sps)] {
			t.Errorf("code %x reads as %x, %v", code, got, err)
		}
		seen[string(sps)] = true
	}
	if _, err := SPSCamera([]byte{0x67, 1, 2}); !errors.Is(err, ErrNoMark) {
		t.Errorf("garbage: %v", err)
	}
}

// rgbOf converts a frame to RGB like a screen, BT.709.
func rgbOf(p *picture, w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			l := 1.1644 * (float64(p.y[y*p.w+x]) - 16)
			cb := float64(p.cb[y/2*p.w/2+x/2]) - 128
			cr := float64(p.cr[y/2*p.w/2+x/2]) - 128
			at := func(v float64) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
			img.SetRGBA(x, y, color.RGBA{at(l + 1.7927*cr), at(l - 0.2132*cb - 0.5329*cr), at(l + 2.1124*cb), 255})
		}
	}
	return img
}

// show draws src into dst, scaled to fill r: averaged for a smaller size, bilinear for a larger one.
func show(dst *image.RGBA, r image.Rectangle, src *image.RGBA) {
	sx, sy := float64(src.Rect.Dx())/float64(r.Dx()), float64(src.Rect.Dy())/float64(r.Dy())
	const taps = 3
	for y := range r.Dy() {
		for x := range r.Dx() {
			var sum [3]float64
			for i := range taps * taps {
				px := (float64(x)+(float64(i%taps)+0.5)/taps)*sx - 0.5
				py := (float64(y)+(float64(i/taps)+0.5)/taps)*sy - 0.5
				c := src.RGBAAt(min(max(int(px+0.5), 0), src.Rect.Dx()-1), min(max(int(py+0.5), 0), src.Rect.Dy()-1))
				sum[0], sum[1], sum[2] = sum[0]+float64(c.R), sum[1]+float64(c.G), sum[2]+float64(c.B)
			}
			n := float64(taps * taps)
			dst.SetRGBA(r.Min.X+x, r.Min.Y+y, color.RGBA{uint8(sum[0] / n), uint8(sum[1] / n), uint8(sum[2] / n), 255})
		}
	}
}

func TestScreenshotsAreReadAtAnyScale(t *testing.T) {
	for _, q := range []media.Quality{media.Main, media.Sub} {
		d := drawnAt(t, Camera{Name: "living-room"}, q)
		d.next(true, false)
		m, err := MarkOf(d.next(true, false).data)
		if err != nil {
			t.Fatal(err)
		}
		src := rgbOf(d.painter.now, d.video.Width, d.video.Height)
		for width := 210; width < 1400; width += 89 {
			screen := image.NewRGBA(image.Rect(0, 0, width+61, width*9/16+90))
			for i := range screen.Pix {
				screen.Pix[i] = uint8(20 + i%9)
			}
			show(screen, image.Rect(17, 41, 17+width, 41+width*9/16), src)
			got, err := ReadImage(screen)
			if err != nil || got.Frame != m.Frame || got.Camera != m.Camera || got.Quality != q {
				t.Errorf("%s shown %d pixels wide: %v, %v", q, width, got, err)
			}
		}
	}
}

func TestAScreenshotOfFourCamerasGivesFourMarks(t *testing.T) {
	screen := image.NewRGBA(image.Rect(0, 0, 1000, 640))
	for i := range screen.Pix {
		screen.Pix[i] = 240
	}
	names := []string{"front-door", "garden", "street", "living-room"}
	for i, name := range names {
		d := drawnAt(t, Camera{Name: name}, media.Sub)
		d.next(true, false)
		at := image.Pt(12+i%2*490, 20+i/2*300)
		show(screen, image.Rect(at.X, at.Y, at.X+480, at.Y+270), rgbOf(d.painter.now, 320, 180))
	}
	seen := ReadImages(screen)
	if len(seen) != len(names) {
		t.Fatalf("%d marks: %v", len(seen), seen)
	}
	for i, s := range seen {
		if s.Mark.Camera != CodeOf(names[i]) {
			t.Errorf("mark %d is %v, want %s", i, s.Mark, names[i])
		}
		if column := s.Where.Min.X / 490; column != i%2 {
			t.Errorf("%s stands at %v", names[i], s.Where)
		}
	}
	if _, err := ReadImage(image.NewRGBA(image.Rect(0, 0, 300, 200))); !errors.Is(err, ErrNoMark) {
		t.Errorf("an empty screenshot: %v", err)
	}
}

func FuzzNALUnitsSurviveEmulationPrevention(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		nalu := nalUnit(nalSEI, b)
		for i := 0; i+3 <= len(nalu); i++ {
			if nalu[i] == 0 && nalu[i+1] == 0 && nalu[i+2] < 3 {
				t.Fatalf("%x contains a start code", nalu)
			}
		}
		if got := rbspOf(nalu); !bytes.Equal(got, b) {
			t.Errorf("%x came back as %x", b, got)
		}
	})
}
