package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	pruneSlack = 24 * time.Hour // how much longer than asked entries may stay: a day's are deleted together
	pruneBatch = 2000           // entries in one transaction
)

// prune deletes entries that were written longer ago than they are kept.
func (l *ViewLog) prune(ctx context.Context) error {
	if l.keep <= 0 {
		return nil
	}
	limit := l.log.o.Now().Add(-l.keep)
	oldest, err := l.oldest(ctx)
	if err != nil || oldest >= micros(limit.Add(-pruneSlack)) {
		return err
	}
	for more := true; more && err == nil; {
		more, err = l.pruneSome(ctx, micros(limit))
	}
	return err
}

// oldest returns when the first entry was written; the far future when there is none.
func (l *ViewLog) oldest(ctx context.Context) (int64, error) {
	const query = `SELECT written_us FROM record ORDER BY id LIMIT 1`
	var at int64
	err := l.log.o.DB.Read().QueryRowContext(ctx, query).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 1<<63 - 1, nil
	}
	return at, err
}

// pruneQuery finds the first entry, and the first that stays.
const pruneQuery = `SELECT ifnull((SELECT min(id) FROM record), 0),
	ifnull((SELECT min(id) FROM record WHERE written_us >= ?1), ifnull((SELECT max(id) FROM record), 0) + 1)`

// pruneSome deletes some entries that were written before the limit. The chain then begins after the last of them, whose hash
// stays, sealed. An entry says what was deleted.
func (l *ViewLog) pruneSome(ctx context.Context, limit int64) (more bool, err error) {
	err = l.entering(ctx, func(tx *sql.Tx) ([]entry, error) {
		var first, stays int64
		if err := tx.QueryRowContext(ctx, pruneQuery, limit).Scan(&first, &stays); err != nil || stays <= first {
			return nil, err
		}
		more = stays > first+pruneBatch
		start := end{id: min(stays, first+pruneBatch) - 1}
		if _, err := l.log.end(ctx, tx, startEnd); err != nil {
			return nil, err // edited: what is left stays as it is, for nvr check to report
		}
		const hash = `SELECT hash FROM record WHERE id = ?`
		if err := tx.QueryRowContext(ctx, hash, start.id).Scan(&start.hash); err != nil || len(start.hash) != sha256.Size {
			return nil, errors.Join(fmt.Errorf("entry %d of the audit log is missing: run nvr check", start.id), err)
		}
		const drop = `DELETE FROM record WHERE id <= ?`
		if _, err := tx.ExecContext(ctx, drop, start.id); err != nil {
			return nil, err
		}
		if err := l.log.setEnd(ctx, tx, startEnd, start); err != nil {
			return nil, err
		}
		at := micros(l.log.o.Now())
		return []entry{{kind: changeEntry, viewer: Configuration(), what: "record shortened", first: at, last: at,
			detail: fmt.Sprintf("entries %d to %d, kept for %d days", first, start.id, int(l.keep.Hours()/24))}}, nil
	})
	return more && err == nil, err
}
