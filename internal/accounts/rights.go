package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
)

// PermitTTL is how long a permit lasts. A stream asks for the next one before.
const PermitTTL = time.Second

// failureLogPeriod is how often the same trouble is reported.
const failureLogPeriod = 10 * time.Second

// Ownership says whose a camera is, by account name. Without owners it belongs to the first account ever made, as long as
// that exists; it is never handed to another one.
type Ownership struct {
	Camera access.Camera
	Owners []string
}

// rightsOfViewer finds what a viewer may do: ?1 kind, ?2 grant, ?3 account, ?4 now. A viewer whose session, token, link or
// account is gone or over has no row in holder, and so no rights. Owning is 1 for what comes of ownership, 0 for a share.
const rightsOfViewer = `
WITH holder (account_id, link_id) AS (
	SELECT s.account_id, NULL FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE ?1 = 1 AND s.id = ?2 AND s.account_id = ?3 AND s.until_us > ?4
	UNION ALL
	SELECT t.account_id, NULL FROM tokens t JOIN accounts a ON a.id = t.account_id
		WHERE ?1 = 2 AND t.id = ?2 AND t.account_id = ?3
	UNION ALL
	SELECT NULL, l.id FROM shares l
		WHERE ?1 = 3 AND l.id = ?2 AND ?3 = 0 AND l.link_hash IS NOT NULL
), rights (camera, owning, actions) AS (
	SELECT o.camera, 1, 0 FROM holder h JOIN owners o ON o.account_id = h.account_id
	UNION ALL
	SELECT s.camera, 0, s.actions FROM holder h
		JOIN shares s ON s.account_id = h.account_id OR s.id = h.link_id
		JOIN owners g ON g.camera = s.camera AND g.account_id = s.granted_by
		WHERE s.until_us IS NULL OR s.until_us > ?4
)
SELECT camera, owning, actions FROM rights`

// rightsOnCamera is the same for one camera, ?5.
const rightsOnCamera = rightsOfViewer + ` WHERE camera = ?5`

// Authorize returns a permit for one action on one camera when the viewer has the right to it now. It is the only place that
// makes permits. Whatever stands against it, including a database that fails, the answer is access.ErrDenied.
func (d *Directory) Authorize(ctx context.Context, v access.Viewer, a access.Action, c access.Camera) (access.Permit, error) {
	now := d.now() // before the read: the permit must not outlast what was read by more than PermitTTL
	rows, err := d.authorize.QueryContext(ctx, v.Kind, v.GrantID, v.AccountID, micros(now), c[:])
	rights, err := readRights(rows, err)
	if err != nil {
		if ctx.Err() == nil {
			d.failures.report(d.log, "rights cannot be read, so nothing is shown", err, now)
		}
		return access.Permit{}, access.ErrDenied
	}
	return access.Decide(v, c, rights[c], a, now.Add(PermitTTL))
}

// Rights returns what the viewer may do now, by camera; cameras without any right are not in it. It reads what Authorize
// reads, but gives no permit.
func (d *Directory) Rights(ctx context.Context, v access.Viewer) (map[access.Camera]access.Rights, error) {
	rows, err := d.db.Read().QueryContext(ctx, rightsOfViewer, v.Kind, v.GrantID, v.AccountID, micros(d.now()))
	rights, err := readRights(rows, err)
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	return rights, nil
}

// readRights returns no rights at all unless every row could be read.
func readRights(rows *sql.Rows, err error) (map[access.Camera]access.Rights, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rights := map[access.Camera]access.Rights{}
	for rows.Next() {
		var camera []byte
		var owning bool
		var actions access.Rights
		if err := rows.Scan(&camera, &owning, &actions); err != nil {
			return nil, err
		}
		if len(camera) != len(access.Camera{}) {
			return nil, fmt.Errorf("a camera's key has %d bytes", len(camera))
		}
		if owning {
			actions = access.Owned
		}
		rights[access.Camera(camera)] |= actions & access.Owned
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return rights, nil
}

// SetOwners replaces what is known about ownership. Names without an account own nothing until there is one; they are
// reported to the log.
func (d *Directory) SetOwners(ctx context.Context, all []Ownership) error {
	missing := map[string]bool{}
	err := d.db.Write(ctx, func(tx *sql.Tx) error {
		const clear = `DELETE FROM ownership`
		if _, err := tx.ExecContext(ctx, clear); err != nil {
			return err
		}
		for _, o := range all {
			if o.Camera == (access.Camera{}) {
				return errors.New("a camera without key")
			}
			if err := setOwnersOf(ctx, tx, o, missing); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set owners: %w", err)
	}
	for name := range missing {
		d.log.Warn("an owner named in the configuration has no account yet, so that name sees nothing", "owner", name)
	}
	return nil
}

// setOwnersOf stores one camera's owners and adds those without account to missing.
func setOwnersOf(ctx context.Context, tx *sql.Tx, o Ownership, missing map[string]bool) error {
	const insert = `INSERT OR IGNORE INTO ownership (camera, owner) VALUES (?, ?)`
	if len(o.Owners) == 0 {
		_, err := tx.ExecContext(ctx, insert, o.Camera[:], "")
		return err
	}
	for _, name := range o.Owners {
		if err := checkName(name); err != nil { // above all the empty one, which would stand for the first account
			return fmt.Errorf("owner %q: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, insert, o.Camera[:], name); err != nil {
			return err
		}
		switch _, _, err := findAccount(ctx, tx, name); {
		case errors.Is(err, ErrNoUser):
			missing[name] = true
		case err != nil:
			return err
		}
	}
	return nil
}

// failureLog reports repeated trouble once a period, with the count of what was held back.
type failureLog struct {
	mu   sync.Mutex
	last time.Time
	held int
}

func (f *failureLog) report(log *slog.Logger, message string, err error, now time.Time) {
	f.mu.Lock()
	if since := now.Sub(f.last); since >= 0 && since < failureLogPeriod {
		f.held++
		f.mu.Unlock()
		return
	}
	held := f.held
	f.last, f.held = now, 0
	f.mu.Unlock()
	log.Error(message, "err", err, "held_back", held)
}
