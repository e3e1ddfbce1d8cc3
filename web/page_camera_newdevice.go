package web

import (
	"errors"
	"net/http"
	"slices"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/view"
)

// pathAccept is where the answer goes, below the camera's page.
const pathAccept = "/accept"

// newDeviceOf returns what to ask a viewer who may manage the camera, or nil.
func (h *cameraPages) newDeviceOf(r *http.Request, c visibleCamera) (*view.NewDevice, error) {
	if !c.Rights.Has(access.Manage) {
		return nil, nil
	}
	devices, err := h.identity.NewDevicesOf(r.Context(), access.Camera(c.ID))
	if err != nil || len(devices) == 0 {
		return nil, err
	}
	v := &view.NewDevice{Label: c.Label, Action: cameraURL(c.Name) + pathAccept}
	first := devices[0].Since
	for _, d := range devices {
		v.Claims = append(v.Claims, d.ID())
		for _, difference := range d.Differences {
			if !slices.Contains(v.Differences, difference) {
				v.Differences = append(v.Differences, difference)
			}
		}
		first = earlier(first, d.Since)
	}
	v.Since = format.Second(first.In(h.site.location))
	return v, nil
}

// postAccept takes the new device for the camera, when it is the one that was asked about.
func (h *cameraPages) postAccept(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	form, answered, err := h.freshForm(w, r)
	if err != nil || answered {
		return err
	}
	switch err := h.identity.AcceptNewDevices(r.Context(), p.Camera(), form["claim"], p.Viewer().Name); {
	case errors.Is(err, identity.ErrNoNewDevice):
		return problem(http.StatusConflict, "There is nothing to accept: the old camera is back, or the new device was accepted already.")
	case errors.Is(err, identity.ErrNewDeviceChanged):
		return problem(http.StatusConflict, "A different device is answering now. Reload the camera's page and check again.")
	case err != nil:
		return err
	}
	http.Redirect(w, r, cameraURL(r.PathValue("id")), http.StatusSeeOther)
	return nil
}

// identityFacts says how certain the camera's identity is: once, if its streams agree.
func identityFacts(c CameraStatus) []view.Fact {
	var facts []view.Fact
	for _, st := range c.Streams {
		f := view.Fact{Label: "Identity", Value: st.Identity}
		if st.Quality == media.Sub {
			f.Label = "Identity of the sub stream"
		}
		if f.Value != "" && (len(facts) == 0 || facts[0].Value != f.Value) {
			facts = append(facts, f)
		}
	}
	return facts
}
