// Package onvif asks cameras what they are, which streams they have and what happens in front of them (ONVIF Core, Media,
// Media2 and Event specifications, SOAP 1.2 over HTTP). It connects to the address it is given and nowhere else: of the addresses
// that a camera names it takes path, query and port, and keeps the host.
//
// Read in this order:
//
//   - onvif.go: the client and its errors
//   - soap.go, tree.go: one request and its response; auth.go, digest.go: the login
//   - address.go: what is believed of an address that a camera names
//   - device.go, clock.go, services.go, profiles.go: what a camera says of itself
//   - events.go, subscription.go: waiting for events
//   - notification.go, topics.go, state.go, times.go: what they mean
//   - discovery.go: finding cameras on the network, when somebody asks
//
// Everything that a camera sends is hostile input: bodies, depth and counts are bounded, XML is read by local names, and what
// cannot be read is left out. Passwords leave only as digests. What is made of events belongs to the caller.
package onvif

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/outbound"
)

// Password is a camera's password. No format verb and no encoder prints it.
type Password string

// Format implements fmt.Formatter.
func (Password) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// MarshalText implements encoding.TextMarshaler.
func (Password) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue implements slog.LogValuer.
func (Password) LogValue() slog.Value { return slog.StringValue("***") }

// Options says which camera, and how to reach it.
type Options struct {
	Address  string // host or host:port; port 80 by default, 443 with Secure
	Path     string // of the device service; /onvif/device_service if empty (ONVIF Core section 5.1.1)
	Secure   bool   // HTTPS. Any certificate connects; Admit decides
	Username string // empty for a camera without a login
	Password Password

	// Admit is called with the SHA-256 of the public key of an HTTPS camera's certificate, in hex, before anything is sent. An
	// error ends the request. Nil admits every key.
	Admit func(key string) error
	// Dial opens all connections, with the protocol http or https. Nil connects to the host of Address and nowhere else.
	Dial    outbound.DialFunc
	Timeout time.Duration // bounds each request; 12 s if zero
	Logger  *slog.Logger  // slog.Default() if nil
}

// Errors that callers tell apart. Others are of the network, or a *Fault.
var (
	// ErrRefused means that the camera does not accept the login. After the second refusal the client asks no more.
	ErrRefused = errors.New("the camera refused the user name or password")
	// ErrNotAllowed means that the camera accepts the login, but not for this operation.
	ErrNotAllowed = errors.New("the camera does not allow this to its user")
	// ErrUnsupported means that the camera has no such service or operation.
	ErrUnsupported = errors.New("the camera does not support this")
	// ErrUnreadable means that a response is no SOAP, or goes beyond the bounds.
	ErrUnreadable = errors.New("the camera's response cannot be read")
)

const (
	devicePath     = "/onvif/device_service"
	usualTimeout   = 12 * time.Second // more than the dialer takes, so that a camera that is away is known as such
	maxRefusals    = 2
	deviceService  = "http://www.onvif.org/ver10/device/wsdl"
	mediaService   = "http://www.onvif.org/ver10/media/wsdl"
	media2Service  = "http://www.onvif.org/ver20/media/wsdl"
	eventService   = "http://www.onvif.org/ver10/events/wsdl"
	ptzService     = "http://www.onvif.org/ver20/ptz/wsdl"
	imagingService = "http://www.onvif.org/ver20/imaging/wsdl"
)

// Client asks one camera. It may be used from several goroutines. Close it when done.
type Client struct {
	opts      Options
	host      string   // as configured, without port
	device    endpoint // the device service
	transport *outbound.HTTP
	log       *slog.Logger

	mu       sync.Mutex
	clock    Clock
	clocked  bool // clock was asked for
	services *Services
	login    login
	closed   map[string]bool // ports that the camera named and that cannot be reached
}

// New returns a client for the camera. Nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.Timeout == 0 {
		o.Timeout = usualTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Path == "" {
		o.Path = devicePath
	}
	host, port, err := splitAddress(o.Address, o.Secure)
	if err != nil {
		return nil, err
	}
	if o.Dial == nil {
		o.Dial = outbound.New(outbound.Options{Places: []outbound.Place{{Address: host}}}).ForCamera("").Dial
	}
	c := &Client{opts: o, host: host, device: endpoint{port: port, path: "/" + strings.TrimPrefix(o.Path, "/")}, log: o.Logger, closed: map[string]bool{}}
	var secure *tls.Config
	if o.Secure {
		secure = secureConfig(o.Admit)
	}
	c.transport = outbound.NewHTTP(o.Dial, secure)
	return c, nil
}

// Close closes idle connections. Requests that are under way end with their contexts.
func (c *Client) Close() { c.transport.Close() }

// Host returns the host that the client asks, as configured, without the port.
func (c *Client) Host() string { return c.host }

// splitAddress separates host and port, where the port may be missing.
func splitAddress(address string, secure bool) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), usualPort(secure)
	}
	if host == "" || strings.ContainsAny(host, "/@?# ") || !isPort(port) {
		return "", "", fmt.Errorf("%q is no address of a camera: give a host, or host:port", address)
	}
	return host, port, nil
}
