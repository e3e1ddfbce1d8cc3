// Package canary is the privacy self-check: it tests a running server for leaks between owners. It knows the server only as an
// http.Handler and a list of routes.
//
// It acts as two synthetic owners, each with one synthetic camera. As each of them it requests three cameras from every route:
// its own, the other's, and a camera that does not exist. An answer is a leak in two cases: it contains a mark of the other's
// camera, or it differs from the answer about the camera that does not exist. A round is reported as unknown if a request was
// not answered, or if an owner did not get its own footage.
//
// What does not belong here: making the owners, recording their cameras and stopping the server after a leak. The caller does
// that. No request names a real camera.
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
	freshFor   = 10 * time.Minute // age at which the synthetic footage is replaced
)

// Opens is what a route gives access to.
type Opens uint8

const (
	// Nothing: the route is for everybody, or not about cameras. The canary does not request it.
	Nothing Opens = iota
	// OneCamera: the path names it as {id}.
	OneCamera
	// NamedCameras: the query names them as camera, repeatable.
	NamedCameras
	// CallersCameras: the route names none and lists those of the caller.
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

// Owner is the credentials of a synthetic owner. The first camera belongs to the first owner, the second to the second.
type Owner struct{ Session, Token string }

// Footage is the span for which a synthetic camera has footage.
type Footage struct{ From, To time.Time }

// Options is what a Canary needs. Only Others and Cookie may be empty.
type Options struct {
	Handler http.Handler // of the server, including its middleware
	Routes  []Route
	Cameras [2]Camera
	Others  []media.CameraID // real cameras, which no list may show to the synthetic owners
	Cookie  string           // name of the cookie that holds a session
	Address string           // of a client that may connect

	// Owners makes two new owners. Credentials from earlier calls are no longer valid.
	Owners func(context.Context) ([2]Owner, error)
	// Record records one of the cameras and publishes it live, with pictures made by NewFootage.
	Record func(ctx context.Context, i int) (Footage, error)

	Now    func() time.Time
	Logger *slog.Logger
}

// Canary tests a server. Make one with New.
type Canary struct {
	o         Options
	owners    [2]Owner
	hasOwners bool      // the owners were made
	recorded  time.Time // when the footage was made
	span      [2]Footage
	rounds    int

	leaked atomic.Bool

	mu     sync.Mutex
	report Report
}

// Report is the result of the privacy self-check so far.
type Report struct {
	State  string     `json:"state"`  // waiting, sound, unknown or leaked
	Last   *time.Time `json:"last"`   // end of the last round that proved something
	Probes uint64     `json:"probes"` // requests made across owners since the start
	Leaked uint64     `json:"leaked"` // how many of them returned what they should not
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

// Run makes a round every minute, the first immediately, until ctx ends or a leak is found.
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

// Round runs the test once. If ctx ends first, the round does not count. Rounds must not run concurrently.
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
		c.hasOwners, c.recorded = false, time.Time{} // make them again, in case they are the cause
	}
	c.rounds++
	c.conclude(err)
}

// Leaked reports whether a leak was found. It never becomes false again.
func (c *Canary) Leaked() bool { return c.leaked.Load() }

// Report returns the result so far.
func (c *Canary) Report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report
}

// asked counts a request across owners.
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

// conclude reports a round without a leak. trouble is why it proved nothing, or nil.
func (c *Canary) conclude(trouble error) {
	now := c.o.Now().UTC()
	c.mu.Lock()
	defer c.mu.Unlock()
	if trouble == nil {
		c.report.State, c.report.Reason, c.report.Last = Sound, "", &now
		return
	}
	if c.report.Reason != trouble.Error() {
		c.o.Logger.Warn("the privacy self-check could not run", "err", trouble)
	}
	c.report.State, c.report.Reason = Unknown, trouble.Error()
}
