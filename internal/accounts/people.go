package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"keepwatch.internal/internal/access"
)

// people keeps accounts, which the console and administrators create and remove.
type people struct {
	*core
	hasher   *hasher
	grantees *grantees
}

// Person is an account as administrators see it: with counts, without the cameras themselves.
type Person struct {
	User
	Cameras   int // that the account can see now
	Owned     int // of these
	Sessions  int
	Tokens    int
	HasFactor bool // a second factor besides the password, or a passkey
}

// administers is freshly for administrators. For other accounts it returns access.ErrDenied.
func (ps *people) administers(ctx context.Context, v access.Viewer, f func(*amendment) error) error {
	return ps.own(ctx, v, func(a *amendment) error {
		if err := isAdmin(ctx, a.Tx, v.AccountID); err != nil {
			return err
		}
		if err := fresh(ctx, a.Tx, v, a.now); err != nil {
			return err
		}
		return f(a)
	})
}

func isAdmin(ctx context.Context, tx *sql.Tx, account int64) error {
	const query = `SELECT admin FROM accounts WHERE id = ?`
	var admin bool
	if err := tx.QueryRowContext(ctx, query, account).Scan(&admin); err != nil {
		return err
	}
	if !admin {
		return access.ErrDenied
	}
	return nil
}

// People lists all accounts for an administrator's session. It returns access.ErrDenied or ErrNobody.
func (ps *people) People(ctx context.Context, v access.Viewer) ([]Person, error) {
	users, err := ps.usersFor(ctx, v)
	if err != nil {
		return nil, err
	}
	seen, err := ps.grantees.VisibleCamerasOfAll(ctx)
	if err != nil {
		return nil, err
	}
	people := make([]Person, 0, len(users))
	for _, u := range users {
		p := Person{User: u, Cameras: len(seen[u.ID])}
		for _, s := range seen[u.ID] {
			if s.Owner {
				p.Owned++
			}
		}
		if err := ps.countOf(ctx, &p); err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}

func (ps *people) usersFor(ctx context.Context, v access.Viewer) ([]User, error) {
	err := ps.readOwn(ctx, v, func(tx *sql.Tx) error { return isAdmin(ctx, tx, v.AccountID) })
	if err != nil {
		return nil, err
	}
	return ps.Users(ctx)
}

func (ps *people) countOf(ctx context.Context, p *Person) error {
	const query = `SELECT (SELECT count(*) FROM sessions WHERE account_id = ?1 AND until_us > ?2),
		(SELECT count(*) FROM tokens WHERE account_id = ?1),
		EXISTS (SELECT 1 FROM totp WHERE account_id = ?1 AND confirmed) OR EXISTS (SELECT 1 FROM passkeys WHERE account_id = ?1)`
	err := ps.db.Read().QueryRowContext(ctx, query, p.ID, micros(ps.now())).Scan(&p.Sessions, &p.Tokens, &p.HasFactor)
	if err != nil {
		return fmt.Errorf("list people: %w", err)
	}
	return nil
}

// AddAccount creates an account for an administrator's freshly confirmed session. It returns *InvalidError for a name that the
// configuration names as an owner: the administrator would choose its password and see its cameras. Only the console may create
// that account ("nvr user add"). It also returns access.ErrDenied, ErrNobody or ErrNotFresh.
func (ps *people) AddAccount(ctx context.Context, v access.Viewer, n NewAccount) error {
	if err := ps.administers(ctx, v, func(*amendment) error { return nil }); err != nil { // before a hash is made for it
		return err
	}
	return ps.addUser(ctx, v, newAccount{name: n.Name, password: n.Password, admin: n.Admin}, func(a *amendment) error {
		const named = `SELECT EXISTS (SELECT 1 FROM ownership WHERE owner = ?)`
		var owns bool
		if err := a.QueryRowContext(ctx, named, n.Name).Scan(&owns); err != nil {
			return err
		}
		if owns {
			return &InvalidError{Field: "username", Sentence: fmt.Sprintf(
				"the configuration names %s as the owner of cameras, so this account can only be created on the server: nvr user add %s", n.Name, n.Name)}
		}
		if err := fresh(ctx, a.Tx, v, a.now); err != nil {
			return err
		}
		return isAdmin(ctx, a.Tx, v.AccountID)
	})
}

// NewAccount is an account to be created.
type NewAccount struct {
	Name, Password string
	Admin          bool
}

// String shows no password.
func (n NewAccount) String() string { return "account " + n.Name }

// RemoveAccount removes an account for an administrator's freshly confirmed session. It returns access.ErrDenied,
// ErrNobody, ErrNotFresh, ErrNoUser or ErrLastAdmin.
func (ps *people) RemoveAccount(ctx context.Context, v access.Viewer, name string) error {
	return ps.administers(ctx, v, func(a *amendment) error { return removeUser(ctx, a, name) })
}

// Effects is what ends with the removal of an account, and what is left without an owner.
type Effects struct {
	Cameras  []access.Camera // that it owns
	Orphans  []access.Camera // of these, those without another owner: nobody sees them until the configuration names one
	Given    int             // shares and links by it, which end
	Held     int             // shares with it, which end
	Sessions int
	Tokens   int
	Named    bool // the configuration names it as an owner, and should not any more
	LastOne  bool // it is the only administrator, and cannot be removed
}

// RemovalEffects returns what RemoveUser and RemoveAccount would do. It returns ErrNoUser.
func (ps *people) RemovalEffects(ctx context.Context, name string) (Effects, error) {
	var e Effects
	err := ps.db.View(ctx, func(tx *sql.Tx) error {
		id, admin, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const counts = `SELECT (SELECT count(*) FROM shares WHERE granted_by = ?1), (SELECT count(*) FROM shares WHERE account_id = ?1),
			(SELECT count(*) FROM sessions WHERE account_id = ?1 AND until_us > ?3), (SELECT count(*) FROM tokens WHERE account_id = ?1),
			EXISTS (SELECT 1 FROM ownership WHERE owner = ?2), NOT EXISTS (SELECT 1 FROM accounts WHERE admin AND id <> ?1)`
		row := tx.QueryRowContext(ctx, counts, id, name, micros(ps.now()))
		if err := row.Scan(&e.Given, &e.Held, &e.Sessions, &e.Tokens, &e.Named, &e.LastOne); err != nil {
			return err
		}
		e.LastOne = e.LastOne && admin
		const owned = `SELECT o.camera, NOT EXISTS (SELECT 1 FROM owners x WHERE x.camera = o.camera AND x.account_id <> ?1)
			FROM owners o WHERE o.account_id = ?1 ORDER BY o.camera`
		rows, err := tx.QueryContext(ctx, owned, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var camera []byte
			var alone bool
			if err := rows.Scan(&camera, &alone); err != nil {
				return err
			}
			if len(camera) != len(access.Camera{}) {
				return fmt.Errorf("a camera's key has %d bytes", len(camera))
			}
			e.Cameras = append(e.Cameras, access.Camera(camera))
			if alone {
				e.Orphans = append(e.Orphans, access.Camera(camera))
			}
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		return Effects{}, err
	}
	slices.SortFunc(e.Cameras, func(a, b access.Camera) int { return slices.Compare(a[:], b[:]) })
	return e, nil
}
