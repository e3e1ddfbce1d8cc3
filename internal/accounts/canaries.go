package accounts

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"keepwatch.internal/internal/access"
)

// canaries keeps the synthetic accounts.
type canaries struct{ *core }

// CanaryAccount is a synthetic account. With it, the running server checks that one owner cannot get another's footage. It owns
// one synthetic camera, and its rights are read like everybody's. Nobody can log in to it: it has no password, and its secrets
// are only in the memory of the process that created it. IDs of synthetic accounts are negative. Lists of people, searches by
// name and counts leave them out, and what they watch has no entry in the audit log.
type CanaryAccount struct {
	Session, Token string
}

// noPassword is stored in place of a hash for synthetic accounts. It is the hash of no password.
const noPassword = "!"

// ReplaceCanaryAccounts replaces the synthetic accounts by new ones. Each owns one of the cameras.
func (cs *canaries) ReplaceCanaryAccounts(ctx context.Context, cameras [2]access.Camera) ([2]CanaryAccount, error) {
	var made [2]CanaryAccount
	err := cs.db.Write(ctx, func(tx *sql.Tx) error {
		const disown = `DELETE FROM ownership WHERE owner IN (SELECT name FROM accounts WHERE id < 0)`
		if _, err := tx.ExecContext(ctx, disown); err != nil {
			return err
		}
		const leave = `DELETE FROM accounts WHERE id < 0`
		if _, err := tx.ExecContext(ctx, leave); err != nil {
			return err
		}
		for i, c := range cameras {
			var err error
			if made[i], err = cs.newAccount(ctx, tx, int64(-1-i), c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return [2]CanaryAccount{}, fmt.Errorf("create the synthetic owners: %w", err)
	}
	return made, nil
}

// newAccount creates the account with its camera, its session and its token.
func (cs *canaries) newAccount(ctx context.Context, tx *sql.Tx, id int64, c access.Camera) (CanaryAccount, error) {
	name := "canary-" + strings.ToLower(rand.Text()[:20])
	now := cs.now()
	const account = `INSERT INTO accounts (id, name, password, admin, created_us) VALUES (?, ?, ?, 0, ?)`
	if _, err := tx.ExecContext(ctx, account, id, name, noPassword, micros(now)); err != nil {
		return CanaryAccount{}, err
	}
	const own = `INSERT INTO ownership (camera, owner) VALUES (?, ?)`
	if _, err := tx.ExecContext(ctx, own, c[:], name); err != nil {
		return CanaryAccount{}, err
	}
	session, hash := newSecret(sessionPrefix)
	if err := insertSession(ctx, tx, newSession{account: id, hash: hash[:], now: now}); err != nil {
		return CanaryAccount{}, err
	}
	token, hash := newSecret(tokenPrefix)
	const insert = `INSERT INTO tokens (account_id, hash, label, created_us, actions, every_camera, metrics) VALUES (?, ?, 'canary', ?, 63, 1, 0)`
	_, err := tx.ExecContext(ctx, insert, id, hash[:], micros(now))
	return CanaryAccount{Session: session, Token: token}, err
}
