package web

import (
	"errors"
	"net/http"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// postPasskeyLogin asks the browser for a passkey of this place.
func (h *loginPages) postPasskeyLogin(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	return h.writePasskeyLogin(w, r, view.Passkey{Next: localPath(form.Get("next"))})
}

func (h *loginPages) writePasskeyLogin(w http.ResponseWriter, r *http.Request, v view.Passkey) error {
	at, err := accounts.PasskeyOrigin(r.Host, infoOf(r).secure)
	if err != nil {
		return problem(http.StatusBadRequest, sentence(err.Error()))
	}
	options, ceremony, err := h.accounts.BeginPasskeyLogin(r.Context(), at, infoOf(r).client)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if v.Complaint != "" {
		status = http.StatusForbidden
	}
	v.Shell, v.Title = withScript(h.shell(withViewer(r, access.Viewer{}), "Sign in", "door-page"), "passkey"), "Sign in with a passkey"
	v.Lead, v.Options, v.Ceremony = "Your browser will ask for your fingerprint, face or PIN.", string(options), ceremony
	return writePage(w, r, status, view.PasskeyPage(v))
}

// postPasskeyAnswer lets in who holds the passkey.
func (h *loginPages) postPasskeyAnswer(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	next := localPath(form.Get("next"))
	session, err := h.accounts.PasskeyLogin(r.Context(), accounts.Answer{Ceremony: form.Get("ceremony"), Response: []byte(form.Get("response"))},
		accounts.Attempt{Address: infoOf(r).client, Agent: r.UserAgent()})
	if errors.Is(err, accounts.ErrBadPasskey) {
		return h.writePasskeyLogin(w, r, view.Passkey{Next: next, Complaint: "That passkey was not accepted. Try again, or use your password."})
	}
	if err != nil {
		return err
	}
	if _, err := h.sessions.enter(w, r, session); err != nil {
		return err
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}
