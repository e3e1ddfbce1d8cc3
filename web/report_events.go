package web

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// EventReport is an event that an operator should know of. Server events are the same for everyone signed in, and name no
// camera. Events of a camera are for those who may see its recordings.
type EventReport struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`      // same as From for events without duration
	Code    string    `json:"code"`    // a gap code, or doubt
	Text    string    `json:"text"`    // for people
	Cameras []string  `json:"cameras"` // empty: the server as a whole
}

const (
	eventDays = 7 // how far back events go
	maxEvents = 50
	// Shorter gaps are only on the camera's timeline.
	eventGap = time.Minute
	// codeIssue is the code of integrity issues.
	codeIssue = "doubt"
)

// events returns the viewer's events of the last days, newest first.
func (r *reports) events(ctx context.Context, v access.Viewer, cameras []Camera) ([]EventReport, error) {
	now := r.site.now()
	since := now.AddDate(0, 0, -eventDays)
	told, err := r.store.ServerEvents(ctx, since)
	if err != nil {
		return nil, err
	}
	out := []EventReport{}
	for _, e := range told {
		out = append(out, EventReport{From: e.From.UTC(), To: e.To.UTC(), Code: string(e.Code), Text: serverEventText(e), Cameras: []string{}})
	}
	var own []EventReport
	for _, c := range cameras {
		p, err := r.accounts.Authorize(ctx, v, access.Playback, access.Camera(c.ID))
		if errors.Is(err, access.ErrDenied) {
			continue
		}
		if err != nil {
			return nil, err
		}
		some, err := r.cameraEvents(ctx, p, c, storage.Span{From: since, To: now})
		if err != nil {
			return nil, err
		}
		own = append(own, some...)
	}
	out = append(out, together(own)...)
	slices.SortStableFunc(out, func(a, b EventReport) int { return cmp.Or(b.From.Compare(a.From), cmp.Compare(a.Code, b.Code)) })
	return out[:min(len(out), maxEvents)], nil
}

// cameraEvents returns the events of the permit's camera.
func (r *reports) cameraEvents(ctx context.Context, p access.Permit, c Camera, span storage.Span) ([]EventReport, error) {
	if !p.Window().Open() {
		return nil, nil
	}
	tl, err := r.store.Timeline(ctx, p, media.Main, span)
	if err != nil {
		return nil, err
	}
	var out []EventReport
	for _, g := range tl.Gaps {
		if tellsOfCamera(g.Code) && (g.To.Sub(g.From) >= eventGap || isDisk(g.Code)) {
			out = append(out, EventReport{From: g.From.UTC(), To: g.To.UTC(), Code: string(g.Code), Text: sentence(g.Reason), Cameras: []string{c.Name}})
		}
	}
	found, err := r.store.CameraIssues(ctx, p, span.From, maxEvents)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		text := "Footage problem: " + d.Problem
		if !d.Resolved.IsZero() {
			text += "; " + d.Outcome
		}
		out = append(out, EventReport{From: d.Found.UTC(), To: later(d.Found, d.Resolved).UTC(), Code: codeIssue, Text: sentence(text), Cameras: []string{c.Name}})
	}
	return out, nil
}

// tellsOfCamera reports whether a gap is an event: not one that somebody chose, nor one that is a server event.
func tellsOfCamera(code storage.Code) bool {
	switch code {
	case storage.CodeCameraOffline, storage.CodeCameraRefused, storage.CodeCameraQuarantined, storage.CodeCameraStream,
		storage.CodeDamaged, storage.CodeMissing, storage.CodeUnknown:
		return true
	}
	return isDisk(code)
}

func isDisk(code storage.Code) bool {
	return code == storage.CodeDiskFull || code == storage.CodeDiskSlow || code == storage.CodeDiskError
}

// together merges disk events of several cameras within a minute.
func together(all []EventReport) []EventReport {
	slices.SortStableFunc(all, func(a, b EventReport) int { return a.From.Compare(b.From) })
	var out []EventReport
	for _, e := range all {
		i := slices.IndexFunc(out, func(o EventReport) bool {
			return isDisk(storage.Code(e.Code)) && o.Code == e.Code && o.Text == e.Text && e.From.Sub(o.To) < time.Minute
		})
		if i < 0 {
			out = append(out, e)
			continue
		}
		out[i].To = later(out[i].To, e.To)
		if !slices.Contains(out[i].Cameras, e.Cameras[0]) {
			out[i].Cameras = append(out[i].Cameras, e.Cameras[0])
		}
	}
	return out
}

func serverEventText(e storage.ServerEvent) string {
	after := ", and recording resumed " + format.Duration(e.To.Sub(e.From)) + " later."
	switch e.Code {
	case storage.CodeServerStopped:
		return "The recorder was stopped" + after
	case storage.CodeServerDown:
		return "The recorder stopped unexpectedly" + after
	case storage.CodeComputerDown:
		return "The computer lost power or restarted" + after
	case storage.CodeClockStep:
		return "This computer's clock was set."
	}
	return sentence(string(e.Code))
}

func (h *systemPages) eventViews(events []EventReport) []view.Event {
	known := map[string]Camera{}
	for _, c := range h.cameras.all {
		known[c.Name] = c
	}
	var out []view.Event
	for _, e := range events {
		v := view.Event{When: h.site.when(e.From), Text: e.Text}
		if length := e.To.Sub(e.From); length >= time.Second && len(e.Cameras) > 0 && e.Code != codeIssue {
			v.Length = "for " + format.Duration(length)
		}
		var labels []string
		for _, name := range e.Cameras {
			labels = append(labels, known[name].Label)
		}
		v.Cameras = strings.Join(labels, ", ")
		if len(e.Cameras) == 1 {
			v.Href = cameraURL(e.Cameras[0]) + "?at=" + rfc3339(e.From)
		}
		out = append(out, v)
	}
	return out
}
