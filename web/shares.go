package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// shares gives and revokes shares of cameras, for pages and for the API.
type shares struct {
	accounts *accounts.Directory
}

// whoSees asks who can see the camera, and returns nobody to viewers who may not know.
func (s *shares) whoSees(r *http.Request, p access.Permit) ([]accounts.Grantee, error) {
	manage, err := s.accounts.Authorize(r.Context(), p.Viewer(), access.Manage, p.Camera())
	if errors.Is(err, access.ErrDenied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.accounts.Grantees(r.Context(), manage)
}

// seenBy says who can see a camera, in a sentence for those who may share it.
func (s *shares) seenBy(r *http.Request, c visibleCamera) (string, error) {
	p, err := s.accounts.Authorize(r.Context(), viewerOf(r), access.Share, access.Camera(c.ID))
	if err != nil {
		return "", err
	}
	seers, err := s.whoSees(r, p)
	if err != nil || seers == nil {
		return "Shared with you, and you can share it.", err
	}
	names, links := []string{}, 0
	for _, x := range seers {
		switch {
		case x.IsLink():
			links++
		case x.AccountID == viewerOf(r).AccountID:
			names = slices.Insert(names, 0, "You")
		default:
			names = append(names, x.Name)
		}
	}
	if links > 0 {
		names = append(names, "anyone with "+map[bool]string{true: "the link", false: "one of the links"}[links == 1])
	}
	switch len(names) {
	case 0:
		return "Nobody.", nil
	case 1:
		if links > 0 {
			return sentence(names[0]), nil
		}
		return "Only " + strings.ToLower(names[0]) + ".", nil
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + ".", nil
}

// of lists the shares of the permit's camera: all that count now to its owner, to others those that they gave.
func (s *shares) of(r *http.Request, p access.Permit) ([]accounts.Share, error) {
	seers, err := s.whoSees(r, p)
	if err != nil {
		return nil, err
	}
	shares := []accounts.Share{}
	for _, x := range seers {
		shares = append(shares, x.Shares...)
	}
	if p.Viewer().Kind != access.AccountView {
		return shares, nil
	}
	given, err := s.accounts.SharesBy(r.Context(), p.Viewer())
	for _, x := range given { // also those that are over
		if x.Camera == p.Camera() && !slices.ContainsFunc(shares, func(y accounts.Share) bool { return y.ID == x.ID }) {
			shares = append(shares, x)
		}
	}
	slices.SortFunc(shares, func(a, b accounts.Share) int { return cmp.Compare(b.ID, a.ID) })
	return shares, err
}

// give gives a share for a person who gave the password lately, or for a token that may share.
func (s *shares) give(r *http.Request, spec accounts.ShareSpec) (id int64, link string, err error) {
	if err := requireFresh(r, s.accounts); err != nil {
		return 0, "", err
	}
	id, link, err = s.accounts.NewShare(r.Context(), viewerOf(r), spec)
	if link != "" {
		link = linkURL(r, link)
	}
	return id, link, err
}

// linkURL is the address of a link, on the server as the caller knows it.
func linkURL(r *http.Request, secret string) string {
	scheme := "http"
	if infoOf(r).secure {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/s/" + secret
}

// revoke ends a share of the permit's camera. One of another camera does not exist here.
func (s *shares) revoke(r *http.Request, p access.Permit, id int64) error {
	shares, err := s.of(r, p)
	if err != nil {
		return err
	}
	for _, x := range shares {
		if x.ID == id {
			return s.accounts.RevokeShare(r.Context(), viewerOf(r), id)
		}
	}
	return access.ErrDenied
}
