package accounts

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"keepwatch.internal/internal/access"
)

// grantees lists who can see what, by the statement that permits are made of.
type grantees struct{ *core }

// Grantee is somebody who can see a camera, and how.
type Grantee struct {
	AccountID int64  // 0 for a link
	Name      string // of the account, or the label of the link
	Owner     bool
	Grant     access.Grant // all that Authorize would allow
	Shares    []Share      // by which it does; none for an owner who needs none
}

// IsLink reports whether it is whoever holds a link.
func (s Grantee) IsLink() bool { return s.AccountID == 0 }

// Grantees lists everybody who can see the permit's camera now: owners, accounts with a share, links. What Authorize allows
// and what Grantees returns come from the same statement. It needs a permit for Manage, which owners alone have.
func (g *grantees) Grantees(ctx context.Context, p access.Permit) ([]Grantee, error) {
	if err := p.Check(g.now(), access.Manage); err != nil {
		return nil, err
	}
	return g.GranteesOf(ctx, p.Camera())
}

// GranteesOf is Grantees for the console, which needs no permit.
func (g *grantees) GranteesOf(ctx context.Context, c access.Camera) ([]Grantee, error) {
	var all []Grantee
	err := g.db.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, rightsOfAllOn, 0, 0, 0, micros(g.now()), c[:])
		held, err := readHoldings(rows, err)
		if err != nil {
			return err
		}
		shares, err := listShares(ctx, tx, sharesFilter{camera: c[:]})
		if err != nil {
			return err
		}
		names, err := accountNames(ctx, tx)
		if err != nil {
			return err
		}
		all, err = gather(held, shares, names)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("who sees the camera: %w", err)
	}
	return all, nil
}

// gather makes one Grantee of all that one holder holds: owners first, then accounts by name, then links by age.
func gather(held []holding, shares []Share, names map[int64]string) ([]Grantee, error) {
	type holder struct{ account, link int64 }
	by := map[holder][]holding{}
	for _, h := range held {
		key := holder{h.account, h.link}
		by[key] = append(by[key], h)
	}
	list := make([]Grantee, 0, len(by))
	for key, all := range by {
		grants, err := fold(all)
		if err != nil {
			return nil, err
		}
		s := Grantee{AccountID: key.account, Name: names[key.account], Grant: grants[all[0].camera]}
		for _, h := range all {
			s.Owner = s.Owner || h.share == 0
			i := slices.IndexFunc(shares, func(x Share) bool { return x.ID == h.share })
			if i >= 0 && !slices.ContainsFunc(s.Shares, func(x Share) bool { return x.ID == h.share }) {
				s.Shares = append(s.Shares, shares[i])
			}
		}
		if s.IsLink() && len(s.Shares) > 0 {
			s.Name = s.Shares[0].Label
		}
		slices.SortFunc(s.Shares, func(a, b Share) int { return cmp.Compare(a.ID, b.ID) })
		list = append(list, s)
	}
	slices.SortFunc(list, compareGrantees)
	return list, nil
}

func compareGrantees(a, b Grantee) int {
	rank := func(s Grantee) int {
		switch {
		case s.Owner:
			return 0
		case s.IsLink():
			return 2
		}
		return 1
	}
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	if a.IsLink() && len(a.Shares) > 0 && len(b.Shares) > 0 {
		return cmp.Compare(a.Shares[0].ID, b.Shares[0].ID)
	}
	return cmp.Compare(a.Name, b.Name)
}

func accountNames(ctx context.Context, tx *sql.Tx) (map[int64]string, error) {
	const query = `SELECT id, name FROM accounts`
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[int64]string{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, errors.Join(rows.Err(), rows.Close())
}

// VisibleCamera is a camera that an account can see, and how.
type VisibleCamera struct {
	Camera access.Camera
	Owner  bool
	Grant  access.Grant
}

// VisibleCameras lists the cameras that the viewer's account can see now, by the statement that Authorize uses. It returns
// access.ErrDenied for links and tokens.
func (g *grantees) VisibleCameras(ctx context.Context, v access.Viewer) ([]VisibleCamera, error) {
	if v.Kind != access.AccountView {
		return nil, access.ErrDenied
	}
	rows, err := g.db.Read().QueryContext(ctx, rightsOfViewer, v.Kind, v.GrantID, v.AccountID, micros(g.now()))
	held, err := readHoldings(rows, err)
	if err != nil {
		return nil, fmt.Errorf("what is seen: %w", err)
	}
	return sights(held)
}

// VisibleCamerasOfAll is what every account can see, by the account's ID, for the console.
func (g *grantees) VisibleCamerasOfAll(ctx context.Context) (map[int64][]VisibleCamera, error) {
	rows, err := g.db.Read().QueryContext(ctx, rightsOfAll, 0, 0, 0, micros(g.now()))
	held, err := readHoldings(rows, err)
	if err != nil {
		return nil, fmt.Errorf("what is seen: %w", err)
	}
	by := map[int64][]holding{}
	for _, h := range held {
		if h.account != 0 {
			by[h.account] = append(by[h.account], h)
		}
	}
	all := map[int64][]VisibleCamera{}
	for account, held := range by {
		if all[account], err = sights(held); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func sights(held []holding) ([]VisibleCamera, error) {
	grants, err := fold(held)
	if err != nil {
		return nil, err
	}
	owns := map[access.Camera]bool{}
	for _, h := range held {
		owns[h.camera] = owns[h.camera] || h.share == 0
	}
	all := make([]VisibleCamera, 0, len(grants))
	for c, g := range grants {
		all = append(all, VisibleCamera{Camera: c, Owner: owns[c], Grant: g})
	}
	slices.SortFunc(all, func(a, b VisibleCamera) int { return slices.Compare(a.Camera[:], b.Camera[:]) })
	return all, nil
}
