package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
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
	const query = `SELECT s.id, s.used_us, a.id, a.name, a.admin, 0 FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE s.hash = ?1 AND s.until_us > ?2`
	const touch = `UPDATE sessions SET used_us = ?2, until_us = ?3 WHERE id = ?1 AND used_us < ?2`
	return d.resolve(ctx, resolution{kind: access.AccountView, hash: hash, query: query, touch: touch})
}

// ByToken returns the viewer for a token. It is no administrator, whoever's token it is. It returns ErrNobody, or the database's error.
func (d *Directory) ByToken(ctx context.Context, token string) (access.Viewer, error) {
	hash, ok := hashSecret(tokenPrefix, token)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT t.id, ifnull(t.used_us, 0), a.id, a.name, 0, t.metrics AND a.admin FROM tokens t
		JOIN accounts a ON a.id = t.account_id WHERE t.hash = ?1 AND (t.until_us IS NULL OR t.until_us > ?2)`
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
	switch err := row.Scan(&v.GrantID, &used, &v.AccountID, &v.Name, &v.Admin, &v.Metrics); {
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
