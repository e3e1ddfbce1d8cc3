package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// shareJSON is a share in the API.
type shareJSON struct {
	ID      int64      `json:"id"`
	Account string     `json:"account"` // empty for a link
	Actions []string   `json:"actions"`
	Label   string     `json:"label"`
	By      string     `json:"by"`
	Created time.Time  `json:"created"`
	Until   *time.Time `json:"until"`
	From    *time.Time `json:"from"`
	To      *time.Time `json:"to"`
	Link    string     `json:"link,omitempty"` // only when it is made
}

// newShareJSON is a request for a share.
type newShareJSON struct {
	Account string     `json:"account"`
	Actions []string   `json:"actions"`
	Label   string     `json:"label"`
	Until   *time.Time `json:"until"`
	From    *time.Time `json:"from"`
	To      *time.Time `json:"to"`
}

func shareOut(x accounts.Share) shareJSON {
	return shareJSON{ID: x.ID, Account: x.Account, Actions: x.Actions.Names(), Label: x.Label, By: x.By, Created: x.Created.UTC(),
		Until: moment(x.Until), From: moment(x.Window.From), To: moment(x.Window.To)}
}

// listShares answers GET /api/v1/cameras/{id}/shares.
func (a *cameraAPI) listShares(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	shares, err := a.shares.of(r, p)
	if err != nil {
		return err
	}
	out := []shareJSON{}
	for _, x := range shares {
		out = append(out, shareOut(x))
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"shares": out})
}

// newShare answers POST /api/v1/cameras/{id}/shares.
func (a *cameraAPI) newShare(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	var in newShareJSON
	if err := readJSON(r, &in); err != nil {
		return err
	}
	spec := accounts.ShareSpec{Camera: p.Camera(), Account: in.Account, Label: in.Label}
	err := momentsIn([]*time.Time{in.Until, in.From, in.To}, []*time.Time{&spec.Until, &spec.Window.From, &spec.Window.To})
	if err != nil {
		return err
	}
	if spec.Actions, err = rightsNamed(in.Actions); err != nil {
		return problem(http.StatusBadRequest, sentence(err.Error()))
	}
	id, link, err := a.shares.give(r, spec)
	if err != nil {
		return err
	}
	out := shareOut(accounts.Share{ID: id, ShareSpec: spec, By: p.Viewer().Name, Created: a.now()})
	out.Link = link
	return writeJSON(w, r, http.StatusCreated, out)
}

// momentsIn reads optional times. A given time is never taken for none: years outside the range are refused.
func momentsIn(from, to []*time.Time) error {
	for i, t := range from {
		if t == nil {
			continue
		}
		if t.UTC().Year() < firstYear || t.UTC().Year() >= lastYear {
			return problem(http.StatusBadRequest, fmt.Sprintf("A time is outside the years %d to %d.", firstYear, lastYear-1))
		}
		*to[i] = t.UTC()
	}
	return nil
}

// revokeShare answers DELETE /api/v1/cameras/{id}/shares/{number}.
func (a *cameraAPI) revokeShare(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	id, err := numberIn(r)
	if err != nil {
		return err
	}
	if err := a.shares.revoke(r, p, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// numberIn reads {number} of the path.
func numberIn(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil || id < 1 {
		return 0, notFound()
	}
	return id, nil
}

// granteeJSON is who can see a camera, in the API.
type granteeJSON struct {
	Kind    string     `json:"kind"` // owner, account or link
	Name    string     `json:"name"`
	Actions []string   `json:"actions"`
	From    *time.Time `json:"from"`
	To      *time.Time `json:"to"`
	Shares  []int64    `json:"shares"`
}

// grantees answers GET /api/v1/cameras/{id}/access.
func (a *cameraAPI) grantees(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	list, err := a.accounts.Grantees(r.Context(), p)
	if err != nil {
		return err
	}
	out := []granteeJSON{}
	for _, x := range list {
		j := granteeJSON{Kind: seerKind(x), Name: x.Name, Actions: x.Grant.Rights.Names(), From: moment(x.Grant.Window.From), To: moment(x.Grant.Window.To), Shares: []int64{}}
		for _, share := range x.Shares {
			j.Shares = append(j.Shares, share.ID)
		}
		out = append(out, j)
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"viewers": out})
}
