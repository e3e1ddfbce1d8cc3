package onviftest

import (
	"crypto/md5"  //nolint:gosec // RFC 7616
	"crypto/sha1" //nolint:gosec // WS-Security
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// openOperations are answered without a login.
func (c *Camera) openOperation(operation string) bool {
	switch operation {
	case "GetSystemDateAndTime", "GetServices", "GetCapabilities":
		return true
	}
	return c.Vendor.Login == EmptyLogin && operation == "GetProfiles"
}

// admit checks the login and answers itself if it is missing or wrong.
func (c *Camera) admit(w http.ResponseWriter, q *query) bool {
	if c.Vendor.Quirks.OperatorOnly && q.operation == "GetNetworkInterfaces" && c.known(q) {
		c.fault(w, http.StatusBadRequest, "Sender", "NotAuthorized", "Sender not Authorized")
		return false
	}
	if c.Vendor.Login == NoLogin || c.openOperation(q.operation) || c.known(q) {
		return true
	}
	if c.Vendor.Login == BothLogins && c.knownDigest(q) {
		c.mu.Lock()
		c.refused++
		c.mu.Unlock()
		c.fault(w, http.StatusBadRequest, "Sender", "NotAuthorized", "Sender not Authorized")
		return false
	}
	c.mu.Lock()
	if q.authorization != "" || q.token.username != "" {
		c.refused++
	}
	c.nonces++
	c.nonce = fmt.Sprintf("nonce-%d", c.nonces)
	challenge := `Digest realm="` + c.Vendor.Realm + `", nonce="` + c.nonce + `"`
	c.mu.Unlock()
	switch c.Vendor.Login {
	case Digest, BothLogins:
		w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
		challenge += `, qop="auth", opaque="op"`
	case SHA256Digest:
		w.Header().Add("WWW-Authenticate", challenge+`, qop="auth,auth-int", algorithm=MD5`)
		challenge += `, qop="auth,auth-int", algorithm=SHA-256`
	case OldDigest:
	default:
		c.fault(w, http.StatusBadRequest, "Sender", "NotAuthorized", "Sender not Authorized")
		return false
	}
	w.Header().Add("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// known reports whether a request has the right login.
func (c *Camera) known(q *query) bool {
	switch c.Vendor.Login {
	case NoLogin:
		return true
	case Token, EmptyLogin:
		return c.knownToken(q.token)
	case BothLogins:
		return c.knownToken(q.token) && c.knownDigest(q)
	}
	return c.knownDigest(q)
}

func (c *Camera) knownToken(t token) bool {
	nonce, err := base64.StdEncoding.DecodeString(t.nonce)
	sum := sha1.Sum([]byte(string(nonce) + t.created + c.password())) //nolint:gosec // see the import
	created, errTime := time.Parse("2006-01-02T15:04:05Z", t.created)
	near := created.Sub(c.now()).Abs() < time.Minute || c.Vendor.Quirks.NoDate
	return err == nil && errTime == nil && near && t.username == c.Username && t.digest == base64.StdEncoding.EncodeToString(sum[:])
}

var parameter = regexp.MustCompile(`(\w+)=("([^"]*)"|[^", ]+)`)

// knownDigest checks the answer to a challenge by its own reading of RFC 7616.
func (c *Camera) knownDigest(q *query) bool {
	p := map[string]string{}
	for _, m := range parameter.FindAllStringSubmatch(q.authorization, -1) {
		p[m[1]] = strings.Trim(m[2], `"`)
	}
	sum := func(s string) string {
		if c.Vendor.Login == SHA256Digest {
			h := sha256.Sum256([]byte(s))
			return hex.EncodeToString(h[:])
		}
		h := md5.Sum([]byte(s)) //nolint:gosec // see the import
		return hex.EncodeToString(h[:])
	}
	c.mu.Lock()
	nonce := c.nonce
	if c.Vendor.Quirks.ForgetsNonces && nonce != "" {
		c.nonces++
		c.nonce = fmt.Sprintf("nonce-%d", c.nonces)
	}
	c.mu.Unlock()
	a1, a2 := sum(c.Username+":"+c.Vendor.Realm+":"+c.password()), sum("POST:"+q.path)
	want := sum(a1 + ":" + nonce + ":" + a2)
	if c.Vendor.Login != OldDigest {
		want = sum(strings.Join([]string{a1, nonce, p["nc"], p["cnonce"], "auth", a2}, ":"))
	}
	return nonce != "" && p["uri"] == q.path && p["response"] == want
}
