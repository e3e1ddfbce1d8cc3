package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/sqlite"
)

const maxNameBytes = 32

// User is an account as it is listed.
type User struct {
	ID      int64 // never given out twice
	Name    string
	Admin   bool
	Created time.Time
}

func checkName(name string) error {
	if name == "" {
		return &InvalidError{Field: "username", Sentence: "a name is needed"}
	}
	if len(name) > maxNameBytes {
		return &InvalidError{Field: "username", Sentence: fmt.Sprintf("the name is too long: at most %d characters", maxNameBytes)}
	}
	for _, r := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) {
			return &InvalidError{Field: "username",
				Sentence: fmt.Sprintf("the name must not contain %q: only lower-case letters a-z, digits, '.', '_' and '-'", r)}
		}
	}
	return nil
}

func checkNewAccount(name, password string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if audit.Reserved(name) {
		return &InvalidError{Field: "username",
			Sentence: fmt.Sprintf("the name %s is used in the audit log for changes that no account made: choose another one", name)}
	}
	return checkPassword(name, password)
}

// AddUser creates an account for the console. It returns *InvalidError for a name that is not valid or taken, and for a password
// that is not valid.
func (ps *people) AddUser(ctx context.Context, name, password string, admin bool) error {
	return ps.addUser(ctx, audit.Console(), newAccount{name: name, password: password, admin: admin}, nil)
}

type newAccount struct {
	name, password string
	admin          bool
}

// addUser creates an account if allow, which may be nil, returns no error.
func (ps *people) addUser(ctx context.Context, by access.Viewer, n newAccount, allow func(*amendment) error) error {
	if err := checkNewAccount(n.name, n.password); err != nil {
		return err
	}
	hash, err := ps.hasher.hash(ctx, n.password)
	if err != nil {
		return err
	}
	err = ps.amend(ctx, by, func(a *amendment) error {
		if allow != nil {
			if err := allow(a); err != nil {
				return err
			}
		}
		return insertAccount(ctx, a, User{Name: n.name, Admin: n.admin, Created: a.now}, hash)
	})
	if sqlite.IsConstraint(err) {
		return &InvalidError{Field: "username", Sentence: fmt.Sprintf("there is already an account named %s", n.name)}
	}
	return err
}

func insertAccount(ctx context.Context, a *amendment, u User, hash string) error {
	const back = `DELETE FROM former WHERE name = ?`
	if _, err := a.ExecContext(ctx, back, u.Name); err != nil {
		return err
	}
	const insert = `INSERT INTO accounts (name, password, admin, created_us) VALUES (?, ?, ?, ?) RETURNING id`
	if err := a.QueryRowContext(ctx, insert, u.Name, hash, u.Admin, micros(u.Created)).Scan(&u.ID); err != nil {
		return err
	}
	role := ""
	if u.Admin {
		role = ", an administrator"
	}
	a.note("account added", u.Name+role, u.ID, nil)
	return nil
}

// Users returns all accounts by name.
func (ps *people) Users(ctx context.Context) ([]User, error) {
	const query = `SELECT id, name, admin, created_us FROM accounts WHERE id > 0 ORDER BY name`
	rows, err := ps.db.Read().QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	defer rows.Close()
	users := []User{}
	for rows.Next() {
		var u User
		var created int64
		if err := rows.Scan(&u.ID, &u.Name, &u.Admin, &created); err != nil {
			return nil, fmt.Errorf("list accounts: %w", err)
		}
		u.Created = time.UnixMicro(created).UTC()
		users = append(users, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return users, nil
}

// SetPassword changes an account's password for the console and ends its sessions. Its tokens stay valid. It returns
// ErrNoUser or *InvalidError.
func (ps *people) SetPassword(ctx context.Context, name, password string) error {
	if err := checkPassword(name, password); err != nil {
		return err
	}
	hash, err := ps.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return ps.amend(ctx, audit.Console(), func(a *amendment) error {
		id, _, err := findAccount(ctx, a.Tx, name)
		if err != nil {
			return err
		}
		return storePassword(ctx, a, id, passwordChange{hash: hash})
	})
}

// passwordChange is a new password's hash and the session that is kept, 0 for none.
type passwordChange struct {
	hash string
	keep int64
}

func storePassword(ctx context.Context, a *amendment, account int64, c passwordChange) error {
	const update = `UPDATE accounts SET password = ? WHERE id = ?`
	if _, err := a.ExecContext(ctx, update, c.hash, account); err != nil {
		return err
	}
	const end = `DELETE FROM sessions WHERE account_id = ? AND id <> ?`
	if _, err := a.ExecContext(ctx, end, account, c.keep); err != nil {
		return err
	}
	a.note("password changed", "", account, nil)
	return nil
}

// RemoveUser removes an account for the console, with its sessions, its tokens, and all shares by it or with it. Cameras that the
// configuration gives to that name belong to their other owners, or to nobody, until there is such an account again. It returns
// ErrNoUser, or ErrLastAdmin for the only administrator. RemovalEffects lists the effects beforehand.
func (ps *people) RemoveUser(ctx context.Context, name string) error {
	return ps.amend(ctx, audit.Console(), func(a *amendment) error { return removeUser(ctx, a, name) })
}

func removeUser(ctx context.Context, a *amendment, name string) error {
	id, admin, err := findAccount(ctx, a.Tx, name)
	if err != nil {
		return err
	}
	const others = `SELECT EXISTS (SELECT 1 FROM accounts WHERE admin AND id <> ?)`
	var another bool
	if err := a.QueryRowContext(ctx, others, id).Scan(&another); err != nil {
		return err
	}
	if admin && !another {
		return ErrLastAdmin
	}
	const remove = `DELETE FROM accounts WHERE id = ?` // sessions, tokens, factors and shares go with it
	if _, err := a.ExecContext(ctx, remove, id); err != nil {
		return err
	}
	const remember = `INSERT OR REPLACE INTO former (name, removed_us) VALUES (?, ?)`
	if _, err := a.ExecContext(ctx, remember, name, micros(a.now)); err != nil {
		return err
	}
	a.note("account removed", name, id, nil)
	return nil
}

func findAccount(ctx context.Context, tx *sql.Tx, name string) (id int64, admin bool, err error) {
	const query = `SELECT id, admin FROM accounts WHERE name = ? AND id > 0`
	err = tx.QueryRowContext(ctx, query, name).Scan(&id, &admin)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, fmt.Errorf("%w: %q", ErrNoUser, name)
	}
	return id, admin, err
}
