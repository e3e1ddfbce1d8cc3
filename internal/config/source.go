package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Source is the address of a stream, with the login to the camera. It prints and marshals with the password as ***; only
// Reveal gives it. The zero Source is none.
type Source struct {
	address *url.URL
}

// IsZero reports whether there is no address.
func (s Source) IsZero() bool { return s.address == nil }

// Reveal returns a copy of the address with its password, or nil for the zero Source.
func (s Source) Reveal() *url.URL {
	if s.address == nil {
		return nil
	}
	u := *s.address
	return &u
}

// Host returns host and port, which are no secret.
func (s Source) Host() string {
	if s.address == nil {
		return ""
	}
	return s.address.Host
}

// String returns the address with *** in place of the password.
func (s Source) String() string {
	if s.address == nil {
		return ""
	}
	login := ""
	if user := s.address.User; user != nil {
		login = "***@" // a name alone may be a password whose colon was forgotten
		if _, set := user.Password(); set {
			login = url.User(user.Username()).String() + ":***@"
		}
	}
	return s.address.Scheme + "://" + login + s.address.Host + maskPath(s.address.EscapedPath()) + maskQuery(s.address.RawQuery)
}

// GoString returns what String returns.
func (s Source) GoString() string { return strconv.Quote(s.String()) }

// Format prints what String returns, whatever the verb.
func (s Source) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		_, _ = f.Write([]byte(s.GoString()))
		return
	}
	_, _ = f.Write([]byte(s.String()))
}

// MarshalText returns what String returns.
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns what String returns, as a JSON string.
func (s Source) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// LogValue returns what String returns.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.String()) }

var (
	schemeWord = regexp.MustCompile(`^[a-z]+$`)
	// harmless are parameters whose values say which stream is meant.
	harmless = regexp.MustCompile(`^(?i:channel|subtype|stream|streamtype|profile|unicast|proto|video|audio|codec|resolution|fps)=[A-Za-z0-9.-]{0,12}$`)
	// loginByVariable matches a login whose password is not written out.
	loginByVariable = regexp.MustCompile(`^(?:[A-Za-z0-9_.-]+|\$\{[A-Za-z_][A-Za-z0-9_]*\}):\$\{[A-Za-z_][A-Za-z0-9_]*\}@$`)
	// address matches what is surely host, port and path, with a login that ends at the last @.
	address = regexp.MustCompile(`(?i)^([a-z]{2,6}://)(.*@)?((?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?)([/?][^@\s]*)?$`)
)

// maskPath cuts a path off where its first parameter begins: many cameras take their login there, as in
// /user=admin_password=…_channel=1.
func maskPath(path string) string {
	if before, _, parameters := strings.Cut(path, "="); parameters {
		return before + "=***"
	}
	return path
}

// maskQuery keeps the parameters up to the first that is not known to be harmless.
func maskQuery(query string) string {
	if query == "" {
		return ""
	}
	all := strings.Split(query, "&")
	for i, p := range all {
		if !harmless.MatchString(p) {
			all = append(all[:i], "***")
			break
		}
	}
	return "?" + strings.Join(all, "&")
}

// maskAddress returns an address as it is written, with *** in place of the login and of parameters, and false when it is not
// surely one.
func maskAddress(s string) (string, bool) {
	m := address.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	if m[4] != "" && !isPort(m[4]) {
		return "", false
	}
	if m[2] != "" && !loginByVariable.MatchString(m[2]) {
		m[2] = "***@"
	} else if m[2] == "" && m[4] != "" && !strings.ContainsAny(m[3], ".[") {
		return "", false // might be name and password, without the host
	}
	if path, query, found := strings.Cut(m[5], "?"); found {
		m[5] = maskPath(path) + maskQuery(query)
	} else {
		m[5] = maskPath(path)
	}
	return m[1] + m[2] + m[3] + m[5], true
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1 && n <= 65535
}

// source reads the address of a stream.
func (r *reader) source(n *node) Source {
	raw, ok := r.rawText(n)
	if !ok {
		return Source{}
	}
	s, ok := r.expandAddress(n, raw)
	if !ok {
		return Source{}
	}
	u, text, hint := parseAddress(s)
	if text != "" {
		r.mistake(n, text, hint)
		return Source{}
	}
	return Source{address: u}
}

// ParseSource reads the address of a stream as it is written on a command line or in a form, without variables. The error says what
// is wrong and what to do, and does not quote it.
func ParseSource(s string) (Source, error) {
	u, text, hint := parseAddress(strings.TrimSpace(s))
	switch {
	case text == "":
		return Source{address: u}, nil
	case hint == "":
		return Source{}, errors.New(text)
	}
	return Source{}, fmt.Errorf("%s: %s", text, hint)
}

// ParseHost returns the host of a camera's address: "host", "host:port", or where a camera says that its ONVIF service is, "http://host:port/path".
func ParseHost(address string) (host string, err error) {
	for _, scheme := range []string{"http://", "https://"} {
		if rest, found := strings.CutPrefix(address, scheme); found {
			address, _, _ = strings.Cut(rest, "/")
		}
	}
	host = address
	if h, port, err := net.SplitHostPort(address); err == nil {
		if !isPort(port) {
			return "", errors.New("the port must be a number from 1 to 65535")
		}
		host = h
	}
	if !validHost(host) {
		return "", errors.New("this is no address of a camera: write a host, host:port, or the URL of a stream, rtsp://host/path")
	}
	return host, nil
}

// ValidID reports whether a camera may have the id.
func ValidID(id string) bool { return cameraID.MatchString(id) && len(id) <= maxIDBytes }

// parseAddress returns the address, or what is wrong with it, without quoting it.
func parseAddress(s string) (u *url.URL, text, hint string) {
	const encode = "in a login, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25, or keep it in a variable: rtsp://user:${NAME}@host/…"
	const which = "write rtsp://host/path, with the path from the camera's manual"
	const only = "only rtsp:// and rtsps:// are accepted: other kinds of source can run programs or read files"
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		if word, _, colon := strings.Cut(s, ":"); colon && !strings.EqualFold(word, "rtsp") && schemeWord.MatchString(word) {
			return nil, only, which
		}
		return nil, "this is not the address of a stream", which
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "rtsp", "rtsps":
	case "http", "https":
		return nil, "only rtsp:// and rtsps:// are accepted: Keepwatch records RTSP streams only",
			"look for the camera's RTSP address"
	case "rtsp+http", "rtsp+https", "rtsph":
		return nil, "only rtsp:// and rtsps:// are accepted: RTSP over HTTP is not supported",
			"write rtsp:// with the camera's RTSP port, usually 554, or rtsps://"
	case "rtspt", "rtspu":
		return nil, only, "write rtsp://, and transport: tcp or transport: udp beside it"
	default:
		hint := suggest(scheme, []string{"rtsp", "rtsps"})
		return nil, only, hint
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	login := strings.LastIndexByte(authority, '@')
	hostport := authority[login+1:]
	if login < 0 && strings.ContainsRune(path, '@') && !strings.ContainsAny(hostport, ".[") {
		return nil, "the login holds a character that ends it too early", encode
	}
	if strings.ContainsRune(path, '#') {
		return nil, "an address of a stream has no part after #", encode
	}
	u, err := url.Parse(scheme + "://" + rest)
	switch {
	case err != nil:
		return nil, "this address cannot be read", encode
	case u.Hostname() == "":
		return nil, "the address names no host", which
	case !validHost(u.Hostname()):
		return nil, "the address names no valid host", encode
	case u.Port() == "" && strings.HasSuffix(u.Host, ":"), u.Port() != "" && !isPort(u.Port()):
		return nil, "the port must be a number from 1 to 65535", ""
	}
	return u, "", ""
}
