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

const (
	// SessionTTL is how long a session lasts after its last use.
	SessionTTL = 30 * 24 * time.Hour

	touchEvery    = time.Hour       // how exactly the last use is kept
	touchPatience = 2 * time.Second // a request waits no longer for noting it
	maxSessions   = 100             // of an account; the one unused for longest ends
)

// sessions keeps logins: how they begin, how long they last, and how people see and end their own.
type sessions struct {
	*core
	hasher  *hasher
	logins  *throttle
	factors *factors
}

// Logout ends a session. Ending one that does not exist is no error.
func (s *sessions) Logout(ctx context.Context, session string) error {
	hash, ok := hashSecret(sessionPrefix, session)
	if !ok {
		return nil
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		const end = `DELETE FROM sessions WHERE hash = ?`
		_, err := tx.ExecContext(ctx, end, hash[:])
		return err
	})
}

// BySession returns the viewer who holds a session, and lets the session last SessionTTL from now. It returns ErrNobody, or
// the database's error.
func (s *sessions) BySession(ctx context.Context, session string) (access.Viewer, error) {
	hash, ok := hashSecret(sessionPrefix, session)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT s.id, s.used_us, a.id, a.name, a.admin, 0 FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE s.hash = ?1 AND s.until_us > ?2`
	const touch = `UPDATE sessions SET used_us = ?2, until_us = ?3 WHERE id = ?1 AND used_us < ?2`
	return s.resolve(ctx, resolution{kind: access.AccountView, hash: hash, query: query, touch: touch})
}

// FreshFor is how long a session counts as freshly confirmed after the password was given.
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

// Confirm marks the viewer's session as freshly confirmed when the password is right. Attempts count as logins do: it
// returns ErrBadLogin, *ThrottledError or ErrNobody.
func (s *sessions) Confirm(ctx context.Context, v access.Viewer, password, address string) error {
	if _, err := s.samePerson(ctx, v, password, address); err != nil {
		return err
	}
	return s.own(ctx, v, func(a *amendment) error { return confirm(ctx, a, v) })
}

func confirm(ctx context.Context, a *amendment, v access.Viewer) error {
	const mark = `UPDATE sessions SET confirmed_us = ? WHERE id = ? AND account_id = ?`
	_, err := a.ExecContext(ctx, mark, micros(a.now), v.GrantID, v.AccountID)
	return err
}

// samePerson checks the password of the account whose session v holds.
func (s *sessions) samePerson(ctx context.Context, v access.Viewer, password, address string) (stored, error) {
	if v.Kind != access.AccountView {
		return stored{}, access.ErrDenied
	}
	const query = `SELECT a.name FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.id = ? AND a.id = ? AND s.until_us > ?`
	var name string
	switch err := s.db.Read().QueryRowContext(ctx, query, v.GrantID, v.AccountID, micros(s.now())).Scan(&name); {
	case errors.Is(err, sql.ErrNoRows):
		return stored{}, ErrNobody
	case err != nil:
		return stored{}, fmt.Errorf("confirm: %w", err)
	}
	account, _, err := s.password(ctx, Attempt{Username: name, Password: password, Address: address})
	if err != nil {
		return stored{}, err
	}
	if account.id != v.AccountID { // removed, and made again by that name, in between
		return stored{}, ErrNobody
	}
	s.logins.succeeded(name, address, s.now())
	return account, nil
}

// ChangePassword gives the account of the viewer's session a new password. It ends the account's other sessions. It
// returns ErrBadLogin for a wrong old password, *ThrottledError, *InvalidError or ErrNobody.
func (s *sessions) ChangePassword(ctx context.Context, v access.Viewer, c PasswordChange) error {
	account, err := s.samePerson(ctx, v, c.Old, c.Address)
	if err != nil {
		return err
	}
	if err := checkPassword(v.Name, c.New); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, c.New)
	if err != nil {
		return err
	}
	return s.own(ctx, v, func(a *amendment) error {
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

// PasswordChange is an old password, the new one, and the caller's IP address.
type PasswordChange struct{ Old, New, Address string }

// String shows no password.
func (c PasswordChange) String() string { return "password change from " + c.Address }

const sessionsOfAccount = `SELECT id, created_us, used_us, until_us, address, agent FROM sessions
	WHERE account_id = ?1 AND until_us > ?2 ORDER BY used_us DESC, id DESC`

// Sessions lists the sessions of the viewer's account, the latest used first. It returns ErrNobody.
func (s *sessions) Sessions(ctx context.Context, v access.Viewer) ([]Session, error) {
	var all []Session
	err := s.readOwn(ctx, v, func(tx *sql.Tx) (err error) {
		all, err = sessionsOf(ctx, tx, v.AccountID, s.now())
		for i := range all {
			all[i].Current = all[i].ID == v.GrantID
		}
		return err
	})
	return all, err
}

// SessionsOf lists an account's sessions for the console. It returns ErrNoUser.
func (s *sessions) SessionsOf(ctx context.Context, name string) ([]Session, error) {
	var all []Session
	err := s.db.View(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		all, err = sessionsOf(ctx, tx, id, s.now())
		return err
	})
	return all, err
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

// EndSession ends a session of the viewer's account, which may be the viewer's own. It returns access.ErrDenied when there is no
// such session.
func (s *sessions) EndSession(ctx context.Context, v access.Viewer, session int64) error {
	return s.own(ctx, v, func(a *amendment) error {
		const end = `DELETE FROM sessions WHERE id = ? AND account_id = ?`
		return one(a.ExecContext(ctx, end, session, v.AccountID))
	})
}

// EndOtherSessions ends all sessions of the viewer's account but the viewer's own, and returns how many.
func (s *sessions) EndOtherSessions(ctx context.Context, v access.Viewer) (n int64, err error) {
	err = s.own(ctx, v, func(a *amendment) (err error) {
		n, err = endSessions(ctx, a, v.AccountID, v.GrantID)
		return err
	})
	return n, err
}

// EndAllSessions ends all sessions of the viewer's account, and returns how many.
func (s *sessions) EndAllSessions(ctx context.Context, v access.Viewer) (n int64, err error) {
	err = s.own(ctx, v, func(a *amendment) (err error) {
		n, err = endSessions(ctx, a, v.AccountID, 0)
		return err
	})
	return n, err
}

// EndSessionsOf ends an account's sessions, as the console does, and returns how many. It returns ErrNoUser.
func (s *sessions) EndSessionsOf(ctx context.Context, name string) (n int64, err error) {
	err = s.amend(ctx, audit.Console(), func(a *amendment) error {
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
