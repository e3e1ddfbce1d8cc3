package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxTokens     = 100 // of an account
	maxLabelRunes = 64
)

// Token is a token as it is listed; its secret is known to its holder alone.
type Token struct {
	ID      int64
	Label   string
	Created time.Time
	Used    time.Time // to the hour; zero: never
}

// NewToken makes a token of the account and returns its secret, which cannot be had again. It returns ErrNoUser or
// *InvalidError.
func (d *Directory) NewToken(ctx context.Context, name, label string) (string, error) {
	if err := checkLabel(label); err != nil {
		return "", err
	}
	secret, hash := newSecret(tokenPrefix)
	err := d.db.Write(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const count = `SELECT count(*) FROM tokens WHERE account_id = ?`
		var n int
		if err := tx.QueryRowContext(ctx, count, id).Scan(&n); err != nil {
			return err
		}
		if n >= maxTokens {
			return fmt.Errorf("account %s has %d tokens already: remove one first", name, n)
		}
		const insert = `INSERT INTO tokens (account_id, hash, label, created_us) VALUES (?, ?, ?, ?)`
		_, err = tx.ExecContext(ctx, insert, id, hash[:], label, micros(d.now()))
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Tokens lists an account's tokens, oldest first. It returns ErrNoUser.
func (d *Directory) Tokens(ctx context.Context, name string) ([]Token, error) {
	tokens := []Token{}
	err := d.db.View(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const query = `SELECT id, label, created_us, used_us FROM tokens WHERE account_id = ? ORDER BY id`
		rows, err := tx.QueryContext(ctx, query, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t Token
			var created int64
			var used sql.NullInt64
			if err := rows.Scan(&t.ID, &t.Label, &created, &used); err != nil {
				return err
			}
			t.Created = time.UnixMicro(created).UTC()
			if used.Valid {
				t.Used = time.UnixMicro(used.Int64).UTC()
			}
			tokens = append(tokens, t)
		}
		return rows.Err()
	})
	return tokens, err
}

// RemoveToken ends an account's token. It returns ErrNoUser, or an error when the account has no such token.
func (d *Directory) RemoveToken(ctx context.Context, name string, token int64) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		id, _, err := findAccount(ctx, tx, name)
		if err != nil {
			return err
		}
		const remove = `DELETE FROM tokens WHERE id = ? AND account_id = ?`
		result, err := tx.ExecContext(ctx, remove, token, id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(fmt.Errorf("account %s has no token %d", name, token), err)
		}
		return nil
	})
}

func checkLabel(label string) error {
	if !utf8.ValidString(label) || utf8.RuneCountInString(label) > maxLabelRunes {
		return &InvalidError{Field: "label", Sentence: fmt.Sprintf("the label must be text of at most %d characters", maxLabelRunes)}
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return &InvalidError{Field: "label", Sentence: "the label must not hold control characters"}
		}
	}
	return nil
}
