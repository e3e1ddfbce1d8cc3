package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const maxSecretBytes = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// piece is a part of a text: written out, or the value of a variable or file.
type piece struct {
	text     string
	inserted bool
}

// pieces replaces ${NAME} and ${file:PATH} by their values and $$ by $. Any other $ stays.
func (r *reader) pieces(n *node, raw string) ([]piece, bool) {
	var all []piece
	ok := true
	for raw != "" {
		i := strings.IndexByte(raw, '$')
		if i < 0 || i == len(raw)-1 {
			return append(all, piece{text: raw}), ok
		}
		all = append(all, piece{text: raw[:i]})
		rest := raw[i+1:]
		switch rest[0] {
		case '$':
			all = append(all, piece{text: "$"})
			raw = rest[1:]
		case '{':
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				r.mistake(n, "a ${ is not closed", "close it with }, or write $$ for a dollar sign")
				return nil, false
			}
			value, found := r.lookUp(n, rest[1:end])
			ok = ok && found
			all = append(all, piece{text: value, inserted: true})
			raw = rest[end+1:]
		default:
			all = append(all, piece{text: "$"})
			raw = rest
		}
	}
	return all, ok
}

// lookUp returns the value for the text between ${ and }.
func (r *reader) lookUp(n *node, name string) (string, bool) {
	if path, isFile := strings.CutPrefix(name, "file:"); isFile {
		return r.readSecret(n, path)
	}
	if !variableName.MatchString(name) {
		r.mistake(n, "there is no variable name between ${ and }", "write ${NAME} or ${file:PATH}, or $$ for a dollar sign")
		return "", false
	}
	value, found := "", false
	if r.env != nil {
		value, found = r.env(name)
	}
	if !found {
		r.mistake(n, fmt.Sprintf("the variable ${%s} is not set", name),
			"set it in the environment of nvr (in compose.yaml under `environment:` or `env_file:`)")
	}
	return value, found
}

// readSecret returns the content of a file without the line break at its end.
func (r *reader) readSecret(n *node, path string) (string, bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	content, err := readBounded(path)
	if err != nil {
		hint := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			hint = "there is no such file"
		case errors.Is(err, fs.ErrPermission):
			hint = "nvr may not read it: change its owner or its permissions"
		}
		r.mistake(n, fmt.Sprintf("the file %q cannot be read", path), hint)
		return "", false
	}
	return strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r"), true
}

func readBounded(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	if err == nil && len(content) > maxSecretBytes {
		err = fmt.Errorf("larger than %d KiB", maxSecretBytes>>10)
	}
	return string(content), err
}

// expand returns the text with values inserted as they are.
func (r *reader) expand(n *node, raw string) (string, bool) {
	all, ok := r.pieces(n, raw)
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.text)
	}
	return b.String(), ok
}

// expandAddress returns the text of an address. What is inserted before the @ is taken for the name or password as it is,
// and percent-encoded here (RFC 3986, section 3.2.1), so that a password may hold any character. When one value is the whole
// login, its first ':' parts name and password.
func (r *reader) expandAddress(n *node, raw string) (string, bool) {
	all, ok := r.pieces(n, raw)
	first, at := login(all)
	whole := at == first+2 && strings.HasSuffix(all[first].text, "://") && strings.HasPrefix(all[at].text, "@")
	var b strings.Builder
	for i, p := range all {
		switch {
		case !p.inserted || first < 0 || i <= first || i >= at:
			b.WriteString(p.text)
		case whole:
			name, password, both := strings.Cut(p.text, ":")
			b.WriteString(percentEncode(name))
			if both {
				b.WriteString(":" + percentEncode(password))
			}
		default:
			b.WriteString(percentEncode(p.text))
		}
	}
	return b.String(), ok
}

// login returns the pieces in which the login of an address begins, after ://, and ends, with @; at is -1 without a login.
func login(all []piece) (first, at int) {
	first = -1
	for i, p := range all {
		text := p.text
		if p.inserted {
			continue
		}
		if first < 0 {
			_, after, found := strings.Cut(text, "://")
			if !found {
				continue
			}
			first, text = i, after
		}
		if end := strings.IndexAny(text, "@/?#"); end >= 0 {
			if text[end] == '@' {
				return first, i
			}
			return first, -1
		}
	}
	return first, -1
}

// percentEncode encodes all but letters, digits and -_.~
func percentEncode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
