package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// renewEvery is how often a stream asks for its permit again: often enough that a revoked one is cut within a second,
// which is also how long a permit lasts.
const renewEvery = 500 * time.Millisecond

// errStopping ends streams when the server shuts down.
var errStopping = errors.New("the server is stopping")

// guard keeps a permit fresh while a handler streams, and cuts the answer off when a new one is refused, also in the
// middle of a write that a stalled reader holds up.
type guard struct {
	server     *Server
	ctx        context.Context // the request's: the guard lives no longer
	stop, done chan struct{}

	mu     sync.Mutex
	permit access.Permit
	asked  time.Time // for the permit
	err    error     // why the stream must end
}

// guard starts watching over the answer to r, for which p was minted. The handler calls close before it returns.
func (s *Server) guard(w http.ResponseWriter, r *http.Request, p access.Permit) *guard {
	g := &guard{server: s, ctx: r.Context(), stop: make(chan struct{}), done: make(chan struct{}), permit: p,
		asked: p.Expires().Add(-accounts.PermitTTL)}
	resp := responseOf(w)
	go func() {
		defer close(g.done)
		g.watch(resp)
	}()
	return g
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
		case <-g.server.stopping:
			g.end(errStopping)
		case <-tick.C:
		}
		if _, err := g.fresh(); err != nil {
			resp.cutOff()
			return
		}
	}
}

// fresh returns a permit that was asked for at most renewEvery ago, or why there is none any more. It may be called from
// any goroutine.
func (g *guard) fresh() (access.Permit, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.server.halted(); err != nil && g.err == nil {
		g.err = err
	}
	now := time.Now()
	if g.err != nil || now.Sub(g.asked) < renewEvery {
		return g.permit, g.err
	}
	p, err := g.server.Accounts.Authorize(g.ctx, g.permit.Viewer(), g.permit.Action(), g.permit.Camera())
	if err != nil {
		g.err = err
		return access.Permit{}, err
	}
	g.permit, g.asked = p, now
	return p, nil
}

func (g *guard) end(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
}

// close ends the watch and waits for it.
func (g *guard) close() {
	close(g.stop)
	<-g.done
}
