package web

import (
	"net/http"
	"time"
)

// connectionJSON is a connection in the API.
type connectionJSON struct {
	Camera   *string   `json:"camera"` // null for cameras that are not the caller's to see
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

// apiConnections answers GET /api/v1/connections.
func (s *Server) apiConnections(w http.ResponseWriter, r *http.Request) error {
	all, err := s.outgoing.visibleTo(r)
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
