package authority

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// serverLife is the longest lifetime that browsers accept (CA/Browser Forum, Baseline Requirements 6.3.2, until March
	// 2026; shorter limits apply to public authorities only).
	serverLife = 397 * 24 * time.Hour
	// period is how long a server certificate is used before the next one. It leaves seven months to spare.
	period = 180 * 24 * time.Hour

	maxIssued    = 256 // certificates in memory
	maxNameBytes = 253
)

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// issued is a server certificate and the period in which it was signed.
type issued struct {
	period      time.Time
	certificate *tls.Certificate
}

// TLSConfig returns a server configuration. It has a certificate for each of hosts, for localhost, for single labels and for
// names under .local .lan .internal .home.arpa. Clients that send no name get one for the address they reached. Clients
// that ask for another name get an "unrecognized name" alert (RFC 6066, section 3).
func (a *Authority) TLSConfig(hosts []string) *tls.Config {
	further := make([]string, 0, len(hosts))
	for _, host := range hosts {
		further = append(further, strings.TrimSuffix(strings.ToLower(host), "."))
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			name := strings.ToLower(hello.ServerName)
			if name == "" {
				address, ok := localAddress(hello.Conn)
				if !ok {
					return nil, nil
				}
				return a.forAddress(address)
			}
			if !slices.Contains(further, name) && !isLocal(name) || len(name) > maxNameBytes || !hostName.MatchString(name) {
				return nil, nil // crypto/tls sends the alert "unrecognized name"
			}
			return a.forName(name)
		},
	}
}

// isLocal reports whether a name can exist only on a local network.
func isLocal(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	if !strings.Contains(name, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".local", ".lan", ".internal", ".home.arpa"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func localAddress(conn net.Conn) (netip.Addr, bool) {
	if conn == nil {
		return netip.Addr{}, false
	}
	ap, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return ap.Addr().Unmap().WithZone(""), err == nil
}

func (a *Authority) forName(name string) (*tls.Certificate, error) {
	return a.certificateFor(name, func(t *x509.Certificate) { t.DNSNames = []string{name} })
}

func (a *Authority) forAddress(address netip.Addr) (*tls.Certificate, error) {
	return a.certificateFor(address.String(), func(t *x509.Certificate) { t.IPAddresses = []net.IP{address.AsSlice()} })
}

// certificateFor returns the current period's certificate for a name or address, and signs it if necessary.
func (a *Authority) certificateFor(subject string, identify func(*x509.Certificate)) (*tls.Certificate, error) {
	start := a.now().UTC().Truncate(period)
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.issued[subject]; known != nil && known.period.Equal(start) {
		return known.certificate, nil
	}
	public, err := a.serverKey.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("sign certificate for %s: %w", subject, err)
	}
	template := a.template(subject, start, public)
	identify(template)
	// Without a source of randomness the signature is deterministic (RFC 6979): identical after a restart.
	der, err := x509.CreateCertificate(nil, template, a.certificate, a.serverKey.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate for %s: %w", subject, err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("sign certificate for %s: %w", subject, err)
	}
	certificate := &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: a.serverKey, Leaf: leaf}
	if len(a.issued) >= maxIssued {
		clear(a.issued) // signing takes less than a millisecond, so nothing is lost
	}
	a.issued[subject] = &issued{period: start, certificate: certificate}
	return certificate, nil
}

func (a *Authority) template(subject string, start time.Time, public []byte) *x509.Certificate {
	notBefore, notAfter := start, start.Add(serverLife)
	if notBefore.Before(a.certificate.NotBefore) {
		notBefore = a.certificate.NotBefore
	}
	if notAfter.After(a.certificate.NotAfter) {
		notAfter = a.certificate.NotAfter
	}
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n%d\n%d\n", subject, notBefore.Unix(), notAfter.Unix())
	digest.Write(a.certificate.Raw)
	digest.Write(public)
	serial := new(big.Int).SetBytes(digest.Sum(nil)[:16])
	serial.SetBit(serial, 127, 0) // positive in 16 bytes
	serial.SetBit(serial, 126, 1) // and never zero
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName(subject)},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
}
