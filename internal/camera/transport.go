package camera

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
)

// errSecureUDP is the error of a secure session whose RTP over UDP would not be secure.
var errSecureUDP = errors.New("RTP over UDP would not be encrypted")

// transportError is a session for which camera and options had no transport in common.
type transportError struct {
	wanted    Transport // of the options
	multicast bool      // the camera names a multicast address
	status    base.StatusCode
	cause     error
}

func (e *transportError) Error() string { return "no transport in common: " + e.cause.Error() }
func (e *transportError) Unwrap() error { return e.cause }

// aboutTransport returns err as a transportError if it is about the transport, or else as it is.
func (d *dialer) aboutTransport(wanted Transport, err error) error {
	_, tcp := errors.AsType[liberrors.ErrClientServerRequestedTCP](err)
	_, mode := errors.AsType[liberrors.ErrClientH264PacketizationMode0](err)
	_, delivery := errors.AsType[liberrors.ErrClientTransportHeaderInvalidDelivery](err)
	if !tcp && !mode && !delivery && !wantsUDP(err) && !errors.Is(err, errSecureUDP) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return &transportError{wanted: wanted, multicast: delivery || d.multicast, status: statusOf(err), cause: err}
}

// reason says what to do.
func (e *transportError) reason() string {
	status := ""
	if e.status != 0 {
		status = fmt.Sprintf(" (%d)", e.status)
	}
	switch {
	case e.multicast:
		return "the camera sends by multicast only" + status + ", which is not recorded: turn on unicast in the camera's settings"
	case e.wanted == UDP:
		return "the camera does not send this stream over UDP" + status + ": use transport: auto"
	case e.wanted == TCP:
		return "the camera does not send this stream over TCP" + status + ": use transport: auto"
	}
	return "the camera sends this stream neither over TCP nor over UDP" + status + ": turn on RTP over RTSP (TCP), or unicast, in its settings"
}

// multicastAddress matches the connection line of a session description for multicast (RFC 8866 section 5.7, RFC 5771, RFC 4291
// section 2.7).
var multicastAddress = regexp.MustCompile(`(?m)^c=IN (?:IP4 2(?:2[4-9]|3\d)\.|IP6 [fF]{2})`)
