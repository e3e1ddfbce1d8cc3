package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// DialFunc connects over TCP, as CameraDialer.Dial does.
type DialFunc func(ctx context.Context, protocol, address string) (net.Conn, error)

const (
	// idleHTTP is how long an unused connection to a camera stays open. Cameras accept few at a time.
	idleHTTP = 20 * time.Second
	// maxHTTPHeader bounds the header of a response.
	maxHTTPHeader = 32 << 10
	// maxHTTPConnections bounds the connections that one client has to one camera: one waits for events, one asks.
	maxHTTPConnections = 3
)

// HTTP carries requests to one camera. It may be used from several goroutines. Close it when done.
type HTTP struct{ transport *http.Transport }

// RoundTrip implements http.RoundTripper. It follows no redirect. The caller bounds each request by its context, reads no more
// of a body than it wants, and closes it.
func (h *HTTP) RoundTrip(r *http.Request) (*http.Response, error) { return h.transport.RoundTrip(r) }

// Close closes the connections that no request uses.
func (h *HTTP) Close() { h.transport.CloseIdleConnections() }

// NewHTTP returns an HTTP whose connections all come from dial, with the protocol http or https. It uses no proxy, and bounds
// headers, connections and handshakes. Without a TLS configuration there is no https.
func NewHTTP(dial DialFunc, secure *tls.Config) *HTTP {
	return &HTTP{&http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return dial(ctx, "http", address)
		},
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			if secure == nil {
				return nil, &RefusedError{Address: address}
			}
			return dialTLS(ctx, dial, address, secure)
		},
		MaxResponseHeaderBytes: maxHTTPHeader,
		MaxConnsPerHost:        maxHTTPConnections,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        idleHTTP,
		DisableCompression:     true, // a small answer cannot become a large one
	}}
}

func dialTLS(ctx context.Context, dial DialFunc, address string, secure *tls.Config) (net.Conn, error) {
	conn, err := dial(ctx, "https", address)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	client := tls.Client(conn, secure)
	if err := client.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return client, nil
}
