package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestOnlyHostsOfTheLocalNetworkAreAnswered(t *testing.T) {
	w := inhabited(t)
	answered := []string{"localhost", "LOCALHOST:8443", "127.0.0.1", "127.0.0.1:8443", "192.168.1.5", "8.8.8.8", "[::1]", "[::1]:8443",
		"[fe80::1]:80", "nas", "nas:8443", "nas.local", "nas.local.", "a.b.lan", "nvr.internal", "nvr.home.arpa", "NVR.EXAMPLE.NET",
		"nvr.example.net:443", "under_score.lan"}
	refused := map[string]int{}
	for _, h := range []string{"example.com", "evil.nvr.example.net", "nvr.example.net.evil.com", "nvr.example.nett", "local.evil.com",
		"127.0.0.1.evil.com", "192-168-1-5.evil.com", "192.168.1.5.nip.io", "localhost.evil.com", "evil.com:8443", "rebind.network.",
		"evil.localdomain", "notlocal.com", "1.2.3.4.5", "0x7f.0.0.1.com", "home.arpa", "a.homearpa", "www.internal.com"} {
		refused[h] = http.StatusMisdirectedRequest
	}
	for _, h := range []string{"evil.com/nas.local", "user@nas.local", "nas.local:", "nas.local:x", "[::1", "::1]", "-nas", "nas-.local",
		"a..b.lan", ".lan", "nas local", "näs.local", "[nas]", "[127.0.0.1]", "nas:123456", "%6eas.local", "nas,evil.com", strings.Repeat("a", 64),
		strings.Repeat("a.", 130) + "lan", "nas\\evil.com", "*", "nas?x"} {
		refused[h] = http.StatusBadRequest
	}
	delete(refused, "home.arpa")
	for _, h := range answered {
		if got := askHost(w, h); got != http.StatusOK {
			t.Errorf("Host %q: status %d, want 200", h, got)
		}
	}
	for h, want := range refused {
		if got := askHost(w, h); got != want {
			t.Errorf("Host %q: status %d, want %d", h, got, want)
		}
	}
}

// askHost calls the handler directly, since a client would not send some of these requests.
func askHost(w *world, host string) int {
	r := httptest.NewRequest("GET", "/api/v1/me", nil)
	r.Host, r.RemoteAddr = host, "127.0.0.1:1"
	r.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.sessions["alice"]})
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	return rec.Code
}

func TestOnlyConfiguredNetworksMayConnectAndOnlyProxiesAreBelieved(t *testing.T) {
	proxy := netip.MustParsePrefix("10.1.0.0/24")
	cases := []struct {
		remote, forwarded string
		proxies           []netip.Prefix
		want              int
		client            string
	}{
		{remote: "127.0.0.1:1", want: 200, client: "127.0.0.1"},
		{remote: "192.168.7.7:1", want: 200, client: "192.168.7.7"},
		{remote: "172.16.0.1:1", want: 200, client: "172.16.0.1"},
		{remote: "[::1]:1", want: 200, client: "::1"},
		{remote: "[fe80::1%eth0]:1", want: 200, client: "fe80::1"},
		{remote: "[fd00::1]:1", want: 200, client: "fd00::1"},
		{remote: "[::ffff:10.0.0.1]:1", want: 200, client: "10.0.0.1"},
		{remote: "172.32.0.1:1", want: 403},
		{remote: "8.8.8.8:1", want: 403},
		{remote: "[2001:db8::1]:1", want: 403},
		{remote: "[::ffff:8.8.8.8]:1", want: 403},
		{remote: "@", want: 403},
		{remote: "", want: 403},
		{remote: "8.8.8.8:1", forwarded: "127.0.0.1", want: 403},
		{remote: "192.168.7.7:1", forwarded: "8.8.8.8", want: 200, client: "192.168.7.7"},
		{remote: "10.1.0.9:1", proxies: []netip.Prefix{proxy}, want: 200, client: "10.1.0.9"},
		{remote: "10.1.0.9:1", forwarded: "192.168.7.7", proxies: []netip.Prefix{proxy}, want: 200, client: "192.168.7.7"},
		{remote: "10.1.0.9:1", forwarded: "8.8.8.8", proxies: []netip.Prefix{proxy}, want: 403},
		{remote: "10.1.0.9:1", forwarded: "127.0.0.1, 8.8.8.8", proxies: []netip.Prefix{proxy}, want: 403},
		{remote: "10.1.0.9:1", forwarded: "8.8.8.8, 192.168.7.7, 10.1.0.3", proxies: []netip.Prefix{proxy}, want: 200, client: "192.168.7.7"},
		{remote: "10.1.0.9:1", forwarded: "8.8.8.8, junk", proxies: []netip.Prefix{proxy}, want: 400},
		{remote: "10.1.0.9:1", forwarded: "192.168.7.7,", proxies: []netip.Prefix{proxy}, want: 400},
		{remote: "10.2.0.9:1", forwarded: "8.8.8.8", proxies: []netip.Prefix{proxy}, want: 200, client: "10.2.0.9"},
	}
	for _, c := range cases {
		s := &middleware{networks: localNetworks(), proxies: c.proxies, failures: &failures{logger: discard()}, logger: discard()}
		client := ""
		h := s.trace(s.checkNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { client = infoOf(r).client })))
		r := httptest.NewRequest("GET", "/api/v1/me", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != c.want || client != c.client {
			t.Errorf("%+v: status %d, client %q", c, rec.Code, client)
		}
	}
}

// TestAServerWithoutNetworksDoesNotStart starts a server without networks: it has no list of its own to fall back on.
func TestAServerWithoutNetworksDoesNotStart(t *testing.T) {
	o := empty(t).options
	o.Networks = nil
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "network") {
		t.Errorf("a server without networks starts: %v", err)
	}
}

func TestForwardedSchemeAndHostAreBelievedOfProxiesOnly(t *testing.T) {
	for _, proxied := range []bool{true, false} {
		s := &middleware{networks: localNetworks(), failures: &failures{logger: discard()}, logger: discard()}
		if proxied {
			s.proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		}
		host, secure := "", false
		h := s.trace(s.checkNetwork(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { host, secure = r.Host, infoOf(r).secure })))
		r := httptest.NewRequest("GET", "http://inner/", nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "forged.lan, outer.lan")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if want := map[bool]string{true: "outer.lan", false: "inner"}[proxied]; host != want || secure != proxied {
			t.Errorf("proxied %t: host %q, secure %t", proxied, host, secure)
		}
	}
}

func TestRequestsOfOtherOriginsAreRefused(t *testing.T) {
	w := inhabited(t)
	own := strings.TrimPrefix(w.http.URL, "http://")
	type try struct {
		method, path string
		header       map[string]string
	}
	fetch := func(site, mode, dest string) map[string]string {
		return map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
	}
	var foreign, fine []try
	for _, origin := range []string{"http://evil.com", "null", "http://" + own + ".evil.com", "http://" + own + ":1", "file://",
		"http://127.0.0.1", "http://localhost:1", "chrome-extension://abc", "http://evil.com/" + own, own} {
		for _, method := range []string{"POST", "DELETE"} {
			foreign = append(foreign, try{method, "/api/v1/session", map[string]string{"Origin": origin}})
		}
		for _, path := range []string{"/api/v1/me", "/api/v1/cameras/front/clip.mp4", "/api/v1/live"} {
			foreign = append(foreign, try{"GET", path, map[string]string{"Origin": origin}})
		}
	}
	for _, site := range []string{"cross-site", "same-site"} {
		for _, mode := range []string{"no-cors", "cors", "navigate", "websocket", ""} {
			for _, dest := range []string{"empty", "video", "image", "script", "iframe", "frame", "object", "embed", "websocket", ""} {
				for _, path := range []string{"/api/v1/me", "/api/v1/cameras/front/live.mp4", "/api/v1/live"} {
					foreign = append(foreign, try{"GET", path, fetch(site, mode, dest)})
				}
			}
		}
		for _, method := range []string{"POST", "DELETE"} {
			foreign = append(foreign, try{method, "/api/v1/session", fetch(site, "navigate", "document")})
		}
		fine = append(fine, try{"GET", "/api/v1/me", fetch(site, "navigate", "document")}) // a link somewhere
	}
	for _, site := range []string{"same-origin", "none"} {
		fine = append(fine, try{"GET", "/api/v1/me", fetch(site, "cors", "empty")}, try{"GET", "/api/v1/me", fetch(site, "navigate", "document")})
	}
	fine = append(fine, try{"GET", "/api/v1/me", map[string]string{"Origin": w.http.URL}}, try{"GET", "/api/v1/me", nil},
		try{"DELETE", "/api/v1/session", map[string]string{"Origin": w.http.URL}})
	for _, x := range foreign {
		resp, body := w.do(w.as("alice", ask{method: x.method, path: x.path, header: x.header}))
		if p := problemIn(t, resp, body); p.Status != http.StatusForbidden {
			t.Errorf("%s %s %v: status %d, want 403", x.method, x.path, x.header, p.Status)
		}
	}
	for _, x := range fine {
		if resp, _ := w.do(w.as("alice", ask{method: x.method, path: x.path, header: x.header})); resp.StatusCode >= 300 {
			t.Errorf("%s %s %v: status %d, want success", x.method, x.path, x.header, resp.StatusCode)
		}
	}
	t.Logf("%d requests of other origins refused", len(foreign))
}

func TestEveryAnswerCarriesTheSecurityHeaders(t *testing.T) {
	w := inhabited(t)
	want := http.Header{}
	baseHeaders(want)
	if len(want) < 7 || !strings.Contains(want.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(want.Get("Content-Security-Policy"), "unsafe") {
		t.Fatalf("base headers %v", want)
	}
	for _, a := range []ask{{path: "/healthz"}, {path: "/api/v1/me"}, w.as("alice", ask{path: "/api/v1/me"}), {path: "/nowhere"}, {method: "PUT", path: "/healthz"},
		{path: "/api/v1/me", header: map[string]string{"Host": "evil.com"}}, {method: "POST", path: "/api/v1/session", body: strings.Repeat("x", maxBody+1)},
		{path: "/api/v1/me", header: map[string]string{"Sec-Fetch-Site": "cross-site"}}} {
		resp, _ := w.do(a)
		for name := range want {
			if resp.Header.Get(name) != want.Get(name) {
				t.Errorf("%s %s: %s: %q, want %q", a.method, a.path, name, resp.Header.Get(name), want.Get(name))
			}
		}
		if cors := resp.Header.Get("Access-Control-Allow-Origin"); cors != "" {
			t.Errorf("%s %s allows %q to read", a.method, a.path, cors)
		}
		if resp.Header.Get("Server") != "" {
			t.Errorf("%s names the server", a.path)
		}
	}
}

func TestAPanicIsA500ThatNamesOnlyTheRequest(t *testing.T) {
	log := &syncBuffer{}
	s := &middleware{failures: &failures{logger: logTo(log)}, logger: logTo(log)}
	h := s.trace(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		panic("the secret cause")
	}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/api/v1/me", nil))
	p := problemIn(t, recorded(rec), rec.Body.Bytes())
	if p.Status != 500 || p.Instance == "" || strings.Contains(rec.Body.String(), "secret") {
		t.Errorf("answer %s", rec.Body)
	}
	if !strings.Contains(log.String(), "the secret cause") || !strings.Contains(log.String(), p.Instance) {
		t.Errorf("the log does not say why: %s", log)
	}
}

func TestAPanicAfterTheFirstBytesAbortsTheConnection(t *testing.T) {
	s := &middleware{failures: &failures{logger: discard()}, logger: discard()}
	srv := httptest.NewServer(s.trace(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("half of it ", 1000))
		panic("late")
	})))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err == nil {
		defer resp.Body.Close()
		var sink strings.Builder
		if _, err = fmt.Fscan(resp.Body, &sink); err == nil {
			_, err = resp.Body.Read(make([]byte, 1<<20))
		}
		for err == nil {
			_, err = resp.Body.Read(make([]byte, 1<<20))
		}
	}
	if err == nil || err.Error() == "EOF" {
		t.Errorf("the torn answer looks whole: %v", err)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	w := inhabited(t)
	large := strings.Repeat(" ", maxBody+1)
	for _, header := range []map[string]string{{"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}} {
		for _, path := range []string{"/api/v1/session", "/api/v1/setup", "/api/v1/me", "/nowhere"} {
			resp, body := w.do(ask{method: "POST", path: path, body: large, header: header})
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("POST %s: status %d: %s", path, resp.StatusCode, body)
			}
		}
	}
	for _, limit := range []struct {
		name string
		size int
	}{{"X-Long", maxHeader * 2}, {"Cookie", maxHeader * 2}} {
		srv := httptest.NewUnstartedServer(w.server.Handler())
		srv.Config.MaxHeaderBytes = newHTTPServer(nil, discard(), t.Context()).MaxHeaderBytes
		srv.Start()
		req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/healthz", nil)
		check(t, err)
		req.Header.Set(limit.name, strings.Repeat("a", limit.size))
		resp, err := srv.Client().Do(req)
		check(t, err)
		resp.Body.Close()
		srv.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("header %s of %d bytes: status %d", limit.name, limit.size, resp.StatusCode)
		}
	}
}
