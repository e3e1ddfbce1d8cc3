package testcam

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// Viewers is what a camera does about a second viewer.
type Viewers uint8

// The kinds of cameras by viewers.
const (
	AnyViewers   Viewers = iota // they are all served
	RefuseSecond                // 453 at SETUP
	EndFirst                    // the first is thrown out when the second begins to play
)

// others returns the other sessions that play.
func (p *port) others(than *gortsplib.ServerSession) (playing []*gortsplib.ServerSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s, stream := range p.sessions {
		if s != than && stream != nil {
			playing = append(playing, s)
		}
	}
	return playing
}

// seat gives a session the only place, and reports whether it has it.
func (p *port) seat(s *gortsplib.ServerSession) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seated == nil {
		p.seated = s
	}
	return p.seated == s
}

// refusal returns the answer to a SETUP that the camera refuses by its nature, or nil.
func (p *port) refusal(c *Camera, ctx *gortsplib.ServerHandlerOnSetupCtx) *base.Response {
	if c.Viewers == RefuseSecond && !p.seat(ctx.Session) {
		return &base.Response{StatusCode: base.StatusNotEnoughBandwidth}
	}
	if c.RefuseSound && strings.HasSuffix(ctx.Request.URL.Path, "trackID=1") {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}
	}
	return nil
}

// throwOut ends the sessions of others, if that is in the camera's nature.
func (p *port) throwOut(c *Camera, than *gortsplib.ServerSession) {
	if c.Viewers == EndFirst {
		for _, s := range p.others(than) {
			s.Close()
		}
	}
}

// nonces are those of the password prompts of a port.
type nonces struct {
	forever string
	open    []string // good for one request each
}

// maxNonces bounds those that nobody has used yet.
const maxNonces = 64

// next returns the nonce for a password prompt. The caller holds the port's mu.
func (n *nonces) next(c *Camera) string {
	if !c.NonceOnce {
		return n.forever
	}
	nonce := rand.Text()
	if n.open = append(n.open, nonce); len(n.open) > maxNonces {
		n.open = n.open[1:]
	}
	return nonce
}

// verify checks a login. stale means that it would be right with a new nonce. The caller holds the port's mu.
func (n *nonces) verify(c *Camera, req *base.Request, password, realm string) (ok, stale bool) {
	if !c.NonceOnce {
		return auth.Verify(req, c.Username, password, c.methods(), realm, n.forever) == nil, false
	}
	for i, nonce := range n.open {
		if auth.Verify(req, c.Username, password, c.methods(), realm, nonce) == nil {
			n.open = slices.Delete(n.open, i, i+1)
			return true, false
		}
	}
	given := strings.Join(req.Header["Authorization"], "")
	known := slices.ContainsFunc(n.open, func(nonce string) bool { return strings.Contains(given, nonce) })
	return false, given != "" && !known
}
