package camera

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// TLS is what protects a session, as it was agreed with the camera. It is zero without TLS.
type TLS struct {
	Version string // such as "TLS 1.2"
	Cipher  string // name of the cipher suite (RFC 8446 appendix B.4, RFC 5246 appendix A.5)
	Weak    string // what is weak about it, for people; "" if nothing is
}

// tlsError is a handshake that failed.
type tlsError struct{ cause error }

func (e *tlsError) Error() string { return "TLS handshake: " + e.cause.Error() }
func (e *tlsError) Unwrap() error { return e.cause }

// dialTLS is dial for rtsps. Cameras have self-signed certificates, so the key is compared with that of the first contact before
// anything is sent. Whatever a camera is able to do is better than no encryption, and what is weak is shown.
//
// Old cameras give up at a greeting with things that they do not know. They are greeted again, in the words of TLS 1.2.
func (d *dialer) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	secure, err := d.handshake(ctx, address, anyTLS())
	if failed := (*tlsError)(nil); errors.As(err, &failed) && ctx.Err() == nil && !noTLS(err) {
		if again, err := d.handshake(ctx, address, oldTLS()); err == nil {
			return again, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return secure, nil
}

func (d *dialer) handshake(ctx context.Context, address string, config *tls.Config) (net.Conn, error) {
	conn, err := d.connect(ctx, "rtsps", address)
	if err != nil {
		return nil, err
	}
	if config.MaxVersion == 0 {
		config.ServerName, _, _ = net.SplitHostPort(d.host)
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, &tlsError{errors.Join(err, conn.Close())}
	}
	state := secure.ConnectionState()
	d.mu.Lock()
	d.tls = describeTLS(state)
	d.mu.Unlock()
	if err := d.show(func(id *Identity) { id.Key = keyOf(state.PeerCertificates[0].RawSubjectPublicKeyInfo) }); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newWire(secure, d), nil
}

// anyTLS accepts every version and cipher suite that there is code for. The names, dates and signatures of certificates are not
// checked: the key alone tells which camera it is.
func anyTLS() *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	return config
}

// oldTLS is anyTLS with a greeting that is short and has no name in it.
func oldTLS() *tls.Config {
	config := anyTLS()
	config.MaxVersion = tls.VersionTLS12
	config.CurvePreferences = []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519}
	return config
}

// describeTLS says what was agreed.
func describeTLS(state tls.ConnectionState) TLS {
	var weak []string
	if state.Version < tls.VersionTLS12 {
		weak = append(weak, "old version of TLS")
	}
	name := tls.CipherSuiteName(state.CipherSuite)
	if strings.HasPrefix(name, "TLS_RSA_") {
		weak = append(weak, "RSA key exchange (no forward secrecy)")
	}
	for _, cipher := range []string{"3DES", "RC4"} {
		if strings.Contains(name, cipher) {
			weak = append(weak, cipher+" cipher")
		}
	}
	if bits, least := keyBits(state.PeerCertificates[0]); bits < least {
		weak = append(weak, fmt.Sprintf("key of %d bits", bits))
	}
	return TLS{Version: tls.VersionName(state.Version), Cipher: name, Weak: strings.Join(weak, ", ")}
}

// keyBits returns the length of a certificate's key, and the least that is thought safe (NIST SP 800-131A).
func keyBits(c *x509.Certificate) (bits, least int) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen(), 2048
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize, 224
	}
	return 0, 0
}

// noTLS reports whether something else than TLS was answered.
func noTLS(err error) bool {
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// sortTLS says why there is no secure connection. Encryption is never advised against.
func sortTLS(err error) (Kind, string) {
	const no = "no secure connection: "
	switch text := err.Error(); {
	case noTLS(err):
		return Broken, no + "what answers at this port does not speak TLS; check the port in the rtsps:// address, and that RTSP over TLS is switched on in the camera"
	case isTimeout(err):
		return Unreachable, no + "the camera does not answer the TLS handshake; check that the port in the rtsps:// address is its port for RTSP over TLS"
	case strings.Contains(text, "certificate"), strings.Contains(text, "x509"), strings.Contains(text, "public key"), strings.Contains(text, "crypto/rsa"):
		return Broken, no + "the camera's certificate is malformed; make a new certificate in the camera, or update its firmware"
	case strings.Contains(text, "remote error"), strings.Contains(text, "version"), strings.Contains(text, "cipher"), strings.Contains(text, "curve"):
		return Broken, no + "the camera and this server have no version or cipher of TLS in common; update the camera's firmware"
	case hungUp(err):
		return Unreachable, no + "the camera closed the connection during the TLS handshake"
	}
	return Broken, no + "the TLS handshake went wrong; update the camera's firmware, or make a new certificate in the camera"
}
