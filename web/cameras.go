package web

import (
	"context"
	"net/http"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
)

// cameraList is the cameras, and who may see which of them.
type cameraList struct {
	all      []Camera // in display order; the canary's come last
	site     int      // how many of them are not the canary's
	unknown  media.CameraID
	status   Status
	accounts *accounts.Directory
}

// visibleCamera is a camera that a viewer may see, with their rights and its status.
type visibleCamera struct {
	Camera
	Rights access.Rights
	Status CameraStatus
}

// visibleTo returns the cameras on which the viewer has any right, in display order.
func (l *cameraList) visibleTo(ctx context.Context, v access.Viewer) ([]visibleCamera, error) {
	rights, err := l.accounts.Rights(ctx, v)
	if err != nil {
		return nil, err
	}
	status := l.reported()
	var list []visibleCamera
	for _, c := range l.all {
		if held := rights[access.Camera(c.ID)]; held != 0 {
			list = append(list, visibleCamera{Camera: c, Rights: held, Status: status[c.ID]})
		}
	}
	return list, nil
}

// visibleNamed finds cameras that the viewer may see by their names.
func (l *cameraList) visibleNamed(r *http.Request, names []string) ([]access.Camera, error) {
	cameras, err := l.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return nil, err
	}
	ids := []access.Camera{}
	for _, name := range names {
		found := false
		for _, c := range cameras {
			if c.Name == name {
				ids, found = append(ids, access.Camera(c.ID)), true
			}
		}
		if !found {
			return nil, problem(http.StatusBadRequest, "One of the cameras does not exist.")
		}
	}
	return ids, nil
}

// named returns the camera of that name. For an unknown name it returns a camera on which nobody has a right, so that the
// database is queried, and answers, in the same way as for a foreign camera.
func (l *cameraList) named(name string) Camera {
	for _, c := range l.all {
		if c.Name == name {
			return c
		}
	}
	return Camera{ID: l.unknown}
}

// byID returns the camera with that UUID, and whether there is one.
func (l *cameraList) byID(id access.Camera) (Camera, bool) {
	for _, c := range l.all {
		if access.Camera(c.ID) == id {
			return c, true
		}
	}
	return Camera{}, false
}

// ofPermit returns the camera that a permit opens: never the one a URL names.
func (l *cameraList) ofPermit(p access.Permit) Camera {
	c, _ := l.byID(p.Camera())
	return c
}

// reported returns the status of the cameras that recorders report on.
func (l *cameraList) reported() map[media.CameraID]CameraStatus {
	all := map[media.CameraID]CameraStatus{}
	for _, c := range l.status.Cameras() {
		all[c.ID] = c
	}
	return all
}

// statusByID returns the status of all cameras. One without a report yet is connecting.
func (l *cameraList) statusByID() map[media.CameraID]CameraStatus {
	status := map[media.CameraID]CameraStatus{}
	for _, c := range l.all {
		status[c.ID] = CameraStatus{ID: c.ID, State: "connecting"}
	}
	for _, st := range l.status.Cameras() {
		status[st.ID] = st
	}
	return status
}

// quality is the stream that a viewer who asked for q gets: a camera without a sub stream shows main.
func (c Camera) quality(q media.Quality) media.Quality {
	if q == media.Sub && !c.HasSub {
		return media.Main
	}
	return q
}
