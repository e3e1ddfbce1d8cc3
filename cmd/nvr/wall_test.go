package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// demoFrame is how long a picture of the demo's cameras is shown.
const demoFrame = time.Second / 15

// startFaultyDemo runs the demo with cameras that the test can disturb.
func startFaultyDemo(t *testing.T) (url, password string, cams *testcam.Server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cams, err := startDemoCameras(ctx, len(demoNames))
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	conf, err := demoConfig(t.TempDir(), cams, l.Addr().String())
	must(t, err)
	h, err := openHouse(ctx, conf, slog.New(slog.DiscardHandler))
	must(t, err)
	password, err = demoAccount(ctx, h.people)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- h.run(ctx, h.pages(l)) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("demo: %v", err)
		}
		must(t, h.close())
		cams.Close()
	})
	return "http://" + l.Addr().String(), password, cams
}

// wall is the timeline's page in a browser, with what a test knows of the cameras apart from it.
type wall struct {
	*tab
	url    string
	client *http.Client
	behind map[string]time.Duration // how much later than painted a camera's pictures are filed
}

// TestSeveralCamerasPlayInStep follows four cameras through a day of theirs, of which one has a gap.
func TestSeveralCamerasPlayInStep(t *testing.T) {
	base, password, cams := startFaultyDemo(t)
	garage := cams.Camera("garage")
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	must(t, garage.WaitFrame(ctx, media.Main, 15*18))
	must(t, garage.Refuse(true))
	lost := time.Now()
	must(t, cams.Camera("street").WaitFrame(ctx, media.Main, cams.Camera("street").LastFrame(media.Main)+15*12))
	must(t, garage.Refuse(false))

	b := newTab(t, 1440, 900)
	w := &wall{tab: b, url: base, client: cookies(t, base, password), behind: map[string]time.Duration{}}
	begin := lost.Add(-12 * time.Second)
	for _, name := range demoNames {
		w.behind[name] = w.filedBehind(name, begin)
	}
	w.enter(password, "/timeline?cameras=front-door,garage,garden,street&at="+begin.UTC().Format(time.RFC3339))
	w.do(chromedp.Click(`#play`)) // pauses: a link plays
	paused := w.stands("paused")
	w.do(chromedp.KeyEvent(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift)))
	if back := w.stands("a second back")["street"].Sub(paused["street"]); back > -800*time.Millisecond || back < -1200*time.Millisecond {
		t.Errorf("a second back went %v", back)
	}
	w.do(chromedp.Click(`#play`))
	w.inStep("after a jump", demoNames[:]...)
	w.skipsAGap(lost)
	w.holdsItsAddress(begin)
}

// cookies signs in a client beside the browser.
func cookies(t *testing.T, base, password string) *http.Client {
	t.Helper()
	form := url.Values{"username": {demoUser}, "password": {password}}
	var jar http.CookieJar = &oneCookie{}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(base+"/login", form)
	must(t, err)
	must(t, resp.Body.Close())
	return client
}

// oneCookie keeps the cookies of the one server that is asked.
type oneCookie struct{ all []*http.Cookie }

func (c *oneCookie) SetCookies(_ *url.URL, cookies []*http.Cookie) { c.all = append(c.all, cookies...) }

func (c *oneCookie) Cookies(*url.URL) []*http.Cookie { return c.all }

// filedBehind returns how much later than painted the pictures of a run are filed: by as much as its first one was under way.
func (w *wall) filedBehind(camera string, at time.Time) time.Duration {
	w.t.Helper()
	q := url.Values{"from": {at.UTC().Format(time.RFC3339Nano)}, "to": {at.Add(time.Second).UTC().Format(time.RFC3339Nano)}}
	resp, err := w.client.Get(w.url + "/api/v1/cameras/" + camera + "/clip.mp4?" + q.Encode())
	must(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	start, err := time.Parse(time.RFC3339Nano, resp.Header.Get("Keepwatch-Start"))
	if err != nil {
		w.t.Fatalf("%s at %v: status %d: %s", camera, at, resp.StatusCode, body)
	}
	path := filepath.Join(w.t.TempDir(), "clip.mp4")
	must(w.t, os.WriteFile(path, body, 0o600))
	return start.Sub(camtest.Marks(w.t, path)[0].Time)
}

// enter signs in at the door to which the address leads who is not signed in, and goes on to it.
func (w *wall) enter(password, path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.url+path), chromedp.WaitVisible(`input[name=username]`), chromedp.SendKeys(`input[name=username]`, demoUser),
		chromedp.SendKeys(`input[name=password]`, password), chromedp.Submit(`input[name=password]`))
	w.do(chromedp.WaitVisible(`.wall-tile`))
}

func (w *wall) open(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.url+path), chromedp.WaitVisible(`.wall-tile`))
}

// shown returns when the pictures that are shown were filed, by camera. Each must be that of its tile.
func (w *wall) shown() map[string]time.Time {
	w.t.Helper()
	filed := map[string]time.Time{}
	names := eval[[]string](w.tab, `[...document.querySelectorAll(".wall-tile")].map(t => t.dataset.camera)`)
	for _, s := range w.seen() {
		for _, name := range names {
			if !w.rect(`.wall-tile[data-camera=` + name + `] .wall-picture`).holds(s) {
				continue
			}
			if s.Mark.Camera != testcam.CodeOf(name) {
				w.t.Fatalf("the tile of %s shows %v", name, s.Mark)
			}
			filed[name] = s.Mark.Time.Add(w.behind[name])
		}
	}
	return filed
}

func spread(times map[string]time.Time) time.Duration {
	var first, last time.Time
	for _, x := range times {
		if first.IsZero() || x.Before(first) {
			first = x
		}
		if x.After(last) {
			last = x
		}
	}
	return last.Sub(first)
}

// inStep waits until a screenshot shows exactly these cameras, playing, and within two frames of each other: a machine that is
// busy with tests leaves pictures out. What stands has to be exact, and bench measures what plays.
func (w *wall) inStep(what string, cameras ...string) map[string]time.Time {
	w.t.Helper()
	var last map[string]time.Time
	if !poll(w.ctx, 40*time.Second, func() bool {
		last = w.shown()
		return len(last) == len(cameras) && spread(last) <= 2*demoFrame
	}) {
		w.t.Fatalf("%s: never %v in step; last %v, %v apart; the page says %q", what, cameras, last, spread(last), w.says())
	}
	return last
}

func (w *wall) says() string { return eval[string](w.tab, `document.querySelector("#main").innerText`) }

// stands waits until four pictures stand that are all of one moment, to the frame.
func (w *wall) stands(what string) map[string]time.Time {
	w.t.Helper()
	var stand map[string]time.Time
	if !poll(w.ctx, 30*time.Second, func() bool {
		before := stand
		stand = w.shown()
		for name, x := range stand {
			if !x.Equal(before[name]) {
				return false
			}
		}
		return len(stand) == len(demoNames) && spread(stand) <= demoFrame
	}) {
		w.t.Fatalf("%s: never four pictures of one moment; last %v, %v apart; the page says %q", what, stand, spread(stand), w.says())
	}
	return stand
}

// skipsAGap lets playback run into the gap of the garage: its tile has no picture and says why, the others go on in step,
// and it joins them when its footage begins again.
func (w *wall) skipsAGap(lost time.Time) {
	w.t.Helper()
	at := w.inStep("in the gap", "front-door", "garden", "street")
	if at["street"].Before(lost.Add(-2 * time.Second)) {
		w.t.Errorf("the garage was recorded until %v, and had no picture at %v", lost, at["street"])
	}
	if words := eval[string](w.tab, `document.querySelector(".wall-tile[data-camera=garage] .wall-words").innerText`); !strings.Contains(words, "No recording ") || !strings.Contains(words, "offline") {
		w.t.Errorf("without footage the garage's tile says %q", words)
	}
	if spoken := eval[string](w.tab, `document.querySelector("#timeline-slider").getAttribute("aria-valuetext")`); !strings.Contains(spoken, "Garage: no recording, offline") {
		w.t.Errorf("the slider says %q", spoken)
	}
	until(w.t, 60*time.Second, "the garage's footage again", func() bool { _, ok := w.shown()["garage"]; return ok })
}

// holdsItsAddress takes a camera away, and comes back by the address to the same cameras and moment.
func (w *wall) holdsItsAddress(begin time.Time) {
	w.t.Helper()
	w.do(chromedp.Click(`#play`), chromedp.Click(`.wall-row[data-camera=garden] input`))
	href := eval[string](w.tab, `location.pathname + location.search`)
	u, err := url.Parse(href)
	must(w.t, err)
	at, err := time.Parse(time.RFC3339, u.Query().Get("at"))
	if err != nil || at.Before(begin) || u.Query().Get("cameras") != "front-door,garage,street" {
		w.t.Fatalf("the address is %s", href)
	}
	w.open(strings.Replace(href, "cameras=", "cameras=nobodys,", 1)) // one that is not there, or not theirs, is left out
	if tiles := eval[string](w.tab, `[...document.querySelectorAll(".wall-tile")].map(t => t.dataset.camera).join()`); tiles != "front-door,garage,street" {
		w.t.Errorf("the address %s shows %s", href, tiles)
	}
	until(w.t, 20*time.Second, "the moment of the address", func() bool {
		x, ok := w.shown()["street"]
		return ok && x.After(at.Add(-2*time.Second)) && x.Before(at.Add(20*time.Second))
	})
	w.do(chromedp.Navigate(w.url+"/timeline?cameras=nobodys"), chromedp.WaitVisible(`h1`))
	if words := eval[string](w.tab, `document.body.innerText`); !strings.Contains(words, "Nothing here") {
		w.t.Errorf("an address of nobody's cameras says %q", words)
	}
}
