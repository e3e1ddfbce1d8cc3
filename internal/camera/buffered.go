package camera

import (
	"bufio"
	"net"
)

// readBuffer is how much is taken from the kernel in one call. Cameras send packets of about 1.4 kB; the RTSP library
// reads 4 kB at a time, which costs a system call for every three packets.
const readBuffer = 64 << 10

// buffered is a connection that reads ahead.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func newBuffered(c net.Conn) *buffered { return &buffered{Conn: c, r: bufio.NewReaderSize(c, readBuffer)} }

// Read implements net.Conn.
func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }
