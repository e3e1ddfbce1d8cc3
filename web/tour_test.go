package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/authority"
	"keepwatch.internal/internal/media"
)

// visit is a page of the tour: who opens which URL, and the steps from there to the page after a form.
type visit struct {
	name  string
	world *world
	as    string // account; empty for nobody
	path  string
	steps []chromedp.Action[chromedp.Void]
}

// look is a window size and colour scheme.
type look struct {
	width, height int
	dark          bool
}

func (l look) String() string {
	return fmt.Sprintf("%d px, %s", l.width, map[bool]string{false: "light", true: "dark"}[l.dark])
}

// looks are a desktop and a phone, in light and dark mode.
var looks = [...]look{{1440, 900, false}, {1440, 900, true}, {390, 844, true}, {390, 844, false}}

// noPages lists GET routes that are not pages: files and redirects. The tour treats every other GET route as a page, and fails if it
// is not. So new pages are included automatically.
var noPages = map[string]bool{"/healthz": true, "/readyz": true, "/static/{version}/{name...}": true, "/robots.txt": true, "/metrics": true,
	"/certificate.pem": true, "/certificate.crt": true, "/{$}": true, "/s/{secret}": true, "/setup": true, "/link": true}

// tour lists every page in the state with the most content. Pages that need more than a URL are at the end, with the pages after
// forms.
func tour(t *testing.T) []visit {
	t.Helper()
	w := furnished(t)
	kept := w.keptClip()
	var all []visit
	for _, rt := range w.server.routes() {
		if rt.method != "GET" || strings.HasPrefix(rt.path, "/api/") || noPages[rt.path] {
			continue
		}
		path := strings.NewReplacer("{id}", "front", "{person}", "bob", "{kept}", kept).Replace(rt.path)
		if strings.Contains(path, "{") {
			t.Errorf("%s: the tour does not know what to put into it; name it in tour", rt.path)
		}
		if strings.HasSuffix(path, "/delete") {
			path += "?" + w.span(3, 4)
		}
		as := "alice"
		switch rt.policy {
		case public, visitor:
			as = ""
		case administrator:
			as = "root"
		}
		all = append(all, visit{name: rt.path, world: w, as: as, path: path})
	}
	return append(all, w.further(kept)...)
}

// further lists pages that need more than a URL: in other states, and after forms.
func (w *world) further(kept string) []visit {
	day := w.start.In(w.options.Location).Format(time.DateOnly)
	send := func(form, fields, shown string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void (() => {
			const form = document.querySelector(%q);
			for (const [name, value] of Object.entries(%s)) form.elements.namedItem(name).value = value;
			form.submit();
		})()`, form, fields)), chromedp.WaitVisible(shown)}
	}
	bare := empty(w.t)
	bare.http.URL = named(bare.http.URL)
	return []visit{
		{"first set-up", bare, "", "/setup", nil},
		{"first set-up with a mistake", bare, "", "/setup", send(`form[action="/setup"]`, `{code: "WRONG", username: "anna", password: "correct horse"}`, `.mistake`)},
		{"a session ended", w, "", "/login?ended=1&next=/live", nil},
		{"a wrong password", w, "", "/login", send(`form[action="/login"]`, `{username: "alice", password: "wrong horse"}`, `.complaint`)},
		{"nothing here", w, "", "/nowhere", nil},
		{"a recorded day", w, "alice", "/cameras/front?day=" + day, nil},
		{"an offline camera", w, "alice", "/cameras/attic", nil},
		{"saved, by another", w, "bob", "/saved", nil},
		{"no cameras", w, "root", "/live", nil},
		{"the system for its administrator", w, "root", "/system", nil},
		{"a wrong new password", w, "alice", "/account", send(`form[action="/account/password"]`, `{old: "wrong horse", new: "another horse"}`, `.mistake`)},
		{"an account that cannot be made", w, "root", "/people", send(`form[action="/people"]`, `{username: "No One", password: "correct horse", again: "correct horse"}`, `.mistake`)},
		{"a second factor being made", w, "alice", "/account", send(`form[action="/account/totp"]`, `{}`, `.qr`)},
		{"a new token", w, "alice", "/account", send(`form[action="/account/tokens"]`, `{label: "Home"}`, `.secret`)},
		{"a new link", w, "alice", "/cameras/front/access", send(`form:has(#link-label)`, `{label: "Insurance"}`, `.secret`)},
		{"a link that leads nowhere", w, "", "/s/kwl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", nil},
		{"a link", w, "", "/s/" + w.link, nil},
		{"the password again", w, "erna", "/account", send(`form[action="/account/tokens"]`, `{label: "Home"}`, `input[name=confirm_password]`)},
		{"cameras found", w, "root", "/add-camera", send(`form[action="/add-camera/find"]`, `{}`, `[data-address]`)},
		{"a camera looked at", w, "root", "/add-camera", send(`form[action="/add-camera/look"]`, `{address: "192.0.2.20"}`, `#lines`)},
		{"a camera that refuses", w, "root", "/add-camera", send(`form[action="/add-camera/look"]`, `{address: "refuses"}`, `.complaint`)},
		{"a camera with a wrong id", w, "root", "/add-camera", append(send(`form[action="/add-camera/look"]`, `{address: "192.0.2.20"}`, `#lines`),
			send(`form[action="/add-camera/write"]`, `{id: "Wrong Id"}`, `.mistake`)...)},
		{"a camera checked", w, "alice", "/cameras/front", send(`form[action="/cameras/front/check"]`, `{}`, `.advice`)},
		{"let go of a kept clip", w, "alice", "/cameras/front/kept/" + kept, nil},
	}
}

// named is the server's URL with a host name for which browsers allow passkeys.
func named(address string) string { return strings.Replace(address, "127.0.0.1", "localhost", 1) }

// furnished is a world in which no list is empty. erna has an old session.
func furnished(t *testing.T) *world {
	t.Helper()
	w := filmed(t)
	ctx := t.Context()
	w.http.URL = named(w.http.URL)
	for _, name := range []string{"erna", "dave"} {
		check(t, w.accounts.AddUser(ctx, name, password, false))
		session, err := w.accounts.Login(ctx, accounts.Attempt{Username: name, Password: password, Address: "127.0.0.1", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
		check(t, err)
		w.sessions[name] = session
		if name == "erna" {
			w.stale()
		}
	}
	for _, name := range []string{"root", "alice"} { // otherwise stale sessions would be asked for their passwords
		session, err := w.accounts.Login(ctx, accounts.Attempt{Username: name, Password: password, Address: "127.0.0.1"})
		check(t, err)
		w.sessions[name] = session
	}
	now := w.now()
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "recording", Since: now.Add(-time.Hour), LastFrame: now, Advice: []string{"A key frame comes every 10 s; every 2 s would let you jump more exactly."},
		Streams: []StreamStatus{{Quality: media.Main, Codec: "H.264", Width: 2560, Height: 1440, FPS: 15, BitsPerSecond: 4_200_000, GOP: 10 * time.Second, LostPackets: 3, Identity: "certain"}}},
		CameraStatus{ID: w.cameras["attic"].ID, State: "offline", Reason: "the camera refuses the user name or password", Since: now.Add(-time.Hour), LastFrame: now.Add(-time.Hour)})
	for _, note := range []string{"the parcel", ""} {
		if resp, body := w.keep("front", w.keepBody(2, 5, note)); resp.StatusCode != http.StatusCreated {
			t.Fatalf("keep: %s", body)
		}
	}
	if resp, body := w.keep("attic", w.keepBody(1, 3, "noises")); resp.StatusCode != http.StatusCreated {
		t.Fatalf("keep: %s", body)
	}
	alice, err := w.accounts.BySession(ctx, w.sessions["alice"])
	check(t, err)
	front := access.Camera(w.cameras["front"].ID)
	_, w.link, err = w.accounts.NewShare(ctx, alice, accounts.ShareSpec{Camera: front, Actions: access.Rights(access.Live | access.Playback | access.Export), Label: "For the insurance"})
	check(t, err)
	_, _, err = w.accounts.NewShare(ctx, alice, accounts.ShareSpec{Camera: front, Account: "dave", Actions: access.Rights(access.Live), Until: now.Add(time.Hour)})
	check(t, err)
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(1, 3)})); resp.StatusCode != http.StatusOK {
		t.Fatalf("no clip: status %d", resp.StatusCode)
	}
	w.newDevice("attic", `{"mac":"b"}`)
	ca, err := authority.Open(t.TempDir())
	check(t, err)
	w.reopen(func(o *Options) {
		o.CertificatePEM = ca.CertificatePEM()
		o.Probe = &fakeProbe{}
		o.Connections = func() []Connection {
			return []Connection{{Camera: "front", Protocol: "RTSP", Address: "192.0.2.10:554", Remote: "192.0.2.10:554", Refused: 1}}
		}
	})
	return w
}

// keptClip is the number of a clip of front that alice keeps.
func (w *world) keptClip() string {
	w.t.Helper()
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/kept"}))
	return decode[keptListJSON](w.t, resp, body).Kept[0].ID
}

// open opens a page of the tour as its account.
func (b *tab) open(v visit) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
	if v.as != "" {
		if _, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: cookieName(false), Value: v.world.sessions[v.as], URL: v.world.http.URL}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.do(chromedp.Navigate(v.world.http.URL + v.path))
	b.do(v.steps...)
	b.settle()
	if kind := eval[string](b, `document.contentType`); kind != "text/html" {
		b.t.Fatalf("%s is no page but %s: name it in noPages", v.name, kind)
	}
	asked, err := url.Parse(v.path)
	check(b.t, err)
	if got := eval[string](b, `location.pathname`); v.steps == nil && got != asked.Path && !strings.HasPrefix(v.path, "/s/") {
		b.t.Fatalf("%s leads to %s: the tour does not see it", v.path, got)
	}
	if v.as != "" && len(v.steps) == 0 && eval[bool](b, `document.querySelector(".top") === null`) {
		b.t.Fatalf("%s: %s is not let in: %s", v.path, v.as, eval[string](b, `document.body.innerText`))
	}
}

// see applies a look.
func (b *tab) see(l look) {
	b.t.Helper()
	scheme := map[bool]string{false: "light", true: "dark"}[l.dark]
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}}}); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(int64(l.width), int64(l.height)))
	b.settle()
}

// openAll opens all folded parts of a page.
func (b *tab) openAll() {
	b.t.Helper()
	eval[int](b, `[...document.querySelectorAll("details:not(.menu)")].map(d => d.open = true).length`)
}
