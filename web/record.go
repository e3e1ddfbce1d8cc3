package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// beginView puts on record that the permit's viewer begins to watch, and has every byte that this answer writes from now
// on counted, until endView. It is called before the first byte of footage: what cannot be recorded is not shown.
func (s *Server) beginView(w http.ResponseWriter, r *http.Request, p access.Permit, from, to time.Time) (*audit.Viewing, error) {
	if err := s.halted(); err != nil {
		return nil, err
	}
	v, err := s.Views.Begin(p, audit.Watch{Address: infoOf(r).client, From: from, To: to})
	if err != nil {
		return nil, err
	}
	responseOf(w).viewing = v
	return v, nil
}

// endView ends what beginView began, if it did. What is written afterwards is no footage.
func endView(w http.ResponseWriter) {
	resp := responseOf(w)
	if resp.viewing != nil {
		resp.viewing.End()
		resp.viewing = nil
	}
}
