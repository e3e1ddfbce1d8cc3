package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// demoFrame is the duration of a frame of the demo's cameras.
const demoFrame = time.Second / 15

// drift is how far two cameras may be apart: a page adjusts a recording's times only when they are off by 20 ms, in either
// direction.
const drift = 40 * time.Millisecond

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
	h, err := openApp(ctx, conf, slog.New(slog.DiscardHandler))
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

// timelinePage is the page in a browser, with what a test knows of the cameras apart from it.
type timelinePage struct {
	*tab
	url    string
	client *http.Client
	filed  map[string]map[uint64]shown // by camera and frame number
}

// shown is the interval in which a frame is displayed, by the clock of the recordings.
type shown struct {
	frame    uint64
	from, to time.Time
}

// TestSeveralCamerasPlayInSync plays a day of four cameras. One of them has a gap.
func TestSeveralCamerasPlayInSync(t *testing.T) {
	base, password, cams := startFaultyDemo(t)
	garage := cams.Camera("garage")
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	b := newTab(t, 1000, 700)
	w := &timelinePage{tab: b, url: base, client: cookies(t, base, password), filed: map[string]map[uint64]shown{}}
	begin := w.began().Add(4 * time.Second)
	stutters(ctx, t, cams.Camera("garden"), 15)
	must(t, garage.Refuse(true))
	lost := time.Now()
	must(t, cams.Camera("street").WaitFrame(ctx, media.Main, cams.Camera("street").LastFrame(media.Main)+15*8))
	must(t, garage.Refuse(false))

	w.enter(password, addressOf(begin))
	w.do(chromedp.Click(`#play`)) // pauses: a link plays
	paused := w.stands("paused", demoNames[:]...)
	w.do(chromedp.KeyEvent(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift)))
	if back := w.stands("a second back", demoNames[:]...)["street"].from.Sub(paused["street"].from); back > -800*time.Millisecond || back < -1200*time.Millisecond {
		t.Errorf("a second back went %v", back)
	}
	w.steps()
	w.do(chromedp.Click(`#play`))
	w.inSync("after a jump", demoNames[:]...)
	w.skipsAGap(lost)
	w.holdsItsAddress(begin)
}

// stutters has a camera leave out five frames of each second for some seconds, so that the frames before stay longer.
func stutters(ctx context.Context, t *testing.T, cam *testcam.Handle, seconds int) {
	t.Helper()
	next := cam.LastFrame(media.Main)
	for range seconds {
		next += 15
		must(t, cam.WaitFrame(ctx, media.Main, next-5))
		cam.Freeze(true)
		must(t, cam.WaitFrame(ctx, media.Main, next))
		cam.Freeze(false)
	}
}

// began waits until all cameras are recording, and returns the moment from which on all are.
func (w *timelinePage) began() (all time.Time) {
	w.t.Helper()
	for _, name := range demoNames {
		until(w.t, 30*time.Second, "the recording of "+name, func() bool {
			var line struct{ Spans []struct{ From time.Time } }
			_, b := w.get("/api/v1/cameras/"+name+"/timeline?", time.Now().Add(-time.Minute), time.Now())
			must(w.t, json.Unmarshal(b, &line))
			if len(line.Spans) > 0 && line.Spans[0].From.After(all) {
				all = line.Spans[0].From
			}
			return len(line.Spans) > 0
		})
	}
	return all
}

// addressOf returns the URL that plays the four cameras from a moment on.
func addressOf(at time.Time) string {
	return "/timeline?cameras=front-door,garage,garden,street&at=" + at.UTC().Format(time.RFC3339)
}

// steps goes five frames forward and 25 back, to before what was fetched first. The first camera's tile must step frame by frame,
// and the other tiles must show the frames of the same moment.
func (w *timelinePage) steps() {
	w.t.Helper()
	const first = "front-door"
	now := w.stands("before the steps", demoNames[:]...)[first].frame
	for i := range 30 {
		key, want := ".", now+1
		if i >= 5 {
			key, want = ",", now-1
		}
		w.do(chromedp.KeyEvent(key))
		next := now
		until(w.t, 30*time.Second, fmt.Sprintf("step %d to another picture", i+1), func() bool {
			next = w.stands(fmt.Sprintf("step %d", i+1), demoNames[:]...)[first].frame
			return next != now
		})
		if next != want {
			w.t.Fatalf("step %d by %q went from picture %d to %d", i+1, key, now, next)
		}
		now = next
	}
}

// cookies signs in a client in addition to the browser.
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

// oneCookie keeps the cookies of one server.
type oneCookie struct{ all []*http.Cookie }

func (c *oneCookie) SetCookies(_ *url.URL, cookies []*http.Cookie) { c.all = append(c.all, cookies...) }

func (c *oneCookie) Cookies(*url.URL) []*http.Cookie { return c.all }

// when returns the interval in which a frame is displayed. Only the recording knows it: a busy camera draws its frames at irregular
// intervals, and they are timestamped some time after they were drawn.
func (w *timelinePage) when(camera string, m testcam.Mark) shown {
	w.t.Helper()
	if at, ok := w.filed[camera][m.Frame]; ok {
		return at
	}
	w.read(camera, m.Time.Add(-time.Second), m.Time.Add(3*time.Second))
	at, ok := w.filed[camera][m.Frame]
	if !ok {
		w.t.Fatalf("%s shows %v, which is not recorded", camera, m)
	}
	return at
}

// get requests the footage of a span from the API.
func (w *timelinePage) get(path string, from, to time.Time) (http.Header, []byte) {
	w.t.Helper()
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
	resp, err := w.client.Get(w.url + path + q.Encode())
	must(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp.Header, body
}

// read computes the intervals of the frames in a span: each lasts until the next, and the last is left out.
func (w *timelinePage) read(camera string, from, to time.Time) {
	w.t.Helper()
	header, clip := w.get("/api/v1/cameras/"+camera+"/clip.mp4?", from, to)
	start, err := time.Parse(time.RFC3339Nano, header.Get("Keepwatch-Start"))
	if err != nil {
		w.t.Fatalf("%s at %v: %s", camera, from, clip)
	}
	path := filepath.Join(w.t.TempDir(), "clip.mp4")
	must(w.t, os.WriteFile(path, clip, 0o600))
	var at []time.Time
	for _, pts := range mediatest.Pictures(w.t, path) {
		d, err := time.ParseDuration(pts + "s")
		must(w.t, err)
		at = append(at, start.Add(d))
	}
	marks := camtest.Marks(w.t, path)
	if w.filed[camera] == nil {
		w.filed[camera] = map[uint64]shown{}
	}
	for i := range len(marks) - 1 {
		w.filed[camera][marks[i].Frame] = shown{marks[i].Frame, at[i], at[i+1]}
	}
}

// enter opens the address, signs in on the login page, and continues to the address.
func (w *timelinePage) enter(password, path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.url+path), chromedp.WaitVisible(`input[name=username]`), chromedp.SendKeys(`input[name=username]`, demoUser),
		chromedp.SendKeys(`input[name=password]`, password), chromedp.Submit(`input[name=password]`))
	w.do(chromedp.WaitVisible(`.timeline-tile`))
}

func (w *timelinePage) open(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.url+path), chromedp.WaitVisible(`.timeline-tile`))
}

// sees returns the intervals of the frames on the page, by camera. Each frame must be of its tile's camera.
func (w *timelinePage) sees() map[string]shown {
	w.t.Helper()
	pictures := map[string]shown{}
	tiles := eval[map[string]rect](w.tab, `Object.fromEntries([...document.querySelectorAll(".timeline-tile")].map(t => {
		const r = t.querySelector(".timeline-picture").getBoundingClientRect();
		return [t.dataset.camera, {X: r.x, Y: r.y, Width: r.width, Height: r.height}];
	}))`)
	for _, s := range w.seen() {
		for name, tile := range tiles {
			if !tile.holds(s) {
				continue
			}
			if s.Mark.Camera != testcam.CodeOf(name) {
				w.t.Fatalf("the tile of %s shows %v", name, s.Mark)
			}
			pictures[name] = w.when(name, s.Mark)
		}
	}
	return pictures
}

// apart returns how far frames are from sharing a moment. It is at most zero if they share one.
func apart(pictures map[string]shown) time.Duration {
	var from, to time.Time // the latest start and the earliest end
	for _, p := range pictures {
		if p.from.After(from) {
			from = p.from
		}
		if to.IsZero() || p.to.Before(to) {
			to = p.to
		}
	}
	return from.Sub(to)
}

// exactly reports whether the frames are of exactly these cameras.
func exactly(cameras []string, pictures map[string]shown) bool {
	return slices.Equal(slices.Sorted(slices.Values(cameras)), slices.Sorted(maps.Keys(pictures)))
}

// inSync waits until a screenshot shows exactly these cameras while they play, less than a frame from sharing a moment, since a machine
// that is busy with tests skips frames. Paused video must be exact. bench measures playing video.
func (w *timelinePage) inSync(what string, cameras ...string) {
	w.t.Helper()
	var last map[string]shown
	if !poll(w.ctx, 40*time.Second, func() bool {
		last = w.sees()
		return exactly(cameras, last) && apart(last) <= demoFrame
	}) {
		w.t.Fatalf("%s: never %v in sync; last %v, %v apart; the page says %q", what, cameras, last, apart(last), w.says())
	}
}

func (w *timelinePage) says() string {
	return eval[string](w.tab, `document.querySelector("#main").innerText`)
}

// stands waits until exactly these cameras are paused at frames of one moment.
func (w *timelinePage) stands(what string, cameras ...string) map[string]shown {
	w.t.Helper()
	var stand map[string]shown
	if !poll(w.ctx, 30*time.Second, func() bool {
		before := stand
		stand = w.sees()
		return exactly(cameras, stand) && maps.Equal(stand, before) && apart(stand) <= drift
	}) {
		w.t.Fatalf("%s: never pictures of one moment; last %v, %v apart; the page says %q", what, stand, apart(stand), w.says())
	}
	return stand
}

// skipsAGap plays into the gap of the garage. Its tile must have no picture and say why, the others must be in sync, and the
// garage must join them when its footage begins again.
func (w *timelinePage) skipsAGap(lost time.Time) {
	w.t.Helper()
	w.open(addressOf(lost.Add(-3 * time.Second)))
	words := func() string {
		return eval[string](w.tab, `document.querySelector(".timeline-tile[data-camera=garage] .timeline-words").innerText`)
	}
	until(w.t, 40*time.Second, "the garage's gap", func() bool { return strings.Contains(words(), "No recording ") })
	w.do(chromedp.Click(`#play`))
	if at := w.stands("in the gap", "front-door", "garden", "street")["street"]; at.to.Before(lost.Add(-2 * time.Second)) {
		w.t.Errorf("the garage was recorded until %v, and had no picture at %v", lost, at.from)
	}
	if said := words(); !strings.Contains(said, "No recording ") || !strings.Contains(said, "offline") {
		w.t.Errorf("without footage the garage's tile says %q", said)
	}
	if spoken := eval[string](w.tab, `document.querySelector("#timeline-slider").getAttribute("aria-valuetext")`); !strings.Contains(spoken, "Garage: no recording, offline") {
		w.t.Errorf("the slider says %q", spoken)
	}
	w.do(chromedp.Click(`#play`))
	until(w.t, 60*time.Second, "the garage's footage again", func() bool { _, ok := w.sees()["garage"]; return ok })
}

// holdsItsAddress removes a camera, and returns by the URL to the same cameras and moment.
func (w *timelinePage) holdsItsAddress(begin time.Time) {
	w.t.Helper()
	w.do(chromedp.Click(`#play`), chromedp.Click(`.timeline-row[data-camera=garden] input`))
	href := eval[string](w.tab, `location.pathname + location.search`)
	u, err := url.Parse(href)
	must(w.t, err)
	at, err := time.Parse(time.RFC3339, u.Query().Get("at"))
	if err != nil || at.Before(begin) || u.Query().Get("cameras") != "front-door,garage,street" {
		w.t.Fatalf("the address is %s", href)
	}
	w.open(strings.Replace(href, "cameras=", "cameras=nobodys,", 1)) // a camera that does not exist or is not theirs is left out
	if tiles := eval[string](w.tab, `[...document.querySelectorAll(".timeline-tile")].map(t => t.dataset.camera).join()`); tiles != "front-door,garage,street" {
		w.t.Errorf("the address %s shows %s", href, tiles)
	}
	until(w.t, 20*time.Second, "the moment of the address", func() bool {
		x, ok := w.sees()["street"]
		return ok && x.from.After(at.Add(-2*time.Second)) && x.from.Before(at.Add(20*time.Second))
	})
	w.do(chromedp.Navigate(w.url+"/timeline?cameras=nobodys"), chromedp.WaitVisible(`h1`))
	if words := eval[string](w.tab, `document.body.innerText`); !strings.Contains(words, "Page not found") {
		w.t.Errorf("an address of nobody's cameras says %q", words)
	}
}
