package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
)

func (w *world) post(path, body string) (*http.Response, []byte) {
	w.t.Helper()
	return w.do(ask{method: "POST", path: path, body: body, header: map[string]string{"Content-Type": "application/json"}})
}

func TestSetUpTakesTheCodeOnceAndSignsIn(t *testing.T) {
	w := empty(t)
	if resp, body := w.post("/api/v1/setup", `{"code":"AAAA-AAAA-AAAA","username":"ann","password":"`+password+`"}`); resp.StatusCode != http.StatusForbidden {
		t.Fatalf("wrong code: status %d: %s", resp.StatusCode, body)
	}
	code, needed, err := w.accounts.SetupCode(t.Context())
	if err != nil || !needed {
		t.Fatalf("needed %t, %v", needed, err)
	}
	if resp, body := w.post("/api/v1/setup", `{"code":"`+code+`","username":"ann","password":"short"}`); resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("short password: status %d: %s", resp.StatusCode, body)
	}
	body := `{"code":"` + strings.ToLower(code) + `","username":"ann","password":"` + password + `"}`
	resp, answer := w.post("/api/v1/setup", body)
	if m := decode[meJSON](t, resp, answer); m.Username != "ann" || !m.Admin {
		t.Errorf("the first account is %+v", m)
	}
	session := cookieIn(t, resp)
	if resp, _ := w.do(ask{path: "/api/v1/me", session: session.Value}); resp.StatusCode != http.StatusOK {
		t.Errorf("the session of the set-up: status %d", resp.StatusCode)
	}
	if resp, _ := w.post("/api/v1/setup", body); resp.StatusCode != http.StatusConflict {
		t.Errorf("second set-up: status %d", resp.StatusCode)
	}
}

func cookieIn(t *testing.T, resp *http.Response) *http.Cookie {
	t.Helper()
	cookies := resp.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0]
}

func TestASessionCookieIsOutOfReachOfScriptsAndOtherSites(t *testing.T) {
	w := inhabited(t)
	for _, secure := range []bool{false, true} {
		w.reopen(func(o *Options) { o.Secure = secure })
		resp, body := w.post("/api/v1/session", `{"username":"alice","password":"`+password+`"}`)
		c := cookieIn(t, resp)
		if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("secure %t: cookie %v", secure, c)
		}
		if strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("secure %t: cookie is named %s", secure, c.Name)
		}
		if strings.Contains(string(body), c.Value) {
			t.Error("the body repeats the session")
		}
	}
}

func TestUnderTLSOnlyTheHostCookieCounts(t *testing.T) {
	w := inhabited(t)
	w.reopen(func(o *Options) { o.Secure = true })
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/me"})); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a cookie that plain HTTP could have planted: status %d", resp.StatusCode)
	}
	resp, _ := w.do(ask{path: "/api/v1/me", header: map[string]string{"Cookie": "__Host-keepwatch=" + w.sessions["alice"]}})
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the right cookie: status %d", resp.StatusCode)
	}
}

func TestOneCredentialAloneDecidesWhoTheCallerIs(t *testing.T) {
	w := inhabited(t)
	alice := cookieName(false) + "=" + w.sessions["alice"]
	bob := cookieName(false) + "=" + w.sessions["bob"]
	cases := []struct {
		why    string
		header map[string]string
		want   string // name, or "" for 401
	}{
		{"cookie", map[string]string{"Cookie": alice}, "alice"},
		{"token", map[string]string{"Authorization": "Bearer " + w.tokens["bob"]}, "bob"},
		{"scheme in other case", map[string]string{"Authorization": "bearer " + w.tokens["bob"]}, "bob"},
		{"token beats cookie", map[string]string{"Authorization": "Bearer " + w.tokens["bob"], "Cookie": alice}, "bob"},
		{"bad token does not fall back", map[string]string{"Authorization": "Bearer nonsense", "Cookie": alice}, ""},
		{"another scheme does not fall back", map[string]string{"Authorization": "Basic YWxpY2U6eA==", "Cookie": alice}, ""},
		{"empty header does not fall back", map[string]string{"Authorization": "", "Cookie": alice}, ""},
		{"session as token", map[string]string{"Authorization": "Bearer " + w.sessions["alice"]}, ""},
		{"token as session", map[string]string{"Cookie": cookieName(false) + "=" + w.tokens["alice"]}, ""},
		{"two cookies", map[string]string{"Cookie": alice + "; " + bob}, ""},
		{"removed account", map[string]string{"Cookie": cookieName(false) + "=" + w.sessions["carol"]}, ""},
		{"token of removed account", map[string]string{"Authorization": "Bearer " + w.tokens["carol"]}, ""},
		{"headers of proxies", map[string]string{"X-Forwarded-User": "alice", "Remote-User": "alice", "X-Remote-User": "alice"}, ""},
	}
	for _, c := range cases {
		resp, body := w.do(ask{path: "/api/v1/me", header: c.header})
		if c.want == "" {
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: status %d: %s", c.why, resp.StatusCode, body)
			}
			continue
		}
		if m := decode[meJSON](t, resp, body); m.Username != c.want {
			t.Errorf("%s: %s, want %s", c.why, m.Username, c.want)
		}
	}
}

func TestMeNamesTheActionsOnOwnCamerasOnly(t *testing.T) {
	w := inhabited(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/me"}))
	m := decode[meJSON](t, resp, body)
	if len(m.Actions) != 2 || !slices.Equal(m.Actions["front"], access.Owned.Names()) || m.Actions["attic"] == nil {
		t.Errorf("alice: %+v", m)
	}
	resp, body = w.do(w.as("root", ask{path: "/api/v1/me"}))
	if m := decode[meJSON](t, resp, body); !m.Admin || len(m.Actions) != 0 {
		t.Errorf("the administrator who owns nothing: %+v", m)
	}
}

func TestLoggingInTwiceEndsTheFirstSessionAndLoggingOutTheSecond(t *testing.T) {
	w := inhabited(t)
	login := ask{method: "POST", path: "/api/v1/session", body: `{"username":"bob","password":"` + password + `","totp":"000000"}`,
		header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
	resp, _ := w.do(w.as("alice", login))
	second := cookieIn(t, resp).Value
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/me"})); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("alice's session after bob came in her browser: status %d", resp.StatusCode)
	}
	resp, _ = w.do(ask{method: "DELETE", path: "/api/v1/session", session: second})
	if c := cookieIn(t, resp); resp.StatusCode != http.StatusNoContent || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("logging out: status %d, cookie %v", resp.StatusCode, c)
	}
	if resp, _ := w.do(ask{path: "/api/v1/me", session: second}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after logging out: status %d", resp.StatusCode)
	}
	if resp, _ := w.do(ask{method: "DELETE", path: "/api/v1/session", session: second}); resp.StatusCode != http.StatusNoContent {
		t.Errorf("logging out again: status %d", resp.StatusCode)
	}
}

func TestABadLoginSaysTheSameForAnyoneAndIsSlowedDown(t *testing.T) {
	w := inhabited(t)
	var first []byte
	for _, body := range []string{`{"username":"alice","password":"wrong"}`, `{"username":"nobody","password":"wrong"}`, `{"username":"","password":""}`} {
		resp, answer := w.post("/api/v1/session", body)
		if problemIn(t, resp, answer).Status != http.StatusUnauthorized || len(resp.Cookies()) != 0 {
			t.Errorf("%s: status %d, cookies %v", body, resp.StatusCode, resp.Cookies())
		}
		if first == nil {
			first = answer
		} else if string(first) != string(answer) {
			t.Errorf("%s is told apart: %s", body, answer)
		}
	}
	for range 40 {
		resp, answer := w.post("/api/v1/session", `{"username":"alice","password":"wrong"}`)
		if resp.StatusCode == http.StatusTooManyRequests {
			if problemIn(t, resp, answer); resp.Header.Get("Retry-After") == "" {
				t.Error("without Retry-After")
			}
			return
		}
	}
	t.Error("nobody slowed 40 guesses down")
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	w := inhabited(t)
	for body, want := range map[string]int{
		"": 400, "{": 400, "[]": 400, `"x"`: 400, `{"username":1,"password":"x"}`: 400, `{"username":"alice","password":"x","admin":true}`: 400,
		`{"username":"alice","password":"x"} {}`: 400, "\x00": 400, `{"username":"\u0000","password":"\ud800"}`: 401, "null": 401,
		`{"username":"` + strings.Repeat("a", 60000) + `","password":""}`: 401, strings.Repeat("[", 30000): 400,
	} {
		resp, answer := w.post("/api/v1/session", body)
		if p := problemIn(t, resp, answer); p.Status != want && p.Status != http.StatusTooManyRequests {
			t.Errorf("%.40q: status %d, want %d", body, p.Status, want)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", ";"} {
		resp, answer := w.do(ask{method: "POST", path: "/api/v1/session", body: "{}", header: map[string]string{"Content-Type": kind}})
		if p := problemIn(t, resp, answer); p.Status != http.StatusUnsupportedMediaType {
			t.Errorf("type %q: status %d", kind, p.Status)
		}
	}
}

func TestNextLeadsOnlyToThisServer(t *testing.T) {
	for next, want := range map[string]string{
		"/live": "/live", "/cameras/front?at=2026-11-22T13:05:20Z": "/cameras/front?at=2026-11-22T13:05:20Z", "/a%20b": "/a%20b",
		"": "/", "live": "/", "//evil.com": "/", "///evil.com": "/", "/\\evil.com": "/", "\\\\evil.com": "/", "https://evil.com": "/",
		"javascript:alert(1)": "/", "/\tevil.com": "/", "/\n/evil.com": "/", "/%zz": "/", "/login": "/", "/logout?x": "/", "/setup": "/",
		" //evil.com": "/", "/\x00": "/", "/a\x7f": "/", "/.//evil.com": "/", "/%2f/evil.com": "/", "?x": "/", "#x": "/", "/x#y": "/x",
	} {
		if got := localPath(next); got != want {
			t.Errorf("next %q leads to %q, want %q", next, got, want)
		}
	}
}

func TestJSONMistakesDoNotRepeatWhatWasSent(t *testing.T) {
	for _, body := range []string{`{"password":"hunter2`, `{"hunter2":1}`, `hunter2`, `{"username":"hunter2","password":5}`} {
		r := httptest.NewRequest("POST", "/api/v1/session", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var c credentials
		if err := readJSON(r, &c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if b, err := json.Marshal(credentials{Code: "secret"}); err != nil || strings.Contains(string(b), "secret") {
		t.Errorf("%s, %v", b, err)
	}
}
