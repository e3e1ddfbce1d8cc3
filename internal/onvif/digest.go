package onvif

import (
	"crypto/md5" //nolint:gosec // RFC 7616 names it, and cameras ask for it
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
)

// challenge is what a camera asks for: HTTP digest authentication (RFC 7616, RFC 2617).
type challenge struct {
	realm, nonce, opaque, algorithm string
	auth                            bool // qop=auth; without it the older form (RFC 2069)
	stale                           bool
	session                         bool // an algorithm with -sess
}

// readChallenges returns the strongest digest challenge of a response, or nil. Others are not answered: a password never leaves
// in clear text.
func readChallenges(h http.Header) (best *challenge) {
	for _, line := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "Digest") || len(rest) > 4096 {
			continue
		}
		if c, ok := readDigest(readParameters(rest)); ok && (best == nil || best.algorithm == "MD5" && c.algorithm != "MD5") {
			best = c
		}
	}
	return best
}

func readDigest(p map[string]string) (*challenge, bool) {
	c := &challenge{realm: p["realm"], nonce: p["nonce"], opaque: p["opaque"], stale: strings.EqualFold(p["stale"], "true")}
	name := strings.ToUpper(p["algorithm"])
	name, c.session = strings.CutSuffix(name, "-SESS")
	if c.algorithm = name; name == "" {
		c.algorithm = "MD5"
	}
	for option := range strings.SplitSeq(p["qop"], ",") {
		c.auth = c.auth || strings.EqualFold(strings.TrimSpace(option), "auth")
	}
	known := c.algorithm == "MD5" || c.algorithm == "SHA-256"
	return c, known && c.nonce != "" && (c.auth || p["qop"] == "")
}

// readParameters reads name=value and name="value" pairs with commas between them. Names become lower case.
func readParameters(s string) map[string]string {
	found := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		name = strings.ToLower(strings.Trim(name, " \t,"))
		rest = strings.TrimLeft(rest, " \t")
		var value strings.Builder
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			i := 0
			for ; i < len(quoted) && quoted[i] != '"'; i++ {
				if quoted[i] == '\\' && i+1 < len(quoted) {
					i++
				}
				value.WriteByte(quoted[i])
			}
			s = strings.TrimPrefix(quoted[min(i, len(quoted)):], `"`)
		} else {
			var plain string
			plain, s, _ = strings.Cut(rest, ",")
			value.WriteString(strings.TrimSpace(plain))
		}
		if _, twice := found[name]; !twice {
			found[name] = value.String()
		}
	}
	return found
}

// answer returns the Authorization header for a request. Count is how often the nonce has been used, this time included.
func (c *challenge) answer(o Options, method, uri string, count int) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return c.answerWith(o, method+":"+uri, count, hex.EncodeToString(random[:]))
}

// answerWith is answer with a given client nonce. Request is METHOD:URI.
func (c *challenge) answerWith(o Options, request string, count int, cnonce string) string {
	digest := func(parts ...string) string {
		var h hash.Hash = md5.New() //nolint:gosec // see the import
		if c.algorithm == "SHA-256" {
			h = sha256.New()
		}
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	secret := digest(o.Username, c.realm, string(o.Password))
	if c.session {
		secret = digest(secret, c.nonce, cnonce)
	}
	_, uri, _ := strings.Cut(request, ":")
	nc := fmt.Sprintf("%08x", count)
	response := digest(secret, c.nonce, digest(request))
	if c.auth {
		response = digest(secret, c.nonce, nc, cnonce, "auth", digest(request))
	}
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	name := c.algorithm
	if c.session {
		name += "-sess"
	}
	text := "Digest username=" + quote(o.Username) + ", realm=" + quote(c.realm) + ", nonce=" + quote(c.nonce) + ", uri=" + quote(uri) +
		", response=" + quote(response) + ", algorithm=" + name
	if c.opaque != "" {
		text += ", opaque=" + quote(c.opaque)
	}
	if c.auth {
		text += ", qop=auth, nc=" + nc + ", cnonce=" + quote(cnonce)
	} else if c.session {
		text += ", cnonce=" + quote(cnonce)
	}
	return text
}
