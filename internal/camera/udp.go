package camera

import (
	"net"
	"syscall"
	"time"
)

// UDPBuffer is the receive buffer of UDP ports that is asked for, in bytes. A key frame of 4K comes in one burst of up to 2 MB, and what does not
// fit is lost. The system may grant less: on Linux, net.core.rmem_max.
const UDPBuffer = 4 << 20

// udpConn is what the library needs of a UDP port.
type udpConn interface {
	net.PacketConn
	SyscallConn() (syscall.RawConn, error)
	SetReadBuffer(bytes int) error
}

// udpPort is a UDP port for the packets of one medium. It passes on RTP of one source only.
type udpPort struct {
	udpConn
	source source
}

// newUDPPort prepares a port and returns how large a buffer it was granted, in bytes; 0 if that is unknown.
func newUDPPort(conn udpConn) (port *udpPort, granted int) {
	_ = conn.SetReadBuffer(UDPBuffer) // what was granted is read below
	return &udpPort{udpConn: conn, source: source{sealed: true}}, receiveBuffer(conn)
}

// ReadFrom implements net.PacketConn.
func (p *udpPort) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.udpConn.ReadFrom(b)
		if err != nil || isRTCP(b[:n]) || p.source.admit(b[:n], time.Now()) {
			return n, from, err
		}
	}
}

// isRTCP reports whether a packet is RTCP by its type (RFC 5761 section 4).
func isRTCP(packet []byte) bool { return len(packet) > 1 && packet[1] >= 192 && packet[1] <= 223 }
