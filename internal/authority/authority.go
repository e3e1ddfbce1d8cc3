// Package authority is this server's own certificate authority. A device that trusts its certificate reaches the server
// without warnings under all of the server's names and addresses. Nothing outside the server is involved.
//
// The authority's key never leaves its file, which only its owner may read. Server certificates are signed when a client
// asks for a name, and kept in memory. They are identical after a restart, so that a browser with an exception does not warn
// again. The authority's certificate has no name constraints: names in a home network are mostly single labels, and RFC
// 5280, section 4.2.1.10, cannot express those.
package authority

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	keyFile         = "authority.key"
	certificateFile = "authority.pem"
	serverKeyFile   = "server.key"

	keyBlock         = "PRIVATE KEY" // PKCS #8
	certificateBlock = "CERTIFICATE"

	authorityLife = 10 * 365 * 24 * time.Hour
	renewAhead    = 90 * 24 * time.Hour // the authority's own certificate is renewed this long before it expires
	skew          = 24 * time.Hour      // clocks of devices may be behind
)

// Authority signs certificates for this server. Its methods may be called from several goroutines.
type Authority struct {
	now         func() time.Time
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serverKey   *ecdsa.PrivateKey // shared by all server certificates

	mu     sync.Mutex
	issued map[string]*issued // by name or address
}

// Open loads the authority in dir, or creates one if dir has none. Damaged or mismatched files are errors that name the
// file.
func Open(dir string) (*Authority, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "NVR"
	}
	return open(dir, host, time.Now)
}

func open(dir, host string, now func() time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	keyPath, certificatePath := filepath.Join(dir, keyFile), filepath.Join(dir, certificateFile)
	if err := checkPair(keyPath, certificatePath); err != nil {
		return nil, err
	}
	a := &Authority{now: now, issued: map[string]*issued{}}
	var err error
	if a.key, err = openKey(keyPath); err != nil {
		return nil, err
	}
	if a.serverKey, err = openKey(filepath.Join(dir, serverKeyFile)); err != nil {
		return nil, err
	}
	if a.certificate, err = loadCertificate(certificatePath, a.key.Public()); err != nil {
		return nil, err
	}
	if a.certificate != nil && now().Before(a.certificate.NotAfter.Add(-renewAhead)) {
		return a, nil
	}
	if a.certificate, err = sign(a.key, host, now()); err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	if err := replaceFile(certificatePath, a.CertificatePEM()); err != nil {
		return nil, fmt.Errorf("store authority: %w", err)
	}
	return a, nil
}

// CertificatePEM returns the authority's certificate, for installation on devices.
func (a *Authority) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: a.certificate.Raw})
}

// checkPair refuses a certificate without its key: a new key would silently end the trust of all devices.
func checkPair(keyPath, certificatePath string) error {
	_, keyErr := os.Stat(keyPath)
	_, certificateErr := os.Stat(certificatePath)
	if errors.Is(keyErr, fs.ErrNotExist) && certificateErr == nil {
		return fmt.Errorf("the key of the certificate authority, %s, is missing: restore it from a backup, or remove %s to start a new "+
			"authority, whose certificate has to be installed on devices again", keyPath, certificatePath)
	}
	return nil
}

// openKey loads a key, or creates one if the file is missing.
func openKey(path string) (*ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("make key %s: %w", path, err)
		}
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("keep key private: %w", err)
	}
	block, rest := pem.Decode(content)
	if block == nil || block.Type != keyBlock || len(bytes.TrimSpace(rest)) > 0 {
		return nil, damagedKey(path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, damagedKey(path) // without the cause, which may speak of the key
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, damagedKey(path)
	}
	return key, nil
}

func damagedKey(path string) error {
	cure := "or remove it to create a new one"
	if filepath.Base(path) == keyFile {
		cure = "or remove it and " + certificateFile + " to start a new authority, whose certificate has to be installed on devices again"
	}
	return fmt.Errorf("the key file %s is damaged: restore it from a backup, %s", path, cure)
}

func makeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return createFile(path, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}))
}

// loadCertificate returns nil if there is no file. Then a new certificate is signed with the same key, which devices accept.
func loadCertificate(path string, key crypto.PublicKey) (*x509.Certificate, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	damaged := func(what string) error {
		return fmt.Errorf("the certificate file %s %s: restore it from a backup, or remove it to create a new one", path, what)
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != certificateBlock {
		return nil, damaged("is damaged")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, damaged("is damaged")
	}
	if public, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(key) || !c.IsCA {
		return nil, damaged("does not match its key file")
	}
	return c, nil
}

// sign creates the authority's certificate.
func sign(key *ecdsa.PrivateKey, host string, now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName("Keepwatch " + host), Organization: []string{"Keepwatch"}},
		NotBefore:             now.Add(-skew).UTC().Truncate(time.Second),
		NotAfter:              now.Add(authorityLife).UTC().Truncate(time.Second),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// commonName truncates a name to the 64 characters that RFC 5280, appendix A.1, allows.
func commonName(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64])
	}
	return s
}
