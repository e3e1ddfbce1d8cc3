package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/testcam"
)

// How long each figure of the live page takes.
const (
	liveLoads  = 9
	liveSmooth = 60 * time.Second
	liveDelays = 40
	liveMemory = 3 * time.Minute
)

// firstPictures records in every page when each tile's first frame was painted, since the start of the navigation.
const firstPictures = `(() => {
	window.painted = [];
	const wire = () => {
		for (const v of document.querySelectorAll(".tile video")) {
			if (v.noted) continue;
			v.noted = true;
			v.requestVideoFrameCallback((now) => window.painted.push(now));
		}
	};
	new MutationObserver(wire).observe(document, { childList: true, subtree: true });
})()`

// watchStalls counts from now on how often a tile stalled.
const watchStalls = `(() => {
	const stalls = window.stalls = { frames: 0, stalls: 0, waiting: 0, longest: 0 };
	for (const v of document.querySelectorAll(".tile .layer[data-shown] video")) {
		let last = performance.now();
		v.addEventListener("waiting", () => stalls.waiting++);
		const next = (now) => {
			stalls.frames++;
			stalls.longest = Math.max(stalls.longest, now - last);
			if (now - last > 500) stalls.stalls++;
			last = now;
			v.requestVideoFrameCallback(next);
		};
		v.requestVideoFrameCallback(next);
	}
})()`

// grabPicture returns a tile's picture as PNG with the time at which it was taken.
const grabPicture = `(n => {
	const all = [...document.querySelectorAll('.tile[data-life="live"] .layer[data-shown] video')];
	const v = all[n % all.length];
	if (!v) return { At: 0, PNG: "" };
	const c = document.createElement("canvas");
	c.width = v.videoWidth; c.height = v.videoHeight;
	const at = performance.timeOrigin + performance.now();
	c.getContext("2d").drawImage(v, 0, 0);
	return { At: at, PNG: c.toDataURL("image/png").split(",")[1] };
})`

// liveFigures opens the live page of a running server in Chromium, as the user, and measures it. The cameras are those of nvr
// demo, whose frames contain their time.
func liveFigures(ctx context.Context, url, user, password string) ([]figure, error) {
	return inTurn(ctx, url, user, password, firstPictureFigures, stallFigures, delayFigures, memoryFigures)
}

// smoothFigures are the figures of liveFigures that need no painted clock.
func smoothFigures(ctx context.Context, url, user, password string) ([]figure, error) {
	return inTurn(ctx, url, user, password, firstPictureFigures, stallFigures)
}

// inTurn takes measurements one after the other in one tab. It continues after one that fails.
func inTurn(ctx context.Context, url, user, password string, measures ...func(tab context.Context, url string) ([]figure, error)) (all []figure, err error) {
	err = signedIn(ctx, url, user, password, func(tab context.Context) (failed error) {
		for _, measure := range measures {
			figures, err := measure(tab, url)
			all = append(all, figures...)
			failed = errors.Join(failed, err)
		}
		return failed
	})
	return all, err
}

// firstPictureFigures loads the page again and again.
func firstPictureFigures(tab context.Context, url string) ([]figure, error) {
	added, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: firstPictures})
	if err != nil {
		return nil, err
	}
	type loading struct{ Load, First, Last float64 }
	var first, last []float64
	for range liveLoads {
		if err := chromedp.Do(tab, chromedp.Navigate(url+"/live")); err != nil {
			return nil, err
		}
		l, err := chromedp.Run(tab, chromedp.Evaluate[loading](`(async () => {
			const live = () => [...document.querySelectorAll('.tile')].filter(t => t.getBoundingClientRect().top < innerHeight).length;
			for (let i = 0; i < 200 && window.painted.length < live(); i++) await new Promise(r => setTimeout(r, 50));
			return { Load: performance.getEntriesByType("navigation")[0].loadEventEnd, First: Math.min(...window.painted), Last: Math.max(...window.painted) };
		})()`, chromedp.EvalAwaitPromise))
		if err != nil {
			return nil, fmt.Errorf("first picture: %w", err)
		}
		first, last = append(first, max(0, l.First-l.Load)), append(last, max(0, l.Last-l.Load))
	}
	_, err = chromedp.Call(tab, page.RemoveScriptToEvaluateOnNewDocument, page.RemoveScriptToEvaluateOnNewDocumentParams(added))
	return []figure{
		{"first live frame after page load, median", fmt.Sprintf("%.0f ms", median(first)), "≤ 300 ms", median(first) <= 300},
		{"first live frame of the last tile after page load, median", fmt.Sprintf("%.0f ms", median(last)), "", true},
	}, err
}

// stallFigures watches all tiles.
func stallFigures(tab context.Context, _ string) ([]figure, error) {
	if err := wait(tab, 8*time.Second); err != nil { // until the tiles have caught up
		return nil, err
	}
	if err := chromedp.Do(tab, chromedp.Evaluate[chromedp.Void](watchStalls)); err != nil {
		return nil, err
	}
	if err := wait(tab, liveSmooth); err != nil {
		return nil, err
	}
	type stalls struct {
		Frames, Stalls, Waiting, Tiles int
		Longest                        float64
	}
	s, err := chromedp.Run(tab, chromedp.Evaluate[stalls](`({ Frames: stalls.frames, Stalls: stalls.stalls, Waiting: stalls.waiting, Longest: stalls.longest,
		Tiles: document.querySelectorAll('.tile[data-life="live"]').length })`))
	if err != nil {
		return nil, err
	}
	return []figure{
		{fmt.Sprintf("stalls of %d tiles in %v (a frame shown for over 0.5 s)", s.Tiles, liveSmooth),
			fmt.Sprintf("%d, longest pause %.0f ms, %d waits, %.0f frames/s in total", s.Stalls, s.Longest, s.Waiting, float64(s.Frames)/liveSmooth.Seconds()), "0", s.Stalls == 0},
	}, nil
}

// delayFigures reads the clock that the cameras paint.
func delayFigures(tab context.Context, _ string) ([]figure, error) {
	type grab struct {
		At  float64
		PNG string
	}
	var delays []float64
	for n := range liveDelays {
		g, err := chromedp.Run(tab, chromedp.Evaluate[grab](fmt.Sprintf("%s(%d)", grabPicture, n)))
		if err != nil {
			return nil, err
		}
		b, err := base64.StdEncoding.DecodeString(g.PNG)
		if err != nil {
			return nil, err
		}
		if img, err := png.Decode(bytes.NewReader(b)); err == nil {
			for _, s := range testcam.ReadImages(img) {
				delays = append(delays, g.At/1000-float64(s.Mark.Time.UnixMilli())/1000)
			}
		}
		if err := wait(tab, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	if len(delays) == 0 {
		return nil, errors.New("delay: no picture carries a mark")
	}
	m := median(delays)
	return []figure{{fmt.Sprintf("delay behind the painted clock, median of %d frames", len(delays)),
		fmt.Sprintf("%.2f s (%.2f to %.2f)", m, slices.Min(delays), slices.Max(delays)), "≤ 1.0 s", m <= 1}}, nil
}

// memoryFigures measures the memory of the page's scripts after garbage collection, at the beginning and at the end.
func memoryFigures(tab context.Context, _ string) ([]figure, error) {
	if _, err := chromedp.Call(tab, performance.Enable, performance.EnableParams{}); err != nil {
		return nil, err
	}
	var used []float64
	for i := range 7 {
		if i > 0 {
			if err := wait(tab, liveMemory/6); err != nil {
				return nil, err
			}
		}
		if _, err := chromedp.Call(tab, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return nil, err
		}
		m, err := chromedp.Call(tab, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return nil, err
		}
		for _, x := range m.Metrics {
			if x.Name == "JSHeapUsedSize" {
				used = append(used, x.Value/1e6)
			}
		}
	}
	var steps []string
	for _, u := range used {
		steps = append(steps, fmt.Sprintf("%.1f", u))
	}
	growth := used[len(used)-1] - used[1]
	return []figure{{fmt.Sprintf("memory of the page's script over %v", liveMemory), strings.Join(steps, " → ") + " MB", "flat", growth < 0.5}}, nil
}

// wait lets time pass.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
