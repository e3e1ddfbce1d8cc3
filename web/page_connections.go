package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

// connections returns the connection log, with the names of cameras that are not the viewer's left out: an administrator sees
// where the box connects to, and not what is there.
func (s *Server) connections(r *http.Request) ([]Connection, error) {
	if s.Connections == nil {
		return nil, nil
	}
	cameras, err := s.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return nil, err
	}
	all := slices.Clone(s.Connections())
	for i := range all {
		if !slices.ContainsFunc(cameras, func(c visibleCamera) bool { return c.Name == all[i].Camera }) {
			all[i].Camera = ""
		}
	}
	return all, nil
}

// pageConnections shows administrators every connection that the program made since it started.
func (s *Server) pageConnections(w http.ResponseWriter, r *http.Request) error {
	all, err := s.connections(r)
	if err != nil {
		return err
	}
	v := view.Connections{Shell: s.shell(r, "Connections", "system")}
	labels := map[string]string{}
	for _, c := range s.Cameras {
		labels[c.Name] = c.Label
	}
	var refused uint64
	for _, c := range all {
		refused += c.Refused
		row := view.ConnectionRow{Address: c.Address, Camera: labels[c.Camera], Words: s.connectionWords(c), Refused: c.Refused > 0}
		if c.Remote != c.Address {
			row.Remote = c.Remote
		}
		v.Rows = append(v.Rows, row)
	}
	v.Refused = refused > 0
	switch {
	case refused > 0:
		v.Verdict = fmt.Sprintf("%s wanted to lead elsewhere and %s refused: look at what is marked.", times(refused, "One attempt"), map[bool]string{true: "was", false: "were"}[refused == 1])
	case len(all) == 0:
		v.Verdict = "No connection was made since the start."
	default:
		v.Verdict = "All of them go to cameras that the configuration names. Nothing else was tried."
	}
	return writePage(w, r, http.StatusOK, view.ConnectionsPage(v))
}

func times(n uint64, one string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d attempts", n)
}

// timesText says how often.
func timesText(n uint64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

func (s *Server) connectionWords(c Connection) string {
	now := s.Now()
	if c.Refused > 0 {
		return fmt.Sprintf("%s, refused %s, last %s", strings.ToUpper(c.Protocol), timesText(c.Refused), format.Ago(c.Last, now))
	}
	words := fmt.Sprintf("%s, connected %s", strings.ToUpper(c.Protocol), timesText(c.Count))
	if c.Failed > 0 {
		words += fmt.Sprintf(", failed %s", timesText(c.Failed))
	}
	if c.Open > 0 {
		words += fmt.Sprintf(", %d open now", c.Open)
	}
	if c.Sent+c.Received > 0 {
		words += fmt.Sprintf(", %s received, %s sent", format.Size(int64(c.Received)), format.Size(int64(c.Sent)))
	}
	return words + ", last " + format.Ago(c.Last, now)
}

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
	all, err := s.connections(r)
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
