package camera

import (
	"regexp"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// challengeKind matches the scheme of a challenge (RFC 7235 section 2.1), in any case.
var challengeKind = regexp.MustCompile(`(?i)^\s*(digest|basic)(?:\s+|$)`)

// repairChallenges makes password prompts readable for the library, which wants schemes as in the RFC and no space around = and
// before a comma.
func repairChallenges(all base.HeaderValue) base.HeaderValue {
	out := make(base.HeaderValue, 0, len(all))
	for _, c := range all {
		m := challengeKind.FindStringSubmatch(c)
		if m == nil {
			out = append(out, c)
			continue
		}
		rest := withoutSpaces(c[len(m[0]):])
		if strings.EqualFold(m[1], "basic") {
			if !strings.Contains(strings.ToLower(rest), "realm=") {
				rest = `realm=""`
			}
			out = append(out, "Basic "+rest)
			continue
		}
		out = append(out, "Digest "+rest)
	}
	return out
}

// withoutSpaces removes spaces around = and commas, outside of quotes.
func withoutSpaces(s string) string {
	var b strings.Builder
	quoted, pending := false, false
	last := byte(',')
	for i := range len(s) {
		c := s[i]
		if !quoted && (c == ' ' || c == '\t') {
			pending = true
			continue
		}
		if pending && !strings.ContainsRune(",=", rune(c)) && last != ',' && last != '=' {
			b.WriteByte(' ')
		}
		pending = false
		if c == '"' {
			quoted = !quoted
		}
		b.WriteByte(c)
		last = c
	}
	return b.String()
}
