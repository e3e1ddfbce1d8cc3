package web

import (
	"fmt"
	"net/http"

	"keepwatch.internal/internal/access"
)

// liveView is the page of moving tiles.
type liveView struct {
	Frame       frame
	Tiles       []tileView
	Arrangement string // class of the grid, by the number of tiles
	Admin       bool
}

// tileView is one camera in the grid.
type tileView struct {
	Name, Label, Href string
	State, Reason     string
	Words             string // what stands in place of the picture before there is one
}

// maxArranged is the number of tiles up to which a grid has an arrangement that shows all of them at once.
const maxArranged = 16

func (s *Server) pageLive(w http.ResponseWriter, r *http.Request) error {
	cameras, err := s.camerasOf(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v := liveView{Admin: viewerOf(r).Admin}
	v.Frame = s.frame(r, "Live", "live").with("live.js", "feed.js", "link.js", "bytes.js", "edge.js", "sink.js", "stills.js")
	for _, c := range cameras {
		if c.Rights.Has(access.Live) {
			v.Tiles = append(v.Tiles, tileOf(c))
		}
	}
	v.Arrangement = arrangement(len(v.Tiles))
	return writePage(w, r, http.StatusOK, livePage(v))
}

func tileOf(c seen) tileView {
	t := tileView{Name: c.Name, Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Reason: c.Status.Reason}
	if t.Words = stateWords(c.Status); t.State == "recording" {
		t.Words = ""
	}
	return t
}

// arrangement returns the class of a grid of n tiles.
func arrangement(n int) string {
	if n > maxArranged {
		return "many"
	}
	return fmt.Sprintf("n%d", n)
}
