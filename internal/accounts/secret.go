package accounts

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const (
	sessionPrefix = "kws_"
	tokenPrefix   = "kwt_"
	linkPrefix    = "kwl_"
	secretBytes   = 32
)

// newSecret returns a new random secret of 256 bits, and the hash under which it is stored.
func newSecret(prefix string) (secret string, hash [sha256.Size]byte) {
	raw := random(secretBytes)
	return prefix + base64.RawURLEncoding.EncodeToString(raw), sha256.Sum256(raw)
}

// hashSecret returns the hash under which a secret is stored, and false for what newSecret never made. A secret has one
// spelling only.
func hashSecret(prefix, secret string) (hash [sha256.Size]byte, ok bool) {
	encoded, found := strings.CutPrefix(secret, prefix)
	if !found || len(encoded) != base64.RawURLEncoding.EncodedLen(secretBytes) || strings.ContainsAny(encoded, "\r\n") {
		return hash, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != secretBytes {
		return hash, false
	}
	return sha256.Sum256(raw), true
}
