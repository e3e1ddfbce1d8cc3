package accounts

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/audit"
)

const (
	setupCodeRunes = 12 // of five bits each
	setupTries     = 10 // wrong codes that are answered as such; one more every second
)

// setup guards the making of the first account.
//
// The right code is accepted however many wrong ones come, so that nobody on the network can keep the owner from setting
// up: with 60 bits, guessing a million codes a second for a year finds it with a chance of one in 36,500. What the
// throttle bounds is what a guesser costs.
type setup struct {
	code string        // without hyphens
	turn chan struct{} // held by the one attempt that is under way with the right code

	mu    sync.Mutex
	tries float64 // wrong codes still allowed
	at    time.Time
}

// newSetup takes random text of the alphabet of base32 (RFC 4648, section 6), which has no 0 and no 1.
func newSetup(text string) *setup {
	return &setup{code: text[:setupCodeRunes], turn: make(chan struct{}, 1), tries: setupTries}
}

// check compares codes without regard to case, spaces, hyphens, and digits taken for letters.
func (s *setup) check(code string, now time.Time) error {
	typed := strings.NewReplacer("-", "", " ", "", "0", "O", "1", "I").Replace(strings.ToUpper(code))
	if subtle.ConstantTimeCompare([]byte(typed), []byte(s.code)) == 1 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if since := now.Sub(s.at).Seconds(); since > 0 {
		s.tries = min(s.tries+since, setupTries)
		s.at = now
	}
	if s.tries < 1 {
		return &ThrottledError{RetryAfter: time.Second}
	}
	s.tries--
	return ErrBadCode
}

// SetupCode returns the code that Setup wants, e.g. ABCD-EFGH-JKLM, while there is no account; needed is false afterwards.
// The code is the same for the life of d and is kept nowhere else.
func (d *Directory) SetupCode(ctx context.Context) (code string, needed bool, err error) {
	empty, err := noAccount(ctx, d.db.Read())
	if err != nil || !empty {
		return "", false, err
	}
	c := d.setup.code
	return c[:4] + "-" + c[4:8] + "-" + c[8:], true, nil
}

// Setup makes the first account, an administrator. Of any number of attempts at once, one succeeds. It returns
// ErrSetupDone, ErrBadCode, *ThrottledError or *InvalidError.
func (d *Directory) Setup(ctx context.Context, code, username, password string) error {
	if empty, err := noAccount(ctx, d.db.Read()); err != nil {
		return err
	} else if !empty {
		return ErrSetupDone
	}
	if err := d.setup.check(code, d.now()); err != nil {
		return err
	}
	if err := checkNewAccount(username, password); err != nil {
		return err
	}
	select {
	case d.setup.turn <- struct{}{}:
		defer func() { <-d.setup.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if empty, err := noAccount(ctx, d.db.Read()); err != nil {
		return err
	} else if !empty {
		return ErrSetupDone
	}
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return d.amend(ctx, audit.Console(), func(a *amendment) error {
		empty, err := noAccount(ctx, a.Tx) // again, under the lock: another process may have been faster
		if err != nil {
			return err
		}
		if !empty {
			return ErrSetupDone
		}
		return insertAccount(ctx, a, User{Name: username, Admin: true, Created: a.now}, hash)
	})
}

type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func noAccount(ctx context.Context, q rowQuerier) (empty bool, err error) {
	const query = `SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE id > 0)`
	err = q.QueryRowContext(ctx, query).Scan(&empty)
	return empty, err
}
