// Package onviftest is a simulated ONVIF camera for tests. A Vendor says how it writes, logs in and where its services are, and
// Quirks what it does wrong; Vendors has twelve that resemble those on the market. A Camera answers over HTTP on loopback or on
// pipes in memory, and to discovery on a loopback UDP port. It counts what it is asked.
package onviftest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Login is how a camera wants its users to log in.
type Login uint8

// The logins.
const (
	NoLogin      Login = iota
	Token              // WS-Security username token, refused by a SOAP fault
	Digest             // HTTP digest with MD5 and qop
	OldDigest          // HTTP digest of RFC 2069
	SHA256Digest       // HTTP digest with SHA-256
	BothLogins         // HTTP digest, and a username token within
	EmptyLogin         // a username token; without it GetProfiles has no profiles, and nothing says why
)

// Quirks are what cameras do wrong. Each is on its own in a test, and vendors have several.
type Quirks struct {
	RelativeTimeBroken  bool          // a subscription with a relative time ends at once
	RelativeTimeRefused bool          // or is refused
	UnitsIgnored        bool          // PT10M is taken for ten seconds
	CrashesOnRenewals   bool          // renewals within less than 50 s of each other crash it
	UnsubscribeEndsAll  bool          // Unsubscribe ends the subscriptions of everybody
	GrantsNothing       bool          // TerminationTime is CurrentTime, but the subscription lives
	ShortGrant          time.Duration // it grants this, whatever is asked
	NoRenew             bool          // Renew is not supported; pulling keeps the subscription
	EchoParameters      bool          // requests without its reference parameters are refused (AXIS)
	Address             string        // of a subscription, with ADDRESS for its own; "-" for an empty one
	ServiceHost         string        // host and port in the addresses of services; the real one if empty
	MaxSubscriptions    int           // more are refused until some have expired; 0 for no limit
	DeniesPullPoint     bool          // capabilities say that there is none
	NoGetServices       bool
	NoGetCapabilities   bool
	NoEventAddress      bool          // neither names the event service
	DropsIdlePolls      time.Duration // closes a connection that waits for events for so long
	AnswersAtOnce       bool          // does not wait for events
	MaxTimeout          time.Duration // refuses to wait longer, and says so
	EchoesPassword      bool          // faults contain the password
	NoSnapshot          string        // "fault" or "empty"
	BrokenTimes         bool          // in notifications and subscriptions
	BadUTF8             bool          // in names and sources
	ForgetsNonces       bool          // each HTTP digest nonce is good for one request, and stale is not said
	ClockOffset         time.Duration
	Clock1970           bool // its clock begins in 1970 when it is switched on
	LocalTimeOnly       bool
	NoDate              bool   // GetSystemDateAndTime has no time at all
	Redirect            string // every request is redirected there
	OperatorOnly        bool   // the user may not see the network interfaces
}

// Camera is a simulated camera. Close it.
type Camera struct {
	Vendor   Vendor
	Username string
	Password string

	started  time.Time
	ahead    atomic.Int64 // of its clock, ns
	server   *http.Server
	listener net.Listener
	pipes    chan net.Conn
	done     sync.WaitGroup
	closing  chan struct{}

	mu         sync.Mutex
	off        bool // does not accept connections
	frozen     chan struct{}
	calls      map[string]int
	refused    int
	unanswered int
	nonce      string
	nonces     int
	subs       map[string]*subscription
	serial     int
	mostSubs   int
	lastRenew  time.Time
	crashed    bool
	abandoned  bool
	properties map[string]Message // the last value of each
	connected  map[net.Conn]bool
}

// New returns a camera of the vendor that serves pipes in memory: give Dial to the client.
func New(v Vendor) *Camera {
	c := &Camera{Vendor: v, started: time.Now(), Username: "admin", Password: "s3cret&<x>", pipes: make(chan net.Conn), closing: make(chan struct{}),
		calls: map[string]int{}, subs: map[string]*subscription{}, properties: map[string]Message{}, connected: map[net.Conn]bool{}}
	c.ahead.Store(int64(v.Quirks.ClockOffset))
	c.server = &http.Server{Handler: http.HandlerFunc(c.serve), ReadHeaderTimeout: time.Minute}
	c.done.Go(func() { _ = c.server.Serve(pipeListener{c}) })
	return c
}

// Listen makes the camera answer on a loopback port too, and returns its address.
func (c *Camera) Listen() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	c.listener = l
	c.done.Go(func() { _ = c.server.Serve(l) })
	return l.Addr().String(), nil
}

// Address is where the camera answers: its loopback address, or the one that Dial expects.
func (c *Camera) Address() string {
	if c.listener != nil {
		return c.listener.Addr().String()
	}
	return "192.0.2.7:" + c.port()
}

func (c *Camera) port() string {
	if c.Vendor.Port != "" {
		return c.Vendor.Port
	}
	return "80"
}

// Close ends the camera and all its connections.
func (c *Camera) Close() {
	close(c.closing)
	c.Thaw()
	_ = c.server.Close()
	c.done.Wait()
}

// errOff is what connecting to a camera gives that is switched off.
var errOff = errors.New("connection refused")

// Dial connects to the camera in memory. It has the camera's own address only.
func (c *Camera) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	c.mu.Lock()
	off := c.off || address != c.Address()
	c.mu.Unlock()
	if off {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errOff}
	}
	near, far := net.Pipe()
	select {
	case c.pipes <- far:
		c.mu.Lock()
		c.connected[far] = true
		c.mu.Unlock()
		return near, nil
	case <-c.closing:
	case <-ctx.Done():
	}
	_, _ = near.Close(), far.Close()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errOff}
}

// pipeListener accepts what Dial connects.
type pipeListener struct{ c *Camera }

// Accept implements net.Listener.
func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.c.pipes:
		return conn, nil
	case <-l.c.closing:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (pipeListener) Close() error { return nil }

// Addr implements net.Listener.
func (pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// Switch turns the camera on or off. When it goes off, it forgets its subscriptions and ends all connections in memory.
func (c *Camera) Switch(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off = !on; !c.off {
		return
	}
	for _, s := range c.subs {
		s.end()
	}
	clear(c.subs)
	clear(c.properties)
	for conn := range c.connected {
		_ = conn.Close()
	}
	clear(c.connected)
}

// Freeze makes the camera accept connections and answer nothing.
func (c *Camera) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen == nil {
		c.frozen = make(chan struct{})
	}
}

// Thaw ends Freeze.
func (c *Camera) Thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		close(c.frozen)
		c.frozen = nil
	}
}

// Asked returns how often an operation was asked for, with or without success.
func (c *Camera) Asked(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[operation]
}

// Unanswered returns how many requests came while the camera was frozen.
func (c *Camera) Unanswered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unanswered
}

// Refused returns how many requests had a wrong login.
func (c *Camera) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Crashed reports whether a quirk has crashed the camera.
func (c *Camera) Crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crashed
}

// now is the time on the camera's clock.
func (c *Camera) now() time.Time {
	if c.Vendor.Quirks.Clock1970 {
		return time.Unix(0, 0).Add(time.Since(c.started)).UTC()
	}
	return time.Now().Add(time.Duration(c.ahead.Load())).UTC()
}

// serve answers one request.
func (c *Camera) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if at := c.Vendor.Quirks.Redirect; at != "" {
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	q, err := readQuery(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	q.path = r.URL.RequestURI()
	q.authorization = r.Header.Get("Authorization")
	q.gone = r.Context().Done()
	c.mu.Lock()
	c.calls[q.operation]++
	frozen := c.frozen
	if frozen != nil {
		c.unanswered++
	}
	c.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-r.Context().Done():
			return
		}
	}
	if !c.admit(w, q) {
		return
	}
	c.answer(w, q)
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// SetPassword changes the password of the camera's user.
func (c *Camera) SetPassword(password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Password = password
}

// SetClock sets the camera's clock, by how much it is ahead.
func (c *Camera) SetClock(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

func (c *Camera) password() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Password
}

// Abandon makes the camera keep its subscriptions when it is asked to end them, as if the request had never come.
func (c *Camera) Abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandoned = true
}
