package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// keptAPI answers about kept clips, and deletes footage.
type keptAPI struct {
	accounts *accounts.Directory
	cameras  *cameraList
	store    *storage.Store
	kept     *keptList
}

// keptJSON is a kept clip in the API.
type keptJSON struct {
	ID      string    `json:"id"`
	Camera  string    `json:"camera"` // its id in the configuration
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Streams []string  `json:"streams"`
	Note    string    `json:"note"`
	By      string    `json:"by"` // the account that kept it
	Created time.Time `json:"created"`
	Bytes   int64     `json:"bytes"` // size of the segments that it keeps
}

type keptListJSON struct {
	Kept []keptJSON `json:"kept"`
}

// deletionJSON is what was deleted, or would be: whole segments.
type deletionJSON struct {
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to"`
	Segments int        `json:"segments"`
	Bytes    int64      `json:"bytes"`
	Kept     []keptJSON `json:"kept"` // kept clips in the span that were not named
}

// list answers GET /api/v1/cameras/{id}/kept.
func (a *keptAPI) list(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	kept, err := a.store.Kept(r.Context(), p)
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, keptListJSON{keptOf(a.cameras.ofPermit(p), kept)})
}

// listAll answers GET /api/v1/kept: the kept clips of all cameras whose recordings the caller may see.
func (a *keptAPI) listAll(w http.ResponseWriter, r *http.Request) error {
	all, err := a.kept.all(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	out := keptListJSON{Kept: []keptJSON{}}
	for _, x := range all {
		out.Kept = append(out.Kept, keptOf(x.camera.Camera, []storage.Kept{x.Kept})...)
	}
	return writeJSON(w, r, http.StatusOK, out)
}

// keptList lists kept clips, for pages and for the API.
type keptList struct {
	accounts *accounts.Directory
	cameras  *cameraList
	store    *storage.Store
}

// keptBy is a kept clip with its camera.
type keptBy struct {
	storage.Kept
	camera visibleCamera
}

// all returns the kept clips of all cameras whose recordings the viewer may see, newest footage first.
func (k *keptList) all(ctx context.Context, v access.Viewer) ([]keptBy, error) {
	cameras, err := k.cameras.visibleTo(ctx, v)
	if err != nil {
		return nil, err
	}
	var all []keptBy
	for _, c := range cameras {
		p, err := k.accounts.Authorize(ctx, v, access.Playback, access.Camera(c.ID))
		if errors.Is(err, access.ErrDenied) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept, err := k.store.Kept(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, k := range kept {
			all = append(all, keptBy{k, c})
		}
	}
	slices.SortStableFunc(all, func(a, b keptBy) int { return b.Span.From.Compare(a.Span.From) })
	return all, nil
}

// keepRequest is the body of POST /api/v1/cameras/{id}/kept.
type keepRequest struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Note    string   `json:"note"`
	Streams []string `json:"streams"`
}

// keep answers POST /api/v1/cameras/{id}/kept.
func (a *keptAPI) keep(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	var body keepRequest
	if err := readJSON(r, &body); err != nil {
		return err
	}
	span, err := spanParameters(url.Values{"from": {body.From}, "to": {body.To}}, storage.MaxKept)
	if err != nil {
		return err
	}
	streams := storage.BothStreams
	if body.Streams != nil {
		streams = 0
	}
	for _, name := range body.Streams {
		quality, err := media.ParseQuality(name)
		if err != nil {
			return problem(http.StatusBadRequest, "A stream must be main or sub.")
		}
		streams |= storage.Streams(quality)
	}
	kept, err := a.store.Keep(r.Context(), p, streams, span, strings.TrimSpace(body.Note))
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusCreated, keptOf(a.cameras.ofPermit(p), []storage.Kept{kept})[0])
}

// remove answers DELETE /api/v1/cameras/{id}/kept/{kept}: retention applies to the footage again.
func (a *keptAPI) remove(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	id, err := keptParameter(r.PathValue("kept"))
	if err != nil {
		return err
	}
	if err := requireFresh(r, a.accounts); err != nil {
		return err
	}
	if err := a.store.Unkeep(r.Context(), p, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deleteFootage answers DELETE /api/v1/cameras/{id}/footage: preview=1 returns what would be deleted, and deletes nothing.
func (a *keptAPI) deleteFootage(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	preview, err := parameter(q, "preview")
	if err != nil {
		return err
	}
	if q.Has("preview") && preview != "1" {
		return problem(http.StatusBadRequest, "The parameter preview must be 1 or absent.")
	}
	span, named, err := deletionParameters(q)
	if err != nil {
		return err
	}
	if preview != "1" {
		if err := requireFresh(r, a.accounts); err != nil {
			return err
		}
	}
	act := a.store.DeleteFootage
	if preview == "1" {
		act = a.store.PreviewDelete
	}
	d, err := act(r.Context(), p, span, named...)
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, deletionJSON{From: d.Span.From, To: d.Span.To, Segments: d.Segments, Bytes: d.Bytes,
		Kept: keptOf(a.cameras.ofPermit(p), d.Kept)})
}

// deletionParameters reads what to delete: from, to, and kept, the ids of any kept clips in the span.
func deletionParameters(q url.Values) (storage.Span, []storage.KeptID, error) {
	span, err := spanParameters(q, storage.MaxDelete)
	if err != nil {
		return span, nil, err
	}
	var named []storage.KeptID
	for _, text := range q["kept"] {
		id, err := keptParameter(text)
		if err != nil {
			return span, nil, err
		}
		named = append(named, id)
	}
	return span, named, nil
}

func keptParameter(text string) (storage.KeptID, error) {
	id, err := storage.ParseKeptID(text)
	if err != nil {
		return id, problem(http.StatusBadRequest, "This is not the id of a kept clip.")
	}
	return id, nil
}

func keptOf(c Camera, list []storage.Kept) []keptJSON {
	out := []keptJSON{}
	for _, k := range list {
		x := keptJSON{ID: k.ID.String(), Camera: c.Name, From: k.Span.From.UTC(), To: k.Span.To.UTC(), Streams: []string{}, Note: k.Note, By: k.By,
			Created: k.Created.UTC(), Bytes: k.Bytes}
		for _, quality := range []media.Quality{media.Main, media.Sub} {
			if k.Streams.Has(quality) {
				x.Streams = append(x.Streams, quality.String())
			}
		}
		out = append(out, x)
	}
	return out
}

// keptProblem maps the errors of keeping and deleting. It returns nil for others.
func keptProblem(err error) *Problem {
	if kept, ok := errors.AsType[*storage.KeptError](err); ok {
		p := newProblem(http.StatusConflict, fmt.Sprintf("Nothing was deleted: the span contains %d kept clips. Remove them first, or name them in the request.", len(kept.Kept)))
		p.Type = "urn:keepwatch:problem:kept"
		return p
	}
	switch {
	case errors.Is(err, storage.ErrNotKept):
		return newProblem(http.StatusNotFound, "This camera has no such kept clip; it may have been removed.")
	case errors.Is(err, storage.ErrNote), errors.Is(err, storage.ErrStreams):
		return newProblem(http.StatusBadRequest, sentence(err.Error()))
	case errors.Is(err, storage.ErrTooManyKept):
		return newProblem(http.StatusConflict, sentence(err.Error()))
	case errors.Is(err, storage.ErrUnsettled):
		return newProblem(http.StatusServiceUnavailable, sentence(err.Error())).with("Retry-After", "5")
	}
	return nil
}
