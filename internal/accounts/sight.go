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

// Seer is somebody who can see a camera, and how.
type Seer struct {
	AccountID int64  // 0 for a link
	Name      string // of the account, or the label of the link
	Owner     bool
	Grant     access.Grant // all that Authorize would allow
	Shares    []Share      // by which it does; none for an owner who needs none
}

// IsLink reports whether it is whoever holds a link.
func (s Seer) IsLink() bool { return s.AccountID == 0 }

// WhoSees lists everybody who can see the permit's camera now: owners, accounts with a share, links. What Authorize allows
// and what WhoSees tells come of the same statement. It needs a permit for Manage, which owners alone have.
func (d *Directory) WhoSees(ctx context.Context, p access.Permit) ([]Seer, error) {
	if err := p.Check(d.now(), access.Manage); err != nil {
		return nil, err
	}
	return d.SeersOf(ctx, p.Camera())
}

// SeersOf is WhoSees for the console, which asks nobody.
func (d *Directory) SeersOf(ctx context.Context, c access.Camera) ([]Seer, error) {
	var seers []Seer
	err := d.db.View(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, rightsOfAllOn, 0, 0, 0, micros(d.now()), c[:])
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
		seers, err = gather(held, shares, names)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("who sees the camera: %w", err)
	}
	return seers, nil
}

// gather makes one Seer of all that one holder holds: owners first, then accounts by name, then links by age.
func gather(held []holding, shares []Share, names map[int64]string) ([]Seer, error) {
	type holder struct{ account, link int64 }
	by := map[holder][]holding{}
	for _, h := range held {
		key := holder{h.account, h.link}
		by[key] = append(by[key], h)
	}
	seers := make([]Seer, 0, len(by))
	for key, all := range by {
		grants, err := fold(all)
		if err != nil {
			return nil, err
		}
		s := Seer{AccountID: key.account, Name: names[key.account], Grant: grants[all[0].camera]}
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
		seers = append(seers, s)
	}
	slices.SortFunc(seers, compareSeers)
	return seers, nil
}

func compareSeers(a, b Seer) int {
	rank := func(s Seer) int {
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

// Sight is a camera that an account can see, and how.
type Sight struct {
	Camera access.Camera
	Owner  bool
	Grant  access.Grant
}

// SeesWhat lists the cameras that the viewer's account can see now, by the statement that Authorize uses. It returns
// access.ErrDenied for links and tokens.
func (d *Directory) SeesWhat(ctx context.Context, v access.Viewer) ([]Sight, error) {
	if v.Kind != access.AccountView {
		return nil, access.ErrDenied
	}
	rows, err := d.db.Read().QueryContext(ctx, rightsOfViewer, v.Kind, v.GrantID, v.AccountID, micros(d.now()))
	held, err := readHoldings(rows, err)
	if err != nil {
		return nil, fmt.Errorf("what is seen: %w", err)
	}
	return sights(held)
}

// SightsOf is what every account can see, by the account's ID, for the console.
func (d *Directory) SightsOf(ctx context.Context) (map[int64][]Sight, error) {
	rows, err := d.db.Read().QueryContext(ctx, rightsOfAll, 0, 0, 0, micros(d.now()))
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
	all := map[int64][]Sight{}
	for account, held := range by {
		if all[account], err = sights(held); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func sights(held []holding) ([]Sight, error) {
	grants, err := fold(held)
	if err != nil {
		return nil, err
	}
	owns := map[access.Camera]bool{}
	for _, h := range held {
		owns[h.camera] = owns[h.camera] || h.share == 0
	}
	all := make([]Sight, 0, len(grants))
	for c, g := range grants {
		all = append(all, Sight{Camera: c, Owner: owns[c], Grant: g})
	}
	slices.SortFunc(all, func(a, b Sight) int { return slices.Compare(a.Camera[:], b.Camera[:]) })
	return all, nil
}
