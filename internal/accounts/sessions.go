package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// FreshFor is how long a session may do what asks for the password, after it was given.
const FreshFor = 10 * time.Minute

// Session is a login as it is listed.
type Session struct {
	ID      int64
	Created time.Time
	Used    time.Time // to the hour
	Until   time.Time
	Address string // of the login
	Agent   string // what the browser called itself then, shortened
	Current bool   // the one that asks
}

// own runs f for the account whose session v holds, in a transaction that has seen the session last. It returns ErrNobody
// when it does not, and access.ErrDenied for tokens and links: accounts are managed by people.
func (d *Directory) own(ctx context.Context, v access.Viewer, f func(*amendment) error) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return d.amend(ctx, v, func(a *amendment) error {
		const lasts = `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND account_id = ? AND until_us > ?)`
		var ok bool
		if err := a.QueryRowContext(ctx, lasts, v.GrantID, v.AccountID, micros(a.now)).Scan(&ok); err != nil {
			return err
		}
		if !ok {
			return ErrNobody
		}
		return f(a)
	})
}

// freshly is own for what asks for the password to have been given lately; otherwise it returns ErrNotFresh.
func (d *Directory) freshly(ctx context.Context, v access.Viewer, f func(*amendment) error) error {
	return d.own(ctx, v, func(a *amendment) error {
		if err := fresh(ctx, a.Tx, v, a.now); err != nil {
			return err
		}
		return f(a)
	})
}

func fresh(ctx context.Context, q rowQuerier, v access.Viewer, now time.Time) error {
	const query = `SELECT confirmed_us FROM sessions WHERE id = ? AND account_id = ? AND until_us > ?`
	var at int64
	err := q.QueryRowContext(ctx, query, v.GrantID, v.AccountID, micros(now)).Scan(&at)
	switch since := now.Sub(fromMicros(at)); {
	case errors.Is(err, sql.ErrNoRows):
		return ErrNobody
	case err != nil:
		return err
	case since < 0 || since >= FreshFor: // a clock that steps back makes nothing fresh
		return ErrNotFresh
	}
	return nil
}

// requireSession returns nil while the viewer holds a session. It returns ErrNobody when it is over, and access.ErrDenied for
// tokens and links.
func (d *Directory) requireSession(ctx context.Context, v access.Viewer) error {
	return d.readOwn(ctx, v, func(*sql.Tx) error { return nil })
}

// RequireFresh returns nil while the viewer's session was confirmed within FreshFor: by logging in, or by Confirm. It
// returns ErrNotFresh otherwise, ErrNobody for a session that is over, and access.ErrDenied for what is no session.
func (d *Directory) RequireFresh(ctx context.Context, v access.Viewer) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return fresh(ctx, d.db.Read(), v, d.now())
}

// Confirm marks the viewer's session as freshly confirmed when the password is right. Attempts count as logins do: it
// returns ErrBadLogin, *ThrottledError or ErrNobody.
func (d *Directory) Confirm(ctx context.Context, v access.Viewer, password, address string) error {
	if _, err := d.samePerson(ctx, v, password, address); err != nil {
		return err
	}
	return d.own(ctx, v, func(a *amendment) error { return confirm(ctx, a, v) })
}

func confirm(ctx context.Context, a *amendment, v access.Viewer) error {
	const mark = `UPDATE sessions SET confirmed_us = ? WHERE id = ? AND account_id = ?`
	_, err := a.ExecContext(ctx, mark, micros(a.now), v.GrantID, v.AccountID)
	return err
}

// samePerson checks the password of the account whose session v holds.
func (d *Directory) samePerson(ctx context.Context, v access.Viewer, password, address string) (stored, error) {
	if v.Kind != access.AccountView {
		return stored{}, access.ErrDenied
	}
	const query = `SELECT a.name FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.id = ? AND a.id = ? AND s.until_us > ?`
	var name string
	switch err := d.db.Read().QueryRowContext(ctx, query, v.GrantID, v.AccountID, micros(d.now())).Scan(&name); {
	case errors.Is(err, sql.ErrNoRows):
		return stored{}, ErrNobody
	case err != nil:
		return stored{}, fmt.Errorf("confirm: %w", err)
	}
	account, _, err := d.password(ctx, Attempt{Username: name, Password: password, Address: address})
	if err != nil {
		return stored{}, err
	}
	if account.id != v.AccountID { // removed, and made again by that name, in between
		return stored{}, ErrNobody
	}
	d.logins.succeeded(name, address, d.now())
	return account, nil
}

// ChangePassword gives the account of the viewer's session a new password. The session stays, the account's others end. It
// returns ErrBadLogin for a wrong old password, *ThrottledError, *InvalidError or ErrNobody.
func (d *Directory) ChangePassword(ctx context.Context, v access.Viewer, c PasswordChange) error {
	account, err := d.samePerson(ctx, v, c.Old, c.Address)
	if err != nil {
		return err
	}
	if err := checkPassword(v.Name, c.New); err != nil {
		return err
	}
	hash, err := d.hasher.hash(ctx, c.New)
	if err != nil {
		return err
	}
	return d.own(ctx, v, func(a *amendment) error {
		const unchanged = `SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND password = ?)`
		var same bool
		if err := a.QueryRowContext(ctx, unchanged, v.AccountID, account.password).Scan(&same); err != nil {
			return err
		}
		if !same {
			return ErrBadLogin
		}
		if err := confirm(ctx, a, v); err != nil {
			return err
		}
		return storePassword(ctx, a, v.AccountID, passwordChange{hash: hash, keep: v.GrantID})
	})
}

// PasswordChange is an old password, the new one, and the IP address from which it is asked.
type PasswordChange struct{ Old, New, Address string }

// String shows no password.
func (c PasswordChange) String() string { return "password change from " + c.Address }

const sessionsOfAccount = `SELECT id, created_us, used_us, until_us, address, agent FROM sessions
	WHERE account_id = ?1 AND until_us > ?2 ORDER BY used_us DESC, id DESC`

// Sessions lists the sessions of the viewer's account, the latest used first. It returns ErrNobody.
func (d *Directory) Sessions(ctx context.Context, v access.Viewer) ([]Session, error) {
	var all []Session
	err := d.readOwn(ctx, v, func(tx *sql.Tx) (err error) {
		all, err = sessionsOf(ctx, tx, v.AccountID, d.now())
		for i := range all {
			all[i].Current = all[i].ID == v.GrantID
		}
		return err
	})
	return all, err
}

// SessionsOf lists an account's sessions for the console. It returns ErrNoUser.
func (d *Directory) SessionsOf(ctx context.Context, name string) ([]Session, error) {
	var all []Session
	err := d.db.View(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		all, err = sessionsOf(ctx, tx, id, d.now())
		return err
	})
	return all, err
}

// readOwn runs f in a reading transaction that has seen the viewer's session last.
func (d *Directory) readOwn(ctx context.Context, v access.Viewer, f func(*sql.Tx) error) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return d.db.View(ctx, func(tx *sql.Tx) error {
		if err := fresh(ctx, tx, v, d.now()); err != nil && !errors.Is(err, ErrNotFresh) {
			return err
		}
		return f(tx)
	})
}

func sessionsOf(ctx context.Context, tx *sql.Tx, account int64, now time.Time) ([]Session, error) {
	rows, err := tx.QueryContext(ctx, sessionsOfAccount, account, micros(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Session{}
	for rows.Next() {
		var s Session
		var created, used, until int64
		if err := rows.Scan(&s.ID, &created, &used, &until, &s.Address, &s.Agent); err != nil {
			return nil, err
		}
		s.Created, s.Used, s.Until = fromMicros(created), fromMicros(used), fromMicros(until)
		all = append(all, s)
	}
	return all, rows.Err()
}

// EndSession ends a session of the viewer's account, be it the one that asks. One that is not there is access.ErrDenied.
func (d *Directory) EndSession(ctx context.Context, v access.Viewer, session int64) error {
	return d.own(ctx, v, func(a *amendment) error {
		const end = `DELETE FROM sessions WHERE id = ? AND account_id = ?`
		return one(a.ExecContext(ctx, end, session, v.AccountID))
	})
}

// EndOtherSessions ends the sessions of the viewer's account but the one that asks, and returns how many.
func (d *Directory) EndOtherSessions(ctx context.Context, v access.Viewer) (n int64, err error) {
	err = d.own(ctx, v, func(a *amendment) (err error) {
		n, err = endSessions(ctx, a, v.AccountID, v.GrantID)
		return err
	})
	return n, err
}

// EndAllSessions ends the sessions of the viewer's account, the one that asks too, and returns how many.
func (d *Directory) EndAllSessions(ctx context.Context, v access.Viewer) (n int64, err error) {
	err = d.own(ctx, v, func(a *amendment) (err error) {
		n, err = endSessions(ctx, a, v.AccountID, 0)
		return err
	})
	return n, err
}

// EndSessionsOf ends an account's sessions, as the console does, and returns how many. It returns ErrNoUser.
func (d *Directory) EndSessionsOf(ctx context.Context, name string) (n int64, err error) {
	err = d.amend(ctx, audit.Console(), func(a *amendment) error {
		id, _, err := findAccount(ctx, a.Tx, name)
		if err != nil {
			return err
		}
		n, err = endSessions(ctx, a, id, 0)
		return err
	})
	return n, err
}

func endSessions(ctx context.Context, a *amendment, account, keep int64) (int64, error) {
	const end = `DELETE FROM sessions WHERE account_id = ? AND id <> ?`
	result, err := a.ExecContext(ctx, end, account, keep)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	if n > 0 {
		a.note("sessions ended", fmt.Sprintf("%d", n), account, nil)
	}
	return n, err
}

// one turns a statement that met no row into access.ErrDenied: what is not one's own does not exist.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return access.ErrDenied
	}
	return err
}
