package web

import (
	"errors"
	"net/http"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// doorPages are the pages of people who are not signed in: set-up, sign-in, and the certificate to trust.
type doorPages struct {
	*pages
	sessions       *sessions
	certificatePEM []byte // of the box's own authority; may be empty
}

// pageHome leads to where one can go.
func (h *doorPages) pageHome(w http.ResponseWriter, r *http.Request) error {
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

func (h *doorPages) pageSetup(w http.ResponseWriter, r *http.Request) error {
	return h.writeSetup(w, r, http.StatusOK, view.Setup{})
}

func (h *doorPages) writeSetup(w http.ResponseWriter, r *http.Request, status int, v view.Setup) error {
	v.Shell = h.shell(r, "Set up", "door-page")
	return writePage(w, r, status, view.SetupPage(v))
}

// postSetup makes the first account and lets its owner in.
func (h *doorPages) postSetup(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c := credentials{Code: form.Get("code"), Username: form.Get("username"), Password: form.Get("password")}
	if _, err := h.sessions.setUp(w, r, c); err != nil {
		words, status, mine := formComplaint(err)
		if !mine {
			return err
		}
		return h.writeSetup(w, r, status, view.Setup{Notice: view.Notice{Words: words, Complaint: true, Field: fieldOf(err), Form: form}})
	}
	http.Redirect(w, r, "/cameras?done=setup", http.StatusSeeOther)
	return nil
}

// pageLogin asks for a name and a password. Before there is any account it leads to the set-up, and who is signed in
// already is sent on.
func (h *doorPages) pageLogin(w http.ResponseWriter, r *http.Request) error {
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

func (h *doorPages) writeLogin(w http.ResponseWriter, r *http.Request, status int, v view.Login) error {
	v.Shell = h.shell(r, "Sign in", "door-page")
	_, none := accounts.PasskeyOrigin(r.Host, infoOf(r).secure)
	v.Passkeys = none == nil
	v.OwnAuthority = len(h.certificatePEM) > 0
	return writePage(w, r, status, view.LoginPage(v))
}

func (h *doorPages) postLogin(w http.ResponseWriter, r *http.Request) error {
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

func (h *doorPages) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := h.sessions.logout(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// formComplaint returns what was wrong with a form, if the person who filled it in can correct it.
func formComplaint(err error) (words string, status int, mine bool) {
	_, invalid := errors.AsType[*accounts.InvalidError](err)
	_, throttled := errors.AsType[*accounts.ThrottledError](err)
	if p, ok := errors.AsType[*Problem](err); ok && (p.Status == http.StatusBadRequest || p.Status == http.StatusForbidden) {
		return p.Detail, p.Status, true
	}
	if !invalid && !throttled && !errors.Is(err, accounts.ErrBadLogin) && !errors.Is(err, accounts.ErrBadCode) &&
		!errors.Is(err, accounts.ErrBadFactor) && !errors.Is(err, accounts.ErrNeedsCode) {
		return "", 0, false
	}
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		p.Status = http.StatusForbidden // 401 would ask the browser for a scheme that a form is not
	}
	return p.Detail, p.Status, true
}

// errorPage shows a problem to people. It asks nobody who they are: what does not exist for one viewer must look to
// all the same.
func (h *pages) errorPage(w http.ResponseWriter, r *http.Request, p *Problem) error {
	r = withViewer(r, access.Viewer{})
	v := view.Error{Shell: h.shell(r, p.Title, "door-page"), Title: p.Title, Detail: p.Detail, Request: p.Instance}
	switch p.Status {
	case http.StatusBadRequest:
		v.Title = "This address doesn't work"
	case http.StatusNotFound:
		v.Title = "Page not found"
		v.Detail = "This page doesn't exist, or you don't have access to it."
	}
	return writePage(w, r, p.Status, view.ErrorPage(v))
}
