package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/identity"
)

// newDevice has another device answer in place of the named camera.
func (w *world) newDevice(name, evidence string) identity.NewDevice {
	w.t.Helper()
	c := identity.NewDevice{Camera: access.Camera(w.cameras[name].ID), Stream: "main", Address: "192.0.2.1:554", Evidence: evidence,
		Differences: []string{`MAC address: was "a", is "<b>"`}, Resembles: "yard", Since: time.Now()}
	check(w.t, w.identity.SetNewDevice(w.t.Context(), c))
	return c
}

// accept posts the page's form and returns the status.
func (w *world) accept(account, name string, claims ...string) int {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "POST", w.http.URL+"/cameras/"+name+pathAccept, strings.NewReader(url.Values{"claim": claims}.Encode()))
	check(w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.sessions[account]})
	answer, err := http.DefaultTransport.RoundTrip(r)
	check(w.t, err)
	answer.Body.Close()
	return answer.StatusCode
}

func TestTheOwnerOfAQuarantinedCameraIsAskedAndNobodyElse(t *testing.T) {
	w := filmed(t)
	c := w.newDevice("front", `{"mac":"b"}`)
	form := w.page("alice", "/cameras/front").one("form", "action=/cameras/front"+pathAccept)
	if got := attr(tree{t, form}.one("input", "name=claim"), "value"); got != c.ID() {
		t.Errorf("the form asks about %q", got)
	}
	section := text(w.page("alice", "/cameras/front").one("section", "aria-labelledby=quarantine-title"))
	if !strings.Contains(section, `MAC address: was "a", is "<b>"`) || strings.Contains(section, "yard") {
		t.Errorf("the page says %q", section)
	}
	for _, page := range []tree{w.page("alice", "/cameras/attic"), w.page("bob", "/cameras/attic"), w.page("bob", "/cameras/yard")} {
		if len(page.all("section", "aria-labelledby=quarantine-title")) > 0 {
			t.Error("a camera that is well asks, too")
		}
	}
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	_, _, err = w.accounts.NewShare(t.Context(), alice, accounts.ShareSpec{Camera: access.Camera(w.cameras["front"].ID), Account: "bob",
		Actions: access.Rights(access.Live | access.Playback | access.Export | access.Audio | access.Share)})
	check(t, err)
	if len(w.page("bob", "/cameras/front").all("section", "aria-labelledby=quarantine-title")) > 0 {
		t.Error("somebody who may only watch is asked")
	}
	for _, account := range []string{"bob", "root"} {
		if status := w.accept(account, "front", c.ID()); status != http.StatusNotFound {
			t.Errorf("%s accepts: %d", account, status)
		}
	}
	later := w.newDevice("front", `{"mac":"c"}`)
	if status := w.accept("alice", "front", c.ID()); status != http.StatusConflict {
		t.Errorf("accepting what is not there any more: %d", status)
	}
	if status := w.accept("alice", "front", later.ID()); status != http.StatusSeeOther {
		t.Errorf("accepting: %d", status)
	}
	if status := w.accept("alice", "front", later.ID()); status != http.StatusConflict {
		t.Errorf("accepting again: %d", status)
	}
	changes, err := w.identity.Changes(t.Context(), access.Camera(w.cameras["front"].ID))
	check(t, err)
	if len(changes) != 1 || changes[0].By != "alice" {
		t.Errorf("on record: %+v", changes)
	}
}

func TestHowSurelyACameraIsKnownIsShownToItsOwner(t *testing.T) {
	w := filmed(t)
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "recording", Streams: []StreamStatus{{Identity: "weak: looks like any other of its model"}}})
	if page := text(w.page("alice", "/cameras/front").one("main")); !strings.Contains(page, "weak: looks like any other of its model") {
		t.Errorf("the page does not say it: %s", page)
	}
}
