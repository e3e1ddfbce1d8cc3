package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/layout"
)

// accountAPI answers about the caller's own account: sessions, tokens, the arrangement of the live page.
type accountAPI struct {
	accounts *accounts.Directory
	sessions *sessions
	layouts  *layout.Store
	cameras  *cameraList
}

// sessionJSON is a session in the API.
type sessionJSON struct {
	ID      int64     `json:"id"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"` // to the hour
	Until   time.Time `json:"until"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	Current bool      `json:"current"`
}

// listSessions answers GET /api/v1/me/sessions.
func (a *accountAPI) listSessions(w http.ResponseWriter, r *http.Request) error {
	sessions, err := a.accounts.Sessions(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	out := []sessionJSON{}
	for _, x := range sessions {
		out = append(out, sessionJSON{ID: x.ID, Created: x.Created.UTC(), Used: x.Used.UTC(), Until: x.Until.UTC(), Address: x.Address, Agent: x.Agent, Current: x.Current})
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"sessions": out})
}

// endSession answers DELETE /api/v1/me/sessions/{number}.
func (a *accountAPI) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := numberIn(r)
	if err != nil {
		return err
	}
	if err := a.accounts.EndSession(r.Context(), viewerOf(r), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endOtherSessions answers DELETE /api/v1/me/sessions.
func (a *accountAPI) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	ended, err := a.accounts.EndOtherSessions(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"ended": ended})
}

// confirm answers POST /api/v1/session/confirm.
func (a *accountAPI) confirm(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Password string `json:"password"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := a.accounts.Confirm(r.Context(), viewerOf(r), in.Password, infoOf(r).client); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// tokenJSON is a token in the API.
type tokenJSON struct {
	ID      int64      `json:"id"`
	Label   string     `json:"label"`
	Actions []string   `json:"actions"`
	Cameras []string   `json:"cameras"` // null for all; cameras that the caller can no longer see are left out
	Metrics bool       `json:"metrics"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used"` // to the hour
	Until   *time.Time `json:"until"`
}

// listTokens answers GET /api/v1/me/tokens.
func (a *accountAPI) listTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := a.accounts.OwnTokens(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := a.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	out := []tokenJSON{}
	for _, t := range tokens {
		j := tokenJSON{ID: t.ID, Label: t.Label, Actions: t.Actions.Names(), Metrics: t.Metrics, Created: t.Created.UTC(), Used: moment(t.Used), Until: moment(t.Until)}
		if t.Cameras != nil {
			j.Cameras = namesAmong(t.Cameras, cameras)
		}
		out = append(out, j)
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"tokens": out})
}

// namesAmong returns the names of those ids that are among the cameras.
func namesAmong(ids []access.Camera, cameras []visibleCamera) []string {
	names := []string{}
	for _, c := range cameras {
		for _, id := range ids {
			if access.Camera(c.ID) == id {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// newToken answers POST /api/v1/me/tokens.
func (a *accountAPI) newToken(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Label   string     `json:"label"`
		Actions []string   `json:"actions"`
		Cameras []string   `json:"cameras"`
		Metrics bool       `json:"metrics"`
		Until   *time.Time `json:"until"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	spec := accounts.TokenSpec{Label: in.Label, Metrics: in.Metrics}
	err := momentsIn([]*time.Time{in.Until}, []*time.Time{&spec.Until})
	if err != nil {
		return err
	}
	if spec.Actions, err = rightsNamed(in.Actions); err != nil {
		return problem(http.StatusBadRequest, sentence(err.Error()))
	}
	if in.Cameras != nil {
		if spec.Cameras, err = a.cameras.visibleNamed(r, in.Cameras); err != nil {
			return err
		}
	}
	token, err := a.accounts.NewOwnToken(r.Context(), viewerOf(r), spec)
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusCreated, map[string]any{"token": token})
}

// removeToken answers DELETE /api/v1/me/tokens/{number}.
func (a *accountAPI) removeToken(w http.ResponseWriter, r *http.Request) error {
	id, err := numberIn(r)
	if err != nil {
		return err
	}
	if err := a.accounts.RemoveOwnToken(r.Context(), viewerOf(r), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
