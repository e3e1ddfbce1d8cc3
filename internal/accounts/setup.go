package accounts

import (
	"context"
	"crypto/subtle"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/audit"
)

const (
	setupCodeRunes = 12 // of five bits each
	setupTries     = 10 // wrong codes that are answered as such; one more every second
)

// setupCode guards the making of the first account.
//
// The right code is accepted however many wrong ones come, so that nobody on the network can keep the owner from setting
// up: with 60 bits, guessing a million codes a second for a year finds it with a chance of one in 36,500. What the
// throttle bounds is what a guesser costs.
type setupCode struct {
	code string        // without hyphens
	turn chan struct{} // held by the one attempt that is under way with the right code

	mu    sync.Mutex
	tries float64 // wrong codes still allowed
	at    time.Time
}

// newSetupCode takes random text of the alphabet of base32 (RFC 4648, section 6), which has no 0 and no 1.
func newSetupCode(text string) *setupCode {
	return &setupCode{code: text[:setupCodeRunes], turn: make(chan struct{}, 1), tries: setupTries}
}

// check compares codes without regard to case, spaces, hyphens, and digits taken for letters.
func (s *setupCode) check(code string, now time.Time) error {
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

// setup makes the first account.
type setup struct {
	*core
	hasher *hasher
	code   *setupCode
}

// SetupCode returns the code that Setup wants, e.g. ABCD-EFGH-JKLM, while there is no account; needed is false afterwards.
// The code is the same for the life of d and is kept nowhere else.
func (u *setup) SetupCode(ctx context.Context) (code string, needed bool, err error) {
	empty, err := noAccount(ctx, u.db.Read())
	if err != nil || !empty {
		return "", false, err
	}
	c := u.code.code
	return c[:4] + "-" + c[4:8] + "-" + c[8:], true, nil
}

// Setup makes the first account, an administrator. Of any number of attempts at once, one succeeds. It returns
// ErrSetupDone, ErrBadCode, *ThrottledError or *InvalidError.
func (u *setup) Setup(ctx context.Context, code, username, password string) error {
	if empty, err := noAccount(ctx, u.db.Read()); err != nil {
		return err
	} else if !empty {
		return ErrSetupDone
	}
	if err := u.code.check(code, u.now()); err != nil {
		return err
	}
	if err := checkNewAccount(username, password); err != nil {
		return err
	}
	select {
	case u.code.turn <- struct{}{}:
		defer func() { <-u.code.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if empty, err := noAccount(ctx, u.db.Read()); err != nil {
		return err
	} else if !empty {
		return ErrSetupDone
	}
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return u.amend(ctx, audit.Console(), func(a *amendment) error {
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

func noAccount(ctx context.Context, q rowQuerier) (empty bool, err error) {
	const query = `SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE id > 0)`
	err = q.QueryRowContext(ctx, query).Scan(&empty)
	return empty, err
}
