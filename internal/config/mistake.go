package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	maxExcerptRunes = 100
	maxShown        = 50 // mistakes that Error writes out
)

// Mistake is one thing that is wrong with the file.
type Mistake struct {
	Line, Column int    // from 1; 0 when it has no place
	Excerpt      string // the line, without what might be a secret
	Text         string
	Hint         string // what to do about it; may be ""
}

// Error lists everything that is wrong with a file.
type Error struct {
	Path     string
	Mistakes []Mistake // in the order of the file
}

// Error returns one paragraph for each mistake: place and text, then the excerpt, then the hint.
func (e *Error) Error() string {
	var b strings.Builder
	for i, m := range e.Mistakes {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i == maxShown {
			fmt.Fprintf(&b, "%s: and %d more", e.Path, len(e.Mistakes)-i)
			break
		}
		b.WriteString(e.Path)
		if m.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
		}
		fmt.Fprintf(&b, ": %s", m.Text)
		if m.Excerpt != "" {
			fmt.Fprintf(&b, "\n    %s", m.Excerpt)
		}
		if m.Hint != "" {
			fmt.Fprintf(&b, "\n    → %s", m.Hint)
		}
	}
	return b.String()
}

var (
	lineWithKey   = regexp.MustCompile(`^((?:- )?["']?([\pL\pN_.-]+)["']?\s*:)(?:\s+(.*))?$`)
	innerKey      = regexp.MustCompile(`([^\s{},"']+)["']?\s*:(?:\s|$)`)
	onlyVariables = regexp.MustCompile(`^["']?(?:\$\{[A-Za-z_][A-Za-z0-9_]*\})+["']?$`)
	mayBeSecret   = regexp.MustCompile(`(?i)://|@|pass|pwd|psw|secret|token|credential|login`)
	plainWord     = regexp.MustCompile(`^[\pL\pN_.:/%+, -]{1,40}$`)
)

// excerpt returns the part of a line that may be shown. It shows what is known to be harmless: a key with a plain value, an
// address without its login. It hides the rest, since most mistakes are made in addresses with passwords.
func excerpt(line string) string {
	line = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line))
	switch m := lineWithKey.FindStringSubmatch(line); {
	case line == "":
		return ""
	case m == nil && slices.Contains(plainKeys(), line):
		return line
	case m == nil && strings.HasSuffix(line, ":") && plainWord.MatchString(line) && !mayBeSecret.MatchString(line):
		return line
	case m == nil:
		return "…"
	case m[3] == "":
		return m[1]
	case m[2] != "cameras" && slices.Contains(plainKeys(), m[2]) && isPlain(m[3]):
		return shorten(line)
	case onlyVariables.MatchString(m[3]):
		return shorten(line)
	default:
		if shown, ok := maskAddress(strings.Trim(m[3], `"'`)); ok {
			return shorten(m[1] + " " + shown)
		}
		return m[1] + " …"
	}
}

// isPlain reports whether a value, or a mapping within { }, holds nothing but values of plain keys.
func isPlain(value string) bool {
	if mayBeSecret.MatchString(value) || strings.ContainsAny(value, "*&") {
		return false
	}
	for _, key := range innerKey.FindAllStringSubmatch(value, -1) {
		if !slices.Contains(plainKeys(), key[1]) {
			return false
		}
	}
	return true
}

func shorten(s string) string {
	if r := []rune(s); len(r) > maxExcerptRunes {
		return string(r[:maxExcerptRunes]) + "…"
	}
	return s
}

// quote returns a value for a sentence, or "this" when it might contain a secret.
func quote(s string) string {
	if plainWord.MatchString(s) && !mayBeSecret.MatchString(s) {
		return "`" + s + "`"
	}
	return "this"
}

// quoteKey does the same for a key, which may contain the word password without being one.
func quoteKey(s string) string {
	if plainWord.MatchString(s) && !strings.ContainsAny(s, "@:/ ,") {
		return "`" + s + "`"
	}
	return "this"
}

// suggest returns a hint with the known word that is most like s, or "" when none is similar.
func suggest(s string, known []string) string {
	best, bestDistance := "", max(1, len(s)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(s), k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean `" + best + "`?"
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that turn a into b.
// It is the restricted Damerau-Levenshtein distance.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
