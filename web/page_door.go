package web

import (
	"errors"
	"net/http"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// pageHome leads to where one can go.
func (s *Server) pageHome(w http.ResponseWriter, r *http.Request) error {
	target := "/live"
	if viewerOf(r).IsZero() {
		target = "/login"
		_, needed, err := s.Accounts.SetupCode(r.Context())
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

func (s *Server) pageSetup(w http.ResponseWriter, r *http.Request) error {
	return s.writeSetup(w, r, http.StatusOK, view.Setup{})
}

func (s *Server) writeSetup(w http.ResponseWriter, r *http.Request, status int, v view.Setup) error {
	v.Shell = s.shell(r, "Set up", "door-page")
	return writePage(w, r, status, view.SetupPage(v))
}

// postSetup makes the first account and lets its owner in.
func (s *Server) postSetup(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c := credentials{Code: form.Get("code"), Username: form.Get("username"), Password: form.Get("password")}
	if _, err := s.setUp(w, r, c); err != nil {
		words, status, mine := s.formComplaint(err)
		if !mine {
			return err
		}
		return s.writeSetup(w, r, status, view.Setup{Notice: view.Notice{Words: words, Complaint: true, Field: fieldOf(err), Form: form}})
	}
	http.Redirect(w, r, "/cameras?done=setup", http.StatusSeeOther)
	return nil
}

// pageLogin asks for a name and a password. Before there is any account it leads to the set-up, and who is signed in
// already is sent on.
func (s *Server) pageLogin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if !viewerOf(r).IsZero() {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	_, needed, err := s.Accounts.SetupCode(r.Context())
	if err != nil {
		return err
	}
	if needed {
		http.Redirect(w, r, "/setup", http.StatusSeeOther)
		return nil
	}
	return s.writeLogin(w, r, http.StatusOK, view.Login{Next: next, Ended: r.URL.Query().Get("ended") != ""})
}

func (s *Server) writeLogin(w http.ResponseWriter, r *http.Request, status int, v view.Login) error {
	v.Shell = s.shell(r, "Sign in", "door-page")
	_, none := accounts.PasskeyOrigin(r.Host, infoOf(r).secure)
	v.Passkeys = none == nil
	v.OwnAuthority = len(s.CertificatePEM) > 0
	return writePage(w, r, status, view.LoginPage(v))
}

func (s *Server) postLogin(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c := credentials{Username: form.Get("username"), Password: form.Get("password"), TOTP: form.Get("code")}
	next := localPath(form.Get("next"))
	if _, err := s.login(w, r, c); err != nil {
		words, status, mine := s.formComplaint(err)
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
		return s.writeLogin(w, r, status, v)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.logout(w, r); err != nil {
		return err
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// formComplaint says what was wrong with a form, where it is for the person who filled it in to mend.
func (s *Server) formComplaint(err error) (words string, status int, mine bool) {
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
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, p *Problem) error {
	r = withViewer(r, access.Viewer{})
	v := view.Error{Shell: s.shell(r, p.Title, "door-page"), Title: p.Title, Detail: p.Detail, Request: p.Instance}
	switch p.Status {
	case http.StatusBadRequest:
		v.Title = "This address does not work"
	case http.StatusNotFound:
		v.Title = "Nothing here"
		v.Detail = "There is no such page, or it is not yours to see."
	}
	return writePage(w, r, p.Status, view.ErrorPage(v))
}
