// Package outbound opens all connections of the program (invariant I8). A Dialer connects to the addresses that the configuration
// names, to the one host that an administrator has it look at (ForProbe), and refuses every other. It keeps a log of every connection made and refused since the start.
//
// Names are looked up here and nowhere else, and what was found is what is connected to. UDP ports that are opened here
// send to one host only. No other package opens connections; a test over the source checks that.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Place is an address that the configuration names.
type Place struct {
	Camera  string // its id in the configuration
	Address string // host:port, or a host alone: HTTP may reach any port of it, since cameras say themselves where their services are
}

// Options says where a Dialer may connect to.
type Options struct {
	Places []Place
	Now    func() time.Time                                             // time.Now when nil
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error) // the system's resolver when nil
}

// Dialer connects to the configured places. It may be used from several goroutines.
type Dialer struct {
	places map[Place]bool
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	log    *connectionLog
}

// New returns a Dialer for the places.
func New(o Options) *Dialer {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	d := &Dialer{places: map[Place]bool{}, lookup: o.Lookup, log: newConnectionLog(o.Now)}
	for _, p := range o.Places {
		d.places[p] = true
	}
	return d
}

// Connections returns the connection log, ordered by camera, then by first use.
func (d *Dialer) Connections() []Connection { return d.log.snapshot() }

// ForCamera returns the dialer of one camera.
func (d *Dialer) ForCamera(camera string) *CameraDialer {
	return &CameraDialer{dialer: d, camera: camera}
}

// Probe stands in the connection log where the id of a camera does: an administrator looked at a camera before adding it.
const Probe = "(probe)"

// ForProbe returns a dialer for a look at a camera that the configuration does not name: for the one host that an administrator gave,
// and for nothing else. The connection log has its connections.
func (d *Dialer) ForProbe(host string) *CameraDialer {
	return &CameraDialer{dialer: d, camera: Probe, probed: host}
}

// CameraDialer connects to one camera: to the places that the configuration gives it.
type CameraDialer struct {
	dialer *Dialer
	camera string
	probed string // host that it connects to at any port, for a probe; "" for a camera of the configuration
}

// RefusedError is returned for an address that the configuration does not name.
type RefusedError struct{ Address string }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("not connecting to %q: the configuration does not name it", e.Address)
}

const (
	// dialTimeout bounds connecting to a place, whatever number of addresses its name has.
	dialTimeout = 10 * time.Second
	// nextTimeout bounds connecting to one address while there are others to try.
	nextTimeout = 3 * time.Second
	// maxAddresses bounds how many addresses of a name are tried.
	maxAddresses = 4
)

// Dial connects over TCP. The protocol is a word for the log, such as rtsp. It returns a *RefusedError for an address
// that is no place of the camera.
func (l *CameraDialer) Dial(ctx context.Context, protocol, address string) (net.Conn, error) {
	if !l.allowed(protocol, address) {
		return nil, l.Refuse(protocol, address)
	}
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	found, err := l.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, ip := range found {
		conn, err := l.dialOne(ctx, protocol, endpoint{name: address, at: net.JoinHostPort(ip.String(), port), last: i == len(found)-1})
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// allowed reports whether the configuration names the address, or for HTTP its host.
func (l *CameraDialer) allowed(protocol, address string) bool {
	if l.dialer.places[Place{l.camera, address}] {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if l.probed != "" {
		return err == nil && host == l.probed
	}
	return err == nil && (protocol == "http" || protocol == "https") && l.dialer.places[Place{l.camera, host}]
}

// endpoint is one address of a place.
type endpoint struct {
	name string // as configured
	at   string // ip:port
	last bool   // there is none to try after it
}

func (l *CameraDialer) dialOne(ctx context.Context, protocol string, e endpoint) (net.Conn, error) {
	if !e.last {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, nextTimeout)
		defer stop()
	}
	r := l.dialer.log.row(l.camera, protocol, e.name, e.at)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.at)
	r.used(err)
	if err != nil {
		return nil, err
	}
	return newConn(conn, r), nil
}

// resolve returns the addresses of a host, which may be an address itself.
func (l *CameraDialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	found, err := l.dialer.lookup(ctx, host)
	l.dialer.log.row(l.camera, "dns", host, "").used(err)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	for i, ip := range found {
		found[i] = ip.Unmap()
	}
	return found[:min(len(found), maxAddresses)], nil
}

// Refuse logs that something wanted a connection to the address, and returns the *RefusedError to give up with.
func (l *CameraDialer) Refuse(protocol, address string) error {
	l.dialer.log.refused(l.camera, protocol, address)
	return &RefusedError{Address: address}
}

// ListenUDP opens a UDP port for the camera's media. It sends to the host that peer returns and to nobody else; peer is
// asked each time. Closing it is the caller's.
func (l *CameraDialer) ListenUDP(network, address string, peer func() net.IP) (net.PacketConn, error) {
	at, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	return &packetConn{UDPConn: conn, camera: l, peer: peer}, nil
}
