package camera

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"keepwatch.internal/internal/media"
)

// Identity is what tells a camera from others. An empty field is unknown. All fields are short and printable, and none is
// secret.
type Identity struct {
	Key     string `json:"key,omitempty"`     // SHA-256 of the public key of its certificate (RFC 5280 section 4.1.2.7), hex
	Serial  string `json:"serial,omitempty"`  // serial number from ONVIF
	MAC     string `json:"mac,omitempty"`     // of its network interface, if that is on the same network
	Realm   string `json:"realm,omitempty"`   // "digest NAME" or "basic NAME" (RFC 7616), "none" without a password
	Title   string `json:"title,omitempty"`   // session name and tool in the description
	Media   string `json:"media,omitempty"`   // media and their controls, without parts that change from session to session
	Picture string `json:"picture,omitempty"` // codec, size and hash of the parameter sets
}

// The kinds of evidence, as shown to people.
const (
	KindKey     = "key of its certificate"
	KindSerial  = "serial number"
	KindMAC     = "MAC address"
	KindRealm   = "name at the password prompt (realm)"
	KindTitle   = "name of its stream (SDP)"
	KindMedia   = "list of its media (SDP)"
	KindPicture = "picture format"
)

// trait is one field of an identity, with its kind.
type trait struct{ kind, value string }

func (id Identity) traits() [7]trait {
	return [...]trait{{KindKey, id.Key}, {KindSerial, id.Serial}, {KindMAC, id.MAC}, {KindRealm, id.Realm},
		{KindTitle, id.Title}, {KindMedia, id.Media}, {KindPicture, id.Picture}}
}

// of returns the value of a kind.
func (id Identity) of(kind string) string {
	for _, t := range id.traits() {
		if t.kind == kind {
			return t.value
		}
	}
	return ""
}

// Or returns id with its empty fields taken from other.
func (id Identity) Or(other Identity) Identity {
	pick := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	return Identity{Key: pick(id.Key, other.Key), Serial: pick(id.Serial, other.Serial), MAC: pick(id.MAC, other.MAC), Realm: pick(id.Realm, other.Realm),
		Title: pick(id.Title, other.Title), Media: pick(id.Media, other.Media), Picture: pick(id.Picture, other.Picture)}
}

// maxTrait bounds the length of text from cameras.
const maxTrait = 120

// clean makes text from a camera printable and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if r := []rune(strings.TrimSpace(s)); len(r) > maxTrait {
		return string(r[:maxTrait])
	} else {
		return string(r)
	}
}

// fingerprint returns a short hash of 16 hexadecimal digits.
func fingerprint(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// keyOf returns the fingerprint of a public key in its DER form.
func keyOf(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// noRealm is the realm of a camera without a password.
const noRealm = "none"

// realmOf returns the realm of a camera's password prompt, with the strongest method that it offers.
func realmOf(challenges base.HeaderValue) string {
	realm := ""
	for _, c := range challenges {
		var a headers.Authenticate
		if a.Unmarshal(base.HeaderValue{c}) != nil {
			continue
		}
		if a.Method == headers.AuthMethodDigest {
			return "digest " + clean(a.Realm)
		}
		realm = "basic " + clean(a.Realm)
	}
	return realm
}

// pictureOf returns codec, size and hash of a track.
func pictureOf(t *media.VideoTrack) string {
	parts := [][]byte{t.VPS, t.SPS, t.PPS}
	if t.Config != nil {
		parts = append(parts, t.Config)
	}
	return fmt.Sprintf("%s %d×%d %s", t.Codec, t.Width, t.Height, fingerprint(parts...))
}

// longNumber matches a counter, a time or a session id.
var longNumber = regexp.MustCompile(`[0-9]{8,}`)

// describe returns title and media from a session description (RFC 8866). It leaves out origin, addresses, times, rates and
// parameter sets, which are in Picture.
func describe(sdp []byte) (title, list string) {
	var titles, kinds, lines []string
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		letter, value, ok := strings.Cut(line, "=")
		switch {
		case !ok:
		case letter == "s" || letter == "i" && len(kinds) == 0:
			titles = append(titles, value)
		case letter == "m":
			if f := strings.Fields(value); len(f) > 2 {
				kinds = append(kinds, f[0])
				lines = append(lines, "m="+f[0]+" "+strings.Join(f[2:], " "))
			}
		case letter == "a" && strings.HasPrefix(value, "tool:"):
			titles = append(titles, value[len("tool:"):])
		case letter == "a" && strings.HasPrefix(value, "rtpmap:"):
			lines = append(lines, value)
			if _, codec, ok := strings.Cut(value, " "); ok && len(kinds) > 0 {
				kinds[len(kinds)-1] += " " + codec
			}
		case letter == "a" && strings.HasPrefix(value, "control:"):
			lines = append(lines, "control:"+controlOf(value[len("control:"):]))
		}
	}
	title = clean(longNumber.ReplaceAllString(strings.Join(titles, "; "), "#"))
	return title, clean(strings.Join(kinds, ", ")) + " " + fingerprint([]byte(strings.Join(lines, "\n")))
}

// controlOf returns a control attribute (RFC 7826 appendix D.1.1) without host and session numbers.
func controlOf(control string) string {
	if u, err := url.Parse(control); err == nil {
		control = u.Path
	}
	return longNumber.ReplaceAllString(control, "#")
}
