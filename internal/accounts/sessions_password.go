package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

const (
	minPasswordRunes = 10
	maxPasswordBytes = 1024

	saltBytes = 16
	keyBytes  = 32

	parallelHashes = 2  // each takes HashCost.MemoryKiB
	waitingHashes  = 32 // beyond these, attempts are told to come back later
)

// HashCost is the price of an argon2id hash (RFC 9106). The zero value stands for 19 MiB, two passes and one lane.
type HashCost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

var errHashFormat = errors.New("stored password cannot be read")

// hasher makes and checks password hashes, a few at a time: each needs memory, and anybody can ask for one.
type hasher struct {
	cost    HashCost
	decoy   string        // checked for unknown names, so that they cost the same; matches nothing
	slots   chan struct{} // held while hashing
	waiting chan struct{} // held while waiting or hashing
}

func newHasher(cost HashCost) *hasher {
	if cost == (HashCost{}) {
		cost = HashCost{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1}
	}
	h := &hasher{cost: cost, slots: make(chan struct{}, parallelHashes), waiting: make(chan struct{}, waitingHashes)}
	h.decoy = phc(cost, random(saltBytes), random(keyBytes))
	return h
}

// hash returns the PHC string of the password under the current cost.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := random(saltBytes)
	key, err := h.derive(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	return phc(h.cost, salt, key), nil
}

// matches reports whether stored is a hash of the password, and whether it was made at another cost than the current one.
func (h *hasher) matches(ctx context.Context, stored, password string) (ok, outdated bool, err error) {
	cost, salt, want, err := parsePHC(stored)
	if err != nil {
		return false, false, err
	}
	key, err := h.derive(ctx, password, salt, cost)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, cost != h.cost, nil
}

func (h *hasher) derive(ctx context.Context, password string, salt []byte, cost HashCost) ([]byte, error) {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, &ThrottledError{RetryAfter: time.Second}
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, keyBytes), nil
}

// phc writes a hash with its parameters, e.g. $argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA.
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
func phc(cost HashCost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, cost.MemoryKiB, cost.Passes, cost.Lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

func parsePHC(s string) (cost HashCost, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost, nil, nil, errHashFormat
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.MemoryKiB, &cost.Passes, &cost.Lanes); err != nil {
		return cost, nil, nil, errHashFormat
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case saltErr != nil, keyErr != nil, len(salt) < 8, len(key) != keyBytes,
		cost.MemoryKiB < 8 || cost.MemoryKiB > 1<<20, cost.Passes < 1 || cost.Passes > 100, cost.Lanes < 1,
		s != phc(cost, salt, key):
		return cost, nil, nil, errHashFormat
	}
	return cost, salt, key, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return b
}

// commonPasswords are the most frequent ones of ten characters and more in lists of leaked passwords.
func commonPasswords() []string {
	return []string{
		"1234567890", "0123456789", "12345678910", "123456789a", "1q2w3e4r5t", "1qaz2wsx3edc", "qwertyuiop", "q1w2e3r4t5",
		"qwerty12345", "qwerty123456", "password12", "password123", "password1234", "password12345", "passw0rd123",
		"iloveyou12", "letmein123", "welcome123", "admin12345", "administrator", "changeme123", "abcdefghij", "abc1234567",
		"basketball", "keepwatch123", "homeassistant", "raspberrypi", "surveillance", "0987654321", "9876543210",
	}
}

// checkPassword returns *InvalidError for a password that is too short, too long or easy to guess, and accepts all others
// (NIST SP 800-63B, 3.1.1.2).
func checkPassword(name, password string) error {
	invalid := func(sentence string) error { return &InvalidError{Field: "password", Sentence: sentence} }
	lower := strings.ToLower(password)
	first, _ := utf8.DecodeRuneInString(lower)
	switch {
	case !utf8.ValidString(password):
		return invalid("the password must be text in UTF-8")
	case len(password) > maxPasswordBytes:
		return invalid(fmt.Sprintf("the password is too long: at most %d bytes", maxPasswordBytes))
	case utf8.RuneCountInString(password) < minPasswordRunes:
		return invalid(fmt.Sprintf("the password is too short: at least %d characters, for example three or four words", minPasswordRunes))
	case strings.Trim(lower, string(first)) == "", slices.Contains(commonPasswords(), lower):
		return invalid("the password is among the first that anyone would try: choose another one")
	case lower == name:
		return invalid("the password must not be the account's name")
	}
	return nil
}
