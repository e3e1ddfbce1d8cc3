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

// Seat is a synthetic account, with which the running server asks itself whether one owner can have what is another's. It
// owns one synthetic camera, and is a row like every other where rights are read. Nobody can log in as it: it has no
// password, and its secrets are in the memory of the process that seated it alone. IDs of synthetic accounts are negative;
// wherever people are listed, found by name or counted, they are left out, and what they watch has no view entry.
type Seat struct {
	Session, Token string
}

// noPassword stands where synthetic accounts would have a hash; no password has it.
const noPassword = "!"

// SeatCanaries replaces the synthetic accounts by new ones, each the owner of one of the cameras.
func (cs *canaries) SeatCanaries(ctx context.Context, cameras [2]access.Camera) ([2]Seat, error) {
	var seats [2]Seat
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
			if seats[i], err = cs.seat(ctx, tx, int64(-1-i), c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return [2]Seat{}, fmt.Errorf("seat the synthetic owners: %w", err)
	}
	return seats, nil
}

// seat makes the account with its camera, its session and its token.
func (cs *canaries) seat(ctx context.Context, tx *sql.Tx, id int64, c access.Camera) (Seat, error) {
	name := "canary-" + strings.ToLower(rand.Text()[:20])
	now := cs.now()
	const account = `INSERT INTO accounts (id, name, password, admin, created_us) VALUES (?, ?, ?, 0, ?)`
	if _, err := tx.ExecContext(ctx, account, id, name, noPassword, micros(now)); err != nil {
		return Seat{}, err
	}
	const own = `INSERT INTO ownership (camera, owner) VALUES (?, ?)`
	if _, err := tx.ExecContext(ctx, own, c[:], name); err != nil {
		return Seat{}, err
	}
	session, hash := newSecret(sessionPrefix)
	if err := insertSession(ctx, tx, newSession{account: id, hash: hash[:], now: now}); err != nil {
		return Seat{}, err
	}
	token, hash := newSecret(tokenPrefix)
	const insert = `INSERT INTO tokens (account_id, hash, label, created_us, actions, every_camera, metrics) VALUES (?, ?, 'canary', ?, 63, 1, 0)`
	_, err := tx.ExecContext(ctx, insert, id, hash[:], micros(now))
	return Seat{Session: session, Token: token}, err
}
