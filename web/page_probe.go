package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/view"
)

const (
	// maxProbes and maxProbesAccount bound how many looks at cameras are under way.
	maxProbes        = 2
	maxProbesAccount = 1
	// probeTime bounds one: the login, fifteen paths at most, and the watching.
	probeTime = 90 * time.Second
	// maxPicture bounds a picture that is sent within a page.
	maxPicture = 4 << 20
	// maxAddress bounds what is typed.
	maxAddress = 1024
)

// probePages are the pages on which administrators add cameras and owners check theirs.
type probePages struct {
	*pages
	probe CameraProbe
	slots *slots
}

func (h *probePages) pageAdd(w http.ResponseWriter, r *http.Request) error {
	return h.write(w, r, view.AddCamera{}, noticeOf(r))
}

// write writes the page "Add a camera" with what is known so far.
func (h *probePages) write(w http.ResponseWriter, r *http.Request, v view.AddCamera, n view.Notice) error {
	v.Shell, v.Notice = withScript(h.shell(r, "Add a camera", "cameras"), "addcamera"), n
	if n.Status == 0 {
		n.Status = http.StatusOK
	}
	if v.Result != nil && len(v.Result.Streams) > 0 {
		allowPictures(w)
	}
	return writePage(w, r, n.Status, view.AddCameraPage(v))
}

// allowPictures lets the page show pictures that are within it. They are kept nowhere else.
func allowPictures(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", strings.Replace(contentSecurityPolicy, "media-src 'self' blob:", "media-src 'self' blob: data:", 1))
}

// complain shows the page with what went wrong, if people can act on it.
func (h *probePages) complain(w http.ResponseWriter, r *http.Request, v view.AddCamera, form url.Values, err error) error {
	n := view.Notice{Section: "add", Complaint: true, Form: form, Status: http.StatusOK}
	said, ok := errors.AsType[*ProbeError](err)
	problem, mine := errors.AsType[*Problem](err)
	switch {
	case ok:
		n.Words = sentence(said.Words)
	case errors.Is(err, context.DeadlineExceeded):
		n.Words = "The camera took too long to answer."
	case mine && (problem.Status == http.StatusBadRequest || problem.Status == http.StatusTooManyRequests || problem.Status == http.StatusServiceUnavailable):
		n.Words, n.Field, n.Status = problem.Detail, problem.field, problem.Status
	default:
		return err
	}
	return h.write(w, r, v, n)
}

// begin takes a slot and bounds the time. end gives the slot back.
func (h *probePages) begin(r *http.Request) (ctx context.Context, end func(), err error) {
	release, err := h.slots.take(viewerOf(r))
	if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusTooManyRequests {
		return nil, nil, newProblem(http.StatusTooManyRequests, "You are looking at a camera already. Wait until that is done.").with("Retry-After", "15")
	}
	if p, ok := errors.AsType[*Problem](err); ok && p.Status == http.StatusServiceUnavailable {
		return nil, nil, newProblem(http.StatusServiceUnavailable, "Others are looking at cameras. Try again in a minute.").with("Retry-After", "30")
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithTimeout(r.Context(), probeTime)
	return ctx, func() { stop(); release() }, nil
}

// postFind asks the local network which cameras are there.
func (h *probePages) postFind(w http.ResponseWriter, r *http.Request) error {
	if _, err := readForm(r); err != nil {
		return err
	}
	ctx, end, err := h.begin(r)
	if err != nil {
		return h.complain(w, r, view.AddCamera{}, nil, err)
	}
	defer end()
	if err := h.accounts.NoteLook(ctx, viewerOf(r), "the local network (discovery)"); err != nil {
		return err
	}
	found, err := h.probe.Discover(ctx)
	if err != nil {
		return h.complain(w, r, view.AddCamera{}, nil, err)
	}
	v := view.AddCamera{Searched: true}
	for _, f := range found {
		v.Found = append(v.Found, view.FoundCamera{Address: f.Address, Name: f.Name, Model: f.Model, Location: f.Location})
	}
	return h.write(w, r, v, view.Notice{})
}

// postLook looks at one camera.
func (h *probePages) postLook(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	q := ProbeRequest{Account: viewerOf(r).AccountID, Address: strings.TrimSpace(form.Get("address")), Username: form.Get("username"),
		Password: form.Get("password"), TryCommon: form.Get("common") != ""}
	form.Del("password") // it is not shown again
	if q.Address == "" || len(q.Address) > maxAddress {
		return h.complain(w, r, view.AddCamera{}, form, mistakeIn("address", http.StatusBadRequest, "Enter an address, or the URL of a stream."))
	}
	ctx, end, err := h.begin(r)
	if err != nil {
		return h.complain(w, r, view.AddCamera{}, form, err)
	}
	defer end()
	host, err := h.probe.Host(q.Address)
	if err != nil {
		return h.complain(w, r, view.AddCamera{}, withoutLogin(form), err)
	}
	if err := h.accounts.NoteLook(ctx, viewerOf(r), host); err != nil {
		return err
	}
	result, err := h.probe.Look(ctx, q)
	if err != nil {
		return h.complain(w, r, view.AddCamera{}, withoutLogin(form), err)
	}
	return h.write(w, r, view.AddCamera{Result: probeView(result)}, view.Notice{Form: withoutLogin(form)})
}

// withoutLogin returns the form with a login taken out of its address, since forms are shown again.
func withoutLogin(form url.Values) url.Values {
	if u, err := url.Parse(form.Get("address")); err == nil && u.User != nil {
		u.User = nil
		form.Set("address", u.String())
	} else if strings.Contains(form.Get("address"), "@") {
		form.Del("address")
	}
	return form
}

// probeView prepares a result for its page.
func probeView(p *ProbeResult) *view.ProbeResult {
	v := &view.ProbeResult{Device: p.Device, Advice: p.Advice, MaySub: p.MaySub, ID: p.ID, Lines: p.Lines, Hint: p.Hint, Proposal: p.Proposal, Fixed: p.Fixed}
	for _, s := range p.Streams {
		one := view.ProbedStream{Name: s.Name, Address: s.Address, Trouble: s.Trouble, NoPicture: s.NoPicture}
		for _, f := range s.Facts {
			one.Facts = append(one.Facts, view.Fact{Label: f.Label, Value: f.Value})
		}
		if mime, _, _ := strings.Cut(s.PictureType, ";"); (mime == "video/mp4" || mime == "image/jpeg") && len(s.Picture) > 0 && len(s.Picture) <= maxPicture {
			one.Picture, one.Still = "data:"+mime+";base64,"+base64.StdEncoding.EncodeToString(s.Picture), mime == "image/jpeg"
		}
		v.Streams = append(v.Streams, one)
	}
	return v
}

// add writes a camera to the configuration.
func (h *probePages) add(r *http.Request, form url.Values) (outcome, error) {
	id := strings.TrimSpace(form.Get("id"))
	if err := h.accounts.NoteAddition(r.Context(), viewerOf(r), id); err != nil {
		return outcome{}, err
	}
	next, err := h.probe.Add(viewerOf(r).AccountID, form.Get("proposal"), id)
	if said, ok := errors.AsType[*ProbeError](err); ok {
		return outcome{}, mistakeIn("id", http.StatusBadRequest, sentence(said.Words))
	}
	if err != nil {
		return outcome{}, err
	}
	v := view.AddCamera{Shell: h.shell(r, "Add a camera", "cameras"), Notice: view.Notice{Section: "add", Words: next, Status: http.StatusOK}}
	return outcome{once: view.AddCameraPage(v)}, nil
}

// writeAdd shows the page again after a mistake in writing.
func (h *probePages) writeAdd(w http.ResponseWriter, r *http.Request, n view.Notice) error {
	lines := view.ProbeResult{ID: n.Typed("id"), Lines: n.Typed("lines"), Hint: n.Typed("hint"), Proposal: n.Typed("proposal")}
	return h.write(w, r, view.AddCamera{Result: &lines}, n)
}

// postCheck checks a camera of the configuration for somebody who manages it.
func (h *probePages) postCheck(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	if _, err := readForm(r); err != nil {
		return err
	}
	camera, ok := h.cameras.byID(p.Camera())
	if !ok {
		return notFound()
	}
	ctx, end, err := h.begin(r)
	if err != nil {
		return err
	}
	defer end()
	if err := h.accounts.NoteCheck(ctx, p); errors.Is(err, access.ErrDenied) {
		return newProblem(http.StatusForbidden, "Sign in with your account for this.")
	} else if err != nil {
		return err
	}
	v := view.CheckedCamera{Shell: h.shell(r, "Check of "+camera.Label, "cameras"), Label: camera.Label, Href: cameraURL(camera.Name)}
	result, err := h.probe.Check(ctx, media.CameraID(p.Camera()))
	said, mine := errors.AsType[*ProbeError](err)
	switch {
	case err == nil:
		v.Result = *probeView(result)
	case mine:
		v.Trouble = sentence(said.Words)
	case errors.Is(err, context.DeadlineExceeded):
		v.Trouble = "The camera took too long to answer."
	default:
		return err
	}
	return writePage(w, r, http.StatusOK, view.CheckedCameraPage(v))
}
