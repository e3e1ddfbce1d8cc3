package outbound

import (
	"net"
	"sync"
)

// counted is a connection whose bytes the connection log counts.
type counted struct {
	net.Conn
	row  *row
	once sync.Once
}

func newConn(c net.Conn, r *row) *counted {
	r.open.Add(1)
	return &counted{Conn: c, row: r}
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.row.carried(0, n)
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.row.carried(n, 0)
	return n, err
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.once.Do(func() { c.row.open.Add(-1) })
	return c.Conn.Close()
}

// packetConn is a UDP port that sends to one host only.
type packetConn struct {
	*net.UDPConn
	camera *CameraDialer
	peer   func() net.IP

	mu  sync.Mutex
	row *row // of the peer that was last sent to or received from
	at  string
}

// WriteTo implements net.PacketConn.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	peer := c.peer()
	if a, ok := to.(*net.UDPAddr); !ok || peer == nil || !a.IP.Equal(peer) {
		return 0, c.camera.Refuse("rtp", to.String())
	}
	n, err := c.UDPConn.WriteTo(b, to)
	c.rowOf(peer).carried(n, 0)
	return n, err
}

// ReadFrom implements net.PacketConn. What others than the peer send is taken from the system, and no more.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if a, ok := from.(*net.UDPAddr); ok {
			if peer := c.peer(); peer != nil && a.IP.Equal(peer) {
				c.rowOf(peer).carried(0, n)
				return n, from, nil
			}
		}
	}
}

// rowOf returns the log's row for the media of a host.
func (c *packetConn) rowOf(peer net.IP) *row {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := peer.String(); c.row == nil || c.at != at {
		c.row, c.at = c.camera.dialer.log.row(c.camera.camera, "rtp", at, at), at
		c.row.used(nil)
	}
	return c.row
}
