package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"keepwatch.internal/internal/outbound"
)

// Kind classifies failures by what the recorder does next and what the owner should check.
type Kind uint8

// The kinds of failure.
const (
	Unreachable      Kind = iota + 1 // no connection: retry soon
	Refused                          // wrong user name or password: retry much later, since cameras lock accounts
	NotFound                         // no stream at this path: retry slowly
	Busy                             // too many connections to the camera: retry slowly
	Unsupported                      // no supported codec: retry slowly
	Broken                           // invalid data: retry soon
	Frozen                           // connected, but no video: retry soon
	Overrun                          // this computer was too slow: retry soon
	UnexpectedDevice                 // another camera than before: retry slowly, and once the owner has accepted it
)

// Failure is the reason why a session did not start or had to end.
type Failure struct {
	Kind   Kind
	Reason string // in plain words, for the camera's owner; no address, no password
	Status int    // RTSP status with which the camera refused (RFC 2326 section 7.1.1); 0 if it did not
	Err    error  // the cause, for the log
}

// Error implements error.
func (f *Failure) Error() string { return f.Reason }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

var (
	errClosed     = errors.New("session closed")
	errQueueFull  = errors.New("units came faster than they could be recorded")
	errFrozen     = errors.New("no picture within the frame timeout")
	errNoUDP      = errors.New("no packet over UDP within the frame timeout")
	errUnreadable = errors.New("no JPEG picture that can be read")
	errNoKeyFrame = errors.New("no picture that can be recorded")
	errHandshake  = errors.New("handshake took too long")
	errRedirects  = errors.New("redirected too often")
	errSDP        = errors.New("description cannot be used")
	errWantsLogin = errors.New("a login is needed, and there is none")
	errStale      = errors.New("every nonce is stale")
	errLoginKind  = errors.New("no known way to sign in is offered")
)

// soundError is a session that the camera did not play after it had refused the sound.
type soundError struct{ refused, cause error }

func (e *soundError) Error() string {
	return fmt.Sprintf("play without the sound, which was refused (%v): %v", e.refused, e.cause)
}
func (e *soundError) Unwrap() error { return e.cause }

// lossError is the error of a stream over UDP of which no picture, or no key frame, has arrived whole.
type lossError struct{ packets uint64 }

func (e *lossError) Error() string {
	return fmt.Sprintf("pictures do not arrive whole, since %d packets were lost over UDP: use transport: tcp", e.packets)
}

// codecError is returned for a description without supported video.
type codecError struct {
	offered []string // video
	sound   bool     // there is sound
}

func (e *codecError) Error() string { return "offered: " + strings.Join(e.offered, ", ") }

// reason says what to do.
func (e *codecError) reason() string {
	switch {
	case len(e.offered) > 0:
		return fmt.Sprintf("the camera offers %s, which is not recorded; set this stream's codec to H.264 or H.265 in the camera", strings.Join(e.offered, ", "))
	case e.sound:
		return "the camera offers sound only, and sound is recorded only beside video; switch its video on, or use the address of a stream with video"
	}
	return "the camera offers no video at this address; use the address of a stream with video"
}

// classify turns any error into a Failure.
func classify(err error) error {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f
	}
	kind, reason := sort(err)
	return &Failure{Kind: kind, Reason: reason, Status: int(statusOf(err)), Err: err}
}

// sort alone decides what an error means.
func sort(err error) (Kind, string) {
	if transport, ok := errors.AsType[*transportError](err); ok {
		return Unsupported, transport.reason()
	}
	if status, ok := errors.AsType[liberrors.ErrClientBadStatusCode](err); ok {
		return sortStatus(status)
	}
	if codec, ok := errors.AsType[*codecError](err); ok {
		return Unsupported, codec.reason()
	}
	if _, ok := errors.AsType[*outbound.RefusedError](err); ok {
		return Broken, "the camera points to another host or port, which is not followed; enter that address if it is right"
	}
	if _, ok := errors.AsType[liberrors.ErrClientSDPInvalid](err); ok || errors.Is(err, errSDP) {
		return Broken, "the camera's description of its stream (SDP) is unreadable"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return Unreachable, fmt.Sprintf("no address found for the name %q", dns.Name)
	}
	if _, ok := errors.AsType[*tlsError](err); ok {
		return sortTLS(err)
	}
	switch {
	case errors.Is(err, errLoginKind):
		return Refused, "the camera wants a login of a kind that is not known; set its RTSP authentication to digest or basic"
	case errors.Is(err, errWantsLogin):
		return Refused, "the camera wants a user name and password; write them into its address"
	case errors.Is(err, errStale):
		return Refused, "the camera refuses its own login challenge as outdated (stale nonce): the password is wrong, or the camera must be restarted"
	case errors.Is(err, errRedirects):
		return Broken, "the camera redirects in a circle"
	case errors.As(err, new(*lossError)):
		return Broken, err.Error()
	case errors.Is(err, errNoUDP):
		return Frozen, "the camera plays, but nothing of it arrives over UDP: let UDP through the firewall or the container's network, or use transport: tcp"
	case errors.Is(err, errFrozen):
		return Frozen, "connected, but the camera sends no pictures"
	case errors.Is(err, errNoKeyFrame):
		return Broken, "the camera sends pictures, but no key frame with which a recording can begin; set its key frame (I-frame) interval to 2 s, and switch intra refresh off"
	case errors.Is(err, errUnreadable):
		return Broken, "the camera's JPEG pictures cannot be read; set this stream's codec to H.264 or H.265 in the camera"
	case errors.Is(err, errQueueFull):
		return Overrun, "this computer could not keep up with the stream"
	case errors.Is(err, errClosed):
		return Unreachable, "session closed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return Unreachable, "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable, "no route to the camera"
	case isTimeout(err):
		return Unreachable, "the camera does not answer"
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return Unreachable, "connection lost"
	}
	if hungUp(err) {
		return Unreachable, "the camera closed the connection"
	}
	return Broken, "the camera's answer makes no sense"
}

func sortStatus(status liberrors.ErrClientBadStatusCode) (Kind, string) {
	switch status.Code {
	case base.StatusUnauthorized:
		return Refused, "wrong user name or password"
	case base.StatusForbidden:
		return Refused, "the camera denies access to this stream (403); check what its user may see, and whether the user is locked"
	case base.StatusNotFound:
		return NotFound, "no stream at this path (404); check the path in the address"
	case base.StatusNotEnoughBandwidth:
		return Busy, "the camera has no connection free (453); close other viewers"
	case base.StatusServiceUnavailable:
		return Busy, "the camera has no connection free, or is not ready (503)"
	}
	// The text is from the standard, not from the camera, whose text must not be trusted on a page.
	return Broken, strings.TrimSpace(fmt.Sprintf("the camera answered %d %s", status.Code, base.StatusMessages[status.Code]))
}

func isTimeout(err error) bool {
	if errors.Is(err, errHandshake) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	switch err.(type) {
	case liberrors.ErrClientRequestTimedOut, liberrors.ErrClientTCPTimeout, liberrors.ErrClientUDPTimeout:
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// hungUp reports whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// wantsUDP reports whether the camera refused TCP transport (RFC 2326 section 11.3.10).
func wantsUDP(err error) bool {
	if status, ok := errors.AsType[liberrors.ErrClientBadStatusCode](err); ok {
		return status.Code == base.StatusUnsupportedTransport
	}
	_, ok := errors.AsType[liberrors.ErrClientServerRequestedUDP](err)
	return ok
}
