package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/browsertest"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// tab is one page of a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab starts Chromium with a window of the given size.
func newTab(t *testing.T, width, height int) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.WindowSize(width, height))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(width), int64(height))); err != nil { // unbounded: it starts the browser
		t.Fatal(err)
	}
	return &tab{t, ctx}
}

// stepTimeout bounds each step in the browser.
const stepTimeout = 20 * time.Second

// do runs steps.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	for i, step := range steps {
		if err := chromedp.Do(ctx, step); err != nil {
			b.t.Fatalf("step %d of %d: %v", i+1, len(steps), err)
		}
	}
}

// eval returns the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	v, err := browsertest.Value[T](ctx, expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// seen returns the marks of all cameras that a screenshot shows.
func (b *tab) seen() []testcam.Seen {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	return testcam.ReadImages(img)
}

// shows polls the page until its only picture satisfies ok, and returns its mark. Every picture until then must be of the
// camera.
func (b *tab) shows(camera, what string, ok func(testcam.Mark) bool) testcam.Mark {
	b.t.Helper()
	var last testcam.Mark
	if !poll(b.ctx, 20*time.Second, func() bool {
		for _, s := range b.seen() {
			if last = s.Mark; last.Camera != testcam.CodeOf(camera) {
				b.t.Fatalf("the page of %s shows %v", camera, last)
			}
			if ok(last) {
				return true
			}
		}
		return false
	}) {
		b.t.Fatalf("%s: never %s; last seen %v; the page says %q", camera, what, last, eval[string](b, `document.body.innerText`))
	}
	return last
}

// startDemo runs nvr demo in this process and returns its address and password.
func startDemo(t *testing.T, dir string) (url, password string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out := &buffer{}
	done := make(chan error, 1)
	go func() {
		done <- demoCommand(ctx, terminal{out: out, err: out}, []string{"-listen", "127.0.0.1:0", "-dir", dir})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("demo: %v", err)
		}
		if t.Failed() {
			t.Logf("the demo said:\n%s", out.String())
		}
	})
	said := regexp.MustCompile(`(?s)Open +(http://[^/]+)/.*Password +(\S+)`)
	until(t, 20*time.Second, "the demo's address", func() bool { return said.MatchString(out.String()) })
	m := said.FindStringSubmatch(out.String())
	return m[1], m[2]
}

func (b *tab) login(url, user, password string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url+"/"), chromedp.WaitVisible(`input[name=username]`),
		chromedp.SendKeys(`input[name=username]`, user), chromedp.SendKeys(`input[name=password]`, password),
		chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`.tile`))
}

// rect is the position of an element in the window.
type rect struct{ X, Y, Width, Height float64 }

func (b *tab) rect(selector string) rect {
	b.t.Helper()
	return eval[rect](b, fmt.Sprintf(`(({x, y, width, height}) => ({X: x, Y: y, Width: width, Height: height}))(document.querySelector(%q).getBoundingClientRect())`, selector))
}

func (r rect) holds(s testcam.Seen) bool {
	x, y := float64(s.Where.Min.X+s.Where.Max.X)/2, float64(s.Where.Min.Y+s.Where.Max.Y)/2
	return x > r.X && x < r.X+r.Width && y > r.Y && y < r.Y+r.Height
}

func TestANewcomerWatchesScrubsAndSaves(t *testing.T) {
	dir := t.TempDir()
	url, password := startDemo(t, dir)
	b := newTab(t, 1440, 900)
	b.login(url, demoUser, password)
	b.everyTileShowsItsCamera()

	b.do(chromedp.Click(`.tile[data-camera=garden]`), chromedp.WaitVisible(`#timeline-slider`))
	live := b.shows("garden", "the main stream, live", func(m testcam.Mark) bool { return m.Quality == media.Main })
	if age := time.Since(live.Time); age > 5*time.Second {
		t.Errorf("the live picture is %v old", age)
	}
	until(t, 40*time.Second, "20 s of footage", func() bool { return time.Since(live.Time) > 20*time.Second })
	b.shows("garden", "the picture 13 s later", func(m testcam.Mark) bool { return m.Frame > live.Frame+13*15 })
	b.goesToATime("garden")
	b.scrubs("garden")
	b.saves("garden")
}

// everyTileShowsItsCamera waits until each tile has shown two pictures of its own camera, the second newer than the first.
func (b *tab) everyTileShowsItsCamera() {
	b.t.Helper()
	first, second := map[string]uint64{}, map[string]uint64{}
	until(b.t, 20*time.Second, "all tiles moving", func() bool {
		for _, s := range b.seen() {
			for _, name := range demoNames {
				if !b.rect(`.tile[data-camera=` + name + `] video`).holds(s) {
					continue
				}
				if s.Mark.Camera != testcam.CodeOf(name) {
					b.t.Fatalf("the tile of %s shows %v", name, s.Mark)
				}
				if first[name] == 0 {
					first[name] = s.Mark.Frame
				} else if s.Mark.Frame > first[name]+10 {
					second[name] = s.Mark.Frame
				}
			}
		}
		return len(second) == len(demoNames)
	})
	if n := eval[int](b, `performance.getEntriesByType("resource").filter(r => new URL(r.name).origin !== location.origin).length`); n != 0 {
		b.t.Errorf("the page loaded %d things from elsewhere", n)
	}
}

// goesToATime enters a time ten seconds ago and checks that playback starts there and continues.
func (b *tab) goesToATime(camera string) {
	b.t.Helper()
	zone, err := time.LoadLocation(localZone())
	if err != nil {
		b.t.Fatal(err)
	}
	target := time.Now().Add(-10 * time.Second).Truncate(time.Second)
	b.do(chromedp.SendKeys(`#goto`, target.In(zone).Format("15:04:05")+"\r"))
	at := b.shows(camera, "a picture of ten seconds ago", func(m testcam.Mark) bool {
		return m.Time.After(target.Add(-3*time.Second)) && m.Time.Before(target.Add(4*time.Second))
	})
	b.shows(camera, "playback going on", func(m testcam.Mark) bool { return m.Frame > at.Frame+10 })
	if got := eval[string](b, `new URL(location.href).searchParams.get("at") ?? ""`); got == "" {
		b.t.Error("the address does not hold the moment that is shown")
	}
}

// scrubs drags the playhead back and forth over the footage. While the button is held, the picture must be that of the moment
// on the timeline.
func (b *tab) scrubs(camera string) {
	b.t.Helper()
	r := b.rect(`#timeline-slider`)
	y := r.Y + r.Height*0.6
	day := eval[string](b, `document.querySelector("#camera").dataset.day`)
	zone, err := time.LoadLocation(localZone())
	if err != nil {
		b.t.Fatal(err)
	}
	midnight, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, back := range []time.Duration{12 * time.Second, 6 * time.Second} {
		target := time.Now().Add(-back)
		x := b.findX(r, y, target.Sub(midnight).Seconds())
		var named time.Time
		b.shows(camera, "the key frame under the playhead", func(m testcam.Mark) bool {
			named = midnight.Add(time.Duration(b.named() * float64(time.Second)))
			off := named.Sub(m.Time)
			return off > -1500*time.Millisecond && off < 3500*time.Millisecond
		})
		if off := named.Sub(target); off > 5*time.Second || off < -5*time.Second {
			b.t.Errorf("dragged to %v, the timeline names %v", target, named)
		}
		b.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft))
	}
}

// named returns the second of the day on the slider, after the page has drawn the last change.
func (b *tab) named() float64 {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() =>
		drawn(Number(document.querySelector("#timeline-slider").getAttribute("aria-valuenow"))))))`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// findX presses on the timeline and moves until the slider shows the second of the day, and returns that position. The button
// stays down.
func (b *tab) findX(r rect, y, second float64) float64 {
	b.t.Helper()
	low, high := r.X+1, r.X+r.Width-1
	x := (low + high) / 2
	b.do(chromedp.MouseEvent(chromedp.MousePressed, x-50, y, chromedp.ButtonLeft))
	for range 14 {
		b.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y, chromedp.ButtonLeft))
		if b.named() < second {
			low = x
		} else {
			high = x
		}
		x = (low + high) / 2
	}
	return x
}

// saves marks in and out with the keys, saves the clip, and checks the downloaded file.
func (b *tab) saves(camera string) {
	b.t.Helper()
	downloads := browsertest.Save(b.t, b.ctx)
	b.do(chromedp.Click(`#live`))
	b.shows(camera, "live again", func(m testcam.Mark) bool { return time.Since(m.Time) < 4*time.Second })
	before := b.shows(camera, "a picture", func(testcam.Mark) bool { return true })
	b.do(chromedp.KeyEvent("i"))
	marked := b.shows(camera, "a picture", func(testcam.Mark) bool { return true })
	ends := b.shows(camera, "four seconds on", func(m testcam.Mark) bool { return m.Frame > marked.Frame+60 })
	b.do(chromedp.KeyEvent("o"))
	after := b.shows(camera, "a picture", func(testcam.Mark) bool { return true })
	b.shows(camera, "and recorded", func(m testcam.Mark) bool { return m.Frame > after.Frame+30 })
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#save").open = true`), chromedp.Click(`#save-button`))
	path := downloads.Next("*.mp4", stepTimeout)
	if name := filepath.Base(path); !regexp.MustCompile(`^garden_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d[+-]\d{4}_\d+s\.mp4$`).MatchString(name) {
		b.t.Errorf("the file is named %s", name)
	}
	all := camtest.Marks(b.t, path)
	for i, m := range all {
		if m.Camera != testcam.CodeOf(camera) || m.Frame != all[0].Frame+uint64(i) {
			b.t.Fatalf("picture %d of the file is %v; the first was %v", i, m, all[0])
		}
	}
	const gop, second = 30, 15 // a clip begins with a key frame; times in its form are whole seconds
	if first := all[0].Frame; first > marked.Frame || first+gop+second < before.Frame {
		b.t.Errorf("the clip begins with picture %d; its beginning was marked between %d and %d", first, before.Frame, marked.Frame)
	}
	if last := all[len(all)-1].Frame; last+second < ends.Frame || last > after.Frame+2*second {
		b.t.Errorf("the clip ends with picture %d; its end was marked between %d and %d", last, ends.Frame, after.Frame)
	}
}
