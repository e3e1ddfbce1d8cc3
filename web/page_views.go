package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

// viewsPerPage is how many entries a page has.
const viewsPerPage = 100

// pageWatched shows a camera's owner who watched it, and what was changed about who may.
func (s *Server) pageWatched(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	c := s.cameras.ofPermit(p)
	v := view.AuditLog{Shell: s.shell(r, "Who watched "+c.Label, "cameras"), Title: "Who watched " + c.Label, Back: cameraURL(c.Name), BackWords: c.Label,
		None: "Nobody watched it then.", Footer: "What was asked for within a minute is one entry. Entries are chained, so that none can be changed or taken out unnoticed; the command nvr check proves it."}
	q, err := s.recordQuery(r, &v)
	if err != nil {
		return err
	}
	page, err := s.Accounts.Audit().Views(r.Context(), p, q)
	if err != nil {
		return err
	}
	for _, x := range page.List {
		v.Rows = append(v.Rows, s.viewRow(x, whoWatched(x)))
	}
	v.Older = olderURL(r, page.Next)
	if q.After == (audit.Cursor{}) {
		changes, err := s.Accounts.Audit().Changes(r.Context(), p, q)
		if err != nil {
			return err
		}
		for _, x := range changes.List {
			v.Changes = append(v.Changes, view.AuditEntry{Who: s.changeWords(x), What: "by " + x.By, When: s.whenText(x.At)})
		}
	}
	return writePage(w, r, http.StatusOK, view.AuditLogPage(v))
}

// changeWords tells of a change in the words of the audit log, with times on the site's clock.
func (s *Server) changeWords(x audit.Change) string {
	if x.Detail == "" {
		return sentence(x.What)
	}
	parts := strings.Split(x.Detail, ", ")
	for i, part := range parts {
		if t, err := time.Parse("until "+time.RFC3339, part); err == nil {
			parts[i] = "until " + s.whenText(t)
		}
		begin, end, _ := strings.Cut(strings.TrimPrefix(part, "of "), " to ")
		from, err := time.Parse(time.RFC3339, begin)
		to, err2 := time.Parse(time.RFC3339, end)
		if err == nil && err2 == nil {
			parts[i] = "of " + s.stretchText(from, to)
		}
	}
	return sentence(x.What + ": " + strings.Join(parts, ", "))
}

// pageOwnViews shows people what they watched themselves.
func (s *Server) pageOwnViews(w http.ResponseWriter, r *http.Request) error {
	v := view.AuditLog{Shell: s.shell(r, "What you watched", "account"), Title: "What you watched", Back: "/account", BackWords: "Account",
		None: "You watched nothing then.", Footer: "The owners of the cameras read the same about what is theirs."}
	q, err := s.recordQuery(r, &v)
	if err != nil {
		return err
	}
	page, err := s.Accounts.Audit().OwnViews(r.Context(), viewerOf(r), q)
	if err != nil {
		return err
	}
	for _, x := range page.List {
		c, there := s.cameras.byID(x.Camera)
		if !there {
			c.Label = "A camera that is not here any more"
		}
		v.Rows = append(v.Rows, s.viewRow(x, c.Label))
	}
	v.Older = olderURL(r, page.Next)
	return writePage(w, r, http.StatusOK, view.AuditLogPage(v))
}

// whoWatched names a viewer as it was named then.
func whoWatched(x audit.View) string {
	switch {
	case x.Viewer.Kind == access.LinkView && x.Viewer.Name == "":
		return "Whoever has a link"
	case x.Viewer.Kind == access.LinkView:
		return "Whoever has the link “" + x.Viewer.Name + "”"
	case x.Viewer.Kind == access.TokenView:
		return x.Viewer.Name + ", by a token"
	}
	return x.Viewer.Name
}

func (s *Server) viewRow(x audit.View, who string) view.AuditEntry {
	row := view.AuditEntry{Who: who, When: s.stretchText(x.First, x.Last), Amount: format.Size(x.Bytes)}
	if x.Open {
		row.When = "since " + s.whenText(x.First)
	}
	switch x.Action {
	case access.Live:
		row.What = "watched live"
	case access.Export:
		row.What = "saved " + s.stretchText(x.From, x.To)
	default:
		row.What = "watched " + s.stretchText(x.From, x.To)
	}
	row.What += ", from " + x.Address
	return row
}

// recordQuery reads which part of the record a page is asked for: a day, and the place behind which to go on.
func (s *Server) recordQuery(r *http.Request, v *view.AuditLog) (audit.Query, error) {
	q := r.URL.Query()
	out := audit.Query{Limit: viewsPerPage}
	v.Today, v.All = dayOf(s.Now(), s.Location).String(), r.URL.Path
	if text := q.Get("day"); text != "" {
		t, err := time.ParseInLocation(time.DateOnly, text, s.Location)
		if err != nil || t.Year() < firstYear || t.Year() >= lastYear {
			return out, problem(http.StatusBadRequest, "The day in the address is not a date such as 2026-11-22.")
		}
		day := dayOf(t.Add(12*time.Hour), s.Location)
		v.Day, out.From, out.To = day.String(), day.from, day.to
	}
	var err error
	out.After, err = cursorIn(q)
	return out, err
}

// cursorIn reads the place in the record behind which to go on.
func cursorIn(q url.Values) (audit.Cursor, error) {
	after := q.Get("after")
	if after == "" {
		return audit.Cursor{}, nil
	}
	var c audit.Cursor
	if n, err := fmt.Sscanf(after, "%d-%d", &c.LastUS, &c.ID); n != 2 || err != nil || cursorOut(c) != after {
		return c, problem(http.StatusBadRequest, "The parameter after is not one that this server gave.")
	}
	return c, nil
}

func cursorOut(c audit.Cursor) string {
	if c == (audit.Cursor{}) {
		return ""
	}
	return strconv.FormatInt(c.LastUS, 10) + "-" + strconv.FormatInt(c.ID, 10)
}

func olderURL(r *http.Request, next audit.Cursor) string {
	if next == (audit.Cursor{}) {
		return ""
	}
	q := url.Values{"after": {cursorOut(next)}}
	if day := r.URL.Query().Get("day"); day != "" {
		q.Set("day", day)
	}
	return "?" + q.Encode()
}

// viewJSON is an entry of the record in the API.
type viewJSON struct {
	Viewer  string    `json:"viewer"` // the account's name then, or the label of the link
	Kind    string    `json:"kind"`   // account, token or link
	Camera  string    `json:"camera"` // its id; empty for one that is not here any more
	Action  string    `json:"action"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Address string    `json:"address"`
	Bytes   int64     `json:"bytes"`
	Open    bool      `json:"open"`
}

// apiWatched answers GET /api/v1/cameras/{id}/views.
func (s *Server) apiWatched(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := apiRecordQuery(r)
	if err != nil {
		return err
	}
	page, err := s.Accounts.Audit().Views(r.Context(), p, q)
	if err != nil {
		return err
	}
	return s.writeViews(w, r, page)
}

// apiOwnViews answers GET /api/v1/me/views.
func (s *Server) apiOwnViews(w http.ResponseWriter, r *http.Request) error {
	q, err := apiRecordQuery(r)
	if err != nil {
		return err
	}
	page, err := s.Accounts.Audit().OwnViews(r.Context(), viewerOf(r), q)
	if err != nil {
		return err
	}
	return s.writeViews(w, r, page)
}

func (s *Server) writeViews(w http.ResponseWriter, r *http.Request, page audit.Views) error {
	out := []viewJSON{}
	for _, x := range page.List {
		c, _ := s.cameras.byID(x.Camera)
		kind := map[access.ViewerKind]string{access.AccountView: "account", access.TokenView: "token", access.LinkView: "link"}[x.Viewer.Kind]
		out = append(out, viewJSON{Viewer: x.Viewer.Name, Kind: kind, Camera: c.Name, Action: x.Action.String(), First: x.First.UTC(), Last: x.Last.UTC(),
			From: x.From.UTC(), To: x.To.UTC(), Address: x.Address, Bytes: x.Bytes, Open: x.Open})
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"views": out, "next": cursorOut(page.Next)})
}

// apiRecordQuery reads from and to, which are optional here, and after.
func apiRecordQuery(r *http.Request) (audit.Query, error) {
	q, err := query(r)
	if err != nil {
		return audit.Query{}, err
	}
	out := audit.Query{Limit: viewsPerPage}
	for name, t := range map[string]*time.Time{"from": &out.From, "to": &out.To} {
		if !q.Has(name) {
			continue
		}
		if *t, err = timeParameter(q, name); err != nil {
			return out, err
		}
	}
	out.After, err = cursorIn(q)
	return out, err
}
