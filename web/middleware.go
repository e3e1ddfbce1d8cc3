package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"
)

const (
	maxBody   = 64 << 10         // bytes of a request's body; nothing here takes uploads
	bodyTime  = 15 * time.Second // for a whole body to arrive
	stallTime = 30 * time.Second // for the network to take one write before the reader is cut off
)

// contentSecurityPolicy lets pages load from this server only, and run nothing inline.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// baseHeaders sets the headers of every answer. Routes whose answers may be cached override Cache-Control.
//
// Referrer-Policy is same-origin. With no-referrer browsers send "Origin: null" with our own forms (Fetch standard, 3.2), and
// those could not be told from a sandboxed page's. There is no Strict-Transport-Security: it applies to all ports of a host,
// and other services may run on this one.
func baseHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), payment=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-store")
}

// requestInfo is what the middleware knows about a request.
type requestInfo struct {
	id     string // random; identifies the request in the log
	client string // address of the caller; behind a declared proxy, the one it reports
	secure bool   // the caller's connection is encrypted, here or at a declared proxy
}

type infoKey struct{}

func infoOf(r *http.Request) *requestInfo {
	info, _ := r.Context().Value(infoKey{}).(*requestInfo)
	if info == nil {
		return &requestInfo{}
	}
	return info
}

// middleware is what every request passes before its route.
type middleware struct {
	hosts    []string       // further names that the server answers to
	networks []netip.Prefix // that may connect
	proxies  []netip.Prefix // whose X-Forwarded-* headers count
	secure   bool           // served over TLS
	failures *failures
	logger   *slog.Logger
}

// wrap wraps h in the middleware. Outermost first: the request's id, recovery from panics and base headers; networks; host
// names; foreign origins; limits on the request's body.
func (m *middleware) wrap(h http.Handler) http.Handler {
	h = m.limitBody(h)
	h = m.refuseForeignOrigins(h)
	h = m.checkHost(h)
	h = m.checkNetwork(h)
	return m.trace(h)
}

// trace gives the request an id, sets the base headers, and turns a panic into a 500 that reveals nothing but the id.
func (m *middleware) trace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		info := &requestInfo{id: newRequestID(), secure: m.secure}
		r = r.WithContext(context.WithValue(r.Context(), infoKey{}, info))
		w := newResponse(rw)
		baseHeaders(w.Header())
		defer w.finish()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			m.logger.Error("panic while answering", "req", info.id, "err", v, "stack", string(debug.Stack()))
			if w.started {
				panic(http.ErrAbortHandler) // part of the answer was sent: let the reader see that it is broken
			}
			p := newProblem(http.StatusInternalServerError, "Something went wrong here; the log has the cause.")
			p.Instance = info.id
			m.failures.write(w, r, p)
		}()
		next.ServeHTTP(w, r)
	})
}

func newRequestID() string {
	return rand.Text()[:16] // of a base32 alphabet: 80 bits
}

// limitBody reads the whole body before the handler runs, within limits of size and time.
func (m *middleware) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body, err := readBody(w, r)
		if err != nil {
			m.failures.answer(w, r, err)
			return
		}
		r2 := r.WithContext(r.Context())
		r2.Body = io.NopCloser(bytes.NewReader(body))
		r2.ContentLength = int64(len(body))
		next.ServeHTTP(w, r2)
	})
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // stays in place when the body is incomplete
	if r.ContentLength > maxBody {
		return nil, errBodyTooLarge()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
		return body, nil
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok && tooLarge != nil {
		return nil, errBodyTooLarge()
	}
	return nil, newProblem(http.StatusBadRequest, "The request's body is incomplete.")
}

func errBodyTooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("The request's body is too large: the limit is %d bytes.", maxBody))
}

// refuseForeignOrigins refuses requests that a page of another origin makes a browser send. CrossOriginProtection covers
// changes. Beyond it everything but following a link is refused, so that no other page can load footage or open the live
// socket.
func (m *middleware) refuseForeignOrigins(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := protection.Check(r); err != nil || foreignFetch(r) {
			m.failures.answer(w, r, newProblem(http.StatusForbidden, "Requests from pages of another origin are refused."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreignFetch reports whether a browser says that a page of another origin sent the request, other than by a link
// (https://www.w3.org/TR/fetch-metadata/). Over plain HTTP browsers say it in Origin only, and for WebSockets always there.
func foreignFetch(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || isUpgrade(r) {
		for _, origin := range r.Header.Values("Origin") {
			if !sameHost(origin, r.Host) {
				return true
			}
		}
	}
	switch site {
	case "", "same-origin", "none":
		return false
	}
	document := r.Header.Get("Sec-Fetch-Dest") == "document"
	return isUpgrade(r) || !document || r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// sameHost reports whether an Origin header names host, which may hold a port.
func sameHost(origin, host string) bool {
	_, authority, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(authority, host)
}

// isUpgrade reports whether the request wants to become a WebSocket (RFC 6455 section 4.1).
func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
