package onvif

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the username token profile names it
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// login is how the client logs in, as far as it has learnt. The client's lock protects it.
type login struct {
	demanded  bool       // the camera asks for a login; before that, none is sent
	token     bool       // with a username token (WS-Security UsernameToken Profile 1.0)
	challenge *challenge // with HTTP digest; nil without
	count     int        // requests with the challenge's nonce
	refusals  int
	refused   string          // the operation that was refused last
	first     string          // the operation that was refused without a login; it shows whether the camera accepts the login at all
	proof     *request        // it, if it can be asked at any time
	proven    bool            // it was accepted with the login
	forbidden map[string]bool // operations that the user may not do
}

// way is how one attempt logs in.
type way struct {
	token     bool
	challenge *challenge
	count     int
}

func (w way) none() bool { return !w.token && w.challenge == nil }

// maxAttempts bounds the attempts at one operation: without a login, with it, and after a stale nonce or a wrong clock.
const maxAttempts = 4

// call asks for one operation and returns the content of the SOAP body. The login is sent only after the camera has asked for
// one, as an HTTP digest if it challenges, else as a username token in the camera's own time. After two refusals in a row every
// call returns ErrRefused and sends nothing.
func (c *Client) call(ctx context.Context, r request) (*node, error) {
	fresh := false // the way was changed because of this call
	for range maxAttempts {
		w, err := c.way(ctx, r)
		if err != nil {
			return nil, err
		}
		a, err := c.send(ctx, r, w)
		if err != nil {
			return nil, err
		}
		if !a.asksLogin(w) || r.open {
			c.accepted(r, w)
			return a.content(r)
		}
		again, err := c.learn(ctx, r, w, a, fresh)
		if err != nil {
			return nil, err
		}
		if !again {
			break
		}
		fresh = true
	}
	return nil, fmt.Errorf("ask %s: %w", r.operation(), ErrRefused)
}

// way returns how to log in for the next attempt.
func (c *Client) way(ctx context.Context, r request) (way, error) {
	if r.open {
		return way{}, nil
	}
	w, needsClock, err := c.nextWay(r)
	if err == nil && needsClock {
		if _, err := c.Clock(ctx); err != nil && ctx.Err() != nil { // without the clock, our own time is the best guess
			return way{}, err
		}
	}
	return w, err
}

func (c *Client) nextWay(r request) (w way, needsClock bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.login.refusals >= maxRefusals:
		return way{}, false, fmt.Errorf("ask %s: %w", r.operation(), ErrRefused)
	case c.login.forbidden[r.operation()]:
		return way{}, false, fmt.Errorf("ask %s: %w", r.operation(), ErrNotAllowed)
	case !c.login.demanded:
		return way{}, false, nil
	}
	c.login.count++
	return way{token: c.login.token, challenge: c.login.challenge, count: c.login.count}, c.login.token && !c.clocked, nil
}

// asksLogin reports whether the response is about the login.
func (a *answer) asksLogin(w way) bool {
	switch {
	case a.fault != nil:
		return a.status == http.StatusUnauthorized || a.fault.denied()
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return true
	}
	return a.status == http.StatusBadRequest && w.none() && a.body == nil
}

// content returns what the camera answered to an operation.
func (a *answer) content(r request) (*node, error) {
	switch {
	case a.fault != nil:
		return nil, fmt.Errorf("ask %s: %w", r.operation(), a.fault)
	case a.status >= 300 && a.status < 400:
		return nil, fmt.Errorf("ask %s: %w: it redirects (HTTP %d), which is not followed", r.operation(), ErrUnreadable, a.status)
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
		return nil, fmt.Errorf("ask %s: %w (HTTP %d)", r.operation(), ErrUnsupported, a.status)
	case a.err != nil:
		return nil, fmt.Errorf("ask %s (HTTP %d): %w", r.operation(), a.status, a.err)
	}
	return a.body, nil
}

// accepted notes that an operation was not refused.
func (c *Client) accepted(r request, w way) {
	if w.none() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	isProof := c.login.first == r.operation()
	c.login.proven = c.login.proven || isProof
	if isProof || c.login.refused == r.operation() {
		c.login.refusals, c.login.refused = 0, ""
	}
}

// learn takes from a refusal how to log in, and reports whether another attempt makes sense.
func (c *Client) learn(ctx context.Context, r request, w way, a *answer, fresh bool) (bool, error) {
	if c.opts.Username == "" {
		return false, fmt.Errorf("ask %s: %w: it asks for a login, and none is given", r.operation(), ErrRefused)
	}
	c.mu.Lock()
	before := c.clock.Offset
	next := c.login.learn(r, w, refusal{readChallenges(a.header), a.status == http.StatusUnauthorized, fresh})
	proof := c.login.proof
	if !c.login.proven || c.login.refusals >= maxRefusals || c.login.first == r.operation() {
		proof = nil
	}
	c.mu.Unlock()
	if next == tryAgain || next == tryClock && c.clockMoved(ctx, before) {
		return true, nil
	}
	if proof == nil {
		return false, nil
	}
	// Is it the login that is refused, or this operation? One that needs the login and was accepted before tells.
	if _, err := c.call(ctx, *proof); err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login.forbidden == nil {
		c.login.forbidden = map[string]bool{}
	}
	c.login.forbidden[r.operation()] = true
	return false, fmt.Errorf("ask %s: %w", r.operation(), ErrNotAllowed)
}

// next is what to do after a refusal.
type next uint8

const (
	giveUp next = iota
	tryAgain
	tryClock // again, if the camera's clock turns out to be another than the token's
)

// refusal is what a camera said when it refused.
type refusal struct {
	challenge *challenge // nil without one
	http      bool       // by HTTP 401, not by a fault alone
	fresh     bool       // what it refused was learnt during the same call
}

func (l *login) learn(r request, w way, why refusal) next {
	switch {
	case w.none():
		l.demand(r, why.challenge)
		return tryAgain
	case w.challenge != nil && why.challenge != nil && !why.fresh && (why.challenge.stale || l.proven && l.refusals == 0):
		l.challenge, l.count = why.challenge, 0 // the nonce has expired: no refusal
		return tryAgain
	}
	l.refusals++
	l.refused = r.operation()
	switch {
	case l.refusals >= maxRefusals:
		return giveUp
	case w.challenge == nil && why.challenge != nil: // it wants a digest now
		l.challenge, l.count, l.token = why.challenge, 0, false
		return tryAgain
	case w.challenge != nil && !w.token && !why.http && !l.proven: // it wants both
		l.token = true
		return tryAgain
	case w.token:
		return tryClock
	}
	return giveUp
}

// demand notes that the camera wants a login for an operation.
func (l *login) demand(r request, found *challenge) {
	if l.demanded {
		return
	}
	l.demanded, l.challenge, l.count, l.token = true, found, 0, found == nil
	l.first = r.operation()
	if strings.HasPrefix(l.first, "Get") { // it changes nothing, and can be asked again
		l.proof = &r
	}
}

// clockMoved asks for the camera's clock again and reports whether the tokens were of a wrong time.
func (c *Client) clockMoved(ctx context.Context, before time.Duration) bool {
	clock, err := c.Clock(ctx)
	return err == nil && clock.Known && (clock.Offset-before).Abs() > 2*time.Second
}

// securityHeader returns a username token with a password digest (WS-Security UsernameToken Profile 1.0 section 3.1).
func securityHeader(o Options, now time.Time) string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return securityHeaderWith(o, now, nonce[:])
}

func securityHeaderWith(o Options, now time.Time, nonce []byte) string {
	const space = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
	created := now.UTC().Format("2006-01-02T15:04:05Z")
	sum := sha1.Sum([]byte(string(nonce) + created + string(o.Password))) //nolint:gosec // see the import
	encode := base64.StdEncoding.EncodeToString
	return `<w:Security s:mustUnderstand="1" xmlns:w="` + space + `wssecurity-secext-1.0.xsd" xmlns:u="` + space + `wssecurity-utility-1.0.xsd">` +
		"<w:UsernameToken><w:Username>" + escape(o.Username) + "</w:Username>" +
		`<w:Password Type="` + space + `username-token-profile-1.0#PasswordDigest">` + encode(sum[:]) + "</w:Password>" +
		`<w:Nonce EncodingType="` + space + `soap-message-security-1.0#Base64Binary">` + encode(nonce) + "</w:Nonce>" +
		"<u:Created>" + created + "</u:Created></w:UsernameToken></w:Security>"
}

// secureConfig accepts every certificate whose key is admitted, since cameras make their own, and every version and cipher suite
// that there is code for. Its greeting is short, without key shares that old cameras do not expect.
func secureConfig(admit func(key string) error) *tls.Config {
	config := &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // admit decides by the key
		MinVersion:         tls.VersionTLS10,
		CurvePreferences:   []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		VerifyConnection: func(state tls.ConnectionState) error {
			if admit == nil {
				return nil
			}
			if len(state.PeerCertificates) == 0 {
				return errors.New("the camera shows no certificate")
			}
			return admit(keyOf(state.PeerCertificates[0]))
		},
	}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	return config
}

func keyOf(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}
