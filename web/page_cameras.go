package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// stripDays is how many days a strip shows.
const stripDays = 30

func (h *cameraPages) pageCameras(w http.ResponseWriter, r *http.Request) error {
	cameras, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v := view.Cameras{Shell: withScript(h.shell(r, "Cameras", "cameras"), "cameras"), Notice: noticeOf(r), Admin: viewerOf(r).Admin}
	expected, err := forecasts(r.Context(), h.store)
	if err != nil {
		return err
	}
	usage, err := h.store.Usage(r.Context(), h.site.dayAt(h.site.now()))
	if err != nil {
		return err
	}
	taken := map[media.CameraID]storage.CameraUsage{}
	for _, u := range usage.Cameras {
		taken[u.ID] = u
	}
	for _, c := range cameras {
		row, err := h.cameraCard(r.Context(), viewerOf(r), c, expected[c.ID], taken[c.ID])
		if err != nil {
			return err
		}
		v.Cameras = append(v.Cameras, row)
	}
	return writePage(w, r, http.StatusOK, view.CamerasPage(v))
}

// cameraCard fills in what the viewer may know of a camera. Facts about recordings are only for those who may watch them.
func (h *cameraPages) cameraCard(ctx context.Context, v access.Viewer, c visibleCamera, f *ForecastReport, u storage.CameraUsage) (view.CameraCard, error) {
	row := view.CameraCard{Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Words: stateWords(c.Status), Advice: c.Status.Advice,
		Share: c.Rights.Has(access.Share), Manage: c.Rights.Has(access.Manage)}
	now := h.site.now()
	p, err := h.accounts.Authorize(ctx, v, access.Playback, access.Camera(c.ID))
	if err != nil && !errors.Is(err, access.ErrDenied) {
		return row, err
	}
	if err == nil {
		today := dayOf(now, h.site.location)
		days, err := h.coverage.of(ctx, p, media.Main, today.shift(1-stripDays), today)
		if err != nil {
			return row, err
		}
		row.Strip = h.stripOf(days, row.Href)
		if n := len(days); n > 0 && days[n-1].String() == today.String() {
			row.Facts = append(row.Facts, view.Fact{Label: "Recorded today", Value: coverageText(days[n-1].recorded.Seconds(), days[n-1].missing.Seconds())})
		}
		if p.Window().Open() {
			row.Facts = append(row.Facts, h.keptFacts(u, f, now)...)
			if f != nil && f.Advice != "" {
				row.Advice = append(row.Advice[:len(row.Advice):len(row.Advice)], f.Advice)
			}
		}
	}
	row.Facts = append(row.Facts, view.Fact{Label: "Last picture", Value: format.Ago(c.Status.LastFrame, now)})
	if st, ok := streamOf(c.Status, media.Main); ok {
		row.Facts = append(row.Facts, view.Fact{Label: "Main stream", Value: pictureText(st)})
	}
	return row, nil
}

// keptFacts say how far footage reaches back, how far it will, and what it takes.
func (h *cameraPages) keptFacts(u storage.CameraUsage, f *ForecastReport, now time.Time) []view.Fact {
	var facts []view.Fact
	reaches := "no footage yet"
	if !u.Oldest.IsZero() {
		reaches = format.Duration(now.Sub(u.Oldest)) + ", to " + h.site.when(u.Oldest)
	}
	facts = append(facts, view.Fact{Label: "Footage reaches back", Value: reaches})
	if f != nil {
		facts = append(facts, view.Fact{Label: "Expected retention", Value: f.Words})
	}
	disk := format.Size(u.Bytes)
	if u.Kept > 0 {
		disk += ", " + format.Size(u.Kept) + " in saved clips"
	}
	return append(facts, view.Fact{Label: "On disk", Value: disk})
}

// stripOf draws days. The lower part of a bar is what was recorded, the upper part what is missing; a line at the bottom says that
// footage was deleted.
func (h *cameraPages) stripOf(days []dayCoverage, here string) *view.MonthStrip {
	strip := &view.MonthStrip{To: "today", Sum: sumWords(days), Href: here + "/days"}
	for i, d := range days {
		x := (stripDays - len(days) + i) * 10
		height := 0
		if d.recorded > 0 {
			height = barHeight(d.fraction())
			strip.Footage += fmt.Sprintf("M%d 100v-%dh8v%dz", x, height, height)
		}
		switch d.state() {
		case "partly", "nothing":
			strip.Missing += fmt.Sprintf("M%d 0h8v%dh-8z", x, 100-height)
		case "deleted", "rest":
			strip.Deleted += fmt.Sprintf("M%d 96h8v4h-8z", x)
		}
	}
	strip.From = format.DayMonth(dayOf(h.site.now(), h.site.location).shift(1 - stripDays).from.In(h.site.location))
	return strip
}

func streamOf(c CameraStatus, q media.Quality) (StreamStatus, bool) {
	for _, st := range c.Streams {
		if st.Quality == q {
			return st, true
		}
	}
	return StreamStatus{}, false
}
