package web

import (
	"fmt"
	"html"
	"net/http"
)

// errorPage shows a problem to people.
func (s *Server) errorPage(w http.ResponseWriter, r *http.Request, p *Problem) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := fmt.Fprintf(w, "<!doctype html><title>%s</title><h1>%s</h1><p>%s</p><p>%s</p>", html.EscapeString(p.Title),
		html.EscapeString(p.Title), html.EscapeString(p.Detail), html.EscapeString(p.Instance))
	return err
}
