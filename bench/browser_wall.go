package main

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"net/url"
	"slices"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/testcam"
)

// How several cameras in sync are measured.
const (
	wallCameras = 4
	wallSamples = 24
	wallFrame   = time.Second / 15 // frame duration of the demo's cameras: the largest difference allowed
	wallBack    = 40 * time.Second // how long ago playback begins
)

// followPictures records the position of each painted frame in its footage, and when it was shown.
const followPictures = `for (const v of document.querySelectorAll(".timeline-tile .past")) {
	const next = (_, data) => { v.painted = { media: data.mediaTime, at: data.expectedDisplayTime }; v.requestVideoFrameCallback(next); };
	v.requestVideoFrameCallback(next);
}`

// wallPlace is the position of a tile in the window, and its position in the footage in seconds: by the clock of its player, by the
// last painted frame, and by that frame plus the time since.
type wallPlace struct {
	X, Y, Width, Height    float64
	Clock, Painted, Played float64
}

const wallPlaces = `[...document.querySelectorAll(".timeline-tile")].map(t => {
	const { x, y, width, height } = t.querySelector(".timeline-picture").getBoundingClientRect();
	const v = t.querySelector(".past");
	const { media, at } = v.painted ?? { media: 0, at: 0 };
	return { X: x, Y: y, Width: width, Height: height, Clock: v.currentTime, Painted: media, Played: media + (performance.now() - at) / 1000 };
})`

// wallTab is the timeline page, with what each camera showed while all were paused at one moment.
type wallTab struct {
	ctx   context.Context
	clock []float64   // of each player then
	told  []time.Time // time by each camera's own clock then
}

// wallFigures opens the timeline page of a running server in Chromium, as the user, and measures how far four cameras are out of sync.
// The cameras are those of nvr demo, recorded for at least a minute. Their frames contain their time.
func wallFigures(ctx context.Context, base, user, password string) (all []figure, err error) {
	err = signedIn(ctx, base, user, password, func(tab context.Context) error {
		w := &wallTab{ctx: tab}
		at := time.Now().Add(-wallBack).UTC().Format(time.RFC3339)
		if err := w.do(chromedp.Navigate(base+"/timeline?at="+url.QueryEscape(at)), chromedp.WaitVisible(`.timeline-tile`),
			chromedp.Evaluate[chromedp.Void](followPictures)); err != nil {
			return err
		}
		if err := w.calibrate(); err != nil {
			return err
		}
		for _, step := range []struct{ what, press string }{{"playing", `#play`}, {"after a jump of 10 s", `#back`}} {
			if err := w.do(chromedp.Click(step.press)); err != nil {
				return err
			}
			figures, err := w.measure(step.what)
			if err != nil {
				return err
			}
			all = append(all, figures...)
		}
		return nil
	})
	return all, err
}

func (w *wallTab) do(steps ...chromedp.Action[chromedp.Void]) error {
	for _, step := range steps {
		if err := chromedp.Do(w.ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// calibrate plays all for a while, pauses, and records what each shows. Footage is timed by the arrival of a run's first frame, so the
// cameras' own clocks differ by the delays of those frames. The player is not responsible for that difference.
func (w *wallTab) calibrate() error {
	time.Sleep(5 * time.Second)
	if err := w.do(chromedp.Click(`#play`)); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	places, painted, err := w.look()
	if err != nil {
		return err
	}
	for i, p := range places {
		w.clock = append(w.clock, p.Clock)
		w.told = append(w.told, painted[i].Add(seconds(p.Clock-p.Painted)))
	}
	return nil
}

// look takes a screenshot and returns the tiles with the time of each frame by its camera's clock. It tries again until all
// have a frame.
func (w *wallTab) look() ([]wallPlace, []time.Time, error) {
	for range 20 {
		places, err := chromedp.Run(w.ctx, chromedp.Evaluate[[]wallPlace](wallPlaces))
		if err != nil {
			return nil, nil, err
		}
		shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			return nil, nil, err
		}
		img, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			return nil, nil, err
		}
		painted := make([]time.Time, len(places))
		for _, s := range testcam.ReadImages(img) {
			x, y := float64(s.Where.Min.X+s.Where.Max.X)/2, float64(s.Where.Min.Y+s.Where.Max.Y)/2
			for i, p := range places {
				if x > p.X && x < p.X+p.Width && y > p.Y && y < p.Y+p.Height {
					painted[i] = s.Mark.Time
				}
			}
		}
		if len(places) == wallCameras && !slices.ContainsFunc(painted, time.Time.IsZero) {
			return places, painted, nil
		}
		time.Sleep(300 * time.Millisecond)
	}
	return nil, nil, fmt.Errorf("the timeline never showed %d pictures", wallCameras)
}

// measure takes the samples of one kind of playback.
func (w *wallTab) measure(what string) ([]figure, error) {
	time.Sleep(3 * time.Second)
	var pictures, players []time.Duration
	for range wallSamples {
		places, painted, err := w.look()
		if err != nil {
			return nil, err
		}
		shown, played := make([]time.Duration, len(places)), make([]time.Duration, len(places))
		for i, p := range places {
			shown[i] = painted[i].Sub(w.told[i])
			played[i] = seconds(p.Played - w.clock[i])
		}
		pictures = append(pictures, slices.Max(shown)-slices.Min(shown))
		players = append(players, slices.Max(played)-slices.Min(played))
	}
	return []figure{
		wallFigure("four cameras "+what+": frames in one screenshot", pictures),
		wallFigure("four cameras "+what+": players apart", players),
	}, nil
}

func wallFigure(name string, apart []time.Duration) figure {
	slices.Sort(apart)
	median, worst := apart[len(apart)/2], apart[len(apart)-1]
	return figure{what: name, value: fmt.Sprintf("%d ms median, %d ms worst of %d", median.Milliseconds(), worst.Milliseconds(), len(apart)),
		goal: fmt.Sprintf("≤ %d ms", (wallFrame + time.Millisecond).Milliseconds()), met: worst <= wallFrame+time.Millisecond}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
