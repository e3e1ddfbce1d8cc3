package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// accountPages are the pages on which people look after their own account.
type accountPages struct{ *pages }

// doneWords are the messages that a page shows after a form was carried out; the address names one of them.
func doneWords(name string) (section, words string) {
	switch name {
	case "password":
		return name, "Password changed. You are signed out on your other devices."
	case "session":
		return "sessions", "Signed out. Anything playing there stopped within a second."
	case "token":
		return "tokens", "Token revoked."
	case "totp-on":
		return "totp", "Second factor turned on."
	case "totp-off":
		return "totp", "Second factor turned off."
	case "passkey":
		return "passkeys", "Passkey removed."
	case "passkey-new":
		return "passkeys", "Passkey added. You can now sign in with it."
	case "share":
		return "shares", "Shared."
	case "revoked":
		return "shares", "Revoked. Anything it had open is closed."
	case "person":
		return "people", "Account created."
	case "setup":
		return "cameras", "Your account is ready, and you are signed in."
	case "removed":
		return "people", "Account removed, with its sessions, tokens and shares."
	}
	return "", ""
}

// noticeOf is what the address asks a page to say.
func noticeOf(r *http.Request) view.Notice {
	section, words := doneWords(r.URL.Query().Get("done"))
	return view.Notice{Section: section, Words: words, Status: http.StatusOK}
}

func (h *accountPages) pageAccount(w http.ResponseWriter, r *http.Request) error {
	return h.writeAccount(w, r, noticeOf(r))
}

func (h *accountPages) writeAccount(w http.ResponseWriter, r *http.Request, n view.Notice) error {
	v := view.Account{Shell: h.shell(r, "Account", "account"), Notice: n}
	if err := h.addFactors(r, &v); err != nil {
		return err
	}
	sessions, err := h.accounts.Sessions(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	for _, x := range sessions {
		words := fmt.Sprintf("signed in %s from %s, active %s", h.site.when(x.Created), x.Address, h.site.lastUsed(x.Used))
		v.Sessions = append(v.Sessions, view.SessionRow{ID: strconv.FormatInt(x.ID, 10), Device: deviceWords(x.Agent), Words: words, Current: x.Current})
	}
	if err := h.addTokens(r, &v); err != nil {
		return err
	}
	return writePage(w, r, n.Status, view.AccountPage(v))
}

func (h *accountPages) addTokens(r *http.Request, v *view.Account) error {
	tokens, err := h.accounts.OwnTokens(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	for _, t := range tokens {
		v.Tokens = append(v.Tokens, view.TokenRow{ID: strconv.FormatInt(t.ID, 10), Label: t.Label, Words: h.tokenWords(t, cameras)})
	}
	for _, c := range cameras {
		v.Cameras = append(v.Cameras, view.CameraChoice{Name: c.Name, Label: c.Label})
	}
	v.Actions = choicesOf(access.Owned, access.Rights(access.Live|access.Playback))
	if v.Shell.Admin {
		v.Actions = append(v.Actions, view.Choice{Name: metricsName, Words: "Read system metrics"})
	}
	return nil
}

// metricsName is what a token for the figures of the system is asked for with, beside actions.
const metricsName = "metrics"

func (h *accountPages) tokenWords(t accounts.Token, cameras []visibleCamera) string {
	words := rightsWords(t.Actions)
	if t.Metrics && t.Actions == 0 {
		words = "read system metrics"
	}
	switch {
	case t.Actions == 0:
	case t.Cameras == nil:
		words += ", on all cameras you can see"
	default:
		words += ", on " + namesOf(t.Cameras, cameras)
	}
	if !t.Until.IsZero() {
		words += ", until " + h.site.when(t.Until)
		if !t.Until.After(h.site.now()) {
			words += " (expired)"
		}
	}
	if t.Used.IsZero() {
		return words + "; never used"
	}
	return words + "; last used " + h.site.lastUsed(t.Used)
}

// namesOf lists the labels of those cameras that are the viewer's to see, and counts the others.
func namesOf(ids []access.Camera, cameras []visibleCamera) string {
	words, others := "", 0
	for _, id := range ids {
		label := ""
		for _, c := range cameras {
			if access.Camera(c.ID) == id {
				label = c.Label
			}
		}
		switch {
		case label == "":
			others++
		case words == "":
			words = label
		default:
			words += ", " + label
		}
	}
	if others > 0 && words != "" {
		return fmt.Sprintf("%s and %d that you can't see", words, others)
	}
	if others > 0 {
		return fmt.Sprintf("%d cameras that you can't see", others)
	}
	return words
}

// changePassword is the form that does.
func (h *accountPages) changePassword(r *http.Request, form url.Values) (outcome, error) {
	err := h.accounts.ChangePassword(r.Context(), viewerOf(r),
		accounts.PasswordChange{Old: form.Get("old"), New: form.Get("new"), Address: infoOf(r).client})
	if errors.Is(err, accounts.ErrBadLogin) {
		return outcome{}, mistakeIn("old", http.StatusForbidden, "Wrong current password.")
	}
	return outcome{next: "/account?done=password#password"}, err
}

// endSessions ends one session, the others, or all.
func (h *accountPages) endSessions(r *http.Request, form url.Values) (outcome, error) {
	v := viewerOf(r)
	switch which := form.Get("session"); which {
	case "all":
		_, err := h.accounts.EndAllSessions(r.Context(), v)
		return outcome{next: "/login"}, err
	case "others":
		_, err := h.accounts.EndOtherSessions(r.Context(), v)
		return outcome{next: "/account?done=session#sessions"}, err
	default:
		id, err := strconv.ParseInt(which, 10, 64)
		if err != nil {
			return outcome{}, notFound()
		}
		return outcome{next: "/account?done=session#sessions"}, h.accounts.EndSession(r.Context(), v, id)
	}
}

// newToken makes a token and shows it, once.
func (h *accountPages) newToken(r *http.Request, form url.Values) (outcome, error) {
	spec, err := h.tokenOf(r, form)
	if err != nil {
		return outcome{}, err
	}
	token, err := h.accounts.NewOwnToken(r.Context(), viewerOf(r), spec)
	return outcome{once: view.SecretPage(view.Secret{Shell: h.shell(r, "New token", "account"), Title: "Token “" + spec.Label + "”",
		Lead: "Copy it now: it can't be shown again.", Lines: []string{token},
		Hint: "Programs send it as “Authorization: Bearer …”. Anyone who has it can do what you allowed.", Next: "/account#tokens"})}, err
}

// tokenOf reads the form of a new token.
func (h *accountPages) tokenOf(r *http.Request, form url.Values) (accounts.TokenSpec, error) {
	spec := accounts.TokenSpec{Label: form.Get("label")}
	var names []string
	for _, name := range form["action"] {
		if name == metricsName {
			spec.Metrics = true
			continue
		}
		names = append(names, name)
	}
	var err error
	if spec.Actions, err = rightsNamed(names); err != nil {
		return spec, problem(http.StatusBadRequest, sentence(err.Error()))
	}
	if spec.Until, err = h.site.daysFromNow(form.Get("until")); err != nil {
		return spec, err
	}
	if form.Get("cameras") == "these" {
		spec.Cameras, err = h.cameras.visibleNamed(r, form["camera"])
	}
	return spec, err
}

func (h *accountPages) removeToken(r *http.Request, form url.Values) (outcome, error) {
	id, err := strconv.ParseInt(form.Get("token"), 10, 64)
	if err != nil {
		return outcome{}, notFound()
	}
	return outcome{next: "/account?done=token#tokens"}, h.accounts.RemoveOwnToken(r.Context(), viewerOf(r), id)
}
