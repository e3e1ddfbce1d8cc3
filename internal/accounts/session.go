package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	// SessionTTL is how long a session lasts after its last use.
	SessionTTL = 30 * 24 * time.Hour

	touchEvery    = time.Hour       // how exactly the last use is kept
	touchPatience = 2 * time.Second // a request waits no longer for noting it
	maxSessions   = 100             // of an account; the one unused for longest ends
)

// Login returns the secret of a new session. It returns ErrBadLogin for an unknown name as for a wrong password, at the same
// cost, and *ThrottledError after many failures. The address is the caller's IP address.
func (d *Directory) Login(ctx context.Context, username, password, address string) (session string, err error) {
	name := strings.ToLower(strings.TrimSpace(username)) // telephones capitalise
	if wait := d.logins.admit(name, address, d.now()); wait > 0 {
		return "", &ThrottledError{RetryAfter: wait}
	}
	if len(password) > maxPasswordBytes {
		return "", ErrBadLogin
	}
	const query = `SELECT id, password FROM accounts WHERE name = ?`
	var id int64
	var stored string
	switch err := d.db.Read().QueryRowContext(ctx, query, name).Scan(&id, &stored); {
	case errors.Is(err, sql.ErrNoRows):
		stored = d.hasher.decoy
	case err != nil:
		return "", fmt.Errorf("log in: %w", err)
	}
	ok, outdated, err := d.hasher.matches(ctx, stored, password)
	if err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	if !ok || id == 0 {
		return "", ErrBadLogin
	}
	renewed := ""
	if outdated {
		if renewed, err = d.hasher.hash(ctx, password); err != nil {
			return "", fmt.Errorf("log in: %w", err)
		}
	}
	if session, err = d.startSession(ctx, id, stored, renewed); err != nil {
		return "", fmt.Errorf("log in: %w", err)
	}
	d.logins.succeeded(name, address, d.now())
	return session, nil
}

// startSession makes a session unless the password changed since it was read as stored.
func (d *Directory) startSession(ctx context.Context, account int64, stored, renewed string) (string, error) {
	secret, hash := newSecret(sessionPrefix)
	now := d.now()
	err := d.db.Write(ctx, func(tx *sql.Tx) error {
		const unchanged = `SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND password = ?)`
		var same bool
		if err := tx.QueryRowContext(ctx, unchanged, account, stored).Scan(&same); err != nil {
			return err
		}
		if !same {
			return ErrBadLogin
		}
		if renewed != "" {
			const renew = `UPDATE accounts SET password = ? WHERE id = ?`
			if _, err := tx.ExecContext(ctx, renew, renewed, account); err != nil {
				return err
			}
		}
		const expire = `DELETE FROM sessions WHERE until_us <= ?1 OR id IN
			(SELECT id FROM sessions WHERE account_id = ?2 ORDER BY used_us DESC, id DESC LIMIT -1 OFFSET ?3)`
		if _, err := tx.ExecContext(ctx, expire, micros(now), account, maxSessions-1); err != nil {
			return err
		}
		const insert = `INSERT INTO sessions (account_id, hash, created_us, used_us, until_us) VALUES (?1, ?2, ?3, ?3, ?4)`
		_, err := tx.ExecContext(ctx, insert, account, hash[:], micros(now), micros(now.Add(SessionTTL)))
		return err
	})
	return secret, err
}

// Logout ends a session. Ending one that does not exist is no error.
func (d *Directory) Logout(ctx context.Context, session string) error {
	hash, ok := hashSecret(sessionPrefix, session)
	if !ok {
		return nil
	}
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		const end = `DELETE FROM sessions WHERE hash = ?`
		_, err := tx.ExecContext(ctx, end, hash[:])
		return err
	})
}

// BySession returns the viewer who holds a session, and lets the session last SessionTTL from now. It returns ErrNobody, or
// the database's error.
func (d *Directory) BySession(ctx context.Context, session string) (access.Viewer, error) {
	hash, ok := hashSecret(sessionPrefix, session)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT s.id, s.used_us, a.id, a.name, a.admin FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE s.hash = ?1 AND s.until_us > ?2`
	const touch = `UPDATE sessions SET used_us = ?2, until_us = ?3 WHERE id = ?1 AND used_us < ?2`
	return d.resolve(ctx, resolution{kind: access.AccountView, hash: hash, query: query, touch: touch})
}

// ByToken returns the viewer for a token. It returns ErrNobody, or the database's error.
func (d *Directory) ByToken(ctx context.Context, token string) (access.Viewer, error) {
	hash, ok := hashSecret(tokenPrefix, token)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT t.id, ifnull(t.used_us, 0), a.id, a.name, a.admin FROM tokens t JOIN accounts a ON a.id = t.account_id
		WHERE t.hash = ?1 AND ?2 > 0`
	const touch = `UPDATE tokens SET used_us = ?2 WHERE id = ?1 AND ?3 > 0`
	return d.resolve(ctx, resolution{kind: access.TokenView, hash: hash, query: query, touch: touch})
}

// resolution says how a secret becomes a viewer. query takes hash and now, touch takes the row, now and the end of a session;
// tokens, which have no end, mention theirs in conditions that always hold.
type resolution struct {
	kind  access.ViewerKind
	hash  [sha256.Size]byte
	query string
	touch string
}

func (d *Directory) resolve(ctx context.Context, r resolution) (access.Viewer, error) {
	now := d.now()
	v := access.Viewer{Kind: r.kind}
	var used int64
	row := d.db.Read().QueryRowContext(ctx, r.query, r.hash[:], micros(now))
	switch err := row.Scan(&v.GrantID, &used, &v.AccountID, &v.Name, &v.Admin); {
	case errors.Is(err, sql.ErrNoRows):
		return access.Viewer{}, ErrNobody
	case err != nil:
		return access.Viewer{}, fmt.Errorf("find the viewer: %w", err)
	}
	if micros(now)-used >= touchEvery.Microseconds() {
		d.touch(ctx, r.touch, v.GrantID, now)
	}
	return v, nil
}

// touch notes a use. That it could not be noted is no reason to turn somebody away.
func (d *Directory) touch(ctx context.Context, update string, id int64, now time.Time) {
	short, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	err := d.db.Write(short, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(short, update, id, micros(now), micros(now.Add(SessionTTL)))
		return err
	})
	if err != nil && ctx.Err() == nil {
		d.failures.report(d.log, "use of a session or token not noted", err, now)
	}
}
