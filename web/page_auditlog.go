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

// auditLogPages show who watched what.
type auditLogPages struct{ *pages }

// viewsPerPage is how many entries a page has.
const viewsPerPage = 100

// pageWatched shows a camera's owner who watched it, and what was changed about who may.
func (h *auditLogPages) pageWatched(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	c := h.cameras.ofPermit(p)
	v := view.AuditLog{Shell: h.shell(r, "Who watched "+c.Label, "cameras"), Title: "Who watched " + c.Label, Back: cameraURL(c.Name), BackWords: c.Label,
		None: "Nobody watched it.", Footer: "Requests within a minute are one entry. Entries are chained, so that none can be changed or removed unnoticed; nvr check verifies it."}
	q, err := h.query(r, &v)
	if err != nil {
		return err
	}
	page, err := h.accounts.Audit().Views(r.Context(), p, q)
	if err != nil {
		return err
	}
	for _, x := range page.List {
		v.Rows = append(v.Rows, h.entry(x, whoWatched(x)))
	}
	v.Older = olderURL(r, page.Next)
	if q.After == (audit.Cursor{}) {
		changes, err := h.accounts.Audit().Changes(r.Context(), p, q)
		if err != nil {
			return err
		}
		for _, x := range changes.List {
			v.Changes = append(v.Changes, view.AuditEntry{Who: changeWords(x, h.site), What: "by " + x.By, When: h.site.when(x.At)})
		}
	}
	return writePage(w, r, http.StatusOK, view.AuditLogPage(v))
}

// changeWords describes a change in the words of the audit log, with times on the site's clock.
func changeWords(x audit.Change, site siteClock) string {
	if x.Detail == "" {
		return sentence(x.What)
	}
	parts := strings.Split(x.Detail, ", ")
	for i, part := range parts {
		if t, err := time.Parse("until "+time.RFC3339, part); err == nil {
			parts[i] = "until " + site.when(t)
		}
		begin, end, _ := strings.Cut(strings.TrimPrefix(part, "of "), " to ")
		from, err := time.Parse(time.RFC3339, begin)
		to, err2 := time.Parse(time.RFC3339, end)
		if err == nil && err2 == nil {
			parts[i] = "of " + site.between(from, to)
		}
	}
	return sentence(x.What + ": " + strings.Join(parts, ", "))
}

// pageOwnViews shows people what they watched themselves.
func (h *auditLogPages) pageOwnViews(w http.ResponseWriter, r *http.Request) error {
	v := view.AuditLog{Shell: h.shell(r, "What you watched", "account"), Title: "What you watched", Back: "/account", BackWords: "Account",
		None: "You watched nothing.", Footer: "Camera owners see the same entries for their own cameras."}
	q, err := h.query(r, &v)
	if err != nil {
		return err
	}
	page, err := h.accounts.Audit().OwnViews(r.Context(), viewerOf(r), q)
	if err != nil {
		return err
	}
	for _, x := range page.List {
		c, there := h.cameras.byID(x.Camera)
		if !there {
			c.Label = "A removed camera"
		}
		v.Rows = append(v.Rows, h.entry(x, c.Label))
	}
	v.Older = olderURL(r, page.Next)
	return writePage(w, r, http.StatusOK, view.AuditLogPage(v))
}

// whoWatched names a viewer as it was named then.
func whoWatched(x audit.View) string {
	switch {
	case x.Viewer.Kind == access.LinkView && x.Viewer.Name == "":
		return "Someone with a link"
	case x.Viewer.Kind == access.LinkView:
		return "Someone with the link “" + x.Viewer.Name + "”"
	case x.Viewer.Kind == access.TokenView:
		return x.Viewer.Name + ", with a token"
	}
	return x.Viewer.Name
}

func (h *auditLogPages) entry(x audit.View, who string) view.AuditEntry {
	row := view.AuditEntry{Who: who, When: h.site.between(x.First, x.Last), Amount: format.Size(x.Bytes)}
	if x.Open {
		row.When = "since " + h.site.when(x.First)
	}
	switch x.Action {
	case access.Live:
		row.What = "watched live"
	case access.Export:
		row.What = "saved " + h.site.between(x.From, x.To)
	default:
		row.What = "watched " + h.site.between(x.From, x.To)
	}
	row.What += ", from " + x.Address
	return row
}

// query reads which part of the record a page is asked for: a day, and the place behind which to go on.
func (h *auditLogPages) query(r *http.Request, v *view.AuditLog) (audit.Query, error) {
	q := r.URL.Query()
	out := audit.Query{Limit: viewsPerPage}
	v.Today, v.All = dayOf(h.site.now(), h.site.location).String(), r.URL.Path
	if text := q.Get("day"); text != "" {
		t, err := time.ParseInLocation(time.DateOnly, text, h.site.location)
		if err != nil || t.Year() < firstYear || t.Year() >= lastYear {
			return out, problem(http.StatusBadRequest, "The day in the address is not a date such as 2026-11-22.")
		}
		day := dayOf(t.Add(12*time.Hour), h.site.location)
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
