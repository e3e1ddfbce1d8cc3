package web

import (
	"net/http"
	"slices"

	"keepwatch.internal/internal/layout"
)

// layoutJSON is the arrangement of the live page in the API.
type layoutJSON struct {
	Shape  string      `json:"shape"`
	Order  []string    `json:"order"`
	Groups []groupJSON `json:"groups"`
}

type groupJSON struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"`
}

// layout answers GET /api/v1/me/layout. Cameras that the account can no longer see are left out.
func (a *accountAPI) layout(w http.ResponseWriter, r *http.Request) error {
	l, err := a.layouts.Of(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := a.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	out := layoutJSON{Shape: shapeOf(l), Order: []string{}, Groups: []groupJSON{}}
	for _, c := range among(cameras, layout.Group{Cameras: l.Order}) {
		out.Order = append(out.Order, c.Name)
	}
	for _, g := range l.Groups {
		j := groupJSON{Name: g.Name, Cameras: []string{}}
		for _, c := range among(cameras, g) {
			j.Cameras = append(j.Cameras, c.Name)
		}
		out.Groups = append(out.Groups, j)
	}
	return writeJSON(w, r, http.StatusOK, out)
}

// setLayout answers PUT /api/v1/me/layout. A camera that the account cannot see is refused like one that does not exist.
func (a *accountAPI) setLayout(w http.ResponseWriter, r *http.Request) error {
	var in layoutJSON
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if !slices.Contains(shapes(), in.Shape) {
		return problem(http.StatusBadRequest, "The layout must be auto, 1, 4, 9, 16 or focus.")
	}
	l := layout.Layout{Shape: in.Shape}
	if len(in.Groups) > layout.MaxGroups { // before any is read
		return problem(http.StatusBadRequest, "There are too many groups.")
	}
	var err error
	if l.Order, err = a.cameras.visibleNamed(r, in.Order); err != nil {
		return err
	}
	for _, j := range in.Groups {
		g := layout.Group{Name: j.Name}
		if g.Cameras, err = a.cameras.visibleNamed(r, j.Cameras); err != nil {
			return err
		}
		l.Groups = append(l.Groups, g)
	}
	if err := a.layouts.Set(r.Context(), viewerOf(r), l); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// shapeOf returns the shape of a layout; the default is auto.
func shapeOf(l layout.Layout) string {
	if slices.Contains(shapes(), l.Shape) {
		return l.Shape
	}
	return shapeAuto
}
