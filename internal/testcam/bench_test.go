package testcam

import (
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// BenchmarkPicture measures drawing and encoding one frame. 32 cameras at 15 frames a second need 480 a second.
func BenchmarkPicture(b *testing.B) {
	for _, q := range []media.Quality{media.Main, media.Sub} {
		b.Run(q.String(), func(b *testing.B) {
			d := drawnAt(b, Camera{Name: "street"}, q)
			bytes, n := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				for _, nalu := range d.next(true, false).data {
					bytes += len(nalu)
				}
				n++
			}
			b.ReportMetric(float64(bytes)*8*15/float64(n)/1000, "kbit/s")
		})
	}
}

// BenchmarkScene measures the start of the first camera of a scene.
func BenchmarkScene(b *testing.B) {
	for b.Loop() {
		Street.draw(640, 360)
	}
}

// drawnAt returns the source of a camera that began its run at a fixed moment.
func drawnAt(t testing.TB, c Camera, q media.Quality) *drawn {
	t.Helper()
	c, err := c.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	studio := newStudio()
	s, err := studio.source(&c, q, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	s.restart(7, time.Date(2026, 11, 22, 13, 5, 14, 0, time.UTC))
	return s.(*drawn)
}
