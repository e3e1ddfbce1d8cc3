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
	"keepwatch.internal/internal/audit"
)

const (
	maxTokens       = 100 // of an account
	maxTokenCameras = 256 // in a token's list
	maxLabelRunes   = 64
)

// tokens keeps the secrets of programs.
type tokens struct{ *core }

// TokenSpec says what a token is for. A token never allows more than its account may do at that moment, never manages
// accounts, and is no administrator.
type TokenSpec struct {
	Label   string
	Actions access.Rights   // on cameras; none for a token that only reads figures
	Cameras []access.Camera // on these alone; nil: on all that the account has rights on
	Metrics bool            // may read the figures of the system, while its account is an administrator
	Until   time.Time       // zero: until it is removed
}

// EveryToken is a token for everything that its account may do.
func EveryToken(label string) TokenSpec {
	return TokenSpec{Label: label, Actions: access.Owned, Metrics: true}
}

func (s TokenSpec) check(now time.Time) error {
	if err := checkLabel(s.Label); err != nil {
		return err
	}
	invalid := func(field, sentence string) error { return &InvalidError{Field: field, Sentence: sentence} }
	switch {
	case s.Actions&^access.Owned != 0 || s.Actions == 0 && !s.Metrics:
		return invalid("actions", "a token needs at least one action: "+strings.Join(access.Owned.Names(), ", ")+" or metrics")
	case !s.Until.IsZero() && !s.Until.After(now):
		return invalid("until", "the token would have expired already")
	case s.Cameras != nil && len(s.Cameras) == 0 && s.Actions != 0, len(s.Cameras) > maxTokenCameras:
		return invalid("cameras", fmt.Sprintf("a token is for all cameras or for a list of 1 to %d", maxTokenCameras))
	}
	return nil
}

// Token is a token as it is listed, without its secret.
type Token struct {
	ID int64
	TokenSpec
	Created time.Time
	Used    time.Time // to the hour; zero: never
}

// NewToken makes a token of the account for the console and returns its secret, which is shown only now. It returns ErrNoUser
// or *InvalidError.
func (t *tokens) NewToken(ctx context.Context, name string, s TokenSpec) (string, error) {
	if err := s.check(t.now()); err != nil {
		return "", err
	}
	secret, hash := newSecret(tokenPrefix)
	err := t.amend(ctx, audit.Console(), func(a *amendment) error {
		id, _, err := findAccount(ctx, a.Tx, name)
		if err != nil {
			return err
		}
		return insertToken(ctx, a, id, tokenRow{hash[:], s})
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// NewOwnToken makes a token of the account of the viewer's session, which must be freshly confirmed, and returns its secret.
// It returns *InvalidError, ErrNotFresh, ErrNobody or access.ErrDenied.
func (t *tokens) NewOwnToken(ctx context.Context, v access.Viewer, s TokenSpec) (string, error) {
	if err := s.check(t.now()); err != nil {
		return "", err
	}
	secret, hash := newSecret(tokenPrefix)
	err := t.freshly(ctx, v, func(a *amendment) error { return insertToken(ctx, a, v.AccountID, tokenRow{hash[:], s}) })
	if err != nil {
		return "", err
	}
	return secret, nil
}

type tokenRow struct {
	hash []byte
	TokenSpec
}

func insertToken(ctx context.Context, a *amendment, account int64, t tokenRow) error {
	const count = `SELECT count(*) FROM tokens WHERE account_id = ?`
	var n int
	if err := a.QueryRowContext(ctx, count, account).Scan(&n); err != nil {
		return err
	}
	if n >= maxTokens {
		return &InvalidError{Field: "label", Sentence: fmt.Sprintf("the account has %d tokens already: remove one first", n)}
	}
	const insert = `INSERT INTO tokens (account_id, hash, label, created_us, until_us, actions, every_camera, metrics)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
	var id int64
	row := a.QueryRowContext(ctx, insert, account, t.hash, t.Label, micros(a.now), orNull(t.Until), t.Actions, t.Cameras == nil, t.Metrics)
	if err := row.Scan(&id); err != nil {
		return err
	}
	for _, c := range t.Cameras {
		const list = `INSERT OR IGNORE INTO token_cameras (token_id, camera) VALUES (?, ?)`
		if _, err := a.ExecContext(ctx, list, id, c[:]); err != nil {
			return err
		}
	}
	a.note("token made", t.Label, account, nil)
	return nil
}

// Tokens lists an account's tokens for the console, oldest first. It returns ErrNoUser.
func (t *tokens) Tokens(ctx context.Context, name string) (all []Token, err error) {
	err = t.db.View(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		all, err = tokensOf(ctx, tx, id)
		return err
	})
	return all, err
}

// OwnTokens lists the tokens of the account of the viewer's session, oldest first. It returns ErrNobody or access.ErrDenied.
func (t *tokens) OwnTokens(ctx context.Context, v access.Viewer) (all []Token, err error) {
	err = t.readOwn(ctx, v, func(tx *sql.Tx) error {
		all, err = tokensOf(ctx, tx, v.AccountID)
		return err
	})
	return all, err
}

func tokensOf(ctx context.Context, tx *sql.Tx, account int64) ([]Token, error) {
	const query = `SELECT id, label, created_us, used_us, until_us, actions, every_camera, metrics FROM tokens WHERE account_id = ? ORDER BY id`
	rows, err := tx.QueryContext(ctx, query, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Token{}
	for rows.Next() {
		var t Token
		var created int64
		var used, until sql.NullInt64
		var every bool
		if err := rows.Scan(&t.ID, &t.Label, &created, &used, &until, &t.Actions, &every, &t.Metrics); err != nil {
			return nil, err
		}
		t.Created, t.Used, t.Until = fromMicros(created), orZero(used), orZero(until)
		if !every {
			t.Cameras = []access.Camera{}
		}
		all = append(all, t)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return all, listCameras(ctx, tx, account, all)
}

// listCameras fills in the cameras of tokens that have a list.
func listCameras(ctx context.Context, tx *sql.Tx, account int64, tokens []Token) error {
	const query = `SELECT c.token_id, c.camera FROM tokens t JOIN token_cameras c ON c.token_id = t.id WHERE t.account_id = ?
		ORDER BY c.token_id, c.camera`
	rows, err := tx.QueryContext(ctx, query, account)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var camera []byte
		if err := rows.Scan(&id, &camera); err != nil {
			return err
		}
		for i := range tokens {
			if tokens[i].ID == id && tokens[i].Cameras != nil && len(camera) == len(access.Camera{}) {
				tokens[i].Cameras = append(tokens[i].Cameras, access.Camera(camera))
			}
		}
	}
	return rows.Err()
}

// RemoveToken ends an account's token, for the console. It returns ErrNoUser, or an error when the account has no such
// token.
func (t *tokens) RemoveToken(ctx context.Context, name string, token int64) error {
	return t.amend(ctx, audit.Console(), func(a *amendment) error {
		id, _, err := findAccount(ctx, a.Tx, name)
		if err != nil {
			return err
		}
		if err := removeToken(ctx, a, id, token); errors.Is(err, access.ErrDenied) {
			return fmt.Errorf("account %s has no token %d", name, token)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// RemoveOwnToken ends a token of the account of the viewer's session. It returns access.ErrDenied when there is no such token.
func (t *tokens) RemoveOwnToken(ctx context.Context, v access.Viewer, token int64) error {
	return t.own(ctx, v, func(a *amendment) error { return removeToken(ctx, a, v.AccountID, token) })
}

func removeToken(ctx context.Context, a *amendment, account, token int64) error {
	const remove = `DELETE FROM tokens WHERE id = ? AND account_id = ? RETURNING label`
	var label string
	err := a.QueryRowContext(ctx, remove, token, account).Scan(&label)
	if errors.Is(err, sql.ErrNoRows) {
		return access.ErrDenied
	}
	if err == nil {
		a.note("token removed", label, account, nil)
	}
	return err
}

func checkLabel(label string) error {
	if !utf8.ValidString(label) || utf8.RuneCountInString(label) > maxLabelRunes {
		return &InvalidError{Field: "label", Sentence: fmt.Sprintf("the label must be text of at most %d characters", maxLabelRunes)}
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return &InvalidError{Field: "label", Sentence: "the label must not contain control characters"}
		}
	}
	return nil
}

// ByToken returns the viewer for a token, who is never an administrator. It returns ErrNobody, or the database's error.
func (t *tokens) ByToken(ctx context.Context, token string) (access.Viewer, error) {
	hash, ok := hashSecret(tokenPrefix, token)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT t.id, ifnull(t.used_us, 0), a.id, a.name, 0, t.metrics AND a.admin FROM tokens t
		JOIN accounts a ON a.id = t.account_id WHERE t.hash = ?1 AND (t.until_us IS NULL OR t.until_us > ?2)`
	const touch = `UPDATE tokens SET used_us = ?2 WHERE id = ?1 AND ?3 > 0`
	return t.resolve(ctx, resolution{kind: access.TokenView, hash: hash, query: query, touch: touch})
}
