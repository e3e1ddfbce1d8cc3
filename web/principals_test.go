package web

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// principal is one kind of caller with its rights.
type principal struct {
	name    string
	account string // that it authenticates as; empty for nobody and for links
	session string
	token   string
	link    string
	gifts   []gift            // what was shared with it
	mask    access.Rights     // actions that a token is limited to; 0: no limit
	only    string            // cameras that a token is limited to, separated by spaces
	owned   map[string]string // current owners, by account; set by the test
}

// gift is a share that is valid while its giver owns the camera.
type gift struct {
	by, camera string
	rights     access.Rights
}

// rights returns what the principal may do on a camera, according to the design and independent of the code.
func (p principal) rights(camera string) access.Rights {
	var held access.Rights
	if p.account != "" && slices.Contains(strings.Fields(p.owned[p.account]), camera) {
		held = access.Owned
	}
	for _, g := range p.gifts {
		if g.camera == camera && slices.Contains(strings.Fields(p.owned[g.by]), camera) {
			held |= g.rights
		}
	}
	if p.mask != 0 {
		held &= p.mask
	}
	if p.only != "" && !slices.Contains(strings.Fields(p.only), camera) {
		held = 0
	}
	return held
}

func (p principal) mayOn(camera string) bool { return p.rights(camera) != 0 }

// nobody reports whether the principal is unauthenticated now. A link whose share ended is nobody.
func (p principal) nobody() bool {
	if p.link != "" {
		return !slices.ContainsFunc(p.gifts, func(g gift) bool { return p.rights(g.camera) != 0 })
	}
	return p.account == ""
}

// person reports whether the principal signed in itself.
func (p principal) person() bool { return p.account != "" && p.token == "" && p.link == "" }

// sign adds the principal's credentials to a request.
func (p principal) sign(r *http.Request) {
	if p.session != "" {
		r.AddCookie(&http.Cookie{Name: cookieName(false), Value: p.session})
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	if p.link != "" {
		r.AddCookie(&http.Cookie{Name: linkCookieName(false), Value: p.link})
		r.URL.RawQuery += "&as=link"
	}
}

const guestRights = access.Rights(access.Live)

// principals makes all kinds of caller: shares, links and tokens are alice's.
func (w *world) principals() []principal {
	w.t.Helper()
	t, ctx := w.t, w.t.Context()
	if w.guests != nil {
		return w.guests
	}
	for _, name := range []string{"dave", "erin"} {
		check(t, w.accounts.AddUser(ctx, name, password, false))
		session, err := w.accounts.Login(ctx, accounts.Attempt{Username: name, Password: password, Address: "127.0.0.1"})
		check(t, err)
		w.sessions[name] = session
	}
	alice, err := w.accounts.BySession(ctx, w.sessions["alice"])
	check(t, err)
	id := func(name string) access.Camera { return access.Camera(w.cameras[name].ID) }
	share := func(s accounts.ShareSpec) (int64, string) {
		id, link, err := w.accounts.NewShare(ctx, alice, s)
		check(t, err)
		return id, link
	}
	share(accounts.ShareSpec{Camera: id("front"), Account: "dave", Actions: guestRights})
	over, _ := share(accounts.ShareSpec{Camera: id("front"), Account: "erin", Actions: guestRights, Until: time.Now().Add(time.Hour)})
	overLinkID, overLink := share(accounts.ShareSpec{Camera: id("front"), Actions: guestRights, Until: time.Now().Add(time.Hour)})
	revokedID, revokedLink := share(accounts.ShareSpec{Camera: id("front"), Actions: guestRights})
	check(t, w.accounts.RevokeShare(ctx, alice, revokedID))
	w.end(over, overLinkID)
	_, liveLink := share(accounts.ShareSpec{Camera: id("front"), Actions: guestRights})
	window := access.Window{From: w.start, To: w.start.Add(filmLength * time.Second)}
	const bounded = access.Rights(access.Playback | access.Export)
	_, pastLink := share(accounts.ShareSpec{Camera: id("attic"), Actions: bounded, Window: window})
	token := func(s accounts.TokenSpec) string {
		s.Label = "test"
		secret, err := w.accounts.NewOwnToken(ctx, alice, s)
		check(t, err)
		return secret
	}
	const some = access.Rights(access.Live | access.Playback)
	bound := token(accounts.TokenSpec{Actions: some, Cameras: []access.Camera{id("attic")}})
	w.guests = []principal{
		{name: "anonymous"},
		{name: "alice", account: "alice", session: w.sessions["alice"]},
		{name: "bob", account: "bob", session: w.sessions["bob"]},
		{name: "root", account: "root", session: w.sessions["root"]},
		{name: "removed", session: w.sessions["carol"]},
		{name: "token of alice", account: "alice", token: w.tokens["alice"]},
		{name: "token of bob", account: "bob", token: w.tokens["bob"]},
		{name: "token of root", account: "root", token: w.tokens["root"]},
		{name: "token of removed", token: w.tokens["carol"]},
		{name: "bad token beside a good cookie", token: "nonsense", session: w.sessions["alice"]},
		{name: "outsider's token with the owner's cookie", account: "root", token: w.tokens["root"], session: w.sessions["alice"]},
		{name: "shared live only", account: "dave", session: w.sessions["dave"], gifts: []gift{{"alice", "front", guestRights}}},
		{name: "shared and over", account: "erin", session: w.sessions["erin"]},
		{name: "link to live", link: liveLink, gifts: []gift{{"alice", "front", guestRights}}},
		{name: "link to a time", link: pastLink, gifts: []gift{{"alice", "attic", bounded}}},
		{name: "owner's cookie beside a link", session: w.sessions["alice"], link: pastLink, gifts: []gift{{"alice", "attic", bounded}}},
		{name: "link that is over", link: overLink},
		{name: "link that was revoked", link: revokedLink},
		{name: "link that never was", link: "kwl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", session: w.sessions["alice"]},
		{name: "token of some actions on a camera", account: "alice", token: bound, mask: some, only: "attic"},
	}
	return w.guests
}

// end makes shares expire a second ago.
func (w *world) end(shares ...int64) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.people+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	defer func() { check(w.t, db.Close()) }()
	for _, id := range shares {
		_, err := db.ExecContext(w.t.Context(), `UPDATE shares SET until_us = ? WHERE id = ?`, time.Now().Add(-time.Second).UnixMicro(), id)
		check(w.t, err)
	}
}

// expected returns which statuses a request may get, by the policy and the principal's rights, independent of the code.
func (rt route) expected(p principal, camera, method string, action access.Action) func(int) bool {
	exactly := func(want int) func(int) bool { return func(got int) bool { return got == want } }
	served := func(got int) bool { // the handler was reached, and did not fail
		return got < 400 || got == 400 || got == 415 || got == 409 || got == 426 || got == 404 && strings.Contains(rt.path, "{number}")
	}
	page := forPeople(httptest.NewRequest("GET", strings.NewReplacer("{", "", "}", "", "$", "").Replace(rt.path), nil))
	if method != rt.method && (method != "HEAD" || rt.method != "GET") {
		return func(got int) bool { return got == 405 || !page || got < 500 } // a path may have several methods: see below
	}
	outsider := p.nobody() || p.link != "" && rt.policy != caller && rt.policy != onCamera && rt.policy != onCameras
	switch rt.policy {
	case public, visitor, setupOnly:
		absent := strings.HasPrefix(rt.path, "/certificate") || strings.HasPrefix(rt.path, "/s/") || rt.path == "/link"
		return func(got int) bool { return got < 500 && (got != 404 || absent) }
	}
	switch {
	case outsider && page:
		return exactly(http.StatusSeeOther)
	case outsider:
		return exactly(http.StatusUnauthorized)
	case rt.policy == person && !p.person():
		return exactly(http.StatusForbidden)
	case rt.policy == measuring && (p.account != "root" || p.token == ""):
		return exactly(http.StatusNotFound)
	case rt.policy == administrator && (p.account != "root" || !p.person()):
		return exactly(http.StatusNotFound)
	case rt.policy == seesCamera && !p.mayOn(camera), rt.policy == onCamera && !p.rights(camera).Has(action):
		return exactly(http.StatusNotFound)
	}
	return served
}
