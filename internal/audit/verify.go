package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxProblems bounds the report of a log that is broken all over.
const maxProblems = 20

// Report is what Verify found.
type Report struct {
	Views, Changes int       // entries that were read
	Since          time.Time // when the first of them was written; zero when there is none
	FirstBad       int64     // the first entry that is not as it was written; 0 when all are
	Problems       []string  // sentences, the first twenty; none when the log is intact
}

// Verify reads the whole log. It checks each entry against the one before, the chain against its two sealed ends, and both
// against the anchor beside the keys. It changes nothing and works beside a running server. Its findings are in the report; the
// error is the database's.
func (l *Log) Verify(ctx context.Context) (Report, error) {
	var r Report
	err := l.o.DB.View(ctx, func(tx *sql.Tx) error {
		start, err := l.sealed(ctx, tx, startEnd, &r)
		if err != nil {
			return err
		}
		head, err := l.sealed(ctx, tx, headEnd, &r)
		if err != nil {
			return err
		}
		last, err := r.walk(ctx, tx, start)
		if err != nil {
			return err
		}
		if last.id != head.id || !bytes.Equal(last.hash, head.hash) {
			r.problem(last.id+1, "the log ends with entry %d and should end with entry %d: entries were cut off or added", last.id, head.id)
		}
		if l.o.Anchor == "" {
			return nil
		}
		broken, err := l.compareAnchor(ctx, tx, head)
		if broken != "" {
			r.problem(0, "%s", broken)
		}
		return err
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify the audit log: %w", err)
	}
	return r, nil
}

func (r *Report) problem(at int64, format string, args ...any) {
	if at > 0 && (r.FirstBad == 0 || at < r.FirstBad) {
		r.FirstBad = at
	}
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// sealed reads an end, and reports a broken seal.
func (l *Log) sealed(ctx context.Context, tx *sql.Tx, which string, r *Report) (end, error) {
	e, err := l.end(ctx, tx, which)
	if errors.Is(err, errSeal) {
		r.problem(0, "%v", err)
		return e, nil
	}
	return e, err
}

// walk follows the chain from its start and returns where it ends.
func (r *Report) walk(ctx context.Context, tx *sql.Tx, last end) (end, error) {
	const query = `SELECT ` + entryColumns + ` FROM record ORDER BY id`
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return last, err
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(e.fields()...); err != nil {
			return last, err
		}
		if r.Since.IsZero() {
			r.Since = fromMicros(e.written)
		}
		switch {
		case e.id != last.id+1:
			r.problem(last.id+1, "found entry %d where entry %d should be: entries are missing or were added", e.id, last.id+1)
		case !bytes.Equal(e.hash, e.link(last.hash)):
			r.problem(e.id, "entry %d, written %s, is not what was written, or does not follow the one before",
				e.id, fromMicros(e.written).Format(time.RFC3339))
		}
		if e.kind == viewEntry {
			r.Views++
		} else {
			r.Changes++
		}
		if e.what == brokenLog && e.kind == changeEntry {
			r.problem(e.id, "at %s the log was found tampered with, and continued: %s", fromMicros(e.first).Format(time.RFC3339), e.detail)
		}
		last = end{id: e.id, hash: e.hash}
	}
	return last, errors.Join(rows.Err(), rows.Close())
}
