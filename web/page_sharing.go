package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/web/view"
)

// sharingPages are the pages on which a camera is shared.
type sharingPages struct {
	*pages
	shares *shares
}

// localMoment is how browsers write a moment without zone.
const localMoment = "2006-01-02T15:04:05"

// pageSharing shows who can see a camera. It is for those who may share it; owners see all, others what they gave.
func (h *sharingPages) pageSharing(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	return h.writeSharing(w, r, p, noticeOf(r))
}

func (h *sharingPages) writeSharing(w http.ResponseWriter, r *http.Request, p access.Permit, n view.Notice) error {
	c := h.cameras.ofPermit(p)
	v := view.Sharing{Shell: h.shell(r, "Who can see "+c.Label, "cameras"), Notice: n, Camera: cameraURL(c.Name), Label: c.Label, Zone: h.site.location.String()}
	rights, err := h.accounts.Rights(r.Context(), p.Viewer())
	if err != nil {
		return err
	}
	held := rights[p.Camera()]
	links := held &^ access.Rights(access.Share|access.Manage)
	v.ForLinks, v.ForAccounts = choicesOf(links, access.Rights(access.Playback)), choicesOf(links, access.Rights(access.Live|access.Playback))
	if v.Owner = held.Has(access.Manage); v.Owner {
		v.ForAccounts = append(v.ForAccounts, choicesOf(access.Rights(access.Share), 0)...)
	}
	if err := h.addGrantees(r, p, &v); err != nil {
		return err
	}
	shares, err := h.shares.of(r, p)
	if err != nil {
		return err
	}
	for _, x := range shares {
		v.Shares = append(v.Shares, h.shareRow(x))
	}
	now := h.site.now().In(h.site.location)
	v.From, v.To = now.Add(-time.Hour).Format(localMoment), now.Format(localMoment)
	if from := n.Typed("from"); from != "" {
		v.From, v.To = from, n.Typed("end")
	}
	return writePage(w, r, n.Status, view.SharingPage(v))
}

// addGrantees adds who can see the camera, for those who may know.
func (h *sharingPages) addGrantees(r *http.Request, p access.Permit, v *view.Sharing) error {
	seers, err := h.shares.whoSees(r, p)
	if err != nil {
		return err
	}
	for _, x := range seers {
		row := view.Grantee{Name: x.Name, Kind: seerKind(x), Words: rightsWords(x.Grant.Rights)}
		if row.Name == "" {
			row.Name = "Unnamed link"
		}
		if w := x.Grant.Window; !w.Open() {
			row.Words += ", for " + h.site.between(w.From, w.To)
		}
		if until := lastUntil(x); !until.IsZero() {
			row.Words += ", until " + h.site.when(until)
		}
		v.Seers = append(v.Seers, row)
	}
	return nil
}

func seerKind(x accounts.Grantee) string {
	switch {
	case x.Owner:
		return "owner"
	case x.IsLink():
		return "link"
	}
	return "account"
}

// lastUntil is when the last of somebody's shares ends; zero for never, and for owners.
func lastUntil(x accounts.Grantee) time.Time {
	var last time.Time
	for _, share := range x.Shares {
		if x.Owner || share.Until.IsZero() {
			return time.Time{}
		}
		last = later(last, share.Until)
	}
	return last
}

func (h *sharingPages) shareRow(x accounts.Share) view.Share {
	row := view.Share{ID: strconv.FormatInt(x.ID, 10), To: x.Account, Words: "can " + rightsWords(x.Actions)}
	if x.IsLink() {
		row.To = "Link"
		if x.Label != "" {
			row.To = "Link “" + x.Label + "”"
		}
	}
	if !x.Window.Open() {
		row.Words += ", for " + h.site.between(x.Window.From, x.Window.To)
	}
	switch {
	case x.Until.IsZero():
		row.Words += "; no expiry"
	case !x.Until.After(h.site.now()):
		row.Words += "; expired " + h.site.when(x.Until)
	default:
		row.Words += "; until " + h.site.when(x.Until)
	}
	row.Words += "; shared by " + x.By + " on " + h.site.when(x.Created)
	return row
}

// postShare gives a share.
func (h *sharingPages) postShare(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	page := func(w http.ResponseWriter, r *http.Request, n view.Notice) error { return h.writeSharing(w, r, p, n) }
	return h.form("shares", page, func(r *http.Request, form url.Values) (outcome, error) {
		spec, err := h.shareOf(form)
		if err != nil {
			return outcome{}, err
		}
		spec.Camera = p.Camera()
		_, link, err := h.shares.give(r, spec)
		if err != nil || link == "" {
			return outcome{next: cameraURL(h.cameras.ofPermit(p).Name) + "/access?done=share"}, err
		}
		return outcome{once: h.linkMade(r, p, link)}, nil
	})(w, r)
}

// shareOf reads the form of a new share.
func (h *sharingPages) shareOf(form url.Values) (spec accounts.ShareSpec, err error) {
	spec = accounts.ShareSpec{Label: form.Get("label")}
	if spec.Actions, err = rightsNamed(form["action"]); err != nil {
		return spec, problem(http.StatusBadRequest, sentence(err.Error()))
	}
	if spec.Until, err = h.site.daysFromNow(form.Get("until")); err != nil {
		return spec, err
	}
	if form.Get("to") == "account" {
		spec.Account = strings.ToLower(strings.TrimSpace(form.Get("account")))
		if spec.Account == "" {
			return spec, problem(http.StatusBadRequest, "Enter the name of an account.")
		}
		return spec, nil
	}
	if form.Get("window") != "" {
		spec.Window.From, err = h.site.localTime(form.Get("from"))
		if err == nil {
			spec.Window.To, err = h.site.localTime(form.Get("end"))
		}
	}
	return spec, err
}

// postRevoke ends a share.
func (h *sharingPages) postRevoke(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	page := func(w http.ResponseWriter, r *http.Request, n view.Notice) error { return h.writeSharing(w, r, p, n) }
	return h.form("shares", page, func(r *http.Request, form url.Values) (outcome, error) {
		id, err := strconv.ParseInt(form.Get("share"), 10, 64)
		if err != nil {
			return outcome{}, notFound()
		}
		return outcome{next: cameraURL(h.cameras.ofPermit(p).Name) + "/access?done=revoked"}, h.shares.revoke(r, p, id)
	})(w, r)
}
