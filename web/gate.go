package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
)

// renewEvery is how often a stream asks for its permit again: often enough that a revoked one is cut within a second,
// which is also how long a permit lasts.
const renewEvery = 500 * time.Millisecond

// errStopping ends streams when the server shuts down.
var errStopping = errors.New("the server is stopping")

// gate is what footage passes on its way out: the entry in the audit log, and the permit, which is asked for again as long
// as bytes leave. Both are refused once the canary has found a leak.
type gate struct {
	accounts *accounts.Directory
	views    *audit.ViewLog
	halted   func() error    // why no footage is served; nil while it is
	stopping <-chan struct{} // closed when the server ends
	now      func() time.Time
}

// inTime tells a right that is not there from a permit that ran out before the handler came to use it, on a machine that is
// very busy. Whoever is told had the right a moment ago.
func (g *gate) inTime(p access.Permit, err error) error {
	if !errors.Is(err, access.ErrDenied) || g.now().Before(p.Expires()) {
		return err
	}
	late := newProblem(http.StatusServiceUnavailable, "The server is too busy to answer in time; try again.").with("Retry-After", "1")
	late.cause = err
	return late
}

// renewal is a permit that is asked for again while footage leaves by it. Its methods may be called from any goroutine.
type renewal struct {
	gate   *gate
	viewer access.Viewer
	action access.Action
	camera access.Camera

	mu     sync.Mutex
	permit access.Permit
	asked  time.Time // for the permit
	err    error     // why there is none any more
}

// fresh returns a permit that was asked for at most renewEvery ago, or why there is none any more.
func (r *renewal) fresh(ctx context.Context) (access.Permit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed(ctx, renewEvery)
}

// renew returns a permit that is asked for now, or why there is none any more.
func (r *renewal) renew(ctx context.Context) (access.Permit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed(ctx, 0)
}

// renewed asks again when the permit has that age. The caller holds the lock.
func (r *renewal) renewed(ctx context.Context, age time.Duration) (access.Permit, error) {
	if err := r.gate.halted(); err != nil && r.err == nil {
		r.err = err
	}
	now := time.Now()
	if r.err != nil || now.Sub(r.asked) < age {
		return r.permit, r.err
	}
	p, err := r.gate.accounts.Authorize(ctx, r.viewer, r.action, r.camera)
	if err != nil {
		r.err = err
		return access.Permit{}, err
	}
	r.permit, r.asked = p, now
	return p, nil
}

// due is when the permit must be asked for again.
func (r *renewal) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked.Add(renewEvery)
}

// end has the permit refused from now on.
func (r *renewal) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// guard keeps a permit fresh while a handler streams, and cuts the answer off when a new one is refused, also in the
// middle of a write that a stalled reader holds up.
type guard struct {
	renewal
	ctx        context.Context // the request's: the guard lives no longer
	stop, done chan struct{}
}

// guard starts watching over the answer to r, for which p was minted. The handler calls close before it returns.
func (g *gate) guard(w http.ResponseWriter, r *http.Request, p access.Permit) *guard {
	x := &guard{ctx: r.Context(), stop: make(chan struct{}), done: make(chan struct{}),
		renewal: renewal{gate: g, viewer: p.Viewer(), action: p.Action(), camera: p.Camera(), permit: p, asked: p.Expires().Add(-accounts.PermitTTL)}}
	resp := responseOf(w)
	go func() {
		defer close(x.done)
		x.watch(resp)
	}()
	return x
}

func (g *guard) watch(resp *response) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-g.ctx.Done():
			return
		case <-g.gate.stopping:
			g.end(errStopping)
		case <-tick.C:
		}
		if _, err := g.fresh(); err != nil {
			resp.cutOff()
			return
		}
	}
}

// fresh returns a permit that was asked for at most renewEvery ago, or why there is none any more.
func (g *guard) fresh() (access.Permit, error) { return g.renewal.fresh(g.ctx) }

// close ends the watch and waits for it.
func (g *guard) close() {
	close(g.stop)
	<-g.done
}

// beginView writes in the audit log that the permit's viewer begins to watch, and has every byte that this answer writes
// from now on counted, until endView. It is called before the first byte of footage: what cannot be logged is not shown.
func (g *gate) beginView(w http.ResponseWriter, r *http.Request, p access.Permit, from, to time.Time) (*audit.Viewing, error) {
	if err := g.halted(); err != nil {
		return nil, err
	}
	v, err := g.views.Begin(p, audit.Watch{Address: infoOf(r).client, From: from, To: to})
	if err != nil {
		return nil, err
	}
	responseOf(w).viewing = v
	return v, nil
}

// endView ends what beginView began, if it did. What is written afterwards is no footage.
func endView(w http.ResponseWriter) {
	resp := responseOf(w)
	if resp.viewing != nil {
		resp.viewing.End()
		resp.viewing = nil
	}
}
