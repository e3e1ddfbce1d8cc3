// Package outbound is the program's one way out (invariant I8). A Dialer knows the addresses that the configuration names,
// connects to them and refuses every other, and keeps a ledger of every connection made and refused since the start.
//
// Names are looked up here and nowhere else, and what was found is what is connected to. UDP ports that are opened here
// send to one host only. No other room opens connections; a test over the source holds that.
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
	Address string // host:port
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
	ledger *ledger
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
	d := &Dialer{places: map[Place]bool{}, lookup: o.Lookup, ledger: newLedger(o.Now)}
	for _, p := range o.Places {
		d.places[p] = true
	}
	return d
}

// Connections returns the ledger, ordered by camera, then by first use.
func (d *Dialer) Connections() []Connection { return d.ledger.snapshot() }

// Line returns the way to one camera and to nothing else.
func (d *Dialer) Line(camera string) *Line { return &Line{dialer: d, camera: camera} }

// Line is the way to one camera: to the places that the configuration gives it.
type Line struct {
	dialer *Dialer
	camera string
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

// Dial connects over TCP. The protocol is a word for the ledger, such as rtsp. It returns a *RefusedError for an address
// that is no place of the camera.
func (l *Line) Dial(ctx context.Context, protocol, address string) (net.Conn, error) {
	if !l.dialer.places[Place{l.camera, address}] {
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

// endpoint is one address of a place.
type endpoint struct {
	name string // as configured
	at   string // ip:port
	last bool   // there is none to try after it
}

func (l *Line) dialOne(ctx context.Context, protocol string, e endpoint) (net.Conn, error) {
	if !e.last {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, nextTimeout)
		defer stop()
	}
	r := l.dialer.ledger.row(l.camera, protocol, e.name, e.at)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.at)
	r.used(err)
	if err != nil {
		return nil, err
	}
	return newConn(conn, r), nil
}

// resolve returns the addresses of a host, which may be an address itself.
func (l *Line) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	found, err := l.dialer.lookup(ctx, host)
	l.dialer.ledger.row(l.camera, "dns", host, "").used(err)
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

// Refuse notes in the ledger that somebody wanted us to connect to the address, and returns the *RefusedError to give up with.
func (l *Line) Refuse(protocol, address string) error {
	l.dialer.ledger.refused(l.camera, protocol, address)
	return &RefusedError{Address: address}
}

// ListenUDP opens a UDP port for the camera's media. It sends to the host that peer returns and to nobody else; peer is
// asked each time. Closing it is the caller's.
func (l *Line) ListenUDP(network, address string, peer func() net.IP) (net.PacketConn, error) {
	at, err := net.ResolveUDPAddr(network, address)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	return &packetConn{UDPConn: conn, line: l, peer: peer}, nil
}
