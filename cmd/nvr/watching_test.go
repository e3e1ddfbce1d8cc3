package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// shot is a picture as it was recorded: its mark, and when it stands on the timeline.
type shot struct {
	mark testcam.Mark
	at   time.Time
}

// recorded returns all pictures of a camera from a moment on, in order, over runs and gaps.
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

// picture returns the mark of the picture that the camera page shows; ok is false if there is none that can be read.
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

// comes waits for a picture that satisfies ok.
func (b *tab) comes(what string, ok func(testcam.Mark) bool) testcam.Mark {
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

// steps presses a key n times. After each press the next picture that is painted has to be one that follows the last.
func (b *tab) steps(key string, n int, follows func(now, next testcam.Mark) bool) testcam.Mark {
	b.t.Helper()
	now := b.comes("a picture", func(testcam.Mark) bool { return true })
	for i := range n {
		b.do(chromedp.KeyEvent(key))
		next := b.comes(fmt.Sprintf("step %d by %q", i+1, key), func(m testcam.Mark) bool { return m.Frame != now.Frame || m.Run != now.Run })
		if !follows(now, next) {
			b.t.Fatalf("step %d by %q went from %v to %v", i+1, key, now, next)
		}
		now = next
	}
	return now
}

// along says whether of two pictures the second was recorded so many after the first.
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

// filmLength is the number of pictures of a film.
const filmLength = 60

// filmOfMarks has ffmpeg record a simulated camera and code it anew with B-frames: 60 pictures that carry their marks in the
// pixels.
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

// watching is a site with an hour's worth of trouble in half a minute: a camera that restarted, one with B-frames.
type watching struct {
	*tab
	site    *site
	v       *visitor
	reboot  time.Time
	all     []shot // of the camera "yard"
	restart int    // index of the first picture after the restart
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
		w.all = w.v.recorded("yard", w.reboot.Add(-12*time.Second), time.Now())
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

// opens goes to a moment of a camera by a link and pauses.
func (w *watching) opens(camera string, at time.Time) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.site.url+"/cameras/"+camera+"?at="+url.QueryEscape(at.UTC().Format(time.RFC3339Nano))), chromedp.WaitVisible("#timeline-slider"))
	w.comes("a recorded picture", func(testcam.Mark) bool {
		return eval[string](w.tab, `document.querySelector("#stage").dataset.show ?? ""`) == "past"
	})
}

// pauses stops a picture that moves, and waits until it stands.
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
}

// stepsOverTheGap goes 60 pictures forward and 60 back from two seconds before the restart, and further back beyond what was
// fetched first.
func (w *watching) stepsOverTheGap() {
	w.t.Helper()
	w.opens("yard", w.all[w.restart-30].at)
	w.pauses()
	w.steps(".", 60, along(w.all, 1))
	last := w.steps(",", 90, along(w.all, -1))
	if last.Run != w.all[0].mark.Run {
		w.t.Errorf("the way back did not lead over the gap: %v", last)
	}
}

// stepsThroughBFrames does the same with pictures that are stored in another order than they are shown in.
func (w *watching) stepsThroughBFrames() {
	w.t.Helper()
	w.opens("film", w.reboot)
	w.pauses()
	w.steps(".", 60, func(now, next testcam.Mark) bool {
		return next.Frame == now.Frame+1 || next.Frame+filmLength-1 == now.Frame // the film begins again
	})
	w.steps(",", 60, func(now, next testcam.Mark) bool {
		return next.Frame+1 == now.Frame || next.Frame == now.Frame+filmLength-1
	})
}
