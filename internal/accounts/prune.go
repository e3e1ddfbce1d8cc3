package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	pruneSlack = 24 * time.Hour // how much longer than asked entries may stay, so that a day's go together
	pruneBatch = 2000           // entries in one transaction
)

// prune lets go the oldest entries, those written longer than Keep ago.
func (r *Recorder) prune(ctx context.Context) error {
	if r.o.Keep <= 0 {
		return nil
	}
	limit := r.d.now().Add(-r.o.Keep)
	oldest, err := r.oldest(ctx)
	if err != nil || oldest >= micros(limit.Add(-pruneSlack)) {
		return err
	}
	for more := true; more && err == nil; {
		more, err = r.pruneSome(ctx, micros(limit))
	}
	return err
}

// oldest returns when the first entry was written; the far future when there is none.
func (r *Recorder) oldest(ctx context.Context) (int64, error) {
	const query = `SELECT written_us FROM record ORDER BY id LIMIT 1`
	var at int64
	err := r.d.db.Read().QueryRowContext(ctx, query).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 1<<63 - 1, nil
	}
	return at, err
}

// pruneQuery finds the first entry, and the first that stays.
const pruneQuery = `SELECT ifnull((SELECT min(id) FROM record), 0),
	ifnull((SELECT min(id) FROM record WHERE written_us >= ?1), ifnull((SELECT max(id) FROM record), 0) + 1)`

// pruneSome lets go some entries that were written before the limit. The chain then begins behind the last of them, whose
// hash stays, sealed, and an entry says so.
func (r *Recorder) pruneSome(ctx context.Context, limit int64) (more bool, err error) {
	err = r.entering(ctx, func(tx *sql.Tx) ([]entry, error) {
		var first, stays int64
		if err := tx.QueryRowContext(ctx, pruneQuery, limit).Scan(&first, &stays); err != nil || stays <= first {
			return nil, err
		}
		more = stays > first+pruneBatch
		start := end{id: min(stays, first+pruneBatch) - 1}
		if _, err := r.d.end(ctx, tx, startEnd); err != nil {
			return nil, err // edited: what is left stays as it is, for nvr check to tell
		}
		const hash = `SELECT hash FROM record WHERE id = ?`
		if err := tx.QueryRowContext(ctx, hash, start.id).Scan(&start.hash); err != nil || len(start.hash) != sha256.Size {
			return nil, errors.Join(fmt.Errorf("entry %d of the record is missing: run nvr check", start.id), err)
		}
		const drop = `DELETE FROM record WHERE id <= ?`
		if _, err := tx.ExecContext(ctx, drop, start.id); err != nil {
			return nil, err
		}
		if err := r.d.setEnd(ctx, tx, startEnd, start); err != nil {
			return nil, err
		}
		at := micros(r.d.now())
		return []entry{{kind: changeEntry, viewer: byConfig(), what: "record shortened", first: at, last: at,
			detail: fmt.Sprintf("entries %d to %d, kept for %d days", first, start.id, int(r.o.Keep.Hours()/24))}}, nil
	})
	return more && err == nil, err
}
