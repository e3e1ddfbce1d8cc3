package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keepwatch.internal/internal/browsertest"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// shot is a recorded frame: its mark and its time on the timeline.
type shot struct {
	mark testcam.Mark
	at   time.Time
}

// recorded returns all frames of a camera from a moment on, in order, across runs and gaps.
func (v *visitor) recorded(camera string, from, to time.Time) []shot {
	v.t.Helper()
	var all []shot
	for from.Before(to) {
		q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
		status, b := v.get("/api/v1/cameras/" + camera + "/segments.mp4?" + q.Encode())
		if status == http.StatusNotFound {
			break
		}
		if status != http.StatusOK {
			v.t.Fatalf("segments of %s: %d %s", camera, status, b)
		}
		var end time.Time
		for len(b) > 8 {
			l, err := media.ParseLabel(b)
			size := int(binary.BigEndian.Uint32(b))
			if err != nil || l.Kind != media.LabelFragment {
				b = b[size:]
				continue
			}
			b = b[size:]
			marks := camtest.MarksIn(b[:l.ContentSize])
			for i, m := range marks {
				all = append(all, shot{m, l.Start.Add(l.Duration * time.Duration(i) / time.Duration(len(marks)))})
			}
			end = l.Start.Add(l.Duration)
			b = b[l.ContentSize:]
		}
		if !end.After(from) {
			break
		}
		from = end.Add(time.Millisecond)
	}
	return all
}

// picture returns the mark of the picture on the camera page. ok is false if no mark can be read.
func (b *tab) picture() (m testcam.Mark, ok bool) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	r := b.rect("#stage")
	fast := true
	shot, err := chromedp.Call(ctx, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{
		Clip: &cdpage.Viewport{X: r.X, Y: r.Y, Width: r.Width, Height: r.Height, Scale: 1}, OptimizeForSpeed: &fast})
	if err != nil {
		b.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot.Data))
	if err != nil {
		b.t.Fatal(err)
	}
	m, err = testcam.ReadImage(img)
	return m, err == nil
}

// paints waits for a picture that satisfies ok.
func (b *tab) paints(what string, ok func(testcam.Mark) bool) testcam.Mark {
	b.t.Helper()
	var last testcam.Mark
	if !poll(b.ctx, 15*time.Second, func() bool {
		m, seen := b.picture()
		if seen {
			last = m
		}
		return seen && ok(m)
	}) {
		b.t.Fatalf("never %s; last %v; the page says %q", what, last, eval[string](b, `document.querySelector("#camera").innerText`))
	}
	return last
}

// steps presses a key n times. After each press the next painted frame must be the one after the last.
func (b *tab) steps(key string, n int, follows func(now, next testcam.Mark) bool) testcam.Mark {
	b.t.Helper()
	now := b.paints("a picture", func(testcam.Mark) bool { return true })
	for i := range n {
		b.do(chromedp.KeyEvent(key))
		next := b.paints(fmt.Sprintf("step %d by %q", i+1, key), func(m testcam.Mark) bool { return m.Frame != now.Frame || m.Run != now.Run })
		if !follows(now, next) {
			b.t.Fatalf("step %d by %q went from %v to %v", i+1, key, now, next)
		}
		now = next
	}
	return now
}

// along reports whether the second frame was recorded the given number of frames after the first.
func along(all []shot, by int) func(now, next testcam.Mark) bool {
	return func(now, next testcam.Mark) bool {
		for i := range all {
			if same(all[i].mark, now) {
				return i+by >= 0 && i+by < len(all) && same(all[i+by].mark, next)
			}
		}
		return false
	}
}

func same(a, b testcam.Mark) bool {
	return a.Frame == b.Frame && a.Run == b.Run && a.Camera == b.Camera
}

// filmLength is the number of frames of a film.
const filmLength = 60

// filmOfMarks has ffmpeg record a simulated camera and re-encode it with B-frames: 60 frames with their marks in the pixels.
func filmOfMarks(t *testing.T) string {
	t.Helper()
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: []testcam.Camera{{Name: "film", NoSub: true}}})
	must(t, err)
	defer srv.Close()
	path := filepath.Join(t.TempDir(), "film.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", srv.URL("film", media.Main),
		"-frames:v", strconv.Itoa(filmLength), "-c:v", "libx264", "-preset", "fast", "-crf", "20", "-bf", "3", "-g", "30", "-an", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return path
}

// watching is a site with several difficulties in half a minute of footage: a camera that restarted, and one with B-frames.
type watching struct {
	*tab
	site    *site
	v       *visitor
	reboot  time.Time
	all     []shot // of the camera "yard"
	restart int    // index of the first frame after the restart
}

func newWatching(t *testing.T) *watching {
	t.Helper()
	s := newSite(t, testcam.Camera{Name: "yard", NoSub: true}, testcam.Camera{Name: "film", NoSub: true, File: filmOfMarks(t)})
	s.start()
	w := &watching{tab: newTab(t, 800, 640), site: s, v: s.login("alice")}
	w.v.recording()
	yard := s.cams.Camera("yard")
	must(t, yard.WaitFrame(t.Context(), media.Main, yard.LastFrame(media.Main)+10*15))
	must(t, yard.Refuse(true)) // connections are cut, and refused
	w.reboot = time.Now()
	yard.Reboot()
	must(t, yard.WaitFrame(t.Context(), media.Main, 4*15))
	must(t, yard.ComeBack())
	w.login(s.url, "alice", testPassword)
	until(t, 40*time.Second, "20 s of footage after the restart", func() bool {
		w.all = w.v.recorded("yard", w.reboot.Add(-time.Minute), time.Now())
		return w.all[len(w.all)-1].at.After(w.reboot.Add(25 * time.Second))
	})
	for i, x := range w.all {
		if x.mark.Run != w.all[0].mark.Run {
			w.restart = i
			break
		}
	}
	if w.restart < 60 {
		t.Fatalf("%d pictures before the restart", w.restart)
	}
	return w
}

// opens opens a moment of a camera by a link and pauses.
func (w *watching) opens(camera string, at time.Time) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.site.url+"/cameras/"+camera+"?at="+url.QueryEscape(at.UTC().Format(time.RFC3339Nano))), chromedp.WaitVisible("#timeline-slider"))
	w.paints("a recorded picture", func(testcam.Mark) bool {
		return eval[string](w.tab, `document.querySelector("#stage").dataset.show ?? ""`) == "past"
	})
}

// pauses pauses playback and waits until the picture stands still.
func (w *watching) pauses() {
	w.t.Helper()
	w.do(chromedp.KeyEvent("k"))
	until(w.t, 5*time.Second, "standing still", func() bool {
		a, ok := w.picture()
		b, again := w.picture()
		return ok && again && a.Frame == b.Frame && strings.Contains(w.text("#age"), "paused")
	})
}

func (w *watching) text(selector string) string {
	w.t.Helper()
	return eval[string](w.tab, fmt.Sprintf(`document.querySelector(%q).innerText`, selector))
}

func TestARecordingIsWatchedPictureByPicture(t *testing.T) {
	w := newWatching(t)
	w.stepsOverTheGap()
	w.stepsThroughBFrames()
	w.jumpsToBeforeWhatIsThere()
	w.releasesOnThePicture()
	w.savesThePicture()
	w.playsKeyFramesOnly()
	w.opensAGap()
	w.zooms()
	w.outlivesARestart()
	w.trustsNoClockOfABrowser()
}

// stepsOverTheGap goes 60 frames forward and 60 back from two seconds before the restart, and then further back than what was
// fetched first.
func (w *watching) stepsOverTheGap() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart-30].at)
	w.pauses()
	w.steps(".", 60, along(w.all, 1))
	last := w.steps(",", 75, along(w.all, -1))
	if last.Run != w.all[0].mark.Run {
		w.t.Errorf("the way back did not lead over the gap: %v", last)
	}
}

// stepsThroughBFrames does the same with frames whose order of decoding and display differ.
func (w *watching) stepsThroughBFrames() {
	w.t.Helper()
	w.opens("film", w.reboot)
	w.pauses()
	w.steps(".", 40, func(now, next testcam.Mark) bool {
		return next.Frame == now.Frame+1 || next.Frame+filmLength-1 == now.Frame // the film begins again
	})
	w.steps(",", 40, func(now, next testcam.Mark) bool {
		return next.Frame+1 == now.Frame || next.Frame == now.Frame+filmLength-1
	})
}

// jumpsToBeforeWhatIsThere goes back second by second, also from the first key frame that was fetched: 15 frames each time, ± one at the
// boundary of two frames.
func (w *watching) jumpsToBeforeWhatIsThere() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart+200].at)
	w.pauses()
	now := w.paints("a picture", func(testcam.Mark) bool { return true })
	for i := range 4 {
		w.do(chromedp.KeyEvent(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift)))
		now = w.paints(fmt.Sprintf("the picture of %d s before", i+1), func(m testcam.Mark) bool {
			back := now.Frame - m.Frame
			return m.Run == now.Run && back >= 14 && back <= 16
		})
	}
}

// at returns the moment in the page's URL.
func (w *watching) at() time.Time {
	w.t.Helper()
	text := eval[string](w.tab, `new URL(location.href).searchParams.get("at") ?? ""`)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		w.t.Fatalf("the address names the moment %q", text)
	}
	return at
}

// isOf reports whether a frame is the one of a moment, by the recorded times. A player ignores differences below 20 ms between
// a camera's clock and the recorder's.
func (w *watching) isOf(m testcam.Mark, at time.Time) bool {
	const rounding = 20 * time.Millisecond
	for i := range w.all {
		if same(w.all[i].mark, m) {
			return !at.Before(w.all[i].at.Add(-rounding)) && (i+1 == len(w.all) || at.Before(w.all[i+1].at.Add(rounding)))
		}
	}
	return false
}

// releasesOnThePicture drags the playhead. Key frames must follow the pointer, and the exact frame must be shown after release.
func (w *watching) releasesOnThePicture() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart+120].at) // far enough from the gap for the dragging
	w.pauses()
	for range 3 {
		w.do(chromedp.KeyEvent("+")) // the first view is of ten minutes or more
	}
	r := w.rect("#timeline-slider")
	y := r.Y + 50
	for _, by := range []float64{-3, 2, -1} { // seconds from where the playhead is
		x := w.findX(r, y, w.named()+by)
		until(w.t, 10*time.Second, "the key frame under the hand", func() bool {
			return eval[string](w.tab, `document.querySelector("#stage").dataset.show`) == "scrub"
		})
		w.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft))
		until(w.t, 10*time.Second, "the picture of that moment", func() bool {
			return eval[string](w.tab, `document.querySelector("#stage").dataset.show`) == "past"
		})
		w.paints("the picture of the moment in the address", func(m testcam.Mark) bool { return w.isOf(m, w.at()) })
	}
}

// savesThePicture saves what is shown as a file.
func (w *watching) savesThePicture() {
	w.t.Helper()
	downloads := browsertest.Save(w.t, w.ctx)
	shown := w.paints("a picture", func(testcam.Mark) bool { return true })
	w.do(chromedp.KeyEvent("s"))
	path := downloads.Next("yard_*.png", stepTimeout)
	if !regexp.MustCompile(`yard_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{3}[+-]\d{4}\.png$`).MatchString(path) {
		w.t.Errorf("the file is named %s", path)
	}
	b, err := os.ReadFile(path)
	must(w.t, err)
	img, err := png.Decode(bytes.NewReader(b))
	must(w.t, err)
	if m, err := testcam.ReadImage(img); err != nil || !same(m, shown) || img.Bounds().Dx() != 640 {
		w.t.Errorf("saved was %v, %v, of %v; shown was %v", m, err, img.Bounds(), shown)
	}
}

// playsKeyFramesOnly plays at eight times the speed and checks that every picture that is shown is a key frame.
func (w *watching) playsKeyFramesOnly() {
	w.t.Helper()
	w.opens("yard", w.all[0].at.Add(time.Second))
	first, begun := w.paints("a picture", func(testcam.Mark) bool { return true }), time.Now()
	w.do(chromedp.KeyEvent("]]]"))
	seen, before := map[testcam.Mark]bool{}, "" // the picture may change during the screenshot
	w.paints("a picture of ten seconds later, by key frames", func(m testcam.Mark) bool {
		layer := eval[string](w.tab, `document.querySelector("#stage").dataset.show`)
		if layer == "scrub" && before == layer {
			seen[m] = true
		}
		before = layer
		return m.Time.Sub(first.Time) > 10*time.Second || m.Run != first.Run
	})
	if took := time.Since(begun); took > 10*time.Second {
		w.t.Errorf("ten seconds at eight times the speed took %v", took)
	}
	if !strings.Contains(w.text("#age"), "key frames") {
		w.t.Errorf("the page says %q", w.text("#age"))
	}
	w.do(chromedp.KeyEvent("k"))
	for m := range seen {
		status, b := w.v.get("/api/v1/cameras/yard/keyframe.mp4?at=" + url.QueryEscape(m.Time.Add(500*time.Millisecond).Format(time.RFC3339Nano)))
		if key := camtest.MarksIn(b); status != http.StatusOK || len(key) != 1 || !same(key[0], m) {
			w.t.Errorf("shown was %v; the key frame there is %v", m, key)
		}
	}
	if len(seen) < 2 {
		w.t.Errorf("only %d key frames were seen", len(seen))
	}
}

// opensAGap follows a link to a moment without footage.
func (w *watching) opensAGap() {
	w.t.Helper()
	last, first := w.all[w.restart-1], w.all[w.restart]
	gap := last.at.Add(first.at.Sub(last.at) * 3 / 4)
	w.opens("yard", gap)
	w.paints("the first picture after the gap, or one that follows", func(m testcam.Mark) bool { return m.Run == first.mark.Run })
	if words := w.text("#gap-words"); !strings.Contains(words, "Nothing recorded at") || !strings.Contains(words, "nearest") || strings.Count(words, ":") < 4 {
		w.t.Errorf("the note says %q", words)
	}
	w.do(chromedp.Click("#gap-before"))
	w.paints("the last picture before the gap", func(m testcam.Mark) bool {
		return m.Run == last.mark.Run && m.Frame+4 > last.mark.Frame
	})
	w.do(chromedp.Navigate(w.site.url+"/cameras/yard?at=2011-03-01T00:00:00Z"), chromedp.WaitVisible("#gap-after"))
	w.paints("the first of all", func(m testcam.Mark) bool { return m.Run == w.all[0].mark.Run })
}

// zooms zooms out to a month and in to a second.
func (w *watching) zooms() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart+30].at)
	w.pauses()
	span := func() float64 { // the time in a hundred pixels, measured with two clicks
		r := w.rect("#timeline-slider")
		var at [2]time.Time
		for i := range at {
			x := r.X + r.Width/2 + 100*float64(i)
			w.do(chromedp.MouseClickXY(x, r.Y+50))
			at[i] = w.at()
		}
		return at[1].Sub(at[0]).Seconds()
	}
	for range 14 {
		w.do(chromedp.KeyEvent("+"))
	}
	if s := span(); s <= 0 || s > 0.2 {
		w.t.Errorf("at the closest a hundred pixels are %v s", s)
	}
	w.do(chromedp.Click("#zoom-month"))
	until(w.t, 5*time.Second, "a month", func() bool { return strings.Contains(w.text("#day-button"), "–") })
	dated := regexp.MustCompile(`^\w{3}, \d+ \w+ \d{4}, \d\d:\d\d:\d\d`)
	until(w.t, 5*time.Second, "the date in what the slider says", func() bool {
		return dated.MatchString(eval[string](w.tab, `document.querySelector("#timeline-slider").getAttribute("aria-valuetext")`))
	})
	w.do(chromedp.Click("#zoom-day"))
	until(w.t, 5*time.Second, "a day", func() bool { return !strings.Contains(w.text("#day-button"), "–") })
}

// outlivesARestart restarts the server while a recording plays. The page must say that the server is down, and show the requested
// moment when it is back.
func (w *watching) outlivesARestart() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart+30].at)
	w.pauses()
	w.site.kill(syscall.SIGTERM)
	at := w.all[10].at
	w.do(chromedp.SendKeys("#goto", at.Format("2006-01-02 15:04:05")+"\r"))
	until(w.t, 15*time.Second, "saying that the recorder is away", func() bool {
		return strings.Contains(w.text("#stage-notice"), "no connection")
	})
	w.site.start()
	w.paints("the moment that was asked for", func(m testcam.Mark) bool {
		return m.Run == w.all[0].mark.Run && m.Time.Sub(at) < 5*time.Second
	})
}

// trustsNoClockOfABrowser plays in a browser whose clock is five hours ahead.
func (w *watching) trustsNoClockOfABrowser() {
	w.t.Helper()
	const ahead = `{
		const Real = Date, shift = 5 * 3600e3, begun = performance.timeOrigin;
		globalThis.Date = class extends Real { constructor(...a) { a.length ? super(...a) : super(Real.now() + shift); } static now() { return Real.now() + shift; } };
		Object.defineProperty(performance, "timeOrigin", {value: begun + shift});
	}`
	if _, err := chromedp.Call(w.ctx, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{Source: ahead}); err != nil {
		w.t.Fatal(err)
	}
	w.do(chromedp.Navigate(w.site.url+"/cameras/yard"), chromedp.WaitVisible("#timeline-slider"))
	w.paints("the live picture", func(testcam.Mark) bool { return strings.HasPrefix(w.text("#age"), "live") })
	w.do(chromedp.SendKeys("#goto", "10 s ago\r"))
	w.paints("ten seconds ago", func(m testcam.Mark) bool {
		past := time.Since(m.Time)
		return eval[string](w.tab, `document.querySelector("#stage").dataset.show`) == "past" && past > 7*time.Second && past < 30*time.Second
	})
}
