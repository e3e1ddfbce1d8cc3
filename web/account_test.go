package web

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/web/view"
)

// submit sends a form like a browser without scripts.
func (w *world) submit(session, path string, form url.Values) (*http.Response, tree) {
	w.t.Helper()
	resp, body := w.do(ask{method: "POST", path: path, session: session, body: form.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	return resp, parse(w.t, body)
}

// went checks that a form succeeded and redirected.
func (w *world) went(resp *http.Response, page tree, to string) {
	w.t.Helper()
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(got, to) {
		w.t.Fatalf("status %d to %q, want to %s: %s", resp.StatusCode, got, to, text(page.root))
	}
}

// stale makes the last confirmation of all sessions old.
func (w *world) stale() {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.people+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	defer func() { check(w.t, db.Close()) }()
	_, err = db.ExecContext(w.t.Context(), `UPDATE sessions SET confirmed_us = 0`)
	check(w.t, err)
}

func TestThePasswordIsAskedForAgainAndTheFormGoesOn(t *testing.T) {
	w := inhabited(t)
	w.stale()
	me := w.sessions["alice"]
	form := url.Values{"label": {"Home"}, "action": {"live", "playback"}, "cameras": {"these"}, "camera": {"front"}, "until": {"30"}}
	resp, page := w.submit(me, "/account/tokens", form)
	if resp.StatusCode != http.StatusOK || len(page.all("input", "name="+view.ConfirmField)) != 1 {
		t.Fatalf("status %d: %s", resp.StatusCode, text(page.root))
	}
	again := url.Values{}
	for _, n := range page.all("input", "type=hidden") {
		again.Add(attr(n, "name"), attr(n, "value"))
	}
	if again.Encode() != form.Encode() {
		t.Errorf("the form that goes on is %s, not %s", again.Encode(), form.Encode())
	}
	again.Set(view.ConfirmField, "wrong")
	if resp, page := w.submit(me, "/account/tokens", again); resp.StatusCode != http.StatusForbidden || len(page.all("p", "role=alert")) == 0 {
		t.Errorf("with a wrong password: status %d", resp.StatusCode)
	}
	again.Set(view.ConfirmField, password)
	resp, page = w.submit(me, "/account/tokens", again)
	secret := ""
	for _, n := range page.all("code") {
		secret = text(n)
	}
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(secret, "kwt_") {
		t.Fatalf("status %d: %s", resp.StatusCode, text(page.root))
	}
	resp, body := w.do(ask{path: "/api/v1/me", token: secret})
	if m := decode[me2](t, resp, body); len(m.Actions) != 1 || fmt.Sprint(m.Actions["front"]) != "[live playback]" {
		t.Errorf("the token may %v", m.Actions)
	}
	if p := w.page("alice", "/account"); strings.Contains(text(p.root), secret) || !strings.Contains(text(p.root), "Home") {
		t.Error("the token is not listed, or its secret is")
	}
	w.stale()
	resp, body = w.do(w.as("alice", ask{method: "POST", path: "/api/v1/me/tokens", body: `{"label":"x","actions":["live"]}`, header: map[string]string{"Content-Type": "application/json"}}))
	if p := problemIn(t, resp, body); p.Type != "urn:keepwatch:problem:confirm" || p.Status != http.StatusForbidden {
		t.Errorf("the API without the password: %s", body)
	}
	w.do(w.as("alice", ask{method: "POST", path: "/api/v1/session/confirm", body: `{"password":"` + password + `"}`, header: map[string]string{"Content-Type": "application/json"}}))
	resp, body = w.do(w.as("alice", ask{method: "POST", path: "/api/v1/me/tokens", body: `{"label":"x","actions":["live"]}`, header: map[string]string{"Content-Type": "application/json"}}))
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("after the password: %s", body)
	}
}

// me2 is the response of /me as programs read it.
type me2 struct{ Actions map[string][]string }

func TestPasswordAndSessionsAreManagedWithoutScripts(t *testing.T) {
	w := inhabited(t)
	for range 2 {
		resp, body := w.post("/api/v1/session", `{"username":"alice","password":"`+password+`"}`)
		decode[me2](t, resp, body)
	}
	mine := w.sessions["alice"]
	resp, page := w.submit(mine, "/account/password", url.Values{"old": {"wrong"}, "new": {"another good one"}})
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(text(page.root), "Wrong current password") {
		t.Errorf("wrong old password: %d", resp.StatusCode)
	}
	rows := w.page("alice", "/account").all("input", "name=session")
	other := attr(rows[0], "value")
	resp, page = w.submit(mine, "/account/sessions", url.Values{"session": {other}})
	w.went(resp, page, "/account?done=session")
	if got := w.page("alice", "/account").all("input", "name=session"); len(got) != len(rows)-1 {
		t.Errorf("%d sessions of %d are left", len(got), len(rows))
	}
	resp, page = w.submit(mine, "/account/password", url.Values{"old": {password}, "new": {"another good one"}})
	w.went(resp, page, "/account?done=password")
	p := w.page("alice", "/account?done=password")
	if n := len(p.all("input", "name=session", "value="+other)); n != 0 || !strings.Contains(text(p.root), "Password changed") {
		t.Error("the other sessions are still there, or the page does not say what happened")
	}
	resp, page = w.submit(mine, "/account/sessions", url.Values{"session": {"all"}})
	w.went(resp, page, "/login")
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/me"})); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out everywhere: %d", resp.StatusCode)
	}
	if resp, page := w.submit(w.sessions["bob"], "/account/sessions", url.Values{"session": {"1"}}); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another's session: %d %s", resp.StatusCode, text(page.root))
	}
}

func TestASecondFactorIsSetUpUsedAndSwitchedOffWithoutScripts(t *testing.T) {
	w := inhabited(t)
	mine := w.sessions["alice"]
	resp, page := w.submit(mine, "/account/totp", nil)
	key := ""
	for _, n := range page.all("code") {
		key = text(n)
	}
	if picture := page.all("img"); resp.StatusCode != 200 || len(picture) != 1 || !strings.HasPrefix(attr(picture[0], "src"), "data:image/png;base64,") || key == "" {
		t.Fatalf("status %d: %s", resp.StatusCode, text(page.root))
	}
	if resp, _ := w.submit(mine, "/account/totp/on", url.Values{"code": {"000000"}}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a wrong code: %d", resp.StatusCode)
	}
	code, err := totp.GenerateCode(key, time.Now())
	check(t, err)
	resp, page = w.submit(mine, "/account/totp/on", url.Values{"code": {code}})
	var recovery []string
	for _, n := range page.all("code") {
		recovery = append(recovery, text(n))
	}
	if resp.StatusCode != 200 || len(recovery) != 10 {
		t.Fatalf("status %d, %d recovery codes: %s", resp.StatusCode, len(recovery), text(page.root))
	}
	resp, page = w.submit("", "/login", url.Values{"username": {"alice"}, "password": {"wrong words here"}})
	if resp.StatusCode != http.StatusForbidden || len(page.all("input", "name=code")) != 0 {
		t.Errorf("a wrong password learns of the second factor: %d", resp.StatusCode)
	}
	resp, page = w.submit("", "/login", url.Values{"username": {"alice"}, "password": {password}, "next": {"/cameras"}})
	if resp.StatusCode != 200 || len(page.all("input", "name=code")) != 1 || len(resp.Cookies()) != 0 {
		t.Fatalf("after the password: %d: %s", resp.StatusCode, text(page.root))
	}
	form := url.Values{}
	for _, n := range page.all("input", "type=hidden") {
		form.Set(attr(n, "name"), attr(n, "value"))
	}
	form.Set("code", recovery[3])
	resp, page = w.submit("", "/login", form)
	w.went(resp, page, "/cameras")
	if resp, page := w.submit("", "/login", form); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) != 0 {
		t.Errorf("a recovery code twice: %d: %s", resp.StatusCode, text(page.root))
	}
	resp, body := w.post("/api/v1/session", `{"username":"alice","password":"`+password+`"}`)
	if p := problemIn(t, resp, body); p.Type != "urn:keepwatch:problem:code-needed" || p.Status != http.StatusUnauthorized {
		t.Errorf("the API: %s", body)
	}
	resp, page = w.submit(mine, "/account/totp/off", nil)
	w.went(resp, page, "/account?done=totp-off")
	if resp, _ := w.post("/api/v1/session", `{"username":"alice","password":"`+password+`"}`); resp.StatusCode != 200 {
		t.Errorf("after switching it off: %d", resp.StatusCode)
	}
}

func TestAnOwnerSharesAndRevokesWithoutScripts(t *testing.T) {
	w := large(t, "front")
	mine := w.sessions["alice"]
	clip := "/api/v1/cameras/front/clip.mp4?" + w.span(0, filmLength)
	resp, page := w.submit(mine, "/cameras/front/shares", url.Values{"to": {"account"}, "account": {"nobody"}, "action": {"live"}})
	if resp.StatusCode != http.StatusBadRequest || len(page.all("p", "role=alert")) != 1 {
		t.Errorf("with nobody: %d", resp.StatusCode)
	}
	resp, page = w.submit(mine, "/cameras/front/shares", url.Values{"to": {"account"}, "account": {"Bob "}, "action": {"live", "playback"}, "until": {"7"}})
	w.went(resp, page, "/cameras/front/access?done=share")
	p := w.page("alice", "/cameras/front/access")
	if words := text(p.root); !strings.Contains(words, "bob can watch live, watch recordings; until") || !strings.Contains(words, "alice full access") {
		t.Errorf("the page says %s", words)
	}
	if resp, _ := w.do(w.as("bob", ask{path: "/cameras/front/access"})); resp.StatusCode != http.StatusNotFound {
		t.Errorf("bob, who may not share: %d", resp.StatusCode)
	}
	open := w.open(t.Context(), w.as("bob", ask{path: clip}))
	defer open.Body.Close()
	check(t, readSome(open.Body))
	share := attr(p.all("input", "name=share")[0], "value")
	if resp, _ := w.submit(w.sessions["bob"], "/cameras/attic/shares/revoke", url.Values{"share": {share}}); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a share of another camera is revoked through one's own: %d", resp.StatusCode)
	}
	resp, page = w.submit(mine, "/cameras/front/shares/revoke", url.Values{"share": {share}})
	w.went(resp, page, "/cameras/front/access?done=revoked")
	w.cutWithin(open, time.Second)
	if resp, _ := w.do(w.as("bob", ask{path: clip})); resp.StatusCode != http.StatusNotFound {
		t.Errorf("after the revocation: %d", resp.StatusCode)
	}
}

// cutWithin keeps reading, too slowly for the response to end by itself, and checks that it is cut off in time.
func (w *world) cutWithin(resp *http.Response, limit time.Duration) {
	w.t.Helper()
	watch, slow := newStopwatch(w.t), time.NewTicker(10*time.Millisecond)
	defer slow.Stop()
	for w.handling("ServeContent", "copyRun") {
		if <-slow.C; watch.took() > limit {
			w.t.Fatalf("%s: still sent after %v", resp.Request.URL, watch.took())
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		w.t.Errorf("%s: ended well, with %d more bytes", resp.Request.URL, n)
	}
}

func TestALinkOpensItsTimeOfItsCameraAndNothingElse(t *testing.T) {
	w := large(t, "front", "attic")
	local := func(s int) string {
		return w.start.Add(time.Duration(s) * time.Second).In(w.options.Location).Format(localMoment)
	}
	resp, page := w.submit(w.sessions["alice"], "/cameras/front/shares", url.Values{"to": {"link"}, "action": {"playback", "export"}, "label": {"For the insurance"},
		"window": {"these"}, "from": {local(2)}, "end": {local(14)}, "until": {"1"}})
	if resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, text(page.root))
	}
	link := text(page.one("code"))
	path := strings.TrimPrefix(link, w.http.URL)
	resp, _ = w.do(ask{path: path})
	cookie := cookieIn(t, resp)
	if resp.Header.Get("Location") != "/link" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || resp.Header.Get("Cache-Control") != "private, no-store" {
		t.Fatalf("%v, %v", resp.Header, cookie)
	}
	as := map[string]string{"Cookie": cookie.Name + "=" + cookie.Value}
	_, body := w.do(ask{path: "/link", header: as})
	shown := parse(t, body)
	if words := text(shown.root); !strings.Contains(words, "Front <door>") || !strings.Contains(words, "For the insurance") || strings.Contains(words, "Attic") {
		t.Errorf("the page says %s", words)
	}
	clip := attr(shown.one("video"), "src")
	if resp, _ := w.do(ask{path: clip, header: as}); resp.StatusCode != 200 {
		t.Errorf("what the page shows: %d", resp.StatusCode)
	}
	for what, path := range map[string]string{"before": "/api/v1/cameras/front/clip.mp4?as=link&" + w.span(0, 2), "after": "/api/v1/cameras/front/clip.mp4?as=link&" + w.span(15, 18),
		"another camera": "/api/v1/cameras/attic/clip.mp4?as=link&" + w.span(3, 5), "live": "/api/v1/cameras/front/live.mp4?as=link",
		"who watched": "/api/v1/cameras/front/views?as=link", "shares": "/api/v1/cameras/front/shares?as=link"} {
		if resp, _ := w.do(ask{path: path, header: as}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", what, resp.StatusCode)
		}
	}
	if resp, _ := w.do(ask{path: strings.ReplaceAll(clip, "as=link", ""), header: as}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without saying that it is a link: %d", resp.StatusCode)
	}
	for _, path := range []string{"/live", "/cameras", "/cameras/front", "/system", "/account", "/people"} {
		if resp, _ := w.do(ask{path: path + "?as=link", header: as}); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s with a link: %d", path, resp.StatusCode)
		}
	}
	download := w.open(t.Context(), ask{path: clip + "&download=1", header: as})
	defer download.Body.Close()
	check(t, readSome(download.Body))
	share := attr(w.page("alice", "/cameras/front/access").all("input", "name=share")[0], "value")
	w.submit(w.sessions["alice"], "/cameras/front/shares/revoke", url.Values{"share": {share}})
	w.cutWithin(download, time.Second)
	_, never := w.do(ask{path: "/s/kwl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
	for _, a := range []ask{{path: path}, {path: "/link", header: as}, {path: "/link"}, {path: "/s/x"}} {
		if resp, body := w.do(a); resp.StatusCode != http.StatusNotFound || plain(t, body) != plain(t, never) || len(resp.Cookies()) > 0 {
			t.Errorf("%s after the revocation differs from a link that never was: %d %s", a.path, resp.StatusCode, body)
		}
	}
	if !poll(10*time.Second, func() bool { return w.watched("front", "For the insurance", access.Export) > 0 }) {
		t.Error("the owner does not read who took it")
	}
}

// plain is a page without its clock.
func plain(t *testing.T, body []byte) string {
	t.Helper()
	root := parse(t, body)
	var b strings.Builder
	for _, n := range root.all("html") {
		n.Attr = nil
		check(t, html.Render(&b, n))
	}
	return b.String()
}

func TestAdministratorsManageAccountsAndSeeNoCameraByIt(t *testing.T) {
	w := inhabited(t)
	root := w.sessions["root"]
	words := text(w.page("root", "/people").one("main"))
	if !strings.Contains(words, "owns 2 cameras") || strings.Contains(words, "Front") || strings.Contains(words, "Attic") {
		t.Errorf("the page says %s", words)
	}
	resp, page := w.submit(root, "/people", url.Values{"username": {"frank"}, "password": {password}, "again": {"something else"}})
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text(page.one("p", "id=again-mistake")), "match") {
		t.Errorf("two passwords: %d", resp.StatusCode)
	}
	resp, page = w.submit(root, "/people", url.Values{"username": {"frank"}, "password": {password}, "again": {password}})
	w.went(resp, page, "/people?done=person")
	effects := text(w.page("root", "/people/alice/remove").one("main"))
	if !strings.Contains(effects, "1 camera will have no owner") || !strings.Contains(effects, "1 camera will stay with the other owners") || strings.Contains(effects, "Front") {
		t.Errorf("the page says %s", effects)
	}
	if words := text(w.page("root", "/people/root/remove").root); !strings.Contains(words, "only administrator") {
		t.Errorf("the last administrator: %s", words)
	}
	if resp, _ := w.submit(root, "/people/root/remove", url.Values{}); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("removing the last administrator: %d", resp.StatusCode)
	}
	resp, page = w.submit(root, "/people/frank/remove", url.Values{})
	w.went(resp, page, "/people?done=removed")
	if resp, _ := w.do(w.as("root", ask{path: "/people/frank/remove"})); resp.StatusCode != http.StatusNotFound {
		t.Errorf("removing who is not there: %d", resp.StatusCode)
	}
}

func TestDeletingFootageAsksForThePassword(t *testing.T) {
	w := filmed(t)
	w.stale()
	form := url.Values{"from": {w.start.Format(time.RFC3339)}, "to": {w.start.Add(filmLength * time.Second).Format(time.RFC3339)}}
	resp, page := w.submit(w.sessions["alice"], "/cameras/front/delete", form)
	if resp.StatusCode != http.StatusOK || len(page.all("input", "name="+view.ConfirmField)) != 1 {
		t.Fatalf("status %d: %s", resp.StatusCode, text(page.root))
	}
	clip := w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(1, 3)})
	resp, body := w.do(w.as("alice", ask{method: "DELETE", path: "/api/v1/cameras/front/footage?" + form.Encode()}))
	if p := problemIn(t, resp, body); p.Type != "urn:keepwatch:problem:confirm" {
		t.Errorf("the API: %s", body)
	}
	if resp, _ := w.do(clip); resp.StatusCode != http.StatusOK {
		t.Errorf("the footage is gone without a password: %d", resp.StatusCode)
	}
	form.Set(view.ConfirmField, password)
	resp, page = w.submit(w.sessions["alice"], "/cameras/front/delete", form)
	w.went(resp, page, "/")
	if resp, _ := w.do(clip); resp.StatusCode != http.StatusNotFound {
		t.Errorf("with the password it stays: %d", resp.StatusCode)
	}
}
