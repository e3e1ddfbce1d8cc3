package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage"
)

// fileAction is the action of clip.mp4: Export to save it as a file, Playback to watch it.
func fileAction(r *http.Request) access.Action {
	if r.URL.Query().Has("download") {
		return access.Export
	}
	return access.Playback
}

// clip answers GET /api/v1/cameras/{id}/clip.mp4: a span as one progressive MP4.
func (a *footageAPI) clip(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	if download, err := parameter(q, "download"); err != nil {
		return err
	} else if q.Has("download") && download != "1" {
		return problem(http.StatusBadRequest, "The parameter download must be 1 or absent.")
	}
	release, err := a.slots.take(p.Viewer())
	if err != nil {
		return err
	}
	defer release()
	clip, err := a.openClip(r, p, q)
	if err != nil {
		return err
	}
	disposition := "inline"
	if p.Action() == access.Export {
		disposition = "attachment"
	}
	w.Header().Set("Content-Disposition", fmt.Sprintf("%s; filename=%q", disposition, a.fileName(p, clip)))
	w.Header().Set("Content-Type", "video/mp4")
	return a.send(w, r, p, clip)
}

// segments answers GET /api/v1/cameras/{id}/segments.mp4: a span within one run as fragmented MP4.
func (a *footageAPI) segments(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	span, quality, err := spanOfStream(q, storage.MaxSegments)
	if err != nil {
		return err
	}
	clip, err := a.store.OpenSegments(r.Context(), p, quality, span)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", clip.MIME())
	return a.send(w, r, p, clip)
}

// openClip opens the requested span as one progressive MP4.
func (a *footageAPI) openClip(r *http.Request, p access.Permit, q url.Values) (*storage.Clip, error) {
	span, quality, err := spanOfStream(q, storage.MaxClip)
	if err != nil {
		return nil, err
	}
	release, err := a.takeOpening(r, span.To.Sub(span.From))
	if err != nil {
		return nil, err
	}
	defer release()
	return a.store.OpenClip(r.Context(), p, quality, span)
}

// takeOpening waits for a turn to open long clips. release gives the turn to the next.
func (a *footageAPI) takeOpening(r *http.Request, length time.Duration) (release func(), err error) {
	if length <= longClip {
		return func() {}, nil
	}
	select {
	case a.opening <- struct{}{}:
		return func() { <-a.opening }, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// keyFrame answers GET /api/v1/cameras/{id}/keyframe.mp4: the key frame at or before a moment.
func (a *footageAPI) keyFrame(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	at, err := timeParameter(q, "at")
	if err != nil {
		return err
	}
	quality, err := qualityParameter(q)
	if err != nil {
		return err
	}
	clip, err := a.store.OpenKeyFrame(r.Context(), p, quality, at)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", clip.MIME())
	return a.send(w, r, p, clip)
}

// fileTime is the format of a time in a file name.
const fileTime = "2006-01-02_15-04-05-0700"

// fileName is the name of a saved clip, in the site's time zone: front-door_2026-11-22_13-05-20+0100_90s.mp4.
func (a *footageAPI) fileName(p access.Permit, c *storage.Clip) string {
	seconds := int(c.End().Sub(c.Start()).Round(time.Second).Seconds())
	start := c.Start().In(a.site.location).Format(fileTime)
	return fmt.Sprintf("%s_%s_%ds.mp4", a.cameras.ofPermit(p).Name, start, max(seconds, 1))
}

// send sends a clip, with byte ranges, and closes it. It cuts the answer off when the permit is not renewed.
func (a *footageAPI) send(w http.ResponseWriter, r *http.Request, p access.Permit, c *storage.Clip) error {
	defer c.Close()
	g := a.gate.guard(w, r, p)
	defer g.close()
	h := w.Header()
	start, end := c.Start().UTC(), c.End().UTC()
	h.Set("Keepwatch-Start", start.Format(time.RFC3339Nano))
	h.Set("Keepwatch-End", end.Format(time.RFC3339Nano))
	h.Set("Keepwatch-Run", c.Run().String())
	// A span that ends now grows between requests: the tag keeps clients from joining ranges of different states.
	h.Set("ETag", fmt.Sprintf(`"%s-%x-%x-%x-%t"`, c.Run(), start.UnixMicro(), end.UnixMicro(), c.Size(), p.Audio()))
	if ranges := r.Header.Get("Range"); strings.Contains(ranges, ",") {
		r = r.Clone(r.Context()) // ignore multiple ranges, as a server may (RFC 9110 section 14.2)
		r.Header.Del("Range")
	}
	content := &guarded{Clip: c, guard: g, begin: a.beginning(w, r, c)}
	defer endView(w)
	lazy := &lazyHeader{ResponseWriter: w}
	http.ServeContent(lazy, r, "", time.Time{}, content)
	switch {
	case content.err != nil:
		return content.err // a problem if nothing was sent yet, else the connection is aborted
	case lazy.status == http.StatusRequestedRangeNotSatisfiable:
		size := fmt.Sprintf("bytes */%d", c.Size())
		return newProblem(lazy.status, "The range is outside the clip.").with("Content-Range", size)
	}
	lazy.decide()
	return nil
}

// guarded reads a clip while the guard has a permit. It remembers the first error.
type guarded struct {
	*storage.Clip
	guard *guard
	begin func(access.Permit) error // logs the view; nil once that is done
	err   error
}

// Read implements io.Reader.
func (g *guarded) Read(b []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	p, err := g.guard.fresh()
	if err == nil {
		err = g.Renew(p)
	}
	if err == nil && g.begin != nil {
		err = g.begin(p)
		g.begin = nil
	}
	n := 0
	if err == nil {
		n, err = g.Clip.Read(b)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		g.err = err
	}
	return n, err
}

// lazyHeader holds the status back until there is a byte to send, so that an unreadable clip and an unsatisfiable range can
// still be answered with a problem.
type lazyHeader struct {
	http.ResponseWriter
	status  int
	decided bool
}

// Unwrap lets http.ResponseController and responseOf reach the writer beneath.
func (w *lazyHeader) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status.
func (w *lazyHeader) WriteHeader(status int) { w.status = status }

// Write sends the status before the first byte. It drops http.ServeContent's text about bad ranges.
func (w *lazyHeader) Write(b []byte) (int, error) {
	if w.status == http.StatusRequestedRangeNotSatisfiable {
		return len(b), nil
	}
	w.decide()
	return w.ResponseWriter.Write(b)
}

func (w *lazyHeader) decide() {
	if !w.decided && w.status != 0 {
		w.decided = true
		w.ResponseWriter.WriteHeader(w.status)
	}
}
