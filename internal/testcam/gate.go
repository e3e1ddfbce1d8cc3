package testcam

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// gate is between a camera's port and its RTSP server. It can close and reopen the port, cut all connections, and make them
// deaf. It is the server's net.Listener.
type gate struct {
	addr     net.Addr
	arrivals chan net.Conn
	done     chan struct{}
	wg       sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while shut
	conns    map[*gateConn]struct{}
	accepted int
	closed   bool

	deaf atomic.Bool // connections discard everything written to and read from them
}

func newGate(address string) (*gate, error) {
	g := &gate{arrivals: make(chan net.Conn), done: make(chan struct{}), conns: map[*gateConn]struct{}{}}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	g.addr = listener.Addr()
	g.serve(listener)
	return g, nil
}

// serve takes connections from listener until it is closed. It is called with mu held, or before anyone else knows g.
func (g *gate) serve(listener net.Listener) {
	g.listener = listener
	g.wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c := g.admit(conn)
			if c == nil {
				continue
			}
			select {
			case g.arrivals <- c:
			case <-g.done:
				c.Close()
			}
		}
	})
}

// admit registers a connection, or closes it if the gate was shut meanwhile.
func (g *gate) admit(conn net.Conn) *gateConn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.listener == nil {
		conn.Close()
		return nil
	}
	c := &gateConn{Conn: conn, gate: g}
	g.conns[c] = struct{}{}
	g.accepted++
	return c
}

// Accept implements net.Listener; while the gate is shut it waits.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.arrivals:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Connections stay open; the RTSP server closes its own.
func (g *gate) Close() error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.done)
		if g.listener != nil {
			g.listener.Close()
		}
	}
	g.mu.Unlock()
	g.wg.Wait()
	return nil
}

// Addr implements net.Listener.
func (g *gate) Addr() net.Addr { return g.addr }

// shut stops listening, so that connections are refused, and cuts existing ones.
func (g *gate) shut() {
	g.mu.Lock()
	if g.listener != nil {
		g.listener.Close()
		g.listener = nil
	}
	g.mu.Unlock()
	g.cut()
}

// open listens again on the same port.
func (g *gate) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil || g.closed {
		return nil
	}
	listener, err := net.Listen("tcp", g.addr.String())
	if err != nil {
		return fmt.Errorf("listen again: %w", err)
	}
	g.serve(listener)
	return nil
}

// cut closes all connections.
func (g *gate) cut() {
	g.mu.Lock()
	conns := make([]*gateConn, 0, len(g.conns))
	for c := range g.conns {
		conns = append(conns, c)
	}
	g.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.accepted
}

// gateConn is a connection that came through a gate.
type gateConn struct {
	net.Conn
	gate *gate
}

func (c *gateConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.gate.deaf.Load() {
			return n, err
		}
	}
}

func (c *gateConn) Write(b []byte) (int, error) {
	if c.gate.deaf.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *gateConn) Close() error {
	c.gate.mu.Lock()
	delete(c.gate.conns, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// gatePacketConn is a UDP port that falls silent while the gate is deaf, and loses one of so many packets.
type gatePacketConn struct {
	*net.UDPConn
	gate *gate
	lose int64 // 0: none
	sent atomic.Int64
}

func (c *gatePacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.gate.deaf.Load() || c.lose > 0 && c.sent.Add(1)%c.lose == 0 {
		return len(b), nil
	}
	return c.UDPConn.WriteTo(b, to)
}
