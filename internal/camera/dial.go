package camera

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"

	"keepwatch.internal/internal/outbound"
)

// readBuffer is how much is taken from the kernel in one call. Cameras send packets of about 1.4 kB; the RTSP library
// reads 4 kB at a time, which costs a system call for every three packets.
const readBuffer = 32 << 10

// buffered is a connection that reads ahead.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

// Read implements net.Conn.
func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// dialer reaches the camera's own address and refuses every other, so that no redirect leads elsewhere.
type dialer struct {
	line *outbound.Line
	host string // host:port

	mu    sync.Mutex
	conn  net.Conn
	count int // of connections
	gone  bool
}

// maxConnections bounds how often one session connects: a camera may redirect to itself, but not for ever.
const maxConnections = 4

// newDialer returns the dialer of one session. Without a line it is the camera's own address that may be reached.
func newDialer(opts Options) *dialer {
	host := Address(opts.URL)
	if opts.Line == nil {
		opts.Line = outbound.New(outbound.Options{Places: []outbound.Place{{Address: host}}}).Line("")
	}
	return &dialer{line: opts.Line, host: host}
}

func (d *dialer) connect(ctx context.Context, protocol, address string) (net.Conn, error) {
	if address != d.host {
		return nil, d.line.Refuse(protocol, address)
	}
	if !d.admit() {
		return nil, errRedirects
	}
	conn, err := d.line.Dial(ctx, protocol, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	d.conn = conn
	return conn, nil
}

// admit counts connections.
func (d *dialer) admit() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	return d.count <= maxConnections
}

// remote returns the camera's IP address, or nil while there is no connection.
func (d *dialer) remote() net.IP {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return nil
	}
	if a, ok := d.conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.IP
	}
	return nil
}

// resolve stands in for the resolver that the library asks for names that cameras name: there is only one host.
func (d *dialer) resolve(_, name string) (*net.IPAddr, error) {
	if host, _, _ := net.SplitHostPort(d.host); name == host {
		return &net.IPAddr{IP: d.remote()}, nil
	}
	return nil, d.line.Refuse("rtp", name)
}

// listenPacket opens a UDP port that sends to the camera and to nobody else, whatever source a camera claims for its RTP.
func (d *dialer) listenPacket(network, address string) (net.PacketConn, error) {
	return d.line.ListenUDP(network, address, d.remote)
}

func (d *dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, "rtsp", address)
	if err != nil {
		return nil, err
	}
	return &buffered{Conn: conn, r: bufio.NewReaderSize(conn, readBuffer)}, nil
}

// dialTLS is dial for rtsps. Cameras hold certificates that nobody signed, so that the connection is protected against
// listeners and not yet against an impostor (docs/threat-model.md).
func (d *dialer) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, "rtsps", address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(d.host)
	secure := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoTLS, errors.Join(err, conn.Close()))
	}
	return &buffered{Conn: secure, r: bufio.NewReaderSize(secure, readBuffer)}, nil
}

// cut ends the connection, and any that would follow, without a word.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	if d.conn != nil {
		_ = d.conn.Close() // what there was to say was said
	}
}

// Address returns host and port of u, with the default port of its scheme (RFC 7826 section 4.2).
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "554"
		if u.Scheme == "rtsps" {
			port = "322"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// onHost returns the base address that a camera gave for its media, on the host that was asked: cameras behind a router
// or reached by a name give an address of their own, and nobody is to be led elsewhere by one.
func onHost(given, asked *base.URL) *base.URL {
	u := given.Clone()
	u.Scheme, u.Host, u.User = asked.Scheme, asked.Host, asked.User
	return u
}

// checkControl refuses a medium whose control attribute makes no address.
func checkControl(m *description.Media, at *base.URL) error {
	if u, err := m.URL(at); err != nil || u == nil {
		return fmt.Errorf("%w: control attribute %q", errSDP, m.Control)
	}
	return nil
}
