package web

import (
	"fmt"
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

// savedPages are the list of kept clips, and the pages on which footage is kept, released and deleted.
type savedPages struct {
	*pages
	kept  *keptList
	store *storage.Store
}

// savedAtOnce is how many clips the list shows on one page.
const savedAtOnce = 200

// pageSaved lists what is kept of the viewer's cameras: /saved, with ?q= words, ?camera= and ?day= that it is searched for, and
// ?before= only what begins before that time.
func (h *savedPages) pageSaved(w http.ResponseWriter, r *http.Request) error {
	all, err := h.kept.all(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v := view.Saved{Shell: withScript(h.shell(r, "Saved", "saved"), "saved"), Any: len(all) > 0}
	before, err := beforeParameter(r)
	if err != nil {
		return err
	}
	search, err := h.savedFilter(r, all)
	if err != nil {
		return err
	}
	v.Filter = search.SavedFilter
	var last time.Time
	found := 0
	for _, k := range all {
		if !search.finds(k) {
			continue
		}
		found++
		if !before.IsZero() && !k.Span.From.Before(before) {
			continue
		}
		if len(v.Clips) == savedAtOnce {
			if v.Older == "" {
				v.Older = "/saved?" + search.values(last).Encode()
			}
			continue
		}
		last = k.Span.From
		clip := h.savedClip(k.Kept, k.camera.Camera, k.camera.Rights)
		v.Zip = v.Zip || clip.Ticket != ""
		v.Clips = append(v.Clips, clip)
	}
	v.Total = fmt.Sprintf("%d clips.", found)
	if found == 1 {
		v.Total = "1 clip."
	}
	return writePage(w, r, http.StatusOK, view.SavedPage(v))
}

// savedSearch is what the list is searched for.
type savedSearch struct {
	view.SavedFilter
	day siteDay
}

// savedFilter reads what the list is searched for.
func (h *savedPages) savedFilter(r *http.Request, all []keptBy) (savedSearch, error) {
	var f savedSearch
	q, err := query(r)
	if err != nil {
		return f, err
	}
	for name, value := range map[string]*string{"q": &f.Words, "camera": &f.Camera, "day": &f.Day} {
		if *value, err = parameter(q, name); err != nil {
			return f, err
		}
		*value = strings.TrimSpace(*value)
	}
	if f.Day != "" {
		day, err := time.ParseInLocation(time.DateOnly, f.Day, h.site.location)
		if err != nil || day.Year() < firstYear || day.Year() >= lastYear {
			return f, problem(http.StatusBadRequest, "The day in the address is not a date such as 2026-11-22.")
		}
		f.day = dayOf(day.Add(12*time.Hour), h.site.location)
	}
	for _, c := range h.cameras.all { // in their order
		if slices.ContainsFunc(all, func(k keptBy) bool { return k.camera.ID == c.ID }) {
			f.Cameras = append(f.Cameras, view.CameraChoice{Name: c.Name, Label: c.Label})
		}
	}
	f.On = f.Words != "" || f.Camera != "" || f.Day != ""
	return f, nil
}

// finds reports whether a clip is searched for: all words stand in its note, its camera's name or that of who kept it.
func (f savedSearch) finds(k keptBy) bool {
	text := strings.ToLower(k.Note + " " + k.camera.Label + " " + k.camera.Name + " " + k.By)
	for _, word := range strings.Fields(strings.ToLower(f.Words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	if f.Day != "" && (!k.Span.From.Before(f.day.to) || !k.Span.To.After(f.day.from)) {
		return false
	}
	return f.Camera == "" || f.Camera == k.camera.Name
}

// values are the parameters of the same search for what begins before a time.
func (f savedSearch) values(before time.Time) url.Values {
	q := url.Values{"before": {before.UTC().Format(time.RFC3339Nano)}}
	for name, value := range map[string]string{"q": f.Words, "camera": f.Camera, "day": f.Day} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

func beforeParameter(r *http.Request) (time.Time, error) {
	q, err := query(r)
	if err != nil || !q.Has("before") {
		return time.Time{}, err
	}
	return timeParameter(q, "before")
}

func (h *savedPages) savedClip(k storage.Kept, c Camera, rights access.Rights) view.SavedClip {
	x := view.SavedClip{Anchor: "kept-" + k.ID.String(), Title: k.Note, Camera: c.Label, When: h.site.span(k.Span), Length: format.Duration(k.Span.To.Sub(k.Span.From)),
		Size: format.Size(k.Bytes) + " on disk", By: k.By, Play: cameraURL(c.Name) + "?at=" + url.QueryEscape(rfc3339(k.Span.From))}
	if x.Title == "" {
		x.Title = noNote
	}
	if k.Bytes == 0 {
		x.Size = "no footage left"
	}
	if rights.Has(access.Export) && k.Bytes > 0 {
		q := url.Values{"from": {k.Span.From.UTC().Format(time.RFC3339Nano)}, "to": {k.Span.To.UTC().Format(time.RFC3339Nano)}}
		if !k.Streams.Has(media.Main) {
			q.Set("stream", media.Sub.String())
		} else {
			x.Ticket = c.Name + ":" + k.ID.String()
		}
		x.Sidecar = "/api/v1/cameras/" + c.Name + "/clip.json?" + q.Encode()
		q.Set("download", "1")
		x.Download = "/api/v1/cameras/" + c.Name + "/clip.mp4?" + q.Encode()
	}
	if rights.Has(access.Manage) {
		x.Remove = cameraURL(c.Name) + "/kept/" + k.ID.String()
	}
	return x
}

// noNote is the title of a clip without a note.
const noNote = "No note"

// postKeep keeps the span of a form and shows it in the list.
func (h *savedPages) postKeep(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	span, err := spanParameters(form, storage.MaxKept)
	if err != nil {
		return err
	}
	kept, err := h.store.Keep(r.Context(), p, storage.BothStreams, span, strings.TrimSpace(form.Get("note")))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/saved#kept-"+kept.ID.String(), http.StatusSeeOther)
	return nil
}

// pageKept asks before a kept clip is removed.
func (h *savedPages) pageKept(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	id, err := keptParameter(r.PathValue("kept"))
	if err != nil {
		return err
	}
	k, err := h.store.KeptOne(r.Context(), p, id)
	if err != nil {
		return err
	}
	c := h.cameras.ofPermit(p)
	v, err := h.removeView(r, p, k.Span, id)
	if err != nil {
		return err
	}
	v.Shell = h.shell(r, "Remove a saved clip", "saved")
	v.Kept, v.Note, v.Named, v.Back = true, k.Note, id.String(), "/saved"
	if v.Note == "" {
		v.Note = noNote
	}
	v.LetGo = cameraURL(c.Name) + "/kept/" + id.String() + "/release"
	if v.Fate, err = h.fateOf(r, p, k); err != nil {
		return err
	}
	return writePage(w, r, http.StatusOK, view.RemovePage(v))
}

// fateOf says what becomes of a kept clip's footage when it is let go.
func (h *savedPages) fateOf(r *http.Request, p access.Permit, k storage.Kept) (string, error) {
	outlooks, err := h.store.Forecast(r.Context())
	if err != nil {
		return "", err
	}
	for _, f := range outlooks {
		if access.Camera(f.ID) != p.Camera() || f.TooEarly || f.Days <= 0 || f.Limit == storage.NoLimit {
			continue
		}
		left := time.Duration(f.Days*24*float64(time.Hour)) - h.site.now().Sub(k.Span.To)
		if left <= 0 {
			return "It is older than what this camera keeps, so it will be deleted within seconds.", nil
		}
		return "It will be deleted with this camera's other footage, in about " + format.Duration(left) + ".", nil
	}
	return "It will be deleted when this camera or the disk reaches its limit.", nil
}

// removeView says what deleting the footage of the span would take.
func (h *savedPages) removeView(r *http.Request, p access.Permit, span storage.Span, named ...storage.KeptID) (view.Remove, error) {
	c := h.cameras.ofPermit(p)
	v := view.Remove{Camera: c.Label, When: h.site.span(span), Length: format.Duration(span.To.Sub(span.From)), Delete: cameraURL(c.Name) + "/delete",
		From: span.From.UTC().Format(time.RFC3339Nano), To: span.To.UTC().Format(time.RFC3339Nano),
		Back: cameraURL(c.Name) + "?at=" + url.QueryEscape(rfc3339(span.From))}
	d, err := h.store.PreviewDelete(r.Context(), p, span, named...)
	if p := problemOf(err); err != nil && p.Status == http.StatusNotFound {
		v.Gone = true
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Going = h.site.span(d.Span) + ", " + format.Size(d.Bytes)
	for _, k := range d.Kept {
		v.InTheWay = append(v.InTheWay, h.savedClip(k, c, access.Owned))
	}
	return v, nil
}

// postRelease lets a kept clip go. What is older than the footage that its camera keeps is deleted then, so that this asks for
// the password as deleting does.
func (h *savedPages) postRelease(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	if _, answered, err := h.freshForm(w, r); err != nil || answered {
		return err
	}
	id, err := keptParameter(r.PathValue("kept"))
	if err != nil {
		return err
	}
	if err := h.store.Unkeep(r.Context(), p, id); err != nil {
		return err
	}
	http.Redirect(w, r, "/saved", http.StatusSeeOther)
	return nil
}

// pageDelete asks whether the footage of a span is to be deleted, and says exactly what would go.
func (h *savedPages) pageDelete(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	span, _, err := deletionParameters(q)
	if err != nil {
		return err
	}
	v, err := h.removeView(r, p, span)
	if err != nil {
		return err
	}
	v.Shell = h.shell(r, "Delete footage", "saved")
	return writePage(w, r, http.StatusOK, view.RemovePage(v))
}

// postDelete deletes the footage of a span, and the kept clips that are named.
func (h *savedPages) postDelete(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	form, answered, err := h.freshForm(w, r)
	if err != nil || answered {
		return err
	}
	span, named, err := deletionParameters(form)
	if err != nil {
		return err
	}
	if _, err := h.store.DeleteFootage(r.Context(), p, span, named...); err != nil {
		return err
	}
	target := "/saved"
	if len(named) == 0 {
		target = cameraURL(h.cameras.ofPermit(p).Name) + "?at=" + url.QueryEscape(rfc3339(span.From))
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}
