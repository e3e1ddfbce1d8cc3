package access

import "time"

// Window is the range of recorded time, [From, To), that a grant is limited to. The zero Window is all of time.
type Window struct{ From, To time.Time }

// Open reports whether w is all of time.
func (w Window) Open() bool { return w.From.IsZero() && w.To.IsZero() }

// Covers reports whether all of [from, to) is in the window. An empty or reversed range is in no window.
func (w Window) Covers(from, to time.Time) bool {
	return from.Before(to) && (w.Open() || !from.Before(w.From) && !to.After(w.To))
}

// Holds reports whether the moment at is in the window.
func (w Window) Holds(at time.Time) bool {
	return w.Open() || !at.Before(w.From) && at.Before(w.To)
}

// Grant is what a viewer may do on one camera, and for which time. The zero Grant allows nothing.
type Grant struct {
	Rights Rights
	Window Window
}

// allows reports whether the grant holds the action. What happens now lies in no window that is bound, and so do the
// actions that are about the camera as a whole.
func (g Grant) allows(a Action) bool {
	return g.Rights.Has(a) && (g.Window.Open() || Rights(a)&^Rights(Playback|Export|Audio) == 0)
}
