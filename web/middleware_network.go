package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// checkNetwork determines the caller's address and refuses it unless its network may connect. X-Forwarded headers count only
// when a declared proxy sends them.
func (m *middleware) checkNetwork(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, ok := addressOf(r.RemoteAddr)
		if !ok {
			m.failures.answer(w, r, newProblem(http.StatusForbidden, "Connections are accepted from known networks only."))
			return
		}
		client := peer
		info := infoOf(r)
		if contains(m.proxies, peer) {
			if client, ok = forwardedFor(r.Header, m.proxies, peer); !ok {
				m.failures.answer(w, r, newProblem(http.StatusBadRequest, "The proxy's X-Forwarded-For header is not a list of addresses."))
				return
			}
			r = believeProxy(r, info)
		}
		info.client = client.String()
		if !contains(m.networks, client) {
			m.failures.answer(w, r, newProblem(http.StatusForbidden,
				"Connections are accepted from the networks in web.networks of the configuration only."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// believeProxy takes the scheme and the host from a declared proxy's headers.
func believeProxy(r *http.Request, info *requestInfo) *http.Request {
	if proto := lastValue(r.Header, "X-Forwarded-Proto"); proto != "" {
		info.secure = strings.EqualFold(proto, "https")
	}
	if host := lastValue(r.Header, "X-Forwarded-Host"); host != "" {
		r = r.WithContext(r.Context())
		r.Host = host
	}
	return r
}

// lastValue returns the last element of a list header: the one that the nearest proxy wrote.
func lastValue(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) == 0 {
		return ""
	}
	all := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(all[len(all)-1])
}

// forwardedFor walks X-Forwarded-For from the nearest hop outwards and returns the first address that is not a declared
// proxy's. Elements further out could be forged by anyone. It reports false when an element on the way is not an address.
func forwardedFor(h http.Header, proxies []netip.Prefix, peer netip.Addr) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if hop == "" && len(hops) == 1 {
			return peer, true // the proxy itself asks
		}
		a, ok := addressOf(hop)
		if !ok {
			return netip.Addr{}, false
		}
		client = a
		if !contains(proxies, a) {
			break
		}
	}
	return client, true
}

// addressOf reads an address with or without port, and drops zone and IPv4-mapping.
func addressOf(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// checkHost refuses requests for names that are not the server's. With DNS rebinding the Host header has the attacker's name;
// that can be neither an address literal nor a name of the local network.
func (m *middleware) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := hostName(r.Host)
		if !ok {
			m.failures.answer(w, r, newProblem(http.StatusBadRequest, "The Host header is not a host name."))
			return
		}
		if !m.answersTo(name) {
			m.failures.answer(w, r, newProblem(http.StatusMisdirectedRequest,
				"This server does not answer to that name. If it should, add the name to web.hosts in the configuration."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (m *middleware) answersTo(name string) bool {
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	if !strings.Contains(name, ".") {
		return true // localhost and single labels: only the local network resolves them
	}
	for _, suffix := range []string{".local", ".lan", ".internal", ".home.arpa", ".localhost"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	for _, h := range m.hosts {
		if strings.EqualFold(strings.TrimSuffix(h, "."), name) {
			return true
		}
	}
	return false
}

// hostName returns the name in a Host header, in lower case, without port and final dot. It reports false for anything that
// is neither a host name nor an address literal.
func hostName(host string) (string, bool) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if !digits(port) || len(port) > 5 {
			return "", false
		}
	}
	if strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
		return strings.ToLower(name), err == nil && strings.HasSuffix(name, "]") && a.Is6()
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !validLabel(label) {
			return "", false
		}
	}
	return name, true
}

func validLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// redirect redirects to https on the same name and the given port.
func (m *middleware) redirect(port string) http.Handler {
	return m.trace(m.checkNetwork(m.checkHost(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Opaque != "" || r.URL.Host != "" { // a request target that names a place of its own (RFC 9112 section 3.2)
			http.Error(w, "ask for a path", http.StatusBadRequest)
			return
		}
		name, _ := hostName(r.Host) // checkHost has seen it
		if port != "443" {
			name += ":" + port
		}
		http.Redirect(w, r, "https://"+name+r.URL.RequestURI(), http.StatusPermanentRedirect)
	}))))
}
