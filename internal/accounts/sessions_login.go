package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"keepwatch.internal/internal/access"
)

// Attempt is what somebody gives to log in.
type Attempt struct {
	Username string
	Password string
	Code     string // of the second factor, or a recovery code; empty until it is asked for
	Address  string // the caller's IP address
	Agent    string // what the browser calls itself; kept shortened, for the list of sessions
}

// String returns whose attempt it is, and no secret.
func (t Attempt) String() string { return "attempt of " + t.Username + " from " + t.Address }

// name returns the account's name as it is stored.
func (t Attempt) name() string { return strings.ToLower(strings.TrimSpace(t.Username)) } // telephones capitalise

const maxAgentRunes = 120

// agent returns the browser's name, printable and shortened.
func (t Attempt) agent() string {
	var b strings.Builder
	for n, r := range []rune(strings.ToValidUTF8(t.Agent, "?")) {
		if n == maxAgentRunes {
			break
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// stored is the account that an attempt names.
type stored struct {
	id       int64 // 0: there is none
	password string
}

// Login returns the secret of a new session. It returns ErrBadLogin for an unknown name and for a wrong password, at the same
// cost, and *ThrottledError after many failures. After the right password it returns ErrNeedsCode when the account has a second
// factor and no code was given, and ErrBadFactor for a wrong or used code.
func (s *sessions) Login(ctx context.Context, t Attempt) (session string, err error) {
	account, renewed, err := s.password(ctx, t)
	if err != nil {
		return "", err
	}
	code := tidy(t.Code)
	if code != "" && !isRecovery(code) {
		if wait := s.logins.admitCode(t.name(), t.Address, s.now()); wait > 0 {
			return "", &ThrottledError{RetryAfter: wait}
		}
	}
	session, err = s.startSession(ctx, t, account, renewed)
	if errors.Is(err, ErrNeedsCode) {
		s.logins.takeBack(t.name(), t.Address, s.now())
	}
	if err != nil {
		return "", err
	}
	s.logins.succeeded(t.name(), t.Address, s.now())
	return session, nil
}

// password checks the attempt's password and counts the attempt as a failure, until succeeded or takeBack says otherwise.
// renewed is a hash at the current cost when the stored one has another.
func (s *sessions) password(ctx context.Context, t Attempt) (account stored, renewed string, err error) {
	if wait := s.logins.admit(t.name(), t.Address, s.now()); wait > 0 {
		return stored{}, "", &ThrottledError{RetryAfter: wait}
	}
	if len(t.Password) > maxPasswordBytes {
		return stored{}, "", ErrBadLogin
	}
	const query = `SELECT id, password FROM accounts WHERE name = ? AND id > 0`
	switch err := s.db.Read().QueryRowContext(ctx, query, t.name()).Scan(&account.id, &account.password); {
	case errors.Is(err, sql.ErrNoRows):
		account.password = s.hasher.decoy
	case err != nil:
		return stored{}, "", fmt.Errorf("log in: %w", err)
	}
	ok, outdated, err := s.hasher.matches(ctx, account.password, t.Password)
	if err != nil {
		return stored{}, "", fmt.Errorf("log in: %w", err)
	}
	if !ok || account.id == 0 {
		return stored{}, "", ErrBadLogin
	}
	if outdated {
		if renewed, err = s.hasher.hash(ctx, t.Password); err != nil {
			return stored{}, "", fmt.Errorf("log in: %w", err)
		}
	}
	return account, renewed, nil
}

// startSession makes a session unless the password changed since it was read.
func (s *sessions) startSession(ctx context.Context, t Attempt, account stored, renewed string) (string, error) {
	secret, hash := newSecret(sessionPrefix)
	now := s.now()
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		const unchanged = `SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND password = ?)`
		var same bool
		if err := tx.QueryRowContext(ctx, unchanged, account.id, account.password).Scan(&same); err != nil {
			return err
		}
		if !same {
			return ErrBadLogin
		}
		if err := s.factors.takeFactor(ctx, tx, totpAttempt{account: account.id, code: tidy(t.Code), now: now}); err != nil {
			return err
		}
		if renewed != "" {
			const renew = `UPDATE accounts SET password = ? WHERE id = ?`
			if _, err := tx.ExecContext(ctx, renew, renewed, account.id); err != nil {
				return err
			}
		}
		return insertSession(ctx, tx, newSession{account: account.id, hash: hash[:], now: now, attempt: t})
	})
	switch {
	case err == nil:
		return secret, nil
	case errors.Is(err, ErrBadLogin), errors.Is(err, ErrNeedsCode), errors.Is(err, ErrBadFactor):
		return "", err
	}
	return "", fmt.Errorf("log in: %w", err)
}

type newSession struct {
	account int64
	hash    []byte
	now     time.Time
	attempt Attempt
}

func insertSession(ctx context.Context, tx *sql.Tx, n newSession) error {
	const expire = `DELETE FROM sessions WHERE until_us <= ?1 OR id IN
		(SELECT id FROM sessions WHERE account_id = ?2 ORDER BY used_us DESC, id DESC LIMIT -1 OFFSET ?3)`
	if _, err := tx.ExecContext(ctx, expire, micros(n.now), n.account, maxSessions-1); err != nil {
		return err
	}
	const insert = `INSERT INTO sessions (account_id, hash, created_us, used_us, until_us, address, agent, confirmed_us)
		VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?3)`
	_, err := tx.ExecContext(ctx, insert, n.account, n.hash, micros(n.now), micros(n.now.Add(SessionTTL)),
		access.CallerAddress(n.attempt.Address).String(), n.attempt.agent())
	return err
}
