package web

import "net/http"

// factorView is the page that sets up a second factor.
type factorView struct {
	Frame        frame
	Picture, Key string
	Complaint    string
}

func (s *Server) addFactors(r *http.Request, v *accountView) error { return nil }
