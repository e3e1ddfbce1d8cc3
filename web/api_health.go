package web

import "net/http"

// healthz says that the process is up.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) error {
	return writePlain(w, r, http.StatusOK, "ok\n")
}

// readyz says whether databases are open, recorders started and footage is shown. Why not is in the log; strangers learn
// nothing more.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := s.Status.Ready(); err != nil {
		s.Logger.Warn("not ready", "req", infoOf(r).id, "err", err)
		return writePlain(w, r, http.StatusServiceUnavailable, "not ready\n")
	}
	if s.gate.halted() != nil {
		return writePlain(w, r, http.StatusServiceUnavailable, "showing no footage: see the log\n")
	}
	return writePlain(w, r, http.StatusOK, "ready\n")
}

func writePlain(w http.ResponseWriter, r *http.Request, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write([]byte(text))
	return err
}
