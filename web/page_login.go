package web

import (
	"errors"
	"net/http"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// loginPages are the pages of people who are not signed in: set-up, sign-in, and the certificate to trust.
type loginPages struct {
	*pages
	sessions       *sessions
	certificatePEM []byte // of the box's own authority; may be empty
}

// pageHome leads to where one can go.
func (h *loginPages) pageHome(w http.ResponseWriter, r *http.Request) error {
	target := "/live"
	if viewerOf(r).IsZero() {
		target = "/login"
		_, needed, err := h.accounts.SetupCode(r.Context())
		if err != nil {
			return err
		}
		if needed {
			target = "/setup"
		}
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// pageLogin asks for a name and a password. Before there is any account it leads to the set-up, and who is signed in
// already is sent on.
func (h *loginPages) pageLogin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if !viewerOf(r).IsZero() {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	_, needed, err := h.accounts.SetupCode(r.Context())
	if err != nil {
		return err
	}
	if needed {
		http.Redirect(w, r, "/setup", http.StatusSeeOther)
		return nil
	}
	return h.writeLogin(w, r, http.StatusOK, view.Login{Next: next, Ended: r.URL.Query().Get("ended") != ""})
}

func (h *loginPages) writeLogin(w http.ResponseWriter, r *http.Request, status int, v view.Login) error {
	v.Shell = h.shell(r, "Sign in", "door-page")
	_, none := accounts.PasskeyOrigin(r.Host, infoOf(r).secure)
	v.Passkeys = none == nil
	v.OwnAuthority = len(h.certificatePEM) > 0
	return writePage(w, r, status, view.LoginPage(v))
}

func (h *loginPages) postLogin(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c := credentials{Username: form.Get("username"), Password: form.Get("password"), TOTP: form.Get("code")}
	next := localPath(form.Get("next"))
	if _, err := h.sessions.login(w, r, c); err != nil {
		words, status, mine := formComplaint(err)
		if !mine {
			return err
		}
		v := view.Login{Username: c.Username, Next: next, Complaint: words}
		if errors.Is(err, accounts.ErrNeedsCode) || errors.Is(err, accounts.ErrBadFactor) {
			v.NeedsCode, v.Password = true, c.Password
		}
		if errors.Is(err, accounts.ErrNeedsCode) {
			v.Complaint, status = "", http.StatusOK
		}
		return h.writeLogin(w, r, status, v)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (h *loginPages) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := h.sessions.logout(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}
