package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

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

// apiSessions answers GET /api/v1/me/sessions.
func (s *Server) apiSessions(w http.ResponseWriter, r *http.Request) error {
	sessions, err := s.Accounts.Sessions(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	out := []sessionJSON{}
	for _, x := range sessions {
		out = append(out, sessionJSON{ID: x.ID, Created: x.Created.UTC(), Used: x.Used.UTC(), Until: x.Until.UTC(), Address: x.Address, Agent: x.Agent, Current: x.Current})
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"sessions": out})
}

// apiEndSession answers DELETE /api/v1/me/sessions/{number}.
func (s *Server) apiEndSession(w http.ResponseWriter, r *http.Request) error {
	id, err := numberIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.EndSession(r.Context(), viewerOf(r), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiEndOthers answers DELETE /api/v1/me/sessions.
func (s *Server) apiEndOthers(w http.ResponseWriter, r *http.Request) error {
	ended, err := s.Accounts.EndOtherSessions(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"ended": ended})
}

// apiConfirm answers POST /api/v1/session/confirm.
func (s *Server) apiConfirm(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Password string `json:"password"`
	}
	if err := readJSON(r, &in); err != nil {
		return err
	}
	if err := s.Accounts.Confirm(r.Context(), viewerOf(r), in.Password, infoOf(r).client); err != nil {
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
	Cameras []string   `json:"cameras"` // null: all; those that are not the caller's to see any more are left out
	Metrics bool       `json:"metrics"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used"` // to the hour
	Until   *time.Time `json:"until"`
}

// apiTokens answers GET /api/v1/me/tokens.
func (s *Server) apiTokens(w http.ResponseWriter, r *http.Request) error {
	tokens, err := s.Accounts.OwnTokens(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := s.cameras.visibleTo(r.Context(), viewerOf(r))
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

// namesAmong returns the names of those cameras that are the viewer's to see.
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

// apiNewToken answers POST /api/v1/me/tokens.
func (s *Server) apiNewToken(w http.ResponseWriter, r *http.Request) error {
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
		if spec.Cameras, err = s.cameras.visibleNamed(r, in.Cameras); err != nil {
			return err
		}
	}
	token, err := s.Accounts.NewOwnToken(r.Context(), viewerOf(r), spec)
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusCreated, map[string]any{"token": token})
}

// apiRemoveToken answers DELETE /api/v1/me/tokens/{number}.
func (s *Server) apiRemoveToken(w http.ResponseWriter, r *http.Request) error {
	id, err := numberIn(r)
	if err != nil {
		return err
	}
	if err := s.Accounts.RemoveOwnToken(r.Context(), viewerOf(r), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
