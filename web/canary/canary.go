// Package canary asks a running server whether one owner can have what is another's. It is an attacker with an account: it
// knows the server as an http.Handler and a list of routes, and what it is told by them is all that it goes by.
//
// It acts as two synthetic owners, each of one synthetic camera. As each it asks every route for what is its own, for what is
// the other's, and for a camera that does not exist. An answer that holds the other's marks, or that differs from the one
// about the camera that does not exist, is a leak. What could not be asked, or was not given to its owner either, proves
// nothing and is reported as such.
//
// Making the owners, recording their cameras and stopping the server at a leak belong to whoever holds the canary. Nothing
// that it asks names a real camera.
package canary

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/media"
)

const (
	every      = time.Minute
	answerTime = 10 * time.Second // for one answer
	freshFor   = 10 * time.Minute // how old the synthetic footage gets before there is new
)

// Opens says what a route answers about.
type Opens uint8

const (
	// Nothing is opened by what is for everybody, or about no camera: the canary does not ask it.
	Nothing Opens = iota
	// OneCamera is opened by a route whose path names it as {id}.
	OneCamera
	// NamedCameras are opened by a route whose query names them as camera, any number of times.
	NamedCameras
	// CallersCameras are listed by a route that names none.
	CallersCameras
)

// Route is a route of the server under test.
type Route struct {
	Method, Path string // the path as a pattern of http.ServeMux
	Opens        Opens
}

// Camera is a synthetic camera.
type Camera struct {
	ID   media.CameraID
	Name string // in URLs
}

// Owner is the secrets of a synthetic owner. The first camera is the first owner's, the second the second's.
type Owner struct{ Session, Token string }

// Footage is when a synthetic camera has footage.
type Footage struct{ From, To time.Time }

// Options is what a Canary needs. Only Others and Cookie may be empty.
type Options struct {
	Handler http.Handler // of the server, with everything that a request passes
	Routes  []Route
	Cameras [2]Camera
	Others  []media.CameraID // real cameras, which no list may show to the synthetic owners
	Cookie  string           // name of the cookie that holds a session
	Address string           // of a client that may connect

	// Owners makes the two owners anew; those made before are not valid any more.
	Owners func(context.Context) ([2]Owner, error)
	// Film has one of the cameras recorded and shown live, as Shoot makes its pictures.
	Film func(ctx context.Context, i int) (Footage, error)

	Now    func() time.Time
	Logger *slog.Logger
}

// Canary tests a server. Make one with New.
type Canary struct {
	o      Options
	owners [2]Owner
	seated bool      // the owners were made
	filmed time.Time // when the footage was made
	span   [2]Footage
	rounds int

	leaked atomic.Bool

	mu     sync.Mutex
	report Report
}

// Report says what the server's test of itself found.
type Report struct {
	State  string     `json:"state"`  // waiting, sound, unknown or leaked
	Last   *time.Time `json:"last"`   // end of the last round that proved something
	Probes uint64     `json:"probes"` // answers asked for across owners since the start
	Leaked uint64     `json:"leaked"` // of these, how many held what they should not
	Reason string     `json:"reason"` // why the state is unknown or leaked
}

// The states of a Report.
const (
	Waiting = "waiting" // for the first round to end
	Sound   = "sound"   // the last round found nothing
	Unknown = "unknown" // the last round proved nothing
	Leaked  = "leaked"
)

// New assembles a canary. It starts nothing.
func New(o Options) *Canary {
	return &Canary{o: o, report: Report{State: Waiting}}
}

// Run makes a round once a minute, the first at once, until ctx ends or a leak is found.
func (c *Canary) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		c.Round(ctx)
		if c.Leaked() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Round makes the test once. It ends early when ctx does, and then proves nothing and says nothing. It is not called while
// another round is under way.
func (c *Canary) Round(ctx context.Context) {
	err := c.prepare(ctx)
	for i := 0; i < 2 && err == nil; i++ {
		err = c.probeAs(ctx, i)
	}
	if ctx.Err() != nil {
		return
	}
	if leak, ok := errors.AsType[*leakError](err); ok {
		c.found(leak.what)
		return
	}
	if err != nil {
		c.seated, c.filmed = false, time.Time{} // anew, in case that is what is wrong
	}
	c.rounds++
	c.conclude(err)
}

// Leaked reports whether a leak was found. It stays so for the life of the canary.
func (c *Canary) Leaked() bool { return c.leaked.Load() }

// Report returns what was found so far.
func (c *Canary) Report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report
}

// asked counts an answer that was asked for across owners.
func (c *Canary) asked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Probes++
}

// found reports a leak.
func (c *Canary) found(what string) {
	c.leaked.Store(true)
	c.mu.Lock()
	c.report.State, c.report.Reason = Leaked, what
	c.report.Leaked++
	c.mu.Unlock()
	c.o.Logger.Error("LEAK: one owner got what belongs to another. No footage is shown until the program is restarted; recording goes on. "+
		"Please report this as SECURITY.md says", "found", what)
}

// conclude reports how a round without a leak ended: it proved something, or could not.
func (c *Canary) conclude(trouble error) {
	now := c.o.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	if trouble == nil {
		c.report.State, c.report.Reason, c.report.Last = Sound, "", &now
		return
	}
	if c.report.Reason != trouble.Error() {
		c.o.Logger.Warn("the self-test could not run", "err", trouble)
	}
	c.report.State, c.report.Reason = Unknown, trouble.Error()
}
