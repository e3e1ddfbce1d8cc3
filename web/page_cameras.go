package web

import (
	"net/http"

	"keepwatch.internal/internal/media"
)

// camerasView is the list of cameras.
type camerasView struct {
	Frame   frame
	Cameras []cameraRow
	Admin   bool
}

// cameraRow is a camera in the list.
type cameraRow struct {
	Label, Href string
	State       string
	Words       string // the state with its reason
	Picture     string // codec and size
	LastFrame   string
}

func (s *Server) pageCameras(w http.ResponseWriter, r *http.Request) error {
	cameras, err := s.camerasOf(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v := camerasView{Frame: s.frame(r, "Cameras", "cameras").with("refresh.js", "link.js", "bytes.js", "edge.js"), Admin: viewerOf(r).Admin}
	for _, c := range cameras {
		row := cameraRow{Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Words: stateWords(c.Status),
			LastFrame: "last picture " + agoText(c.Status.LastFrame, s.Now())}
		if st, ok := streamOf(c.Status, media.Main); ok {
			row.Picture = pictureText(st)
		}
		v.Cameras = append(v.Cameras, row)
	}
	return writePage(w, r, http.StatusOK, camerasPage(v))
}

func streamOf(c CameraStatus, q media.Quality) (StreamStatus, bool) {
	for _, st := range c.Streams {
		if st.Quality == q {
			return st, true
		}
	}
	return StreamStatus{}, false
}
