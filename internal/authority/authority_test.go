package authority

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)

func mustOpen(t *testing.T, dir string, now func() time.Time) *Authority {
	t.Helper()
	a, err := open(dir, "nas", now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// shake makes a handshake over TCP on loopback with a client that trusts only the authority. It returns the server's
// certificate as the client sees it.
func shake(t *testing.T, a *Authority, server *tls.Config, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = tls.Server(conn, server).HandshakeContext(ctx) // only the client's result matters
		_ = conn.Close()
	}()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client = client.Clone()
	client.RootCAs = x509.NewCertPool()
	if !client.RootCAs.AppendCertsFromPEM(a.CertificatePEM()) {
		t.Fatal("the authority's PEM cannot be read")
	}
	client.Time = a.now
	c := tls.Client(conn, client)
	err = c.HandshakeContext(ctx)
	conn.Close()
	<-done
	if err != nil {
		return nil, err
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestDevicesThatTrustTheAuthorityReachItsNamesAndAddresses(t *testing.T) {
	a := mustOpen(t, t.TempDir(), at(start))
	server := a.TLSConfig([]string{"NVR.example.net."})
	for _, name := range []string{"nvr.example.net", "NVR.Example.Net", "localhost", "nas", "nvr.local", "a.b.lan", "x.home.arpa", "x.internal", "127.0.0.1"} {
		leaf, err := shake(t, a, server, &tls.Config{ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 397*24*time.Hour || leaf.IsCA || leaf.NotBefore.After(start) {
			t.Errorf("%s: from %s to %s, authority %v", name, leaf.NotBefore, leaf.NotAfter, leaf.IsCA)
		}
		if names := len(leaf.DNSNames) + len(leaf.IPAddresses); names != 1 {
			t.Errorf("%s: the certificate names %d things", name, names)
		}
	}
	if _, err := shake(t, a, server, &tls.Config{ServerName: "127.0.0.2"}); err == nil {
		t.Error("an address that is not ours was certified")
	}
}

func TestOtherNamesAreNotCertified(t *testing.T) {
	a := mustOpen(t, t.TempDir(), at(start))
	server := a.TLSConfig([]string{"nvr.example.net"})
	for _, name := range []string{"example.net", "x.nvr.example.net", "bank.example", "evil.local.example", "notlocal.lanx"} {
		_, err := shake(t, a, server, &tls.Config{ServerName: name})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%s: %v; want the alert unrecognized_name", name, err)
		}
	}
	for _, name := range []string{"a b", "*", "*.lan", "-x.lan", "x..lan", "x/y", "ü", strings.Repeat("a.", 126) + "local", "192.168.1.1", "::1", "x\n.lan"} {
		certificate, err := server.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
		if certificate != nil || err != nil {
			t.Errorf("%q: %v, %v", name, certificate, err)
		}
	}
	if len(a.issued) != 0 {
		t.Errorf("%d certificates in memory", len(a.issued))
	}
}

func TestTheAuthorityStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	first := mustOpen(t, dir, at(start))
	again := mustOpen(t, dir, at(start.Add(time.Hour)))
	if string(first.CertificatePEM()) != string(again.CertificatePEM()) {
		t.Error("another certificate after opening again")
	}
	one, err := first.forName("nas")
	if err != nil {
		t.Fatal(err)
	}
	two, err := again.forName("nas")
	if err != nil {
		t.Fatal(err)
	}
	if string(one.Certificate[0]) != string(two.Certificate[0]) {
		t.Error("another server certificate after opening again")
	}
	for _, name := range []string{keyFile, serverKeyFile, certificateFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("folder holds %v, %v", entries, err)
	}
	c := first.certificate
	if c.Subject.CommonName != "Keepwatch nas" || !c.IsCA || !c.MaxPathLenZero || c.NotAfter.Before(start.AddDate(9, 11, 0)) || !c.NotBefore.Before(start) {
		t.Errorf("authority %s, from %s to %s", c.Subject, c.NotBefore, c.NotAfter)
	}
}

func TestServerCertificatesAreRenewedLongBeforeTheirEnd(t *testing.T) {
	dir := t.TempDir()
	now := start
	a := mustOpen(t, dir, func() time.Time { return now })
	server := a.TLSConfig(nil)
	serials := map[string]bool{}
	for range 3 * 365 {
		leaf, err := shakeless(a, server, now)
		if err != nil {
			t.Fatalf("%s: %v", now, err)
		}
		if left := leaf.NotAfter.Sub(now); left < 200*24*time.Hour {
			t.Fatalf("%s: %s left", now, left)
		}
		serials[leaf.SerialNumber.String()] = true
		now = now.Add(24 * time.Hour)
	}
	if len(serials) < 6 || len(serials) > 8 {
		t.Errorf("%d certificates in three years", len(serials))
	}
	if _, err := shake(t, a, server, &tls.Config{ServerName: "nas"}); err != nil {
		t.Errorf("a handshake three years later: %v", err)
	}
}

// shakeless checks a certificate as a client would, without a connection.
func shakeless(a *Authority, server *tls.Config, now time.Time) (*x509.Certificate, error) {
	c, err := server.GetCertificate(&tls.ClientHelloInfo{ServerName: "nas"})
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	_, err = c.Leaf.Verify(x509.VerifyOptions{DNSName: "nas", Roots: roots, CurrentTime: now})
	return c.Leaf, err
}

func TestAnAuthorityNearItsEndIsSignedAnewWithTheSameKey(t *testing.T) {
	dir := t.TempDir()
	first := mustOpen(t, dir, at(start))
	later := start.Add(authorityLife - renewAhead/2)
	again := mustOpen(t, dir, at(later))
	if !again.certificate.NotAfter.After(later.Add(9*365*24*time.Hour)) || !again.key.Equal(first.key) {
		t.Errorf("until %s", again.certificate.NotAfter)
	}
	if _, err := shake(t, again, again.TLSConfig(nil), &tls.Config{ServerName: "nas"}); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, certificateFile)); err != nil {
		t.Fatal(err)
	}
	if anew := mustOpen(t, dir, at(later)); !anew.key.Equal(first.key) {
		t.Error("another key after the certificate was lost")
	}
}

func TestDamagedFilesAreNamedAndNotReplaced(t *testing.T) {
	other := t.TempDir()
	mustOpen(t, other, at(start))
	foreign, err := os.ReadFile(filepath.Join(other, certificateFile))
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{
		"empty": {}, "text": []byte("hello"), "wrong block": []byte("-----BEGIN X-----\nAAAA\n-----END X-----\n"),
		"block of nothing": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "foreign": foreign,
	}
	for _, name := range []string{keyFile, serverKeyFile, certificateFile} {
		for damage, content := range damages {
			dir := t.TempDir()
			mustOpen(t, dir, at(start))
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := open(dir, "nas", at(start))
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore") {
				t.Errorf("%s, %s: %v", name, damage, err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(content) {
				t.Errorf("%s, %s: the file was replaced", name, damage)
			}
		}
	}
}

func TestACertificateWithoutItsKeyIsRefused(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, at(start))
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, "nas", at(start)); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, keyFile)) {
		t.Errorf("got %v", err)
	}
}

func TestAKeyThatOthersCouldReadIsMadePrivate(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, dir, at(start))
	path := filepath.Join(dir, keyFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, dir, at(start))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestMemoryStaysBoundedWhateverNamesAreAskedFor(t *testing.T) {
	a := mustOpen(t, t.TempDir(), at(start))
	server := a.TLSConfig(nil)
	var running sync.WaitGroup
	for g := range 4 {
		running.Go(func() {
			for i := range 150 {
				name := fmt.Sprintf("host-%d-%d", g, i)
				c, err := server.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
				if err != nil || c == nil || c.Leaf.DNSNames[0] != name {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	running.Wait()
	if len(a.issued) > maxIssued {
		t.Errorf("%d certificates in memory", len(a.issued))
	}
}

func TestOpenNamesTheMachine(t *testing.T) {
	a, err := Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if cn := a.certificate.Subject.CommonName; !strings.HasPrefix(cn, "Keepwatch ") || len([]rune(cn)) > 64 {
		t.Errorf("common name %q", cn)
	}
	if long := commonName(strings.Repeat("ü", 70)); len([]rune(long)) != 64 {
		t.Errorf("%q", long)
	}
}
