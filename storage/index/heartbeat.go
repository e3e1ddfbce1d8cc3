package index

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Alive says when the recorder was last known to be alive.
type Alive struct {
	At   time.Time
	Boot string // names the computer's life since it was switched on; "" when unknown
	// ClockJump is how much later the clock is than retention believes, and JumpLeft for how long it goes on not to.
	ClockJump, JumpLeft time.Duration
}

// Alive returns when the recorder was last known to be alive, and false on a new index.
func (r Reader) Alive(ctx context.Context) (Alive, bool, error) {
	const query = `SELECT at_us, boot, leap_us, leap_left_us FROM alive WHERE id = 1`
	var at, jump, left int64
	var a Alive
	err := r.q.QueryRowContext(ctx, query).Scan(&at, &a.Boot, &jump, &left)
	if errors.Is(err, sql.ErrNoRows) {
		return Alive{}, false, nil
	}
	a.At, a.ClockJump, a.JumpLeft = FromMicros(at), time.Duration(jump)*time.Microsecond, time.Duration(left)*time.Microsecond
	return a, err == nil, err
}

// NoteAlive remembers that the recorder is alive.
func (tx *Tx) NoteAlive(ctx context.Context, a Alive) error {
	const query = `INSERT INTO alive (id, at_us, boot, leap_us, leap_left_us) VALUES (1, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET at_us = excluded.at_us, boot = excluded.boot,
			leap_us = excluded.leap_us, leap_left_us = excluded.leap_left_us`
	return tx.exec(ctx, query, Micros(a.At), a.Boot, a.ClockJump.Microseconds(), a.JumpLeft.Microseconds())
}
