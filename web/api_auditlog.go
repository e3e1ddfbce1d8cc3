package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// viewJSON is a view entry of the audit log in the API.
type viewJSON struct {
	Viewer  string    `json:"viewer"` // the account's name then, or the label of the link
	Kind    string    `json:"kind"`   // account, token or link
	Camera  string    `json:"camera"` // its id; empty for a camera that was removed
	Action  string    `json:"action"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Address string    `json:"address"`
	Bytes   int64     `json:"bytes"`
	Open    bool      `json:"open"`
}

// views answers GET /api/v1/cameras/{id}/views.
func (a *cameraAPI) views(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := apiRecordQuery(r)
	if err != nil {
		return err
	}
	page, err := a.accounts.Audit().Views(r.Context(), p, q)
	if err != nil {
		return err
	}
	return writeViews(w, r, a.cameras, page)
}

// ownViews answers GET /api/v1/me/views.
func (a *accountAPI) ownViews(w http.ResponseWriter, r *http.Request) error {
	q, err := apiRecordQuery(r)
	if err != nil {
		return err
	}
	page, err := a.accounts.Audit().OwnViews(r.Context(), viewerOf(r), q)
	if err != nil {
		return err
	}
	return writeViews(w, r, a.cameras, page)
}

func writeViews(w http.ResponseWriter, r *http.Request, cameras *cameraList, page audit.Views) error {
	out := []viewJSON{}
	for _, x := range page.List {
		c, _ := cameras.byID(x.Camera)
		kind := map[access.ViewerKind]string{access.AccountView: "account", access.TokenView: "token", access.LinkView: "link"}[x.Viewer.Kind]
		out = append(out, viewJSON{Viewer: x.Viewer.Name, Kind: kind, Camera: c.Name, Action: x.Action.String(), First: x.First.UTC(), Last: x.Last.UTC(),
			From: x.From.UTC(), To: x.To.UTC(), Address: x.Address, Bytes: x.Bytes, Open: x.Open})
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"views": out, "next": cursorOut(page.Next)})
}

// apiRecordQuery reads from and to, which are optional here, and after.
func apiRecordQuery(r *http.Request) (audit.Query, error) {
	q, err := query(r)
	if err != nil {
		return audit.Query{}, err
	}
	out := audit.Query{Limit: viewsPerPage}
	for name, t := range map[string]*time.Time{"from": &out.From, "to": &out.To} {
		if !q.Has(name) {
			continue
		}
		if *t, err = timeParameter(q, name); err != nil {
			return out, err
		}
	}
	out.After, err = cursorIn(q)
	return out, err
}
