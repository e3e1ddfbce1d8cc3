package storage

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// TestNoPictureOutsideAWindowIsInTheBytes opens footage with permits with random windows, and searches it for the unique bytes of
// every frame.
func TestNoPictureOutsideAWindowIsInTheBytes(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	const pictures = 4 * 60
	k.record(id, film{start: epoch, seconds: 60, gop: 3, audio: &plainAudio})
	k.record(id, film{start: epoch, seconds: 60, gop: 5, quality: media.Sub})
	rng := rand.New(rand.NewPCG(11, 12))
	found := 0
	for round := range 60 {
		w := access.Window{From: at(rng.Float64() * 50)}
		w.To = w.From.Add(time.Duration(rng.Float64() * 15 * float64(time.Second)))
		p, err := access.Decide(access.Viewer{Kind: access.LinkView, GrantID: 1}, id, access.Grant{Rights: access.Owned, Window: w},
			access.Playback, k.clock.Now().Add(time.Minute))
		ok(t, err)
		from := at(rng.Float64()*70 - 5)
		span := Span{from, from.Add(time.Duration(1 + rng.Float64()*60*float64(time.Second)))}
		quality := media.Quality(1 + round%2)
		for way, open := range map[string]func() (*Clip, error){
			"clip":      func() (*Clip, error) { return k.OpenClip(t.Context(), p, quality, span) },
			"segments":  func() (*Clip, error) { return k.OpenSegments(t.Context(), p, quality, span) },
			"key frame": func() (*Clip, error) { return k.OpenKeyFrame(t.Context(), p, quality, span.To) },
		} {
			c, err := open()
			if errors.Is(err, ErrNoFootage) {
				continue
			}
			ok(t, err)
			b, err := io.ReadAll(c)
			ok(t, err)
			ok(t, c.Close())
			for n := range pictures {
				if !bytes.Contains(b, picture(n)) {
					continue
				}
				found++
				if begin, end := at(float64(n)/4), at(float64(n+1)/4); !w.Holds(begin) || way != "key frame" && end.After(w.To) {
					t.Fatalf("%s: the picture of %v to %v is handed out, the window is %v to %v", way, begin, end, w.From, w.To)
				}
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d pictures were found: the test looks elsewhere", found)
	}
}

// picture returns the encoded n-th frame of film.
func picture(n int) []byte {
	b := make([]byte, 64)
	for i := range b {
		b[i] = byte(n + i)
	}
	return b
}
