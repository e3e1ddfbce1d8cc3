package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

// connectionLog is every connection that the program made, as far as a viewer may know of it.
type connectionLog struct {
	list    func() []Connection // nil knows none
	cameras *cameraList
}

// visibleTo returns the connection log, with the names of cameras that are not the viewer's left out: an administrator sees
// where the box connects to, and not what is there.
func (l *connectionLog) visibleTo(r *http.Request) ([]Connection, error) {
	if l.list == nil {
		return nil, nil
	}
	cameras, err := l.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return nil, err
	}
	all := slices.Clone(l.list())
	for i := range all {
		if all[i].Camera == Probed {
			continue
		}
		if !slices.ContainsFunc(cameras, func(c visibleCamera) bool { return c.Name == all[i].Camera }) {
			all[i].Camera = ""
		}
	}
	return all, nil
}

// discovery is the protocol of a search for cameras on the local network.
const discovery = "ws-discovery"

// pageConnections shows administrators every connection that the program made since it started.
func (h *systemPages) pageConnections(w http.ResponseWriter, r *http.Request) error {
	all, err := h.outgoing.visibleTo(r)
	if err != nil {
		return err
	}
	v := view.Connections{Shell: h.shell(r, "Connections", "system")}
	labels := map[string]string{Probed: "looked at by an administrator"}
	for _, c := range h.cameras.all {
		labels[c.Name] = c.Label
	}
	var refused uint64
	looked := false
	for _, c := range all {
		looked = looked || c.Camera == Probed || c.Protocol == discovery
		refused += c.Refused
		row := view.ConnectionRow{Address: c.Address, Camera: labels[c.Camera], Words: h.connectionWords(c), Refused: c.Refused > 0}
		if c.Protocol == discovery {
			row.Camera = "search for cameras"
		}
		if c.Remote != c.Address {
			row.Remote = c.Remote
		}
		v.Rows = append(v.Rows, row)
	}
	v.Refused = refused > 0
	switch {
	case refused > 0:
		v.Verdict = fmt.Sprintf("%s to connect elsewhere %s refused: see the marked rows.", times(refused, "One attempt"), map[bool]string{true: "was", false: "were"}[refused == 1])
	case len(all) == 0:
		v.Verdict = "No connections since startup."
	case looked:
		v.Verdict = "All connections went to configured cameras, or to what an administrator looked at. Nothing else was attempted."
	default:
		v.Verdict = "All connections went to configured cameras. Nothing else was attempted."
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

func (h *systemPages) connectionWords(c Connection) string {
	now := h.site.now()
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
