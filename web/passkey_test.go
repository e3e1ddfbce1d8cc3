package web

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// TestAPasskeyIsMadeAndSignsIn uses a browser with a virtual authenticator. Browsers treat localhost as a secure context.
func TestAPasskeyIsMadeAndSignsIn(t *testing.T) {
	w := inhabited(t)
	byAddress := w.page("alice", "/account")
	if words := text(byAddress.one("section", "id=passkeys")); !strings.Contains(words, "encrypted connection") || len(byAddress.all("form", "action=/account/passkeys")) != 0 {
		t.Errorf("over plain HTTP to an address: %s", words)
	}
	u, err := url.Parse(w.http.URL)
	check(t, err)
	w.http.URL = "http://localhost:" + u.Port()
	b := newTab(t)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}}); err != nil {
		t.Fatal(err)
	}
	b.signIn(w, "alice")
	b.do(chromedp.Navigate(w.http.URL+"/account"), chromedp.Click(`#passkeys form[action="/account/passkeys"] button`), chromedp.WaitVisible(`#passkey-label`),
		chromedp.WaitEnabled(`#passkey-form button`), chromedp.Click(`#passkey-form button`), chromedp.WaitVisible(`#passkeys .done`))
	if words := eval[string](b, `document.querySelector("#passkeys").innerText`); !strings.Contains(words, "Chrome on Linux") {
		t.Errorf("the new passkey is not listed: %s", words)
	}
	b.do(chromedp.Navigate(w.http.URL+"/live"), chromedp.Evaluate[chromedp.Void](`void document.querySelector('form[action="/logout"]').submit()`), chromedp.WaitVisible(`.sheet input[name=password]`),
		chromedp.Click(`form[action="/login/passkey"] button`))
	if !poll(15*time.Second, func() bool { return eval[string](b, `location.pathname`) == "/live" }) {
		t.Errorf("the passkey does not sign in: %s", eval[string](b, `document.body.innerText`))
	}
}
