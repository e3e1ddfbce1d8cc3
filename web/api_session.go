package web

import (
	"net/http"

	"keepwatch.internal/internal/access"
)

// login answers POST /api/v1/session.
func (a *accountAPI) login(w http.ResponseWriter, r *http.Request) error {
	var c credentials
	if err := readJSON(r, &c); err != nil {
		return err
	}
	v, err := a.sessions.login(w, r, c)
	if err != nil {
		return err
	}
	return a.writeMe(w, r, v)
}

// logout answers DELETE /api/v1/session. It succeeds even if the session has already ended.
func (a *accountAPI) logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.sessions.logout(w, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// setUp answers POST /api/v1/setup.
func (a *accountAPI) setUp(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Code string `json:"code"`
		credentials
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	body.credentials.Code = body.Code
	v, err := a.sessions.setUp(w, r, body.credentials)
	if err != nil {
		return err
	}
	return a.writeMe(w, r, v)
}

// meJSON is the answer of GET /api/v1/me, and of calls that sign in.
type meJSON struct {
	Username string              `json:"username"`
	Admin    bool                `json:"admin"`
	Actions  map[string][]string `json:"actions"` // by camera id
}

// me answers GET /api/v1/me.
func (a *accountAPI) me(w http.ResponseWriter, r *http.Request) error {
	return a.writeMe(w, r, viewerOf(r))
}

func (a *accountAPI) writeMe(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	rights, err := a.accounts.Rights(r.Context(), v)
	if err != nil {
		return err
	}
	m := meJSON{Username: v.Name, Admin: v.Admin, Actions: map[string][]string{}}
	for _, c := range a.cameras.all {
		if held := rights[access.Camera(c.ID)]; held != 0 {
			m.Actions[c.Name] = held.Names()
		}
	}
	return writeJSON(w, r, http.StatusOK, m)
}
