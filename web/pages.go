package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// pageGroups are the handlers of pages, grouped by what they need.
type pageGroups struct {
	login    *loginPages
	account  *accountPages
	people   *peoplePages
	sharing  *sharingPages
	auditLog *auditLogPages
	link     *linkPages
	livePage *livePages
	camera   *cameraPages
	saved    *savedPages
	system   *systemPages
	probe    *probePages
}

// pages is what every page needs: who asks, which cameras there are, and the time of the site.
type pages struct {
	accounts *accounts.Directory
	cameras  *cameraList
	gate     *gate
	site     siteClock
}

// newPageGroups assembles the handlers of pages from what the server has.
func (s *Server) newPageGroups() pageGroups {
	p := &pages{accounts: s.options.Accounts, cameras: s.cameras, gate: s.gate, site: s.site}
	return pageGroups{
		login:    &loginPages{pages: p, sessions: s.sessions, certificatePEM: s.options.CertificatePEM},
		account:  &accountPages{pages: p},
		people:   &peoplePages{pages: p},
		sharing:  &sharingPages{pages: p, shares: s.shares},
		auditLog: &auditLogPages{pages: p},
		link:     &linkPages{pages: p, sessions: s.sessions, store: s.options.Store},
		livePage: &livePages{pages: p, layouts: s.options.Layouts},
		camera:   &cameraPages{pages: p, shares: s.shares, coverage: s.coverage, identity: s.options.Identity, store: s.options.Store},
		saved:    &savedPages{pages: p, kept: s.kept, store: s.options.Store},
		system:   &systemPages{pages: p, outgoing: s.outgoing, report: s.reports.system},
		probe:    &probePages{pages: p, probe: s.options.Probe, slots: newSlots(maxProbes, maxProbesAccount)},
	}
}

// shell is what is around a page: its title, and the section of the navigation that it belongs to.
func (h *pages) shell(r *http.Request, title, section string) view.Shell {
	v := viewerOf(r)
	return view.Shell{Title: title, Section: section, User: v.Name, Initial: initialOf(v.Name), Admin: v.Admin, Halted: h.gate.halted() != nil,
		Icon: asset("icon.svg"), Styles: assets("css/app.css", "css/watch.css", "css/live.css"), Scripts: assets(shellScript), Modules: assets(imported(shellScript)...),
		Now: strconv.FormatInt(h.site.now().UnixMilli(), 10)}
}

// shellScript runs on every page.
const shellScript = "shell/shell.js"

// withScript adds the module that has the page's name, and those that it imports, so that a browser fetches all at once.
func withScript(page view.Shell, name string) view.Shell {
	script := "pages/" + name + ".js"
	page.Scripts = append(page.Scripts, asset(script))
	page.Modules = assets(imported(shellScript, script)...)
	return page
}

// assets returns the URLs of static files by their names.
func assets(names ...string) []string {
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = asset(name)
	}
	return urls
}

func initialOf(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return "?"
	}
	return string(unicode.ToUpper(first))
}

// writePage renders a page as a whole before anything of it is sent, so that one that cannot be rendered is an error
// page and not half of one.
func writePage(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b strings.Builder
	if err := page.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cameraURL(name string) string { return "/cameras/" + name }

// errorPage shows a problem to people. It asks nobody who they are: what does not exist for one viewer must look to
// all the same.
func (h *pages) errorPage(w http.ResponseWriter, r *http.Request, p *Problem) error {
	r = withViewer(r, access.Viewer{})
	v := view.Error{Shell: h.shell(r, p.Title, "door-page"), Title: p.Title, Detail: p.Detail, Request: p.Instance}
	switch p.Status {
	case http.StatusBadRequest:
		v.Title = "This address doesn't work"
	case http.StatusNotFound:
		v.Title = "Page not found"
		v.Detail = "This page doesn't exist, or you don't have access to it."
	}
	return writePage(w, r, p.Status, view.ErrorPage(v))
}
