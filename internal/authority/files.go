package authority

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// checkEvery is how often certificate files are checked for a change.
const checkEvery = 10 * time.Second

// pair is a certificate from files that another program renews, such as an ACME client.
type pair struct {
	certPath, keyPath string
	now               func() time.Time
	log               *slog.Logger

	certificate atomic.Pointer[tls.Certificate]

	checking sync.Mutex   // held by the one handshake that checks the files; others do not wait for it
	stamp    [2]time.Time // when the files were changed
	checked  time.Time
}

// FromFiles returns a server configuration with the certificate and key of PEM files, for mode `tls: {cert, key}`. It
// reloads them when they change. If that fails, the previous certificate stays in use and the failure is logged.
func FromFiles(certPath, keyPath string, log *slog.Logger) (*tls.Config, error) {
	return fromFiles(certPath, keyPath, log, time.Now)
}

func fromFiles(certPath, keyPath string, log *slog.Logger, now func() time.Time) (*tls.Config, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	p := &pair{certPath: certPath, keyPath: keyPath, now: now, log: log}
	p.stamp = p.stamps()
	if err := p.load(); err != nil {
		return nil, err
	}
	p.checked = now()
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.current(), nil }
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get}, nil
}

func (p *pair) current() *tls.Certificate {
	if p.checking.TryLock() {
		p.check()
		p.checking.Unlock()
	}
	return p.certificate.Load()
}

func (p *pair) check() {
	now := p.now()
	if since := now.Sub(p.checked); since >= 0 && since < checkEvery {
		return
	}
	p.checked = now
	stamp := p.stamps()
	if stamp == p.stamp {
		return
	}
	p.stamp = stamp
	if err := p.load(); err != nil {
		p.log.Error("new certificate files cannot be used, the previous certificate stays", "err", err)
		return
	}
	p.log.Info("certificate files reloaded", "until", p.certificate.Load().Leaf.NotAfter)
}

func (p *pair) stamps() (stamp [2]time.Time) {
	for i, path := range []string{p.certPath, p.keyPath} {
		if info, err := os.Stat(path); err == nil {
			stamp[i] = info.ModTime()
		}
	}
	return stamp
}

func (p *pair) load() error {
	certificate, err := tls.LoadX509KeyPair(p.certPath, p.keyPath)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("read certificate: %w", path)
	}
	if err != nil {
		return fmt.Errorf("certificate %s and key %s cannot be used together: %w", p.certPath, p.keyPath, err)
	}
	p.certificate.Store(&certificate)
	return nil
}
