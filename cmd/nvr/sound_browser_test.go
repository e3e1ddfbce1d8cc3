package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// TestFootageIsWatchedWhereSoundWent watches the seconds around the moment from which on a camera sent no sound. The footage before and after
// does not fit into one buffer of the browser.
func TestFootageIsWatchedWhereSoundWent(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "yard", NoSub: true, Audio: testcam.AAC})
	s.start()
	w := &watching{tab: newTab(t, 800, 640), site: s, v: s.login("alice")}
	w.v.recording()
	yard := s.cams.Camera("yard")
	must(t, yard.WaitFrame(t.Context(), media.Main, yard.LastFrame(media.Main)+8*15))
	yard.Mute(true)
	muted := time.Now()
	w.login(s.url, "alice", testPassword)
	until(t, 40*time.Second, "footage without sound", func() bool {
		w.all = w.v.recorded("yard", muted.Add(-time.Minute), time.Now())
		return w.all[len(w.all)-1].at.After(muted.Add(15 * time.Second))
	})
	silent := slices.IndexFunc(w.all, func(x shot) bool { return x.at.After(muted) && !w.hasSound("yard", x.at) })
	if silent < 40 || silent+45 > len(w.all) {
		t.Fatalf("of %d pictures, the first in footage without sound is number %d", len(w.all), silent)
	}

	w.opens("yard", w.all[silent-75].at) // some sound comes still
	after := w.all[silent+40].mark.Frame
	w.paints("a picture without sound, by playing", func(m testcam.Mark) bool { return m.Frame > after })

	w.opens("yard", w.all[silent-20].at) // no sound came any more
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
	q := url.Values{"from": {at.UTC().Format(time.RFC3339Nano)}, "to": {at.Add(time.Millisecond).UTC().Format(time.RFC3339Nano)}}
	resp, err := w.v.client.Get(w.site.url + "/api/v1/cameras/" + camera + "/segments.mp4?" + q.Encode())
	must(w.t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("segments at %v: %s", at, resp.Status)
	}
	return strings.Contains(resp.Header.Get("Content-Type"), "mp4a")
}
