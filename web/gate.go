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

// renewEvery is how often a stream renews its permit: often enough to cut a revoked stream within a second. A permit lasts one
// second.
const renewEvery = 500 * time.Millisecond

// errStopping ends streams when the server shuts down.
var errStopping = errors.New("the server is stopping")

// gate is what all footage passes on its way out: the entry in the audit log, and the permit, which is renewed for as long as
// bytes are sent. The gate refuses both once the canary has found a leak.
type gate struct {
	accounts *accounts.Directory
	views    *audit.ViewLog
	halted   func() error    // why no footage is served; nil while it is
	stopping <-chan struct{} // closed when the server ends
	now      func() time.Time
}

// inTime distinguishes a missing right from a permit that expired before the handler used it, on a very busy machine. Only a
// caller who had the right a moment ago learns of the second.
func (g *gate) inTime(p access.Permit, err error) error {
	if !errors.Is(err, access.ErrDenied) || g.now().Before(p.Expires()) {
		return err
	}
	late := newProblem(http.StatusServiceUnavailable, "The server is too busy to answer in time; try again.").with("Retry-After", "1")
	late.cause = err
	return late
}

// renewal is a permit that is renewed while footage is sent. Its methods may be called from any goroutine.
type renewal struct {
	gate   *gate
	viewer access.Viewer
	action access.Action
	camera access.Camera

	mu     sync.Mutex
	permit access.Permit
	asked  time.Time // when the permit was requested
	err    error     // why there is none anymore
}

// fresh returns a permit that is at most renewEvery old, or why there is none anymore.
func (r *renewal) fresh(ctx context.Context) (access.Permit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed(ctx, renewEvery)
}

// renew returns a new permit, or why there is none anymore.
func (r *renewal) renew(ctx context.Context) (access.Permit, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed(ctx, 0)
}

// renewed renews a permit of that age or older. The caller holds the lock.
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

// due is when the permit must be renewed.
func (r *renewal) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked.Add(renewEvery)
}

// end refuses all further permits with err.
func (r *renewal) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

// guard keeps a permit fresh while a handler streams. It cuts the answer off when renewal is refused, even in the middle of a
// write to a stalled reader.
type guard struct {
	renewal
	ctx        context.Context // of the request; the guard ends with it
	stop, done chan struct{}
}

// guard starts a guard for the answer to r, for which p was minted. The handler calls close before it returns.
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

// fresh returns a permit that is at most renewEvery old, or why there is none anymore.
func (g *guard) fresh() (access.Permit, error) { return g.renewal.fresh(g.ctx) }

// close ends the watch and waits for it.
func (g *guard) close() {
	close(g.stop)
	<-g.done
}

// beginView adds an entry to the audit log: the permit's viewer begins to watch. Every byte that this answer writes until
// endView counts towards it. It is called before the first byte of footage: what cannot be logged is not shown.
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

// endView ends the view that beginView began, if any. Bytes written afterwards are not footage.
func endView(w http.ResponseWriter) {
	resp := responseOf(w)
	if resp.viewing != nil {
		resp.viewing.End()
		resp.viewing = nil
	}
}
