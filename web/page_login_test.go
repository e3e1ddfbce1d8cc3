package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

// send posts a form like a browser.
func (w *world) send(path, session string, form url.Values) (*http.Response, tree) {
	w.t.Helper()
	resp, body := w.do(ask{method: "POST", path: path, session: session, body: form.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}})
	return resp, parse(w.t, body)
}

func sessionCookie(resp *http.Response) string {
	for _, c := range resp.Cookies() {
		if c.Name == cookieName(false) {
			return c.Value
		}
	}
	return ""
}

func TestANewRecorderLeadsToItsSetUpAndThenToItsCameras(t *testing.T) {
	w := empty(t)
	for _, path := range []string{"/", "/login"} {
		if resp, _ := w.do(ask{path: path}); resp.Header.Get("Location") != "/setup" {
			t.Errorf("%s leads to %q", path, resp.Header.Get("Location"))
		}
	}
	resp, body := w.do(ask{path: "/setup"})
	if resp.StatusCode != http.StatusOK || !strings.Contains(text(parse(t, body).one("p", "id=code-hint")), "console") {
		t.Errorf("status %d; the page does not say where the code is", resp.StatusCode)
	}
	code, _, err := w.accounts.SetupCode(t.Context())
	check(t, err)
	resp, _ = w.send("/setup", "", url.Values{"code": {code}, "username": {"alice"}, "password": {password}})
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/cameras?done=setup" {
		t.Fatalf("status %d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	if resp, _ := w.do(ask{path: "/live", session: sessionCookie(resp)}); resp.StatusCode != http.StatusOK {
		t.Errorf("after the set-up /live has status %d", resp.StatusCode)
	}
	if resp, _ := w.do(ask{path: "/setup"}); resp.StatusCode == http.StatusOK {
		t.Error("the set-up can be had twice")
	}
}

func TestAFormThatWasFilledInWrongComesBackWithTheReason(t *testing.T) {
	w := empty(t)
	code, _, err := w.accounts.SetupCode(t.Context())
	check(t, err)
	for name, form := range map[string]url.Values{
		"wrong code":     {"code": {"AAAA-BBBB-CCCC"}, "username": {"alice"}, "password": {password}},
		"short password": {"code": {code}, "username": {"alice"}, "password": {"short"}},
	} {
		resp, p := w.send("/setup", "", form)
		if resp.StatusCode < 400 || resp.StatusCode >= 500 || sessionCookie(resp) != "" {
			t.Errorf("%s: status %d", name, resp.StatusCode)
		}
		if text(p.one("p", "role=alert")) == "" {
			t.Errorf("%s: no reason", name)
		}
		if in := p.one("input", "aria-invalid=true"); attr(in, "name") != name[strings.Index(name, " ")+1:] ||
			!slices.Contains(strings.Fields(attr(in, "aria-describedby")), attr(p.one("p", "role=alert"), "id")) {
			t.Errorf("%s: the reason does not stand beside its field", name)
		}
		if got := attr(p.one("input", "name=code"), "value"); got != form.Get("code") {
			t.Errorf("%s: the code has to be typed again", name)
		}
		if got := attr(p.one("input", "name=username"), "value"); got != "alice" {
			t.Errorf("%s: the name has to be typed again", name)
		}
		if _, given := lookup(p.one("input", "name=password"), "value"); given {
			t.Errorf("%s: the page holds the password", name)
		}
	}
}

func TestLoggingInLeadsToThePageThatWasAskedFor(t *testing.T) {
	w := inhabited(t)
	resp, _ := w.do(ask{path: "/cameras/front?at=2026-11-22T13:05:20Z"})
	target := resp.Header.Get("Location")
	if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(target, "/login?next=") {
		t.Fatalf("status %d to %q", resp.StatusCode, target)
	}
	_, body := w.do(ask{path: target})
	next := attr(parse(t, body).one("input", "name=next"), "value")
	resp, _ = w.send("/login", "", url.Values{"username": {"alice"}, "password": {password}, "next": {next}})
	if got := resp.Header.Get("Location"); got != "/cameras/front?at=2026-11-22T13:05:20Z" || sessionCookie(resp) == "" {
		t.Errorf("leads to %q", got)
	}
	for _, elsewhere := range []string{"https://example.net/", "//example.net", "/\\example.net", "javascript:alert(1)"} {
		resp, _ = w.send("/login", "", url.Values{"username": {"alice"}, "password": {password}, "next": {elsewhere}})
		if got := resp.Header.Get("Location"); got != "/" {
			t.Errorf("next=%s leads to %q", elsewhere, got)
		}
	}
}

func TestABadLoginStaysOnThePageAndSaysSo(t *testing.T) {
	w := inhabited(t)
	resp, p := w.send("/login", "", url.Values{"username": {"alice"}, "password": {"not the password"}, "next": {"/system"}})
	if resp.StatusCode != http.StatusForbidden || sessionCookie(resp) != "" {
		t.Errorf("status %d", resp.StatusCode)
	}
	if got := text(p.one("p", "role=alert")); !strings.Contains(got, "Wrong name or password") {
		t.Errorf("it says %q", got)
	}
	if got := attr(p.one("input", "name=next"), "value"); got != "/system" {
		t.Errorf("it forgets where to go: %q", got)
	}
}

func TestWhoseSessionEndedIsToldSoOnTheWayBack(t *testing.T) {
	w := inhabited(t)
	for path, told := range map[string]bool{"/login?ended=1&next=/cameras/front-door": true, "/login?next=/cameras/front-door": false} {
		_, body := w.do(ask{path: path})
		if got := strings.Contains(string(body), "Your session has ended"); got != told {
			t.Errorf("%s says that a session has ended: %v", path, got)
		}
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	w := inhabited(t)
	session := w.sessions["alice"]
	p := w.page("alice", "/live")
	p.one("form", "method=post", "action=/logout")
	resp, _ := w.send("/logout", session, nil)
	if resp.Header.Get("Location") != "/login" {
		t.Errorf("leads to %q", resp.Header.Get("Location"))
	}
	if resp, _ := w.do(ask{path: "/live", session: session}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the session still opens /live: status %d", resp.StatusCode)
	}
}

func TestDaysOfTheSiteHaveTheirTrueLength(t *testing.T) {
	for _, c := range []struct {
		zone, day string
		hours     float64
		start     string
	}{
		{"Europe/Berlin", "2026-03-29", 23, "2026-03-28T23:00:00Z"},
		{"Europe/Berlin", "2026-10-25", 25, "2026-10-24T22:00:00Z"},
		{"Europe/Berlin", "2026-11-22", 24, "2026-11-21T23:00:00Z"},
		{"Asia/Beirut", "2026-03-29", 23, "2026-03-28T22:00:00Z"},    // midnight is skipped
		{"America/Havana", "2026-11-01", 25, "2026-11-01T04:00:00Z"}, // midnight comes twice
		{"Australia/Lord_Howe", "2026-10-04", 23.5, "2026-10-03T13:30:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		check(t, err)
		noon, err := time.ParseInLocation(time.DateOnly+" 15", c.day+" 12", loc)
		check(t, err)
		d := dayOf(noon, loc)
		if got := d.to.Sub(d.from).Hours(); got != c.hours || rfc3339(d.from) != c.start || d.String() != c.day {
			t.Errorf("%s %s: %s from %s, %g hours; want %g from %s", c.zone, c.day, d, rfc3339(d.from), got, c.hours, c.start)
		}
		if next := d.shift(1); !next.from.Equal(d.to) {
			t.Errorf("%s %s: the next day begins at %s", c.zone, c.day, rfc3339(next.from))
		}
	}
}

func TestFiguresAreWrittenForPeople(t *testing.T) {
	for got, want := range map[string]string{
		format.Duration(48 * time.Second):               "48 s",
		format.Duration(17 * time.Minute):               "17 min",
		format.Duration(125 * time.Minute):              "2 h 5 min",
		format.Duration(72 * time.Hour):                 "3 days",
		format.Size(999):                                "999 B",
		format.Size(1_500_000):                          "1.5 MB",
		format.Size(999_900_000):                        "1.0 GB",
		format.Size(4_000_000_000_000):                  "4.0 TB",
		format.Rate(410_400):                            "410 kbit/s",
		format.Rate(2_100_000):                          "2.1 Mbit/s",
		format.Ago(time.Time{}, time.Now()):             "never",
		coverageText(86_399, 1):                         "24 h, 100 %",
		coverageText(86_300, 100):                       "23 h 58 min, 99.8 %",
		stateWords(CameraStatus{State: "recording"}):    "recording",
		stateWords(CameraStatus{}):                      "not started",
		view.Unbroken("H.264 8×8, 15 frames/s, 99.4 %"): "H.264 8×8, 15\u00a0frames/s, 99.4\u00a0%",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
