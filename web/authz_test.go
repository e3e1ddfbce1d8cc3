package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
)

// queries are the queries for a camera's routes, valid and invalid.
func (w *world) queries() []string {
	at := w.start.Add(5500 * time.Millisecond).Format(time.RFC3339Nano)
	good := w.span(2, 6) + "&at=" + at
	return []string{good, good + "&download=1", "", "from=x&to=y&at=z&stream=none"}
}

// TestTheAuthorizationMatrix requests every route of the table, with every method, for every camera, as every kind of caller. It
// compares the decisions with the policies and the ownership, which changes from round to round. It calls the handler directly;
// the next test uses the network.
func TestTheAuthorizationMatrix(t *testing.T) {
	w := filmed(t)
	decisions := 0
	for round, owned := range []map[string]string{
		{"alice": "front attic", "bob": "yard attic"},
		{"alice": "yard", "bob": "front"},
		{"alice": "", "bob": "front yard attic"},
		{"alice": "attic", "root": "front yard"},
	} {
		w.own(owned)
		for _, c := range w.cameras {
			w.broadcast(c, media.Main, 3)
		}
		for _, rt := range w.server.routes() {
			decisions += w.askAll(rt, owned)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d decisions", decisions)
	if decisions < 100_000 {
		t.Errorf("only %d decisions", decisions)
	}
}

// own makes the accounts own exactly the named cameras.
func (w *world) own(owned map[string]string) {
	w.t.Helper()
	var all []accounts.Ownership
	for name, c := range w.cameras {
		o := accounts.Ownership{Camera: access.Camera(c.ID), Owners: []string{"carol"}} // her account was removed
		for account, cameras := range owned {
			if slices.Contains(strings.Fields(cameras), name) {
				o.Owners = append(o.Owners, account)
			}
		}
		all = append(all, o)
	}
	check(w.t, w.accounts.SetOwners(w.t.Context(), all))
}

// askAll requests one route in every way and returns the number of requests.
func (w *world) askAll(rt route, owned map[string]string) (decisions int) {
	w.t.Helper()
	cameras := []string{"front", "yard", "attic", "unknown", "Front", w.cameras["front"].ID.String(), "front%00", "..%2ffront", "front%20"}
	if !strings.Contains(rt.path, "{id}") {
		cameras = cameras[:1]
	}
	for _, p := range w.principals() {
		p.owned = owned
		for i, camera := range cameras {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"} {
				queries := w.queries()
				switch {
				case method != rt.method && method != "HEAD" && i >= 3:
					continue // no handler reads the name
				case method != rt.method:
					queries = queries[:1] // no handler reads it, or like GET
				case !strings.HasPrefix(rt.path, "/api/"):
					queries = queries[:1] // pages are slower, and decide like the API
				}
				for _, query := range queries {
					w.decide(rt, p, camera, method, query)
					decisions++
				}
			}
		}
	}
	return decisions
}

// decide makes one request and compares.
func (w *world) decide(rt route, p principal, camera, method, query string) {
	w.t.Helper()
	path := strings.NewReplacer("{id}", camera, "{kept}", "this", "{version}", assetVersion, "{name...}", "robots.txt", "{$}", "", "{person}", "bob", "{number}", "999999", "{secret}", "none").Replace(rt.path)
	if method == "DELETE" && strings.HasSuffix(rt.path, "/footage") {
		query += "&preview=1" // the matrix must not delete anything
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, path+"?"+query, nil)
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
	if rt.policy == public && method != "GET" {
		p.session = "" // the matrix must not sign its principals out
	}
	p.sign(r)
	rec := &firstBytes{ResponseRecorder: httptest.NewRecorder(), enough: cancel}
	func() {
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				panic(v)
			}
		}()
		w.server.Handler().ServeHTTP(rec, r)
	}()
	what := fmt.Sprintf("%s: %s %s?%s", p.name, method, path, query)
	if rec.Code != http.StatusSeeOther && rt.policy == onCamera && !p.mayOn(camera) && (method == rt.method || method == "HEAD") {
		if strings.Contains(rec.Body.String(), w.cameras["front"].ID.String()) || strings.Contains(rec.Body.String(), w.cameras["yard"].ID.String()) {
			w.t.Fatalf("%s: footage", what)
		}
	}
	action := access.Action(0)
	if rt.policy == onCamera {
		action = rt.action(r)
	}
	if want := rt.expected(p, camera, method, action); !want(rec.Code) {
		w.t.Errorf("%s: status %d", what, rec.Code)
	}
}

// firstBytes ends the request after the first kilobytes: live streams are endless.
type firstBytes struct {
	*httptest.ResponseRecorder
	enough func()
}

func (f *firstBytes) Write(b []byte) (int, error) {
	if f.Body.Len() > 4<<10 {
		f.enough()
		return 0, io.ErrClosedPipe
	}
	return f.ResponseRecorder.Write(b)
}

// TestWhatIsNotYoursIsNotThere compares, over the network, every response about a foreign camera with the response about one that
// does not exist: status, headers and body must be the same.
func TestWhatIsNotYoursIsNotThere(t *testing.T) {
	w := filmed(t)
	for _, c := range w.cameras {
		w.broadcast(c, media.Main, 3)
	}
	stopped := time.Now()
	w.reopen(func(o *Options) { o.Now = func() time.Time { return stopped } }) // pages contain the time
	compared := 0
	for _, rt := range w.server.routes() {
		if rt.policy != onCamera && rt.policy != seesCamera {
			continue
		}
		for _, p := range w.principals() {
			p.owned = map[string]string{"alice": "front attic", "bob": "yard attic"}
			for _, query := range w.queries() {
				for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
					if method != rt.method && (method != "HEAD" || rt.method != "GET") {
						continue
					}
					for name := range w.cameras {
						if p.mayOn(name) {
							continue
						}
						unknown := w.fingerprint(rt, p, strings.Repeat("x", len(name)), method, query)
						if got := w.fingerprint(rt, p, name, method, query); got != unknown {
							t.Errorf("%s: %s %s: %s differs from a camera that does not exist:\n%s\n%s", p.name, method, rt.path, name, got, unknown)
						}
						compared++
					}
				}
			}
		}
	}
	t.Logf("%d pairs of answers are the same", compared)
}

// fingerprint is everything in a response except the date and the camera's own name, which a redirect to the login page repeats.
func (w *world) fingerprint(rt route, p principal, camera, method, query string) string {
	w.t.Helper()
	path := strings.NewReplacer("{id}", camera, "{person}", "bob", "{number}", "999999").Replace(rt.path) + "?" + query
	a := ask{method: method, path: path, session: p.session, token: p.token}
	if p.link != "" {
		a.path += "&as=link"
		a.header = map[string]string{"Cookie": linkCookieName(false) + "=" + p.link}
	}
	resp, body := w.do(a)
	resp.Header.Del("Date")
	var header strings.Builder
	check(w.t, resp.Header.Write(&header))
	all := fmt.Sprintf("%d\n%s\n%s", resp.StatusCode, header.String(), body)
	return strings.ReplaceAll(all, camera, "X")
}

// TestActionsWithoutARightAreRefused tries each action alone.
func TestActionsWithoutARightAreRefused(t *testing.T) {
	w := filmed(t)
	for _, rt := range w.server.routes() {
		if rt.policy != onCamera {
			continue
		}
		asked := rt.action(httptest.NewRequest("GET", "/?"+w.span(1, 2), nil))
		for _, held := range []access.Action{access.Live, access.Playback, access.Export, access.Audio, access.Share, access.Manage} {
			_, err := access.Decide(access.Viewer{Kind: access.AccountView, AccountID: 1}, access.Camera(w.cameras["front"].ID), access.Grant{Rights: access.Rights(held)}, asked, time.Now().Add(time.Second))
			if (err == nil) != (held == asked) {
				t.Errorf("%s asks for %v: with %v alone %v", rt.path, asked, held, err)
			}
		}
	}
	clip := httptest.NewRequest("GET", "/?download=1", nil)
	if fileAction(clip) != access.Export || fileAction(httptest.NewRequest("GET", "/?download=", nil)) != access.Export {
		t.Error("a download is not an export")
	}
}
