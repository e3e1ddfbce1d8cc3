package camera

import (
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

func TestAPasswordPromptBecomesReadable(t *testing.T) {
	for given, want := range map[string]string{
		`Digest realm="x", nonce="y"`:                       `Digest realm="x",nonce="y"`,
		`digest realm="a , b = c",nonce="y"`:                `Digest realm="a , b = c",nonce="y"`,
		"DIGEST  realm = \"x\" ,\tnonce=\"y\" , stale=TRUE": `Digest realm="x",nonce="y",stale=TRUE`,
		"basic realm=\"x\"":                                 `Basic realm="x"`,
		"Basic":                                             `Basic realm=""`,
		"Kerberos x = y":                                    "Kerberos x = y",
		"":                                                  "",
	} {
		got := repairChallenges(base.HeaderValue{given})
		if !slices.Equal(got, base.HeaderValue{want}) {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
		s := &auth.Sender{WWWAuth: got, User: "u", Pass: "p"}
		if err := s.Initialize(); (err == nil) != challengeKind.MatchString(given) {
			t.Errorf("%q: %v", got, err)
		}
	}
}

// FuzzChallenge repairs any challenge, and what comes out stays as it is.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="x", nonce="y" , stale = TRUE`)
	f.Add(`basic`)
	f.Add(`digest "unclosed , = `)
	f.Fuzz(func(t *testing.T, given string) {
		once := repairChallenges(base.HeaderValue{given})
		if twice := repairChallenges(once); len(once) != 1 || once[0] != twice[0] || len(once[0]) > len(given)+len(`Basic realm=""`) {
			t.Errorf("%q becomes %q, then %q", given, once, twice)
		}
	})
}
