package onvif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// Fault is a SOAP fault (SOAP 1.2 part 1 section 5.4), in the camera's words.
type Fault struct {
	Code   string // local names of the code and its subcodes, such as Sender/InvalidArgVal/NoProfile
	Reason string // at most 200 bytes, printable, without our password

	detail *node
}

func (f *Fault) Error() string { return "the camera answers " + f.Code + ": " + f.Reason }

// Is reports whether the fault says that there is no such operation.
func (f *Fault) Is(target error) bool {
	if target != ErrUnsupported {
		return false
	}
	for _, code := range []string{"ActionNotSupported", "OptionalActionNotImplemented", "UnknownAction", "NotImplemented"} {
		if strings.Contains(f.Code, code) {
			return true
		}
	}
	return false
}

// denied reports whether the fault is about the login. Cameras have several words for it.
func (f *Fault) denied() bool {
	low := strings.ToLower(f.Code + " " + f.Reason)
	for _, word := range []string{"notauthorized", "not authorized", "failedauthentication", "unauthorized", "authority failure", "invalidsecurity", "notauthenticated"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return false
}

// request is one operation.
type request struct {
	at     endpoint
	action string        // the SOAP action, a URI; its last part is the operation
	body   string        // XML
	header string        // XML, for WS-Addressing
	open   bool          // to be asked without a login (GetSystemDateAndTime)
	wait   time.Duration // how long the camera may wait before it answers, beyond the client's timeout
}

// operation returns the name of the operation.
func (r request) operation() string {
	return strings.TrimSuffix(r.action[strings.LastIndex(r.action, "/")+1:], "Request")
}

// answer is a response over HTTP, with its SOAP body if it has one.
type answer struct {
	status int
	header http.Header
	body   *node // nil if there is none or it cannot be read
	fault  *Fault
	err    error // why it cannot be read
}

// send makes one attempt.
func (c *Client) send(ctx context.Context, r request, w way) (*answer, error) {
	ctx, stop := context.WithTimeout(ctx, c.opts.Timeout+r.wait)
	defer stop()
	r.at = c.reachable(r.at)
	a, err := c.sendWithin(ctx, r, w)
	if dialling, ok := errors.AsType[*net.OpError](err); ok && dialling.Op == "dial" && r.at.port != c.device.port && ctx.Err() == nil {
		// The port is one of the camera's own network, behind a router, or a slip. All its services may be at the one that is known.
		c.mu.Lock()
		c.closed[r.at.port] = true
		c.mu.Unlock()
		r.at = c.reachable(r.at)
		return c.sendWithin(ctx, r, w)
	}
	return a, err
}

// reachable returns the endpoint with a port that is not known to be closed.
func (c *Client) reachable(e endpoint) endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed[e.port] {
		e.port = c.device.port
	}
	return e
}

func (c *Client) sendWithin(ctx context.Context, r request, w way) (*answer, error) {
	header := r.header
	if w.token {
		header = securityHeader(c.opts, c.cameraNow()) + header
	}
	text := `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing">` +
		"<s:Header>" + header + "</s:Header><s:Body>" + r.body + "</s:Body></s:Envelope>"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(r.at), strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.operation(), err)
	}
	req.Header.Set("Content-Type", `application/soap+xml; charset=utf-8; action="`+r.action+`"`)
	req.Header.Set("User-Agent", "Keepwatch")
	if r.operation() != "CreatePullPointSubscription" {
		req.Header["Idempotency-Key"] = nil // is not sent: it lets the transport ask again if the camera has just closed an idle connection
	}
	if w.challenge != nil {
		req.Header.Set("Authorization", w.challenge.answer(c.opts, req.Method, req.URL.RequestURI(), w.count))
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.operation(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the response to %s: %w", r.operation(), err)
	}
	return c.read(resp, body), nil
}

// read takes a response apart.
func (c *Client) read(resp *http.Response, body []byte) *answer {
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if i := bytes.IndexByte(body, '<'); i > 0 {
		body = body[i:] // some cameras send a byte order mark, or lines of their own
	}
	a.body, a.fault, a.err = readEnvelope(body)
	if a.fault != nil {
		a.fault.Reason = scrub(a.fault.Reason, c.opts.Password)
	}
	return a
}

// readEnvelope returns the content of the SOAP body, or the fault in it.
func readEnvelope(body []byte) (*node, *Fault, error) {
	root, err := parse(body)
	if err != nil {
		return nil, nil, err
	}
	content := root.first("Body")
	if root.name != "Envelope" || content == nil {
		return nil, nil, fmt.Errorf("%w: no SOAP envelope", ErrUnreadable)
	}
	if fault := content.first("Fault"); fault != nil {
		return content, readFault(fault), nil
	}
	return content, nil, nil
}

// readFault reads a fault of SOAP 1.2 or 1.1.
func readFault(n *node) *Fault {
	var codes []string
	add := func(s string) {
		if _, local, ok := strings.Cut(s, ":"); ok {
			s = local
		}
		if s != "" {
			codes = append(codes, printable(s, 60))
		}
	}
	add(n.value("Code", "Value"))
	for at := n.first("Code", "Subcode"); at != nil && len(codes) < 5; at = at.first("Subcode") {
		add(at.value("Value"))
	}
	add(n.value("faultcode"))
	reason := n.value("Reason", "Text")
	if reason == "" {
		reason = n.value("faultstring")
	}
	return &Fault{Code: strings.Join(codes, "/"), Reason: reason, detail: n.first("Detail")}
}

// maxReason bounds text of a camera that people read.
const maxReason = 200

// scrub makes a camera's text fit for a log: some echo the password in what they say.
func scrub(s string, secret Password) string {
	s = printable(s, maxText)
	if secret != "" {
		for _, form := range []string{string(secret), escape(string(secret))} {
			s = strings.ReplaceAll(s, form, "***")
		}
	}
	return printable(s, maxReason)
}

// printable makes text from a camera one short line.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}
