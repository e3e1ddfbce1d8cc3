package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// linkPages are what the holder of a share link sees.
type linkPages struct {
	*pages
	sessions *sessions
	store    *storage.Store
}

// asLink is the query parameter by which a request says that it comes with the link and not with a session: who is
// signed in can use a link as well.
const (
	asLink      = "as"
	asLinkValue = "link"
)

// A page of a link offers footage in pieces of at most this length, and at most so many of them.
const (
	linkPiece     = 15 * time.Minute
	maxLinkPieces = 200
	linkReach     = 7 * 24 * time.Hour // how far back a link without bounds is shown on the page
)

// linkCookieName is that of the cookie that holds a link's secret.
func linkCookieName(secure bool) string { return cookieName(secure) + "-link" }

// linkProblem is the one answer to links that are not, or no longer, valid.
func linkProblem() *Problem {
	return newProblem(http.StatusNotFound, "This link is invalid or has expired.")
}

// enterLink turns a link into a cookie, so that the secret leaves the address and the history, and shows the page.
func (h *linkPages) enterLink(w http.ResponseWriter, r *http.Request) error {
	secret := r.PathValue("secret")
	_, err := h.accounts.ByLink(r.Context(), secret)
	if errors.Is(err, accounts.ErrNobody) {
		return h.noLink(w, r)
	}
	if err != nil {
		return err
	}
	secure := infoOf(r).secure
	http.SetCookie(w, &http.Cookie{Name: linkCookieName(secure), Value: secret, Path: "/", MaxAge: cookieAge, HttpOnly: true,
		Secure: secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/link", http.StatusSeeOther)
	return nil
}

// noLink says that there is nothing behind a link, whatever the reason.
func (h *linkPages) noLink(w http.ResponseWriter, r *http.Request) error {
	p := linkProblem()
	v := view.Error{Shell: h.shell(withViewer(r, access.Viewer{}), p.Detail, "door-page"), Title: "Link not available", Detail: p.Detail, ShareLink: true}
	return writePage(w, r, p.Status, view.ErrorPage(v))
}

// isLink reports whether a request says that it comes with a link.
func isLink(r *http.Request) bool { return r.URL.Query().Get(asLink) == asLinkValue }

// linkViewer resolves the cookie of a link.
func (s *sessions) linkViewer(r *http.Request) (access.Viewer, error) {
	cookies := r.CookiesNamed(linkCookieName(infoOf(r).secure))
	if len(cookies) != 1 { // two of the name are none: one was planted
		return access.Viewer{}, accounts.ErrNobody
	}
	return s.accounts.ByLink(r.Context(), cookies[0].Value)
}

// pageLink shows what a link opens. It looks at the link's cookie alone.
func (h *linkPages) pageLink(w http.ResponseWriter, r *http.Request) error {
	viewer, err := h.sessions.linkViewer(r)
	if errors.Is(err, accounts.ErrNobody) {
		return h.noLink(w, r)
	}
	if err != nil {
		return err
	}
	share, err := h.accounts.LinkShare(r.Context(), viewer)
	if errors.Is(err, accounts.ErrNobody) {
		return h.noLink(w, r)
	}
	if err != nil {
		return err
	}
	c, there := h.cameras.byID(share.Camera)
	grants, err := h.accounts.Grants(r.Context(), viewer)
	if err != nil {
		return err
	}
	grant, held := grants[share.Camera]
	if !there || !held {
		return h.noLink(w, r)
	}
	v := view.Link{Shell: h.shell(r, c.Label, "link-page"), Label: c.Label, By: share.By, Note: share.Label,
		Export: grant.Rights.Has(access.Export), Footage: grant.Rights.Has(access.Playback)}
	if !share.Until.IsZero() {
		v.Until = h.site.when(share.Until)
	}
	if grant.Rights.Has(access.Live) && grant.Window.Open() {
		tile := tileOf(visibleCamera{Camera: c, Rights: grant.Rights, Status: h.cameras.reported()[c.ID]}, zoneName(h.site.location))
		tile.Href = "" // its page is not for the link
		v.Tile = &tile
		v.Shell = withScript(v.Shell, "live")
	}
	if v.Footage {
		if err := h.addPieces(r, viewer, c, &v); err != nil {
			return err
		}
	}
	return writePage(w, r, http.StatusOK, view.LinkPage(v))
}

// addPieces lists the footage that the link opens, the newest first, and picks the one that the address asks for.
func (h *linkPages) addPieces(r *http.Request, viewer access.Viewer, c Camera, v *view.Link) error {
	p, err := h.accounts.Authorize(r.Context(), viewer, access.Playback, access.Camera(c.ID))
	if err != nil {
		return err
	}
	now := h.site.now().UTC()
	span := storage.Span{From: now.Add(-linkReach), To: now}
	if w := p.Window(); !w.Open() {
		span = storage.Span{From: w.From, To: earlier(w.To, now)}
	}
	if !span.From.Before(span.To) {
		return nil
	}
	t, err := h.store.Timeline(r.Context(), p, media.Main, span)
	if err != nil {
		return err
	}
	wanted := r.URL.Query().Get("at")
	for _, piece := range piecesOf(t) {
		q := url.Values{"from": {piece.From.UTC().Format(time.RFC3339Nano)}, "to": {piece.To.UTC().Format(time.RFC3339Nano)}, asLink: {asLinkValue}}
		clip := "/api/v1/cameras/" + c.Name + "/clip.mp4?" + q.Encode()
		at := piece.From.UTC().Format(time.RFC3339Nano)
		row := view.LinkPiece{Words: h.site.between(piece.From, piece.To), Href: "/link?at=" + url.QueryEscape(at), Save: clip + "&download=1",
			Current: wanted == at || wanted == "" && len(v.Pieces) == 0}
		if row.Current {
			v.Shown, v.ShownAs = clip, row.Words
		}
		v.Pieces = append(v.Pieces, row)
	}
	return nil
}

// piecesOf cuts footage into stretches of one run that are not too long, the newest first.
func piecesOf(t storage.Timeline) []storage.Span {
	var pieces []storage.Span
	for i := len(t.Spans) - 1; i >= 0; i-- {
		for to := t.Spans[i].To; to.After(t.Spans[i].From) && len(pieces) < maxLinkPieces; {
			from := later(t.Spans[i].From, to.Add(-linkPiece))
			pieces = append(pieces, storage.Span{From: from, To: to})
			to = from
		}
	}
	return pieces
}

// leaveLink forgets the link in this browser.
func (h *linkPages) leaveLink(w http.ResponseWriter, r *http.Request) error {
	secure := infoOf(r).secure
	http.SetCookie(w, &http.Cookie{Name: linkCookieName(secure), Path: "/", MaxAge: -1, HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/link", http.StatusSeeOther)
	return nil
}

// linkMade shows a new link, once.
func (h *sharingPages) linkMade(r *http.Request, p access.Permit, link string) templ.Component {
	c := h.cameras.ofPermit(p)
	return view.SecretPage(view.Secret{Shell: h.shell(r, "New link", "cameras"), Title: "Link to " + c.Label,
		Lead: "Copy it now: it can't be shown again. You can revoke it at any time.", Lines: []string{link},
		Hint: "Anyone with the link can see what you allowed, as long as they can reach this recorder at this address.",
		Next: cameraURL(c.Name) + "/access"})
}
