package accounts

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/sqlite"
)

// core is what every concern of the directory needs: the database, the clock, the logs, and the ways to read and change what
// belongs to somebody.
type core struct {
	db       *sqlite.DB
	now      func() time.Time
	log      *slog.Logger
	audit    *audit.Log
	failures failureLog
}

// amendment is a transaction that changes who may do what, and puts that on record.
type amendment struct {
	*sql.Tx
	by      access.Viewer
	now     time.Time
	entries []audit.Entry
}

// note puts a change on record. The subject is the account that it is about, 0 for none.
func (a *amendment) note(what, detail string, subject int64, c *access.Camera) {
	a.entries = append(a.entries, audit.Entry{By: a.by, At: a.now, What: what, Detail: detail, Subject: subject, Camera: c})
}

// amend runs f in a write transaction. Its notes enter the audit log together with what it changes, or neither does.
func (c *core) amend(ctx context.Context, by access.Viewer, f func(*amendment) error) error {
	var head audit.Head
	var noted bool
	err := c.db.Write(ctx, func(tx *sql.Tx) error {
		a := &amendment{Tx: tx, by: by, now: c.now()}
		if err := f(a); err != nil || len(a.entries) == 0 {
			return err
		}
		var err error
		head, err = c.audit.Enter(ctx, tx, a.entries...)
		noted = err == nil
		return err
	})
	if err == nil && noted {
		c.audit.Anchor(head)
	}
	return err
}

// deriveKey makes a key for one purpose from the box's master key (RFC 5869).
func deriveKey(master [32]byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, master[:], nil, "keepwatch accounts "+purpose, sha256.Size)
	if err != nil {
		panic(err) // lengths are constants
	}
	return key
}

// own runs f for the account whose session v holds, in a transaction that has checked the session. It returns ErrNobody when the
// session is over, and access.ErrDenied for tokens and links: people manage accounts.
func (c *core) own(ctx context.Context, v access.Viewer, f func(*amendment) error) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return c.amend(ctx, v, func(a *amendment) error {
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

// freshly is own for what needs a freshly confirmed session. It returns ErrNotFresh otherwise.
func (c *core) freshly(ctx context.Context, v access.Viewer, f func(*amendment) error) error {
	return c.own(ctx, v, func(a *amendment) error {
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
func (c *core) requireSession(ctx context.Context, v access.Viewer) error {
	return c.readOwn(ctx, v, func(*sql.Tx) error { return nil })
}

// RequireFresh returns nil while the viewer's session was confirmed within FreshFor: by logging in, or by Confirm. It
// returns ErrNotFresh otherwise, ErrNobody for a session that is over, and access.ErrDenied for tokens and links.
func (c *core) RequireFresh(ctx context.Context, v access.Viewer) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return fresh(ctx, c.db.Read(), v, c.now())
}

// readOwn runs f in a reading transaction that has checked the viewer's session.
func (c *core) readOwn(ctx context.Context, v access.Viewer, f func(*sql.Tx) error) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	return c.db.View(ctx, func(tx *sql.Tx) error {
		if err := fresh(ctx, tx, v, c.now()); err != nil && !errors.Is(err, ErrNotFresh) {
			return err
		}
		return f(tx)
	})
}

// one returns access.ErrDenied when a statement changed no row: what belongs to others does not exist.
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

type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// failureLogPeriod is how often repeated failures are reported.
const failureLogPeriod = 10 * time.Second

// failureLog reports repeated failures once a period, with the number of those left out.
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

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// orNull stores the zero time as NULL.
func orNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// orZero reads what orNull stored.
func orZero(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}
