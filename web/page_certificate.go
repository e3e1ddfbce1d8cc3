package web

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"keepwatch.internal/web/view"
)

// Fingerprint is the SHA-256 of a certificate in PEM, as devices show it to people: pairs of hexadecimal digits with
// colons. It is empty for what is no certificate.
func Fingerprint(certificatePEM []byte) string {
	der := certificateDER(certificatePEM)
	if der == nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return hexPairs(sum[:])
}

func hexPairs(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

// pageCertificate shows how to install the authority's certificate, and the digests to compare. It needs no session: a
// device that does not trust the box yet is one on which nobody should type a password.
func (h *loginPages) pageCertificate(w http.ResponseWriter, r *http.Request) error {
	der := certificateDER(h.certificatePEM)
	if der == nil {
		return notFound()
	}
	short := sha1.Sum(der) // Windows shows no other
	v := view.Certificate{Shell: h.shell(r, "Trust this recorder", "door-page"), SHA256: Fingerprint(h.certificatePEM), SHA1: hexPairs(short[:]),
		Devices: deviceList()}
	return writePage(w, r, http.StatusOK, view.CertificatePage(v))
}

func certificateDER(certificatePEM []byte) []byte {
	block, _ := pem.Decode(certificatePEM)
	if block == nil {
		return nil
	}
	return block.Bytes
}

// certificate hands out the certificate of the box's own authority as text, for people to install on their devices. It is
// as public as the TLS handshake that shows it.
func (h *loginPages) certificate(w http.ResponseWriter, r *http.Request) error {
	return writeCertificate(w, r, h.certificatePEM, "application/x-pem-file", "pem")
}

// certificateFile is the same in DER, under the type at which telephones offer to install it.
func (h *loginPages) certificateFile(w http.ResponseWriter, r *http.Request) error {
	return writeCertificate(w, r, certificateDER(h.certificatePEM), "application/x-x509-ca-cert", "crt")
}

func writeCertificate(w http.ResponseWriter, r *http.Request, body []byte, kind, extension string) error {
	if len(body) == 0 {
		return notFound()
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="keepwatch-authority.%s"`, extension))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// deviceList is how the usual devices do it.
func deviceList() []view.DeviceSteps {
	const der, text = "/certificate.crt", "/certificate.pem"
	return []view.DeviceSteps{
		{Name: "iPhone and iPad", File: der, Kind: ".crt", Steps: []string{
			"Open this page in Safari, download the certificate and allow the profile.",
			"In Settings, open “Profile Downloaded”, compare the SHA-256 under More Details, then tap Install.",
			"In Settings, General, About, Certificate Trust Settings, turn it on for this recorder.",
		}, Note: "Without the last step the warning stays."},
		{Name: "Android", File: der, Kind: ".crt", Steps: []string{
			"Download the certificate.",
			"In Settings, search for “CA certificate”, choose Install anyway, and pick the file.",
			"Compare the SHA-256 under Trusted credentials, User.",
		}, Note: "Firefox for Android: in About Firefox, tap the logo five times, then turn on third-party CA certificates under Secret Settings."},
		{Name: "Windows", File: der, Kind: ".crt", Steps: []string{
			"Download and open the certificate, then compare the thumbprint (SHA-1) under Details.",
			"Choose Install Certificate, Current User, and the store “Trusted Root Certification Authorities”.",
			"Quit the browser and open it again.",
		}},
		{Name: "macOS", File: der, Kind: ".crt", Steps: []string{
			"Download and open the certificate: Keychain Access adds it to “login”.",
			"Open it there, compare the SHA-256, and choose Always Trust under Trust.",
		}},
		{Name: "Linux", File: text, Kind: ".pem", Steps: []string{
			"Chromium and Chrome: in Settings, Privacy and security, Security, Manage certificates, import it as trusted for websites.",
			"Other programs on Debian and its derivatives: copy it to /usr/local/share/ca-certificates/keepwatch.crt and run update-ca-certificates as root.",
		}},
		{Name: "Firefox on a computer", File: text, Kind: ".pem", Steps: []string{
			"In Settings, Privacy & Security, View Certificates, Authorities, choose Import.",
			"View it to compare the SHA-256, then trust it to identify websites.",
		}},
	}
}
