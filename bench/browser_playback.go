package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"slices"
	"time"

	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/testcam"
)

const (
	playbackSteps   = 60
	playbackJumps   = 20
	playbackFootage = 40 * time.Second
	playbackPatient = 20 * time.Second // limit for each action of the page
)

// watchPaints records in the page which frames are painted and when, and when the pointer last moved, all by
// performance.now.
const watchPaints = `(() => {
	const p = window.paints = {past: [], scrub: [], hand: 0};
	for (const layer of ["past", "scrub"]) {
		const video = document.querySelector("#video-" + layer);
		const next = (now, data) => { p[layer].push({now, media: data.mediaTime, wide: video.videoWidth, tall: video.videoHeight}); video.requestVideoFrameCallback(next); };
		video.requestVideoFrameCallback(next);
	}
	for (const kind of ["pointermove", "pointerup", "keydown"]) addEventListener(kind, () => { p.hand = performance.now(); }, true);
})()`

// paint is a frame that the browser painted, and when.
type paint struct {
	Now, Media float64 // ms of performance.now; s
	Wide, Tall int
}

// playbackPage is the page of a recorded camera in a browser.
type playbackPage struct{ ctx context.Context }

// playbackFigures measures in Chromium how the recordings of the first camera of a running server play: whether frame steps are exact,
// and what seekFigures measures. The camera must be a simulated one, whose frames have marks.
func playbackFigures(ctx context.Context, url, user, password string) ([]figure, error) {
	return atRecordings(ctx, url, user, password, func(p *playbackPage) ([]figure, error) {
		var all []figure
		for _, step := range []struct{ key, what string }{{".", "steps to the next picture, exact"}, {",", "steps to the picture before, exact"}} {
			exact, err := p.steps(step.key)
			if err != nil {
				return all, fmt.Errorf("step by %q: %w", step.key, err)
			}
			all = append(all, figure{step.what, fmt.Sprintf("%d/%d", exact, playbackSteps), fmt.Sprintf("%d/%d", playbackSteps, playbackSteps), exact == playbackSteps})
		}
		sought, err := p.seeks()
		return append(all, sought...), err
	})
}

// seekFigures measures how soon a key frame appears while scrubbing, and how soon video plays after a jump.
func seekFigures(ctx context.Context, url, user, password string) ([]figure, error) {
	return atRecordings(ctx, url, user, password, (*playbackPage).seeks)
}

func (p *playbackPage) seeks() ([]figure, error) {
	scrubbed, size, err := p.scrubs()
	if err != nil {
		return nil, fmt.Errorf("scrub: %w", err)
	}
	all := []figure{{"key frame while scrubbing, " + size + ", median", milliseconds(scrubbed), "≤ 60 ms", median(scrubbed) <= 60}}
	jumped, err := p.jumps()
	if err != nil {
		return all, fmt.Errorf("jump: %w", err)
	}
	return append(all, figure{"jump to a moment until it plays, " + size + ", median", milliseconds(jumped), "≤ 300 ms", median(jumped) <= 300}), nil
}

func median(ms []float64) float64 { return slices.Sorted(slices.Values(ms))[len(ms)/2] }

func milliseconds(ms []float64) string { return fmt.Sprintf("%.0f ms (of %d)", median(ms), len(ms)) }

// atRecordings opens the recordings of the first camera once it has 40 s of footage, and calls use with the page.
func atRecordings(ctx context.Context, url, user, password string, use func(*playbackPage) ([]figure, error)) (all []figure, err error) {
	err = signedIn(ctx, url, user, password, func(tab context.Context) error {
		p := &playbackPage{tab}
		if err := p.open(url); err != nil {
			return fmt.Errorf("open the recordings: %w", err)
		}
		all, err = use(p)
		return err
	})
	return all, err
}

func (p *playbackPage) open(url string) error {
	if err := p.do(chromedp.WaitVisible(".tile")); err != nil {
		return err
	}
	camera, err := evaluate[string](p, `document.querySelector(".tile").dataset.camera`)
	if err != nil {
		return err
	}
	footage := fmt.Sprintf(`fetch("/api/v1/cameras/%s/timeline?" + new URLSearchParams({from: new Date(Date.now() - 3600e3).toISOString(), to: new Date().toISOString()}))
		.then(r => r.json()).then(t => t.spans.length === 0 ? 0 : (Date.parse(t.spans.at(-1).to) - Date.parse(t.spans.at(-1).from)) / 1000)`, camera)
	if err := p.until(2*playbackFootage, func() (bool, error) {
		seconds, err := evaluate[float64](p, footage)
		return seconds >= playbackFootage.Seconds(), err
	}); err != nil {
		return err
	}
	at := time.Now().Add(-playbackFootage / 2).UTC().Format(time.RFC3339)
	return p.do(chromedp.Navigate(url+"/cameras/"+camera+"?at="+at), chromedp.WaitVisible("#timeline-slider"), chromedp.Evaluate[chromedp.Void](watchPaints))
}

// do runs steps, each with a time limit.
func (p *playbackPage) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, stop := context.WithTimeout(p.ctx, playbackPatient)
	defer stop()
	return chromedp.Do(ctx, steps...)
}

// evaluate returns the value of an expression in the page, and awaits a promise.
func evaluate[T any](p *playbackPage, expression string) (T, error) {
	ctx, stop := context.WithTimeout(p.ctx, playbackPatient)
	defer stop()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// until polls until the answer is yes.
func (p *playbackPage) until(limit time.Duration, ok func() (bool, error)) error {
	ctx, stop := context.WithTimeout(p.ctx, limit)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes, err := ok(); err != nil || yes {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("the page never came to it")
		}
	}
}

// mark reads the mark of the displayed frame.
func (p *playbackPage) mark() (testcam.Mark, error) {
	var m testcam.Mark
	err := p.until(playbackPatient, func() (bool, error) {
		fast := true
		shot, err := chromedp.Call(p.ctx, cdpage.CaptureScreenshot, cdpage.CaptureScreenshotParams{OptimizeForSpeed: &fast})
		if err != nil {
			return false, err
		}
		img, err := png.Decode(bytes.NewReader(shot.Data))
		if err != nil {
			return false, err
		}
		m, err = testcam.ReadImage(img)
		return err == nil, nil
	})
	return m, err
}

// steps goes from frame to frame, and counts how often the next painted frame was the adjacent one.
func (p *playbackPage) steps(key string) (exact int, err error) {
	paused := `document.querySelector("#camera").dataset.playing === "false" && document.querySelector("#stage").dataset.show === "past"`
	if err := p.until(playbackPatient, func() (bool, error) {
		if yes, err := evaluate[bool](p, paused); yes || err != nil {
			return yes, err
		}
		return false, p.do(chromedp.Evaluate[chromedp.Void](`if (document.querySelector("#stage").dataset.show === "past") document.querySelector("#play").click()`))
	}); err != nil {
		return 0, err
	}
	last, err := p.standing()
	for range playbackSteps {
		if err != nil {
			return exact, err
		}
		if err := p.do(chromedp.KeyEvent(key)); err != nil {
			return exact, err
		}
		var now testcam.Mark
		if err := p.until(playbackPatient, func() (bool, error) {
			now, err = p.mark()
			return now.Frame != last.Frame || now.Run != last.Run, err
		}); err != nil {
			return exact, err
		}
		if now.Run == last.Run && (key == "." && now.Frame == last.Frame+1 || key == "," && now.Frame+1 == last.Frame) {
			exact++
		}
		last = now
	}
	return exact, err
}

// standing waits until the video stands still.
func (p *playbackPage) standing() (now testcam.Mark, err error) {
	err = p.until(playbackPatient, func() (bool, error) {
		last := now
		now, err = p.mark()
		return now == last, err
	})
	return now, err
}

// edges returns the position of the newest minute of footage on the timeline, in px.
func (p *playbackPage) edges() (left, right, y float64, err error) {
	box, err := evaluate[[3]float64](p, `(r => [r.left, r.width, r.top + r.height * 0.5])(document.querySelector("#timeline").getBoundingClientRect())`)
	// A new recorder shows ten minutes, with the present at 85 %.
	return box[0] + box[1]*0.79, box[0] + box[1]*0.84, box[2], err
}

// scrubs drags the playhead over the footage and measures the time from each move to its key frame.
func (p *playbackPage) scrubs() (took []float64, size string, err error) {
	left, right, y, err := p.edges()
	if err != nil {
		return nil, "", err
	}
	if err := p.do(chromedp.MouseEvent(chromedp.MousePressed, left, y, chromedp.ButtonLeft)); err != nil {
		return nil, "", err
	}
	for i := 0; len(took) < playbackJumps && i < 4*playbackJumps; i++ {
		x := left + float64(i*37%100)/100*(right-left)
		last, ok, err := p.paintAfter("scrub", 0, func() error { return p.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y, chromedp.ButtonLeft)) })
		if err != nil {
			return nil, "", err
		}
		if ok {
			took = append(took, last.Now)
			size = fmt.Sprintf("%d×%d", last.Wide, last.Tall)
		}
	}
	if len(took) == 0 {
		return nil, "", errors.New("no key frame was painted")
	}
	return took, size, p.do(chromedp.MouseEvent(chromedp.MouseReleased, left, y, chromedp.ButtonLeft))
}

// jumps clicks on moments and measures from the click until another moment is painted.
func (p *playbackPage) jumps() (took []float64, err error) {
	left, right, y, err := p.edges()
	if err != nil {
		return nil, err
	}
	for i := 0; len(took) < playbackJumps && i < 2*playbackJumps; i++ {
		x := left + float64(i*61%100)/100*(right-left)
		painted, ok, err := p.paintAfter("past", 1, func() error { return p.do(chromedp.MouseClickXY(x, y)) })
		if err != nil {
			return nil, err
		}
		if ok {
			took = append(took, painted.Now)
		}
	}
	if len(took) == 0 {
		return nil, errors.New("no moment was painted")
	}
	return took, nil
}

// paintAfter runs an action and returns the first frame painted after it that is at least that many seconds of media from the previous one.
// Now is the time since the pointer moved. ok is false if there was none, such as for the same key frame.
func (p *playbackPage) paintAfter(layer string, apart float64, act func() error) (painted paint, ok bool, err error) {
	before, err := evaluate[int](p, fmt.Sprintf(`(paints.hand = 0, paints.%s.length)`, layer))
	if err != nil {
		return painted, false, err
	}
	if err := act(); err != nil {
		return painted, false, err
	}
	found := fmt.Sprintf(`(() => {
		const all = paints.%[1]s;
		const i = all.findIndex((x, i) => i >= %[2]d && x.now > paints.hand && Math.abs(x.media - (all[i - 1]?.media ?? -9)) >= %[3]f);
		return i < 0 ? {Now: 0} : {Now: all[i].now - paints.hand, Media: all[i].media, Wide: all[i].wide, Tall: all[i].tall};
	})()`, layer, before, apart)
	err = p.until(time.Second, func() (bool, error) {
		painted, err = evaluate[paint](p, found)
		return painted.Now > 0, err
	})
	if painted.Now == 0 && p.ctx.Err() == nil {
		return painted, false, nil // nothing new was to be painted
	}
	return painted, painted.Now > 0, err
}
