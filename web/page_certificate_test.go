package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"keepwatch.internal/internal/authority"
)

func TestTheAuthoritysCertificateIsThereToBeInstalled(t *testing.T) {
	w := empty(t)
	for _, path := range []string{"/certificate", "/certificate.pem", "/certificate.crt"} {
		if resp, _ := w.do(ask{path: path}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s without an authority: status %d", path, resp.StatusCode)
		}
	}
	ca, err := authority.Open(t.TempDir())
	check(t, err)
	w.reopen(func(o *Options) { o.CertificatePEM = ca.CertificatePEM() })
	if resp, body := w.do(ask{path: "/certificate.pem"}); resp.StatusCode != 200 || !bytes.Equal(body, ca.CertificatePEM()) {
		t.Errorf("status %d: %s", resp.StatusCode, body)
	}
	resp, der := w.do(ask{path: "/certificate.crt"})
	certificate, err := x509.ParseCertificate(der)
	check(t, err)
	if !certificate.IsCA || resp.Header.Get("Content-Type") != "application/x-x509-ca-cert" {
		t.Errorf("%v as %s", certificate.Subject, resp.Header.Get("Content-Type"))
	}
	_, page := w.do(ask{path: "/certificate"})
	words := text(parse(t, page).root)
	sum := sha256.Sum256(der)
	shown := strings.ToLower(strings.ReplaceAll(Fingerprint(ca.CertificatePEM()), ":", ""))
	if shown != hex.EncodeToString(sum[:]) || !strings.Contains(words, Fingerprint(ca.CertificatePEM())) {
		t.Errorf("the fingerprint %s is not that of the file, %x, or not on the page: %s", shown, sum, words)
	}
	for _, device := range []string{"iPhone", "Android", "Windows", "macOS", "Linux", "Firefox"} {
		if !strings.Contains(words, device) {
			t.Errorf("nothing for %s", device)
		}
	}
	if block, rest := pem.Decode(w.options.CertificatePEM); !bytes.Equal(block.Bytes, der) || len(bytes.TrimSpace(rest)) > 0 {
		t.Error("the two files hold different certificates")
	}
}
