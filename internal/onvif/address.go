package onvif

import (
	"cmp"
	"net"
	"strconv"
	"strings"
)

// endpoint is where a service is: at the camera's own host.
type endpoint struct {
	port string
	path string // with the query
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 65536 && len(s) <= 5
}

func usualPort(secure bool) string {
	if secure {
		return "443"
	}
	return "80"
}

// maxAddress bounds an address that a camera names.
const maxAddress = 1024

// named is an address as a camera writes it, in parts. Nothing but path and port is used to connect.
type named struct {
	scheme string // lower case
	port   string // "" if none or none that can be read
	path   string // begins with a slash, with the query
}

// readAddress takes an address apart. It reads what url.Parse refuses: two ports, no scheme, spaces. It reports false if there is
// nothing to use.
func readAddress(s string) (named, bool) {
	s = strings.TrimSpace(s)
	if len(s) > maxAddress || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return named{}, false
	}
	var a named
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		if scheme, rest = "", s; !strings.HasPrefix(s, "/") {
			return named{}, false
		}
	}
	a.scheme = strings.ToLower(scheme)
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	path, _, _ = strings.Cut(path, "#")
	a.path = "/" + strings.TrimLeft(strings.ReplaceAll(path, " ", "%20"), "/")
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		authority = authority[i+1:]
	}
	if i := strings.LastIndex(authority, "]"); i >= 0 {
		authority = authority[i:]
	}
	if parts := strings.Split(authority, ":"); len(parts) > 1 && isPort(parts[1]) {
		a.port = parts[1]
	}
	return a, ok || a.path != "/"
}

// believe returns the endpoint of an address that the camera names. The host is always the configured one. The port is not
// used if the scheme is another than the client's, or if it is what the camera takes its own port to be (ports): then it is the
// configured one.
func (c *Client) believe(address string, ports map[string]string) (endpoint, bool) {
	a, ok := readAddress(address)
	if !ok {
		return endpoint{}, false
	}
	port := cmp.Or(a.port, usualPort(c.opts.Secure))
	if mapped := ports[port]; mapped != "" {
		port = mapped
	}
	if a.scheme != c.scheme() {
		port = c.device.port
	}
	return endpoint{port: port, path: a.path}, true
}

// url returns the address of an endpoint.
func (c *Client) url(e endpoint) string {
	return c.scheme() + "://" + net.JoinHostPort(c.host, e.port) + e.path
}

func (c *Client) scheme() string {
	if c.opts.Secure {
		return "https"
	}
	return "http"
}

// streamURI returns the address of a stream with the configured host and without a login, or "" if there is none to be read.
func (c *Client) streamURI(address string) string {
	a, ok := readAddress(address)
	if !ok || a.scheme != "rtsp" && a.scheme != "rtsps" {
		return ""
	}
	host := c.host
	switch {
	case a.port != "":
		host = net.JoinHostPort(host, a.port)
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return a.scheme + "://" + host + a.path
}
