package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"keepwatch.internal/internal/media"
)

// attack is a malicious request: alice's browser sends it with her cookie, or somebody else without one.
type attack struct {
	ask
	why string
}

// corpus makes the attacks out of the route table, so that a new route is attacked as well.
func (w *world) corpus() []attack {
	var all []attack
	add := func(why, method, path string, header map[string]string) {
		all = append(all, attack{ask{method: method, path: path, header: header, session: w.sessions["alice"]}, why})
	}
	origins := []string{"http://evil.com", "https://evil.com", "null", w.http.URL + ".evil.com", "http://127.0.0.1:1", "file://", "http://evil.com@127.0.0.1"}
	for _, rt := range w.server.routes() {
		path := strings.NewReplacer("{id}", "front", "{version}", assetVersion, "{name...}", "css/app.css", "{$}", "", "{person}", "bob", "{number}", "1", "{secret}", "x").Replace(rt.path)
		for _, host := range []string{"evil.com", "rebind.evil.com:8443", "nvr.example.net.evil.com", "127.0.0.1.nip.io", "localhost.evil.com", "evil.localdomain"} {
			add("rebinding", rt.method, path, map[string]string{"Host": host})
		}
		if rt.method == "GET" {
			if strings.HasPrefix(path, "/static/") {
				continue // which other pages may not embed either, but which holds nothing of anybody
			}
			for _, dest := range []string{"iframe", "image", "video", "script", "empty", "object"} {
				add("embedding", "GET", path, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": dest})
			}
			continue
		}
		for _, origin := range origins {
			add("a form elsewhere", rt.method, path, map[string]string{"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"})
		}
		for _, site := range []string{"cross-site", "same-site"} {
			add("a form elsewhere", rt.method, path, map[string]string{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
				"Content-Type": "text/plain"})
		}
	}
	return append(all, w.forgeries()...)
}

// forgeries are headers by which other products believe who asks. Nobody is signed in here.
func (w *world) forgeries() []attack {
	var all []attack
	for _, header := range []map[string]string{
		{"X-Forwarded-User": "alice"}, {"Remote-User": "alice"}, {"X-Remote-User": "alice"}, {"X-Auth-Request-User": "alice"}, {"X-Forwarded-Email": "alice"},
		{"X-Authentik-Username": "alice"}, {"X-Webauth-User": "alice"}, {"Cf-Access-Authenticated-User-Email": "alice"}, {"X-Forwarded-Role": "admin"},
		{"Remote-Groups": "admin"}, {"X-Original-Url": "/login"}, {"X-Rewrite-Url": "/login"}, {"X-Http-Method-Override": "GET"},
		{"X-Forwarded-For": "127.0.0.1"}, {"X-Real-Ip": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1;host=localhost"}, {"X-Custom-Ip-Authorization": "127.0.0.1"},
		{"Authorization": "Bearer " + w.sessions["alice"]}, {"Authorization": "Basic YWxpY2U6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"}, {"Authorization": "Bearer"},
		{"Authorization": "Bearer " + w.tokens["carol"]}, {"Cookie": "keepwatch=" + w.tokens["alice"]}, {"Cookie": "keepwatch=" + w.sessions["carol"]},
		{"Cookie": "keepwatch=" + w.sessions["alice"] + "; keepwatch=" + w.sessions["bob"]}, {"Cookie": "__Host-keepwatch=" + w.sessions["alice"]},
	} {
		for _, path := range []string{"/api/v1/me", "/api/v1/cameras", "/api/v1/cameras/front/keyframe.mp4?at=" + w.start.Add(time.Second).Format(time.RFC3339),
			"/cameras/front", "/system", "/live"} {
			all = append(all, attack{ask{path: path, header: header}, "forged headers"})
		}
	}
	return all
}

func TestNoAttackOfTheCorpusSucceeds(t *testing.T) {
	w := filmed(t)
	all := w.corpus()
	front := w.cameras["front"].ID.String()
	for _, a := range all {
		resp, body := w.do(a.ask)
		login := resp.StatusCode == http.StatusSeeOther && strings.HasPrefix(resp.Header.Get("Location"), "/login") && a.why == "forged headers"
		if resp.StatusCode < 400 && !login {
			t.Errorf("%s: %s %s %v: status %d", a.why, a.method, a.path, a.header, resp.StatusCode)
		}
		if strings.Contains(string(body), front) || strings.Contains(string(body), "Front &lt;door") || len(resp.Cookies()) > 0 {
			t.Errorf("%s: %s %s %v tells or sets something: %.200s", a.why, a.method, a.path, a.header, body)
		}
	}
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/me"})); resp.StatusCode != http.StatusOK {
		t.Errorf("an attack ended alice's session: status %d", resp.StatusCode)
	}
	t.Logf("%d attacks, none succeeded", len(all))
	if len(all) < 500 {
		t.Errorf("the corpus has only %d attacks", len(all))
	}
}

func TestNoPageElsewhereOpensTheLiveSocket(t *testing.T) {
	w := inhabited(t)
	url := "ws" + strings.TrimPrefix(w.http.URL, "http") + "/api/v1/live"
	dial := func(header http.Header) error {
		header.Set("Cookie", cookieName(false)+"="+w.sessions["alice"])
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: header, Host: header.Get("Test-Host")})
		if err == nil {
			conn.CloseNow()
		}
		return err
	}
	check(t, dial(http.Header{"Origin": {w.http.URL}}))
	own := strings.TrimPrefix(w.http.URL, "http://")
	for _, h := range []http.Header{
		{"Origin": {"http://evil.com"}}, {"Origin": {"null"}}, {"Origin": {"https://" + own + ".evil.com"}}, {"Origin": {"http://evil.com/" + own}},
		{"Origin": {w.http.URL, "http://evil.com"}}, {"Origin": {"file://"}}, {"Origin": {"http://localhost:1"}}, {"Origin": {"//" + own}},
		{"Origin": {w.http.URL}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {w.http.URL}, "Sec-Fetch-Site": {"same-site"}},
		{"Origin": {"http://evil.com"}, "Test-Host": {"evil.com"}}, {"Origin": {"http://127.0.0.1.nip.io"}, "Test-Host": {"127.0.0.1.nip.io"}},
		{"Origin": {"http://evil.com"}, "Sec-Fetch-Site": {"same-origin"}},
	} {
		if err := dial(h); err == nil {
			t.Errorf("%v opened the live socket", h)
		}
	}
}

// TestRequestsThatTwoReadersUnderstandDifferentlyAreRefused sends what no client library would.
func TestRequestsThatTwoReadersUnderstandDifferentlyAreRefused(t *testing.T) {
	w := filmed(t)
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = newHTTPServer(w.server.Handler(), discard(), t.Context())
	srv.Start()
	defer srv.Close()
	cookie := "Cookie: keepwatch=" + w.sessions["alice"] + "\r\n"
	for _, raw := range []string{
		"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n" + cookie + "\r\n",
		"GET /api/v1/me HTTP/1.1\r\n" + cookie + "\r\n",
		"GET http://evil.com/api/v1/me HTTP/1.1\r\nHost: localhost\r\n" + cookie + "\r\n",
		"GET //evil.com/api/v1/me HTTP/1.1\r\nHost: localhost\r\n" + cookie + "\r\n",
		"GET /api/v1/../v1/me HTTP/1.1\r\nHost: evil.com\r\n" + cookie + "\r\n",
		"GET /api/v1/me HTTP/1.1\r\nHost : localhost\r\n" + cookie + "\r\n",
		"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nX: a\r\n Host: evil.com\r\nHost: evil.com\r\n" + cookie + "\r\n",
		"GET /api/v1/me HTTP/1.1\r\nHost: localhost\x00.evil.com\r\n" + cookie + "\r\n",
		"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET",
		"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: evil.com\r\n\r\n",
		"CONNECT evil.com:80 HTTP/1.1\r\nHost: evil.com:80\r\n\r\n",
		"TRACE /api/v1/me HTTP/1.1\r\nHost: localhost\r\n" + cookie + "\r\n",
		"GET /api/v1/me HTTP/1.1\r\nHost: [::1%25eth0\r\n" + cookie + "\r\n",
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		check(t, err)
		check(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
		_, err = io.WriteString(conn, raw)
		check(t, err)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode < 300 || strings.Contains(string(body), "alice") {
				t.Errorf("%q: status %d: %s", raw, resp.StatusCode, body)
			}
			if resp.StatusCode < 400 && !strings.HasPrefix(resp.Header.Get("Location"), "/") {
				t.Errorf("%q leads to %s", raw, resp.Header.Get("Location"))
			}
			if strings.Contains(fmt.Sprint(resp.Header), "evil.com") {
				t.Errorf("%q: the answer's header repeats the name: %v", raw, resp.Header)
			}
		}
		check(t, conn.Close())
	}
}

// hostileCache stands in front of a server and keeps every answer whose Cache-Control does not forbid it, by method and
// address alone: cookies, tokens and Vary mean nothing to it.
type hostileCache struct {
	server http.Handler
	kept   map[string]*httptest.ResponseRecorder
	hits   int
}

func (c *hostileCache) ask(a ask) (answer *httptest.ResponseRecorder, hit bool) {
	r := httptest.NewRequest("GET", a.path, nil)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
	if kept, ok := c.kept[a.path]; ok {
		c.hits++
		return kept, true
	}
	if a.session != "" {
		r.AddCookie(&http.Cookie{Name: cookieName(false), Value: a.session})
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	rec := &firstBytes{ResponseRecorder: httptest.NewRecorder(), enough: cancel}
	func() {
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				panic(v)
			}
		}()
		c.server.ServeHTTP(rec, r.WithContext(ctx))
	}()
	control := strings.ToLower(rec.Header().Get("Cache-Control"))
	if !strings.Contains(control, "no-store") && !strings.Contains(control, "private") {
		c.kept[a.path] = rec.ResponseRecorder
	}
	return rec.ResponseRecorder, false
}

func TestACacheThatIgnoresWhoAsksGivesNobodyAnothersAnswer(t *testing.T) {
	w := filmed(t)
	for _, c := range w.cameras {
		w.broadcast(c, media.Main, 3)
	}
	cache := &hostileCache{server: w.server.Handler(), kept: map[string]*httptest.ResponseRecorder{}}
	asked, static := 0, 0
	for _, name := range []string{"alice", "bob", "", "root"} {
		for _, rt := range w.server.routes() {
			if rt.method != "GET" {
				continue
			}
			for _, camera := range []string{"front", "yard", "attic", "none"} {
				path := strings.NewReplacer("{id}", camera, "{version}", assetVersion, "{name...}", "css/app.css", "{$}", "", "{person}", "bob", "{number}", "1", "{secret}", "x").Replace(rt.path)
				for _, a := range []ask{{path: path + "?" + w.queries()[0], session: w.sessions[name]}, {path: path + "?token&" + w.queries()[0], token: w.tokens[name]}} {
					_, hit := cache.ask(a)
					asked++
					if hit && !strings.HasPrefix(path, "/static/") {
						t.Errorf("%s got an answer to GET %s that was made for another", name, path)
					} else if hit {
						static++
					}
				}
			}
		}
	}
	t.Logf("%d requests through the cache, %d hits, all on static files", asked, static)
	if static == 0 {
		t.Error("the cache keeps nothing at all: this test shows nothing")
	}
}
