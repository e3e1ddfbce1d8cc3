package camera

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
)

// Link is how a session's media arrive.
type Link struct {
	Transport Transport // TCP or UDP
	Buffer    int       // smallest receive buffer that the system granted to a UDP port, bytes; 0 if unknown, or over TCP
	TLS       TLS       // zero without
}

// Link returns how the session's media arrive.
func (s *Session) Link() Link {
	l := Link{Transport: TCP}
	s.dialer.mu.Lock()
	defer s.dialer.mu.Unlock()
	if s.udp {
		l.Transport, l.Buffer = UDP, s.dialer.granted
	}
	l.TLS = s.dialer.tls
	return l
}

// SoundRefused returns why the camera's sound is missing although it is offered and supported: a sentence without a full stop, or ""
// if the camera did not refuse it.
func (s *Session) SoundRefused() string { return s.soundRefused }

// soundRefusal says why there is no sound.
func soundRefusal(err error) string {
	refused := err
	if broken, ok := errors.AsType[*soundError](err); ok {
		refused = broken.refused
	}
	if status := statusOf(refused); status != 0 {
		return strings.TrimSpace(fmt.Sprintf("the camera refused its sound: %d %s", status, base.StatusMessages[status]))
	}
	switch {
	case errors.Is(refused, errSDP):
		return "the camera's description of its sound cannot be used"
	case isTimeout(err):
		return "the camera did not answer when it was asked for its sound"
	case hungUp(err):
		return "the camera closed the connection when it was asked for its sound"
	}
	return "the camera's answer about its sound cannot be used"
}

// statusOf returns the status with which a camera refused a request, or 0 if it did not.
func statusOf(err error) base.StatusCode {
	if status, ok := errors.AsType[liberrors.ErrClientBadStatusCode](err); ok {
		return status.Code
	}
	return 0
}
