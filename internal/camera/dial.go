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
	host string // host:port

	mu   sync.Mutex
	conn net.Conn
	gone bool
}

func (d *dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if address != d.host {
		return nil, &elsewhereError{host: address}
	}
	conn, err := (&net.Dialer{Timeout: ioTimeout}).DialContext(ctx, network, address)
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

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &buffered{Conn: conn, r: bufio.NewReaderSize(conn, readBuffer)}, nil
}

// dialTLS is dial for rtsps. Cameras hold certificates that nobody signed, so that the connection is protected against
// listeners and not yet against an impostor (docs/threat-model.md).
func (d *dialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, address)
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

// hostPort returns the address of u with the default port of its scheme (RFC 7826 section 4.2).
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "554"
		if u.Scheme == "rtsps" {
			port = "322"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// staysOn refuses a description whose base address names another host than the one that was asked.
func staysOn(got, asked *base.URL) error {
	if g, a := (*url.URL)(got), (*url.URL)(asked); g.Hostname() != a.Hostname() {
		return &elsewhereError{host: g.Host}
	}
	return nil
}
