package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

const (
	maxAsked      = 256      // addresses that one question goes to
	maxInterfaces = 16       // network interfaces that it goes out of
	maxAnswers    = 1024     // of all
	maxDatagram   = 64 << 10 // bytes of an answer
	maxAsking     = time.Minute
)

// Question is a datagram to hosts of the local network that the configuration does not name, such as one that looks for
// cameras. It is only asked because a person said so, and its answers lead to no connection by themselves.
type Question struct {
	Protocol   string           // a word for the log
	Name       string           // who is asked, for the log: a group or a range
	Payload    []byte           // what is sent, once to each address, or once to the group by each interface
	Group      netip.AddrPort   // an IPv4 multicast group of local scope; zero without
	Interfaces []net.Interface  // for the group; nil for all that are up and have an IPv4 address
	To         []netip.AddrPort // hosts, at most 256
	Wait       time.Duration    // for answers, at most a minute
}

// Answer is a datagram that came back.
type Answer struct {
	From      netip.AddrPort
	Interface string // that the question went out of; "" if it went to hosts
	Data      []byte // at most 64 KiB; the receiver's
}

// Ask sends a question and calls answer for what comes back, until the wait or the context is over. Answer is not called at the
// same time twice. Only private, link-local and loopback addresses are asked and heard. Every question is in the log.
func (d *Dialer) Ask(ctx context.Context, q Question, answer func(Answer)) error {
	if err := q.check(); err != nil {
		d.log.refused("", q.Protocol, q.Name)
		return err
	}
	ctx, stop := context.WithTimeout(ctx, min(q.Wait, maxAsking))
	defer stop()
	a := asking{q: q, row: d.log.row("", q.Protocol, q.Name, ""), answer: answer}
	var errs []error
	if len(q.To) > 0 {
		errs = append(errs, a.open(ctx, "", netip.IPv4Unspecified(), q.To))
	}
	if q.Group.IsValid() {
		errs = append(errs, a.group(ctx))
	}
	a.done.Wait()
	if a.sockets == 0 {
		return errors.Join(errs...)
	}
	return nil
}

// check holds a question to the local network.
func (q Question) check() error {
	if len(q.To) > maxAsked {
		return fmt.Errorf("%d addresses are too many to ask at once: at most %d", len(q.To), maxAsked)
	}
	for _, to := range q.To {
		if !local(to.Addr()) || !to.Addr().Is4() {
			return fmt.Errorf("not asking %s: it is no private IPv4 address", to.Addr())
		}
	}
	if g := q.Group; g.IsValid() && !netip.MustParsePrefix("239.255.0.0/16").Contains(g.Addr()) {
		return fmt.Errorf("not asking %s: it is no group of the local network (RFC 2365)", g.Addr())
	}
	return nil
}

// local reports whether an address belongs to a home's own network.
func local(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback()
}

// asking is a question under way.
type asking struct {
	q    Question
	row  *row
	done sync.WaitGroup

	mu      sync.Mutex
	answer  func(Answer)
	count   int
	sockets int // sockets that were opened
}

// group asks the group by each interface.
func (a *asking) group(ctx context.Context) error {
	all := a.q.Interfaces
	if all == nil {
		found, err := net.Interfaces()
		if err != nil {
			return err
		}
		for _, i := range found {
			if i.Flags&(net.FlagUp|net.FlagMulticast) == net.FlagUp|net.FlagMulticast && i.Flags&net.FlagLoopback == 0 {
				all = append(all, i)
			}
		}
	}
	errs := []error{errors.New("no network interface to ask by")}
	for _, i := range all[:min(len(all), maxInterfaces)] {
		at, ok := addressOf(i)
		if !ok {
			continue
		}
		errs = append(errs, a.open(ctx, i.Name, at, []netip.AddrPort{a.q.Group}))
	}
	return errors.Join(errs...)
}

// addressOf returns an interface's first IPv4 address.
func addressOf(i net.Interface) (netip.Addr, bool) {
	addrs, err := i.Addrs()
	if err != nil {
		return netip.Addr{}, false
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// open asks from one socket and listens on it until the context is over.
func (a *asking) open(ctx context.Context, name string, at netip.Addr, to []netip.AddrPort) error {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
	if err != nil {
		return err
	}
	if name != "" {
		if i, err := net.InterfaceByName(name); err == nil {
			err = ipv4.NewPacketConn(conn).SetMulticastInterface(i)
			if err != nil {
				return errors.Join(err, conn.Close())
			}
		}
	}
	var errs []error
	for _, one := range to {
		n, err := conn.WriteToUDPAddrPort(a.q.Payload, one)
		errs = append(errs, err)
		a.row.carried(n, 0)
	}
	err = errors.Join(errs...)
	a.row.used(err)
	if len(to) == 1 && err != nil {
		return errors.Join(err, conn.Close())
	}
	a.sockets++
	a.done.Go(func() { a.listen(conn, name) })
	a.done.Go(func() {
		<-ctx.Done()
		_ = conn.Close()
	})
	return nil
}

// listen hands on what comes until the socket is closed.
func (a *asking) listen(conn *net.UDPConn, name string) {
	b := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if err != nil || !local(from.Addr()) {
			continue // a host that answers "port unreachable" is no reason to stop
		}
		a.row.carried(0, n)
		a.hand(Answer{From: from, Interface: name, Data: append([]byte(nil), b[:n]...)})
	}
}

func (a *asking) hand(one Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count++; a.count <= maxAnswers {
		a.answer(one)
	}
}
