package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// cameraPages are the pages on which recordings are found and played: a camera's own, the list of cameras, the recorded days,
// and the timeline of several cameras.
type cameraPages struct {
	*pages
	shares   *shares
	coverage coverage
	identity *identity.Store
	store    *storage.Store
}

// Gaps shorter than this are drawn, but not listed.
const listedGap = 2 * time.Second

// plainClip is how much a browser without scripts is given to play.
const plainClip = 5 * time.Minute

// pageCamera shows a camera: /cameras/{id}, with ?at= a moment in UTC, or ?day= a day of the site.
func (h *cameraPages) pageCamera(w http.ResponseWriter, r *http.Request) error {
	cameras, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
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
	v, day, err := h.cameraView(r, c)
	if err != nil {
		return err
	}
	if v.NewDevice, err = h.newDeviceOf(r, c); err != nil {
		return err
	}
	v.Others, v.Together, v.Here = others, together, cameraURL(c.Name)
	if v.Playback {
		v.InSync = inSyncURL(c, cameras, v.At)
	}
	if v.Share = c.Rights.Has(access.Share); v.Share {
		if v.SeenBy, err = h.shares.seenBy(r, c); err != nil {
			return err
		}
	}
	if v.Playback {
		if err := h.addFootage(r, c, &v, day); err != nil {
			return err
		}
	}
	return writePage(w, r, http.StatusOK, view.CameraPage(v))
}

// inSyncAtFirst is how many cameras a camera's page takes along to the timeline of several.
const inSyncAtFirst = 4

// inSyncURL leads to the timeline of a camera and the next ones that the viewer may see recordings of, at a moment if one is given.
func inSyncURL(c visibleCamera, cameras []visibleCamera, at string) string {
	names := []string{c.Name}
	for _, o := range cameras {
		if o.ID != c.ID && o.Rights.Has(access.Playback) && len(names) < inSyncAtFirst {
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
func (h *cameraPages) cameraView(r *http.Request, c visibleCamera) (view.Camera, siteDay, error) {
	now := h.site.now()
	moment, given, err := h.site.momentParameter(r.URL.Query(), now)
	if err != nil {
		return view.Camera{}, siteDay{}, err
	}
	day := dayOf(moment, h.site.location)
	local := moment.In(h.site.location)
	v := view.Camera{
		Name: c.Name, Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Reason: c.Status.Reason, Words: firstWords(c.Status),
		Zone: zoneName(h.site.location), Day: day.String(), Today: dayOf(now, h.site.location).String(), DayText: format.Date(local), DayWords: format.WeekdayDate(local),
		DaySeconds: int(day.to.Sub(day.from).Seconds()), Clock: format.ClockSeconds(local), Date: format.WeekdayDate(local),
		Previous: "?day=" + day.shift(-1).String(), Next: "?day=" + day.shift(1).String(),
		HasSub: c.HasSub, Audio: c.Audio && c.Rights.Has(access.Audio),
		Playback: c.Rights.Has(access.Playback), Export: c.Rights.Has(access.Export), Manage: c.Rights.Has(access.Manage),
		ClipURL: "/api/v1/cameras/" + c.Name + "/clip.mp4", SidecarURL: "/api/v1/cameras/" + c.Name + "/clip.json", Advice: c.Status.Advice,
		SaveFrom: rfc3339(moment.Add(-time.Minute)), SaveTo: rfc3339(moment),
	}
	if given {
		v.At = moment.UTC().Format(time.RFC3339Nano) // a link may name one picture
	}
	v.Shell = withScript(h.shell(r, c.Label, "camera-page"), "camera")
	v.Facts = append(v.Facts, view.Fact{Label: "State", Value: stateWords(c.Status)}, view.Fact{Label: "Last picture", Value: format.Ago(c.Status.LastFrame, now)})
	for _, st := range c.Status.Streams {
		name := "Main stream"
		if st.Quality == media.Sub {
			name = "Sub stream"
		}
		v.Facts = append(v.Facts, view.Fact{Label: name, Value: streamText(st)})
	}
	v.Facts = append(v.Facts, soundFacts(c.Status)...)
	if c.Rights.Has(access.Manage) {
		v.Facts = append(v.Facts, identityFacts(c.Status)...)
	}
	return v, day, nil
}

// addFootage adds what was recorded on the day, and what was not and why.
func (h *cameraPages) addFootage(r *http.Request, c visibleCamera, v *view.Camera, day siteDay) error {
	p, err := h.accounts.Authorize(r.Context(), viewerOf(r), access.Playback, access.Camera(c.ID))
	if err != nil {
		return err
	}
	t, err := h.store.Timeline(r.Context(), p, media.Main, storage.Span{From: day.from, To: day.to})
	if err != nil {
		return err
	}
	answer, err := json.Marshal(timelineOf(t))
	if err != nil {
		return err
	}
	v.Timeline = string(answer)
	now := h.site.now()
	for _, g := range t.Gaps {
		if g.To.Sub(g.From) >= listedGap && g.From.Before(now) && g.Reason != storage.ReasonNotYet {
			v.Gaps = append(v.Gaps, h.site.gapView(g))
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
