package storage

// This file has all that storage does for invariant I6: no byte of footage leaves without a permit for the camera that its label
// names. admit and manage check a permit before anything is looked up. A reader finds footage by the permit's camera, and what
// it expects of every label is the permit's camera, too: see segment.Expected. A Clip checks its permit again before each read.

import (
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// permitCheck checks permits before anything is looked up.
type permitCheck struct {
	permitTime func() time.Time // the clock that permits go by
	cameraList *cameraList
}

// admit checks that the permit allows to see footage now, and returns its camera.
func (a *permitCheck) admit(p access.Permit) (*camera, error) {
	if err := p.Check(a.permitTime(), access.Playback, access.Export); err != nil {
		return nil, err
	}
	return a.cameraList.camera(media.CameraID(p.Camera()))
}

// manage checks that the permit allows to keep and delete footage now, and returns its camera.
func (a *permitCheck) manage(p access.Permit) (*camera, error) {
	if err := p.Check(a.permitTime(), access.Manage); err != nil {
		return nil, err
	}
	return a.cameraList.camera(media.CameraID(p.Camera()))
}

// reader opens segments of one stream of the camera that a permit names.
type reader struct {
	l       *library
	c       *camera
	stream  media.StreamID
	key     media.LabelKey
	window  access.Window // nothing outside of it is handed out
	written beingWritten
}

// reader checks the permit. Everything it finds later is compared with the permit's camera, not with what the index says
// of itself.
func (l *library) reader(p access.Permit, q media.Quality) (*reader, error) {
	c, err := l.admit(p)
	if err != nil {
		return nil, err
	}
	camera := media.CameraID(p.Camera())
	return &reader{l: l, c: c, stream: media.StreamID{Camera: camera, Quality: q}, key: l.keys(camera), window: p.Window()}, nil
}

// expected says what a segment's file has to be: footage of the permit's camera.
func (r *reader) expected(row index.Segment) segment.Expected {
	return segment.Expected{Stream: r.stream, Key: r.key, Run: row.RunID, Start: row.Start, End: row.End, Size: row.Size, Init: row.Init}
}

// clipPermit holds the permit of an open clip. Any goroutine may renew it.
type clipPermit struct {
	mu     sync.Mutex
	latest access.Permit
}

// current returns the permit as it was renewed last.
func (g *clipPermit) current() access.Permit {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.latest
}

// renew replaces the permit by one for the same viewer, camera, action and window, which still allows to hear when sound is served.
func (g *clipPermit) renew(p access.Permit, now time.Time, sound bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.latest
	a, b := p.Viewer(), old.Viewer()
	same := a.Kind == b.Kind && a.AccountID == b.AccountID && a.GrantID == b.GrantID && p.Camera() == old.Camera()
	if !same || p.Window() != old.Window() || sound && !p.Audio() {
		return access.ErrDenied
	}
	if err := p.Check(now, old.Action()); err != nil {
		return err
	}
	g.latest = p
	return nil
}

// Renew makes the clip readable until the permit expires. The permit must be for the same viewer, camera and action as
// the one that the clip was opened with, and still allow to hear when there is sound; otherwise it returns
// access.ErrDenied and the old permit stays.
func (c *Clip) Renew(p access.Permit) error {
	return c.permit.renew(p, c.r.l.permitTime(), c.layout.Audio)
}

// allowed checks the permit before each read.
func (c *Clip) allowed() error {
	return c.permit.current().Check(c.r.l.permitTime(), access.Playback, access.Export)
}
