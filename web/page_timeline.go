package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// mostPlayed is how many cameras play at once; firstPlayed how many do so where the address names none.
const mostPlayed, firstPlayed = 9, 4

// pageTimeline shows a day of all cameras whose recordings the viewer may see: /timeline, with ?cameras= those to play,
// by their names with commas between, and ?at= a moment in UTC, or ?day= a day of the site.
func (h *cameraPages) pageTimeline(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	asked, err := parameter(q, "cameras")
	if err != nil {
		return err
	}
	all, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras := slices.DeleteFunc(all, func(c visibleCamera) bool { return !c.Rights.Has(access.Playback) })
	chosen := chosenOf(cameras, asked, q.Has("cameras"))
	if len(chosen) == 0 && asked != "" {
		return access.ErrDenied // none is theirs, or none exists: the same answer
	}
	v, day, err := h.timelineView(r, q)
	if err != nil {
		return err
	}
	v.Chosen = strings.Join(chosen, ",")
	if v.Previous, v.Next = "?day="+day.shift(-1).String(), "?day="+day.shift(1).String(); q.Has("cameras") {
		v.Cameras = v.Chosen
		v.Previous, v.Next = v.Previous+"&cameras="+v.Chosen, v.Next+"&cameras="+v.Chosen
	}
	for _, c := range cameras {
		row, err := h.timelineRow(r, c, day)
		if errors.Is(err, access.ErrDenied) {
			continue // the right was taken away just now
		}
		if err != nil {
			return err
		}
		row.Chosen = slices.Contains(chosen, c.Name)
		v.Rows = append(v.Rows, row)
	}
	return writePage(w, r, http.StatusOK, view.TimelinePage(v))
}

// chosenOf returns the names of the cameras to play: those of the list, in its order, that are the viewer's; where the
// address has no list, the first.
func chosenOf(cameras []visibleCamera, asked string, given bool) []string {
	var names, chosen []string
	for _, c := range cameras {
		names = append(names, c.Name)
	}
	if !given {
		return names[:min(len(names), firstPlayed)]
	}
	for _, name := range strings.Split(asked, ",") {
		if slices.Contains(names, name) && !slices.Contains(chosen, name) && len(chosen) < mostPlayed {
			chosen = append(chosen, name)
		}
	}
	return chosen
}

// timelineView prepares what the page says of its moment, and the day to show.
func (h *cameraPages) timelineView(r *http.Request, q url.Values) (view.Timeline, siteDay, error) {
	now := h.site.now()
	moment, given, err := h.site.momentParameter(q, now)
	if err != nil {
		return view.Timeline{}, siteDay{}, err
	}
	day, local := dayOf(moment, h.site.location), moment.In(h.site.location)
	v := view.Timeline{
		Zone: zoneName(h.site.location), Day: day.String(), Today: dayOf(now, h.site.location).String(), DayWords: format.WeekdayDate(local),
		DaySeconds: int(day.to.Sub(day.from).Seconds()), Clock: format.ClockSeconds(local), Date: format.WeekdayDate(local),
		Most: mostPlayed, Admin: viewerOf(r).Admin,
	}
	if given {
		v.At = rfc3339(moment)
	}
	v.Shell = withScript(h.shell(r, "Timeline", "timeline"), "timeline")
	v.Shell.Styles = append(v.Shell.Styles, asset("css/timeline.css"))
	return v, day, nil
}

// timelineRow returns a camera's day.
func (h *cameraPages) timelineRow(r *http.Request, c visibleCamera, day siteDay) (view.TimelineRow, error) {
	row := view.TimelineRow{Name: c.Name, Label: c.Label, Href: cameraURL(c.Name), HasSub: c.HasSub, Audio: c.Audio && c.Rights.Has(access.Audio)}
	p, err := h.accounts.Authorize(r.Context(), viewerOf(r), access.Playback, access.Camera(c.ID))
	if err != nil {
		return row, err
	}
	t, err := h.store.Timeline(r.Context(), p, media.Main, storage.Span{From: day.from, To: day.to})
	if err != nil {
		return row, err
	}
	answer, err := json.Marshal(timelineOf(t))
	if err != nil {
		return row, err
	}
	row.Timeline = string(answer)
	row.Stretches = h.parts(row.Href, t)
	return row, nil
}

// parts lists a day in order of time: what was recorded, and the gaps between that are long enough to speak of.
func (h *cameraPages) parts(href string, t storage.Timeline) []view.TimelinePart {
	var footage []storage.Span
	for _, span := range t.Spans {
		if n := len(footage); n > 0 && span.From.Sub(footage[n-1].To) < listedGap {
			footage[n-1].To = later(footage[n-1].To, span.To)
			continue
		}
		footage = append(footage, storage.Span{From: span.From, To: span.To})
	}
	type stretch struct {
		at   time.Time
		view view.TimelinePart
	}
	var all []stretch
	for _, f := range footage {
		g := h.site.gapView(storage.Gap{From: f.From, To: f.To})
		all = append(all, stretch{f.From, view.TimelinePart{Time: g.Time, Length: g.Length, Href: href + "?at=" + url.QueryEscape(rfc3339(f.From))}})
	}
	for _, gap := range t.Gaps {
		if gap.To.Sub(gap.From) < listedGap || gap.Reason == storage.ReasonNotYet {
			continue
		}
		g := h.site.gapView(gap)
		all = append(all, stretch{gap.From, view.TimelinePart{Time: g.Time, Reason: g.Reason, Length: g.Length, Href: href + g.Href, Gap: true}})
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return a.at.Compare(b.at) })
	views := make([]view.TimelinePart, len(all))
	for i, x := range all {
		views[i] = x.view
	}
	return views
}
