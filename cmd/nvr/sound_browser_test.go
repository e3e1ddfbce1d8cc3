package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// TestFootageIsWatchedWhereSoundWent watches the seconds around the moment from which on sound was switched off. The footage before and after
// does not fit into one buffer of the browser.
func TestFootageIsWatchedWhereSoundWent(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "yard", NoSub: true, Audio: testcam.AAC})
	s.start()
	w := &watching{tab: newTab(t, 800, 640), site: s, v: s.login("alice")}
	w.v.recording()
	yard := s.cams.Camera("yard")
	must(t, yard.WaitFrame(t.Context(), media.Main, yard.LastFrame(media.Main)+8*15))
	s.kill(syscall.SIGTERM)
	text, err := os.ReadFile(s.conf)
	must(t, err)
	must(t, os.WriteFile(s.conf, bytes.ReplaceAll(text, []byte("audio: true"), []byte("audio: false")), 0o600))
	muted := time.Now()
	s.start()
	w.login(s.url, "alice", testPassword)
	until(t, 40*time.Second, "footage without sound", func() bool {
		w.all = w.v.recorded("yard", muted.Add(-time.Minute), time.Now())
		return w.all[len(w.all)-1].at.After(muted.Add(15 * time.Second))
	})
	silent := slices.IndexFunc(w.all, func(x shot) bool { return x.at.After(muted) && !w.hasSound("yard", x.at) })
	if silent < 40 || silent+45 > len(w.all) {
		t.Fatalf("of %d pictures, the first in footage without sound is number %d", len(w.all), silent)
	}

	w.opens("yard", w.all[silent-75].at)
	after := w.all[silent+40].mark.Frame
	w.paints("a picture without sound, by playing", func(m testcam.Mark) bool { return m.Frame > after })

	w.opens("yard", w.all[silent-20].at)
	w.pauses()
	at := w.steps(".", 40, along(w.all, 1))
	over := slices.IndexFunc(w.all, func(x shot) bool { return same(x.mark, at) })
	w.steps(",", over-silent+1, along(w.all, -1))
	last := w.all[silent-1].mark.Frame
	w.do(chromedp.KeyEvent("k"))
	w.paints("a picture without sound, by playing from the last one with sound", func(m testcam.Mark) bool {
		if m.Frame < last {
			t.Errorf("playing from picture %d went back to %d", last, m.Frame)
		}
		return m.Frame > after
	})
}

// hasSound reports whether the camera's footage of a moment has sound.
func (w *watching) hasSound(camera string, at time.Time) bool {
	w.t.Helper()
	return strings.Contains(w.codecs(camera, at), "mp4a")
}

// decodedSound returns how many bytes of sound the browser has decoded for the videos of a page.
const decodedSound = `Math.max(...[...document.querySelectorAll("video")].map(v => v.webkitAudioDecodedByteCount))`

// TestSoundOfEveryCodecIsHeardAndItsHolesArePlayedThrough watches cameras live and later: their sound is decoded, and where they sent none for a
// while, pictures go on.
func TestSoundOfEveryCodecIsHeardAndItsHolesArePlayedThrough(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec string // in the type of the footage
		cam   testcam.Camera
	}{
		{"aac", "mp4a.40.2", testcam.Camera{Audio: testcam.AAC}},
		{"alaw", "flac", testcam.Camera{Audio: testcam.PCMA}},
		{"opus", "opus", testcam.Camera{Audio: testcam.Packed, Packets: camtest.Opus(t, tone(48000), 48000)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cam.Name, c.cam.NoSub = "yard", true
			s := newSite(t, c.cam)
			s.start()
			w := &watching{tab: newTab(t, 800, 640), site: s, v: s.login("alice")}
			w.v.recording()
			yard := s.cams.Camera("yard")
			w.login(s.url, "alice", testPassword)
			w.do(chromedp.Navigate(s.url+"/cameras/yard"), chromedp.WaitVisible("#mute"), chromedp.Click("#mute"))
			w.paints("a live picture", func(testcam.Mark) bool { return true })
			heard := func(what string, than float64) float64 {
				t.Helper()
				n := 0.0
				until(t, 20*time.Second, what, func() bool { n = eval[float64](w.tab, decodedSound); return n > than })
				return n
			}
			heard("sound of live pictures", 0)

			muted := time.Now()
			yard.Mute(true)
			must(t, yard.WaitFrame(t.Context(), media.Main, yard.LastFrame(media.Main)+6*15))
			last := yard.LastFrame(media.Main)
			w.paints("a live picture while no sound comes", func(m testcam.Mark) bool { return m.Frame > last })
			yard.Mute(false)
			n := eval[float64](w.tab, decodedSound)
			must(t, yard.WaitFrame(t.Context(), media.Main, yard.LastFrame(media.Main)+6*15))
			last = yard.LastFrame(media.Main)
			w.paints("a live picture when sound comes again", func(m testcam.Mark) bool { return m.Frame > last })
			heard("sound again", n)

			until(t, 40*time.Second, "footage of all that", func() bool {
				w.all = w.v.recorded("yard", muted.Add(-time.Minute), time.Now())
				return w.all[len(w.all)-1].at.After(muted.Add(12 * time.Second))
			})
			for _, x := range []shot{w.all[0], w.all[len(w.all)-1]} {
				if got := w.codecs("yard", x.at); !strings.HasSuffix(got, ","+c.codec+`"`) {
					t.Errorf("at %v the footage is %s", x.at, got)
				}
			}
			first := slices.IndexFunc(w.all, func(x shot) bool { return x.at.After(muted) })
			w.opens("yard", w.all[max(0, first-20)].at)
			if !eval[bool](w.tab, `document.querySelector("#mute").getAttribute("aria-pressed") === "true"`) {
				w.do(chromedp.Click("#mute"))
			}
			after := w.all[first].mark.Frame + 8*15
			w.paints("a picture after the silence, by playing", func(m testcam.Mark) bool { return m.Frame > after })
			heard("sound of recorded pictures", 0)
		})
	}
}

// codecs returns the type of the camera's footage of a moment.
func (w *watching) codecs(camera string, at time.Time) string {
	w.t.Helper()
	q := url.Values{"from": {at.UTC().Format(time.RFC3339Nano)}, "to": {at.Add(time.Millisecond).UTC().Format(time.RFC3339Nano)}}
	resp, err := w.v.client.Get(w.site.url + "/api/v1/cameras/" + camera + "/segments.mp4?" + q.Encode())
	must(w.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("segments at %v: %s", at, resp.Status)
	}
	return resp.Header.Get("Content-Type")
}

// tone returns two seconds of a tone.
func tone(rate int) []byte {
	var b []byte
	for i := range 2 * rate {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*440*float64(i)/float64(rate)))))
	}
	return b
}
