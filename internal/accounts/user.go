package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

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
				Sentence: fmt.Sprintf("the name must not hold %q: only lower-case letters a-z, digits, '.', '_' and '-'", r)}
		}
	}
	return nil
}

func checkNewAccount(name, password string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return checkPassword(name, password)
}

// AddUser makes an account. It returns *InvalidError for a name or password that will not do or a name that is taken.
func (d *Directory) AddUser(ctx context.Context, name, password string, admin bool) error {
	if err := checkNewAccount(name, password); err != nil {
		return err
	}
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	err = d.db.Write(ctx, func(tx *sql.Tx) error {
		return insertAccount(ctx, tx, User{Name: name, Admin: admin, Created: d.now()}, hash)
	})
	if sqlite.IsConstraint(err) {
		return &InvalidError{Field: "username", Sentence: fmt.Sprintf("there is already an account named %s", name)}
	}
	return err
}

func insertAccount(ctx context.Context, tx *sql.Tx, u User, hash string) error {
	const insert = `INSERT INTO accounts (name, password, admin, created_us) VALUES (?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, insert, u.Name, hash, u.Admin, micros(u.Created))
	return err
}

// Users returns all accounts by name.
func (d *Directory) Users(ctx context.Context) ([]User, error) {
	const query = `SELECT id, name, admin, created_us FROM accounts ORDER BY name`
	rows, err := d.db.Read().QueryContext(ctx, query)
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

// SetPassword changes an account's password and ends its sessions; its tokens stay. It returns ErrNoUser or *InvalidError.
func (d *Directory) SetPassword(ctx context.Context, name, password string) error {
	if err := checkPassword(name, password); err != nil {
		return err
	}
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const update = `UPDATE accounts SET password = ? WHERE id = ?`
		if _, err := tx.ExecContext(ctx, update, hash, id); err != nil {
			return err
		}
		const end = `DELETE FROM sessions WHERE account_id = ?`
		_, err = tx.ExecContext(ctx, end, id)
		return err
	})
}

// RemoveUser removes an account with its sessions, its tokens, and all that it shared or that was shared with it. Cameras
// that the configuration gives to that name belong to nobody, or to their other owners, until there is such an account
// again. It returns ErrNoUser, or ErrLastAdmin for the only administrator.
func (d *Directory) RemoveUser(ctx context.Context, name string) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		id, admin, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const others = `SELECT EXISTS (SELECT 1 FROM accounts WHERE admin AND id <> ?)`
		var another bool
		if err := tx.QueryRowContext(ctx, others, id).Scan(&another); err != nil {
			return err
		}
		if admin && !another {
			return ErrLastAdmin
		}
		const remove = `DELETE FROM accounts WHERE id = ?` // sessions, tokens and shares go with it
		_, err = tx.ExecContext(ctx, remove, id)
		return err
	})
}

func findAccount(ctx context.Context, tx *sql.Tx, name string) (id int64, admin bool, err error) {
	const query = `SELECT id, admin FROM accounts WHERE name = ?`
	err = tx.QueryRowContext(ctx, query, name).Scan(&id, &admin)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, fmt.Errorf("%w: %q", ErrNoUser, name)
	}
	return id, admin, err
}
