package web

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/browsertest"
)

// at waits until the browser is on the page of the path, and returns its text.
func (b *tab) at(path string) string {
	b.t.Helper()
	if !poll(stepTimeout, func() bool { return eval[string](b, `location.pathname`) == path }) {
		b.t.Fatalf("on %s, want %s: %s", eval[string](b, `location.pathname`), path, eval[string](b, `document.body.innerText`))
	}
	b.do(chromedp.WaitVisible(`main`))
	return eval[string](b, `document.body.innerText`)
}

// fill replaces the content of a field.
func fill(selector, text string) chromedp.Action[chromedp.Void] {
	return chromedp.SetValue(selector, text)
}

// TestWithoutScriptsARecorderIsSetUpSearchedAndLeft does everything in a browser without scripts: create the first account, see the
// cameras and a recorded day, save a clip, change the password, sign out and in again.
func TestWithoutScriptsARecorderIsSetUpSearchedAndLeft(t *testing.T) {
	w := empty(t)
	w.film("front")
	b := newTab(t)
	b.see(look{390, 844, false})
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	code, _, err := w.accounts.SetupCode(t.Context())
	check(t, err)
	b.do(chromedp.Navigate(w.http.URL + "/"))
	b.at("/setup")
	b.do(chromedp.SendKeys(`#code`, "WRONG-CODE"), chromedp.SendKeys(`#username`, "alice"), chromedp.SendKeys(`#password`, password), chromedp.Click(`.primary`),
		chromedp.WaitVisible(`#code-mistake`))
	if eval[string](b, `document.activeElement.id`) != "code" || eval[string](b, `document.querySelector("#username").value`) != "alice" {
		t.Error("the mistake does not lead to its field, or the name has to be typed again")
	}
	b.do(fill(`#code`, code), chromedp.SendKeys(`#password`, password), chromedp.Click(`.primary`))
	if said := b.at("/cameras"); !strings.Contains(said, "Your account is ready") {
		t.Errorf("the page says %s", said)
	}
	check(t, w.accounts.SetOwners(t.Context(), []accounts.Ownership{{Camera: access.Camera(w.cameras["front"].ID), Owners: []string{"alice"}}}))

	b.do(chromedp.Click(`.places a[href="/cameras"]`))
	b.at("/cameras")
	b.do(chromedp.Click(`main a[href="/cameras/front"]`))
	b.at("/cameras/front")
	b.do(fill(`.day-pick input[name=day]`, w.start.In(w.options.Location).Format(time.DateOnly)), chromedp.Click(`.day-pick noscript button`))
	if !poll(stepTimeout, func() bool { return strings.Contains(eval[string](b, `location.search`), "day=") }) {
		t.Fatal("another day cannot be chosen")
	}
	b.downloadsPlainly(w)

	const other = "battery staple horse"
	b.do(chromedp.Navigate(w.http.URL+"/account"), chromedp.Click(`#password summary`), chromedp.SendKeys(`#old`, "wrong"), chromedp.SendKeys(`#new`, other),
		chromedp.Click(`#password .primary`), chromedp.WaitVisible(`#old-mistake`),
		chromedp.SendKeys(`#old`, password), chromedp.SendKeys(`#new`, other), chromedp.Click(`#password .primary`), chromedp.WaitVisible(`#password .done`))
	b.do(chromedp.Click(`.menu summary`), chromedp.Click(`form[action="/logout"] button`))
	b.at("/login")
	b.do(chromedp.SendKeys(`input[name=username]`, "alice"), chromedp.SendKeys(`input[name=password]`, other), chromedp.Click(`.primary`))
	if said := b.at("/live"); !strings.Contains(said, "needs JavaScript") {
		t.Errorf("the live page does not say what it lacks: %s", said)
	}
	if eval[bool](b, `"js" in document.documentElement.dataset`) {
		t.Error("a script ran: this test shows nothing")
	}
}

// downloadsPlainly saves a clip from the camera's page as a file.
func (b *tab) downloadsPlainly(w *world) {
	b.t.Helper()
	downloads := browsertest.Save(b.t, b.ctx)
	at := func(second int) string { return w.start.Add(time.Duration(second) * time.Second).Format(time.RFC3339) }
	b.do(chromedp.Click(`#save summary`), fill(`#save-form input[name=from]`, at(2)), fill(`#save-form input[name=to]`, at(6)), chromedp.Click(`#save-button`))
	path := downloads.Next("*.mp4", stepTimeout)
	film, err := os.ReadFile(path)
	check(b.t, err)
	id := w.cameras["front"].ID.String()
	if n := bytes.Count(film, []byte(id)); !bytes.HasPrefix(film[min(4, len(film)):], []byte("ftyp")) || n < 4*filmFPS {
		b.t.Errorf("%s has %d bytes with %d pictures of the camera", path, len(film), n)
	}
}
