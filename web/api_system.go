package web

import (
	"log/slog"
	"net/http"
	"time"
)

// systemAPI answers about the system as a whole: health, reports, metrics, connections.
type systemAPI struct {
	reports  *reports
	outgoing *connectionLog
	status   Status
	gate     *gate
	streams  *slots
	clips    *slots
	logger   *slog.Logger
}

// system answers GET /api/v1/system.
func (a *systemAPI) system(w http.ResponseWriter, r *http.Request) error {
	report, err := a.reports.system(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, report)
}

// connectionJSON is a connection in the API.
type connectionJSON struct {
	Camera   *string   `json:"camera"` // null for cameras that the caller may not see
	Protocol string    `json:"protocol"`
	Address  string    `json:"address"`
	Remote   string    `json:"remote"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Count    uint64    `json:"count"`
	Failed   uint64    `json:"failed"`
	Refused  uint64    `json:"refused"`
	Open     int       `json:"open"`
	Sent     uint64    `json:"sent_bytes"`
	Received uint64    `json:"received_bytes"`
}

// connections answers GET /api/v1/connections.
func (a *systemAPI) connections(w http.ResponseWriter, r *http.Request) error {
	all, err := a.outgoing.visibleTo(r)
	if err != nil {
		return err
	}
	out := []connectionJSON{}
	for _, c := range all {
		j := connectionJSON{Protocol: c.Protocol, Address: c.Address, Remote: c.Remote, First: c.First.UTC(), Last: c.Last.UTC(), Count: c.Count,
			Failed: c.Failed, Refused: c.Refused, Open: c.Open, Sent: c.Sent, Received: c.Received}
		if c.Camera != "" {
			j.Camera = &c.Camera
		}
		out = append(out, j)
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"connections": out})
}

// healthz says that the process runs.
func (a *systemAPI) healthz(w http.ResponseWriter, r *http.Request) error {
	return writePlain(w, r, http.StatusOK, "ok\n")
}

// readyz says whether databases are open, recorders started and footage is shown. The reason is only in the log.
func (a *systemAPI) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := a.status.Ready(); err != nil {
		a.logger.Warn("not ready", "req", infoOf(r).id, "err", err)
		return writePlain(w, r, http.StatusServiceUnavailable, "not ready\n")
	}
	if a.gate.halted() != nil {
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
