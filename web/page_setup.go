package web

import (
	"net/http"

	"keepwatch.internal/web/view"
)

func (h *loginPages) pageSetup(w http.ResponseWriter, r *http.Request) error {
	return h.writeSetup(w, r, http.StatusOK, view.Setup{})
}

func (h *loginPages) writeSetup(w http.ResponseWriter, r *http.Request, status int, v view.Setup) error {
	v.Shell = h.shell(r, "Set up", "door-page")
	return writePage(w, r, status, view.SetupPage(v))
}

// postSetup makes the first account and lets its owner in.
func (h *loginPages) postSetup(w http.ResponseWriter, r *http.Request) error {
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
