package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
)

// polyglot runs wherever text is interpreted as markup, an attribute, a script, a URL or a template. It has the greatest length of a
// name. Shorter fields get a shorter one.
const polyglot = `"'></title></style></script><img class=pwned src=x onerror=window.pwned=1><svg class=pwned onload=window.pwned=1>` +
	`${window.pwned=1}{{window.pwned=1}}javascript:window.pwned=1`

// hostileWorld is a world in which every text from a camera, a person or the configuration is a polyglot.
func hostileWorld(t *testing.T) *world {
	t.Helper()
	w := inhabited(t)
	w.start = time.Now().Add(-(filmLength + 30) * time.Second).UTC().Truncate(time.Second)
	run, fragments := w.shoot(w.cameras["front"], media.Main, w.start, filmLength)
	writer, err := w.store.Begin(t.Context(), run)
	check(t, err)
	for _, f := range fragments {
		check(t, writer.Append(t.Context(), f))
	}
	check(t, writer.End(t.Context(), "the camera said "+polyglot))
	w.reopen(func(o *Options) {
		o.Version = polyglot
		for i := range o.Cameras {
			o.Cameras[i].Label = polyglot
		}
	})
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: polyglot, Reason: polyglot, Since: w.now().Add(-time.Hour), LastFrame: w.now(), Advice: []string{polyglot},
		Streams: []StreamStatus{{Quality: media.Main, Codec: polyglot, Width: 1, Height: 1}}},
		CameraStatus{ID: w.cameras["attic"].ID, State: "offline", Reason: polyglot, Advice: []string{polyglot}})
	for range 2 { // of which each lies in the other's way
		if resp, body := w.keep("front", w.keepBody(2, 5, polyglot)); resp.StatusCode != http.StatusCreated {
			t.Fatalf("keep: %s", body)
		}
	}
	w.nameBadly()
	return w
}

// shortPolyglot is for where names are short.
const shortPolyglot = `"'><img class=pwned src=x onerror=window.pwned=1>`

// nameBadly gives shares, links, tokens and sessions hostile names, and watches with a link.
func (w *world) nameBadly() {
	w.t.Helper()
	t, ctx := w.t, w.t.Context()
	alice, err := w.accounts.BySession(ctx, w.sessions["alice"])
	check(t, err)
	front := access.Camera(w.cameras["front"].ID)
	_, link, err := w.accounts.NewShare(ctx, alice, accounts.ShareSpec{Camera: front, Actions: access.Rights(access.Playback), Label: shortPolyglot})
	check(t, err)
	_, err = w.accounts.NewOwnToken(ctx, alice, accounts.TokenSpec{Actions: access.Owned, Label: shortPolyglot})
	check(t, err)
	_, err = w.accounts.Login(ctx, accounts.Attempt{Username: "alice", Password: password, Address: "127.0.0.1", Agent: shortPolyglot})
	check(t, err)
	w.link = link
	resp, _ := w.do(ask{path: "/api/v1/cameras/front/clip.mp4?as=link&" + w.span(1, 3), header: map[string]string{"Cookie": linkCookieName(false) + "=" + link}})
	if resp.StatusCode != http.StatusOK || !poll(10*time.Second, func() bool { return w.watched("front", shortPolyglot, access.Playback) > 0 }) {
		t.Fatal("the view by the link is not on record")
	}
	w.reopen(func(o *Options) {
		o.Connections = func() []Connection {
			return []Connection{{Camera: "front", Protocol: polyglot, Address: polyglot, Remote: polyglot, Refused: 1}}
		}
	})
}

// TestNothingThatIsStoredOrSentRunsOnAnyPage opens every page in a browser that ignores the script policy, so that escaping alone must
// protect it.
func TestNothingThatIsStoredOrSentRunsOnAnyPage(t *testing.T) {
	w := hostileWorld(t)
	b := newTab(t, chromedp.UserAgent("Browser "+polyglot))
	if _, err := chromedp.Call(b.ctx, cdp.SetBypassCSP, cdp.SetBypassCSPParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(w.http.URL+"/login?next=javascript:window.pwned=1"), chromedp.SendKeys(`input[name=username]`, polyglot),
		chromedp.SendKeys(`input[name=password]`, polyglot), chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`.complaint`))
	b.nothingRan("the name that was tried")
	b.signIn(w, "alice")
	for _, path := range w.pagePaths() {
		resp, _ := w.do(w.as("alice", ask{path: path}))
		if resp.StatusCode >= 400 && resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
		b.do(chromedp.Navigate(w.http.URL + path))
		b.settle()
		b.nothingRan(path)
	}
	b.do(chromedp.Navigate(w.http.URL + "/s/" + w.link))
	if b.settle(); !strings.Contains(eval[string](b, `document.body.innerText`), "pwned") {
		t.Error("the link's page does not show its name")
	}
	b.nothingRan("the page of a link")
	b.do(chromedp.Navigate("data:text/html," + strings.ReplaceAll(polyglot, "#", "%23")))
	if eval[int](b, `document.querySelectorAll(".pwned").length`) == 0 {
		t.Error("the polyglot does nothing anywhere: this test shows nothing")
	}
}

// pagePaths returns the paths of all pages, from the route table.
func (w *world) pagePaths() []string {
	var paths []string
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/kept"}))
	kept := decode[keptListJSON](w.t, resp, body).Kept[0].ID
	for _, rt := range w.server.routes() {
		if rt.method != "GET" || !forPeople(newRequest(rt.path)) || strings.HasPrefix(rt.path, "/certificate.") {
			continue
		}
		for _, camera := range []string{"front", "attic"} {
			path := strings.NewReplacer("{id}", camera, "{$}", "", "{person}", "bob", "{number}", "1", "{secret}", "x", "{kept}", kept).Replace(rt.path)
			if strings.HasSuffix(path, "/delete") {
				path += "?" + w.span(3, 4)
			}
			paths = append(paths, path)
			if !strings.Contains(rt.path, "{id}") {
				break
			}
		}
	}
	return paths
}

func newRequest(path string) *http.Request {
	r, err := http.NewRequest("GET", path, nil)
	if err != nil {
		panic(err)
	}
	return r
}

// settle waits until the page's scripts have run and drawn.
func (b *tab) settle() {
	b.t.Helper()
	eval[bool](b, `new Promise(done => {
		const drawn = () => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true))));
		document.readyState === "complete" ? drawn() : addEventListener("load", drawn);
	})`)
}

func (b *tab) nothingRan(where string) {
	b.t.Helper()
	if eval[bool](b, `window.pwned === 1`) {
		b.t.Errorf("%s: a script ran", where)
	}
	if n := eval[int](b, `document.querySelectorAll(".pwned").length`); n > 0 {
		b.t.Errorf("%s: %d elements were injected: %s", where, n, eval[string](b, `document.querySelector(".pwned").parentElement.outerHTML.slice(0, 300)`))
	}
	if bad := eval[string](b, `[...document.querySelectorAll("a[href],form[action],button[formaction]")].map(e => e.href || e.action || e.formAction).find(u => String(u).toLowerCase().startsWith("javascript:")) ?? ""`); bad != "" {
		b.t.Errorf("%s: leads to %s", where, bad)
	}
}
