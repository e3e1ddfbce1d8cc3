package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// Gaps shorter than this are drawn, but not listed.
const listedGap = 2 * time.Second

// plainClip is how much a browser without scripts is given to play.
const plainClip = 5 * time.Minute

// pageCamera shows a camera: /cameras/{id}, with ?at= a moment in UTC, or ?day= a day of the site.
func (s *Server) pageCamera(w http.ResponseWriter, r *http.Request) error {
	cameras, err := s.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	var c visibleCamera
	var together []view.CameraChoice
	others := make([]view.CameraLink, 0, len(cameras))
	for _, o := range cameras {
		current := o.ID == cameraOf(r).ID
		if current {
			c = o
		} else if o.Rights.Has(access.Export) {
			together = append(together, view.CameraChoice{Name: o.Name, Label: o.Label})
		}
		others = append(others, view.CameraLink{Label: o.Label, Href: cameraURL(o.Name), Current: current})
	}
	if c.Rights == 0 {
		return access.ErrDenied // they were taken away just now
	}
	v, day, err := s.cameraView(r, c)
	if err != nil {
		return err
	}
	if v.Quarantine, err = s.quarantineOf(r, c); err != nil {
		return err
	}
	v.Others, v.Together, v.Here = others, together, cameraURL(c.Name)
	if v.Playback {
		v.InStep = inStepURL(c, cameras, v.At)
	}
	if v.Share = c.Rights.Has(access.Share); v.Share {
		if v.SeenBy, err = s.seenBy(r, c); err != nil {
			return err
		}
	}
	if v.Playback {
		if err := s.addFootage(r, c, &v, day); err != nil {
			return err
		}
	}
	return writePage(w, r, http.StatusOK, view.CameraPage(v))
}

// inStepAtFirst is how many cameras a camera's page takes along to the timeline of several.
const inStepAtFirst = 4

// inStepURL leads to the timeline of a camera and the next ones that the viewer may see recordings of, at a moment if one is given.
func inStepURL(c visibleCamera, cameras []visibleCamera, at string) string {
	names := []string{c.Name}
	for _, o := range cameras {
		if o.ID != c.ID && o.Rights.Has(access.Playback) && len(names) < inStepAtFirst {
			names = append(names, o.Name)
		}
	}
	if len(names) == 1 {
		return ""
	}
	link := "/timeline?cameras=" + strings.Join(names, ",")
	if at != "" {
		link += "&at=" + url.QueryEscape(at)
	}
	return link
}

// cameraView prepares everything but the footage, and the day to show.
func (s *Server) cameraView(r *http.Request, c visibleCamera) (view.Camera, siteDay, error) {
	now := s.Now()
	moment, given, err := s.momentOf(r.URL.Query(), now)
	if err != nil {
		return view.Camera{}, siteDay{}, err
	}
	day := dayOf(moment, s.Location)
	local := moment.In(s.Location)
	v := view.Camera{
		Name: c.Name, Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Reason: c.Status.Reason, Words: firstWords(c.Status),
		Zone: zoneName(s.Location), Day: day.String(), Today: dayOf(now, s.Location).String(), DayText: local.Format("2 Jan 2006"), DayWords: local.Format("Mon, 2 Jan 2006"),
		DaySeconds: int(day.to.Sub(day.from).Seconds()), Clock: local.Format(time.TimeOnly), Date: local.Format("Mon, 2 Jan 2006"),
		Previous: "?day=" + day.shift(-1).String(), Next: "?day=" + day.shift(1).String(),
		HasSub: c.HasSub, Audio: c.Audio && c.Rights.Has(access.Audio),
		Playback: c.Rights.Has(access.Playback), Export: c.Rights.Has(access.Export), Manage: c.Rights.Has(access.Manage),
		ClipURL: "/api/v1/cameras/" + c.Name + "/clip.mp4", SidecarURL: "/api/v1/cameras/" + c.Name + "/clip.json", Advice: c.Status.Advice,
		SaveFrom: rfc3339(moment.Add(-time.Minute)), SaveTo: rfc3339(moment),
	}
	if given {
		v.At = moment.UTC().Format(time.RFC3339Nano) // a link may name one picture
	}
	v.Shell = withScript(s.shell(r, c.Label, "camera-page"), "camera")
	v.Facts = append(v.Facts, view.Fact{Label: "State", Value: stateWords(c.Status)}, view.Fact{Label: "Last picture", Value: format.Ago(c.Status.LastFrame, now)})
	for _, st := range c.Status.Streams {
		name := "Main stream"
		if st.Quality == media.Sub {
			name = "Sub stream"
		}
		v.Facts = append(v.Facts, view.Fact{Label: name, Value: streamText(st)})
	}
	if c.Rights.Has(access.Manage) {
		v.Facts = append(v.Facts, identityFacts(c.Status)...)
	}
	return v, day, nil
}

// momentOf returns the moment that the query asks for, and whether it asks for one; otherwise it is now.
func (s *Server) momentOf(q url.Values, now time.Time) (t time.Time, given bool, err error) {
	if at := q.Get("at"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil || t.Year() < 1970 || t.Year() > 9998 {
			return now, false, problem(http.StatusBadRequest, "The moment in the address is not a time such as 2026-11-22T13:05:20Z.")
		}
		return t, true, nil
	}
	if day := q.Get("day"); day != "" && day != dayOf(now, s.Location).String() {
		t, err := time.ParseInLocation(time.DateOnly, day, s.Location)
		if err != nil || t.Year() < 1970 || t.Year() > 9998 {
			return now, false, problem(http.StatusBadRequest, "The day in the address is not a date such as 2026-11-22.")
		}
		return dayOf(t.Add(12*time.Hour), s.Location).from, true, nil
	}
	return now, false, nil
}

// addFootage adds what was recorded on the day, and what was not and why.
func (s *Server) addFootage(r *http.Request, c visibleCamera, v *view.Camera, day siteDay) error {
	p, err := s.Accounts.Authorize(r.Context(), viewerOf(r), access.Playback, access.Camera(c.ID))
	if err != nil {
		return err
	}
	t, err := s.Store.Timeline(r.Context(), p, media.Main, storage.Span{From: day.from, To: day.to})
	if err != nil {
		return err
	}
	answer, err := json.Marshal(timelineOf(t))
	if err != nil {
		return err
	}
	v.Timeline = string(answer)
	now := s.Now()
	for _, g := range t.Gaps {
		if g.To.Sub(g.From) >= listedGap && g.From.Before(now) && g.Reason != storage.ReasonNotYet {
			v.Gaps = append(v.Gaps, s.gapView(g))
		}
	}
	if v.NoGaps = "Every second of this day was recorded."; v.Day == v.Today {
		v.NoGaps = "Every second so far was recorded."
	}
	if span, ok := footageNear(t, v.At, now); ok {
		q := url.Values{"from": {rfc3339(span.From)}, "to": {rfc3339(span.To)}}
		v.Plain = v.ClipURL + "?" + q.Encode()
	}
	return nil
}

func (s *Server) gapView(g storage.Gap) view.Gap {
	clock := "15:04"
	if g.To.Sub(g.From) < 2*time.Minute {
		clock = time.TimeOnly
	}
	return view.Gap{
		Time:   g.From.In(s.Location).Format(clock) + "–" + g.To.In(s.Location).Format(clock),
		Reason: g.Reason, Length: format.Duration(g.To.Sub(g.From)), Href: "?at=" + url.QueryEscape(rfc3339(g.To)),
	}
}

// footageNear returns footage to play for who asked for the moment at, or for the newest.
func footageNear(t storage.Timeline, at string, now time.Time) (storage.Span, bool) {
	if len(t.Spans) == 0 {
		return storage.Span{}, false
	}
	newest := t.Spans[len(t.Spans)-1]
	if moment, err := time.Parse(time.RFC3339, at); err == nil {
		for _, span := range t.Spans {
			if moment.Before(span.To) {
				from := later(moment, span.From)
				return storage.Span{From: from, To: earlier(from.Add(plainClip), span.To)}, true
			}
		}
	}
	end := earlier(newest.To, now)
	return storage.Span{From: later(newest.From, end.Add(-plainClip)), To: end}, newest.From.Before(end)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// siteDay is a day on the site's clock: 23, 24 or 25 hours.
type siteDay struct {
	year     int
	month    time.Month
	day      int
	loc      *time.Location
	from, to time.Time
}

func dayOf(t time.Time, loc *time.Location) siteDay {
	year, month, day := t.In(loc).Date()
	return newSiteDay(year, month, day, loc)
}

func newSiteDay(year int, month time.Month, day int, loc *time.Location) siteDay {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	d := siteDay{loc: loc, from: dayStart(year, month, day, loc), to: dayStart(year, month, day+1, loc)}
	d.year, d.month, d.day = noon.Date()
	return d
}

// dayStart is the first instant of a day, which is not midnight where clocks are moved at midnight: then time.Date may
// give an instant of the day before (package time, func Date).
func dayStart(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	_, _, wanted := time.Date(year, month, day, 12, 0, 0, 0, loc).Date()
	if t.Day() != wanted {
		_, change := t.ZoneBounds()
		return change
	}
	if start, _ := t.ZoneBounds(); t.Sub(start) < 3*time.Hour && start.Day() == wanted && start.Before(t) {
		return start
	}
	return t
}

func (d siteDay) shift(by int) siteDay { return newSiteDay(d.year, d.month, d.day+by, d.loc) }

// String returns the day as "2026-11-22".
func (d siteDay) String() string {
	return strconv.Itoa(d.year) + time.Date(2000, d.month, d.day, 0, 0, 0, 0, time.UTC).Format("-01-02")
}

// zoneName returns the name of the zone for browsers.
func zoneName(loc *time.Location) string {
	if loc == time.Local {
		return ""
	}
	return loc.String()
}
