package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// Goals of the pages.
const (
	pageWeight  = 150_000 // bytes transferred for a page with its scripts and styles, without pictures
	flatWithin  = 1.05    // how much a tab's memory may grow after it has settled
	memoryLooks = 40      // how often it is measured
	pageVisits  = 5       // visits for the median of the first paint
)

// weighed lists the pages of a signed-in user.
var weighed = [...]string{"/live", "/timeline", "/cameras", "/cameras/front-door", "/cameras/front-door/access", "/saved", "/account", "/people", "/system", "/connections"}

// pageWeighs adds up the transferred bytes: the document and its assets, without footage, which is under /api/.
const pageWeighs = `(async () => {
	const drawn = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
	for (let i = 0; i < 100 && (document.readyState !== "complete" || drawn() === undefined); i++) await new Promise(r => setTimeout(r, 50));
	const [document_] = performance.getEntriesByType("navigation");
	const parts = performance.getEntriesByType("resource").filter(r => !new URL(r.name).pathname.startsWith("/api/"));
	return {Status: document_.responseStatus, Bytes: document_.transferSize + parts.reduce((sum, r) => sum + r.transferSize, 0), Parts: parts.length, First: drawn() ?? 1e9};
})()`

type pageWeighed struct {
	Status int
	Bytes  float64
	Parts  int
	First  float64 // milliseconds from the start of the navigation to the first paint
}

// pageFigures opens every page with an empty cache.
func pageFigures(ctx context.Context, url, user, password string) (all []figure, err error) {
	err = signedIn(ctx, url, user, password, func(tab context.Context) error {
		if _, err := chromedp.Call(tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
			return err
		}
		for _, path := range weighed {
			var first []float64
			var heaviest pageWeighed
			for range pageVisits {
				if err := chromedp.Do(tab, chromedp.Navigate(url+path)); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				w, err := chromedp.Run(tab, chromedp.Evaluate[pageWeighed](pageWeighs, chromedp.EvalAwaitPromise))
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				first = append(first, w.First)
				if w.Bytes >= heaviest.Bytes {
					heaviest = w
				}
			}
			if heaviest.Status != 200 {
				continue // this version has no such page
			}
			slices.Sort(first)
			all = append(all, figure{fmt.Sprintf("%s with its %d assets, compressed", path, heaviest.Parts), fmt.Sprintf("%.1f kB", heaviest.Bytes/1000), "≤ 150 kB", heaviest.Bytes <= pageWeight},
				figure{path + ", first paint", fmt.Sprintf("%.0f ms", first[len(first)/2]), "", true})
		}
		if len(all) == 0 {
			return errors.New("no page answered")
		}
		return nil
	})
	return all, err
}

// tabFigures watches live video for a while and measures the memory of the tab's process: that of scripts, and what the
// browser buffers for them.
func tabFigures(ctx context.Context, url, user, password string, length time.Duration) (all []figure, err error) {
	err = signedIn(ctx, url, user, password, func(tab context.Context) error {
		if err := chromedp.Do(tab, chromedp.WaitVisible(`.tile[data-life="live"]`)); err != nil {
			return err
		}
		var held []float64
		for range memoryLooks {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(length / memoryLooks):
			}
			bytes, err := heldBy(tab)
			if err != nil {
				return err
			}
			held = append(held, float64(bytes))
		}
		early, late := typical(held[memoryLooks/4:memoryLooks/2]), typical(held[memoryLooks*3/4:])
		all = []figure{
			{fmt.Sprintf("memory of a live tab, last ÷ second quarter of %v", length), fmt.Sprintf("%.3f", late/early), fmt.Sprintf("≤ %.2f", flatWithin), late <= early*flatWithin},
			{"memory of a live tab, at the end", fmt.Sprintf("%.0f MB", late/1e6), "", true},
		}
		return nil
	})
	return all, err
}

// typical is the median.
func typical(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// heldBy returns the memory of the processes that run pages, after garbage collection.
func heldBy(tab context.Context) (int64, error) {
	if _, err := chromedp.Call(tab, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
		return 0, err
	}
	info, err := chromedp.CallBrowser(tab, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		return 0, err
	}
	var pids []int
	for _, p := range info.ProcessInfo {
		if strings.EqualFold(p.Type, "renderer") {
			pids = append(pids, int(p.ID))
		}
	}
	if len(pids) == 0 {
		return 0, errors.New("the browser names no process that runs pages")
	}
	m, err := memoryOf(pids)
	return m.pss, err
}
