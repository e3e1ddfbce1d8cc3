package authority

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair writes a certificate for name, signed by a, and its key. dir is the folder of a. The stamp makes it distinct.
func writePair(t *testing.T, a *Authority, dir, name string, stamp time.Time) (certPath, keyPath string) {
	t.Helper()
	c, err := a.forName(name)
	if err != nil {
		t.Fatal(err)
	}
	certPath, keyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, serverKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyPath, key, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{certPath, keyPath} {
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
	return certPath, keyPath
}

func TestCertificatesFromFilesAreServedAndReadAgainWhenTheyChange(t *testing.T) {
	dir := t.TempDir()
	now := start
	a := mustOpen(t, dir, func() time.Time { return now })
	certPath, keyPath := writePair(t, a, dir, "one.example", start)
	var log bytes.Buffer
	server, err := fromFiles(certPath, keyPath, slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	served := func(name string) bool {
		t.Helper()
		_, err := shake(t, a, server, &tls.Config{ServerName: name})
		return err == nil
	}
	if !served("one.example") || served("two.example") {
		t.Fatal("the first certificate is not served")
	}
	writePair(t, a, dir, "two.example", start.Add(time.Minute))
	if served("two.example") {
		t.Error("files are looked at more often than they need")
	}
	now = now.Add(checkEvery)
	if !served("two.example") || served("one.example") {
		t.Error("the second certificate is not served")
	}
	if err := os.WriteFile(certPath, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(checkEvery)
	if !served("two.example") || !strings.Contains(log.String(), "cannot be used") {
		t.Errorf("a damaged file: %s", log.String())
	}
	writePair(t, a, dir, "three.example", start.Add(time.Hour))
	now = now.Add(checkEvery)
	if !served("three.example") {
		t.Error("a corrected file is not served")
	}
}

func TestCertificateFilesThatCannotBeUsedAreNamed(t *testing.T) {
	dir := t.TempDir()
	a := mustOpen(t, dir, at(start))
	certPath, keyPath := writePair(t, a, dir, "one.example", start)
	missing := filepath.Join(dir, "missing.pem")
	if _, err := FromFiles(missing, keyPath, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing: %v", err)
	}
	if _, err := FromFiles(certPath, filepath.Join(dir, keyFile), nil); err == nil || !strings.Contains(err.Error(), certPath) {
		t.Errorf("another key: %v", err)
	}
}
