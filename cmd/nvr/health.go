package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"keepwatch.internal/internal/authority"
	"keepwatch.internal/internal/config"
)

// healthTimeout bounds the whole check. Docker runs it every 30 s.
const healthTimeout = 4 * time.Second

// healthCommand asks the local server with this configuration whether it is ready.
func healthCommand(ctx context.Context, t terminal, args []string) error {
	c, err := configOf(t, args)
	if err != nil {
		return err
	}
	url, client, err := healthClient(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server at %s is running but not ready: it answers %s", url, resp.Status)
	}
	fmt.Fprintln(t.out, "fine")
	return nil
}

// healthClient returns the URL to ask, and a client that trusts the local server's certificate.
func healthClient(c *config.Config) (string, *http.Client, error) {
	host, port, err := net.SplitHostPort(c.Web.Listen)
	if err != nil {
		return "", nil, err
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	address := net.JoinHostPort(host, port)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	switch c.Web.TLS.Mode {
	case config.TLSOff:
		return "http://" + address, client, nil
	case config.TLSFiles:
		pem, err := os.ReadFile(c.Web.TLS.Cert)
		if err != nil {
			return "", nil, err
		}
		return "https://" + address, presents(client, pem), nil
	}
	dir := filepath.Join(c.Data, "keys")
	if _, err := os.Stat(dir); err != nil {
		return "", nil, fmt.Errorf("the server has never run with this configuration: %w", err)
	}
	ca, err := authority.Open(dir)
	if err != nil {
		return "", nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertificatePEM())
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return "https://" + address, client, nil
}

// presents makes the client accept exactly the certificates in pem, whatever their names, since a public certificate does not
// name the loopback address.
func presents(client *http.Client, pem []byte) *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
			return err
		},
	}
	return client
}
