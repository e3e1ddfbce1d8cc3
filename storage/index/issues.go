package index

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// IntegrityIssue is something in the store that was found to be other than it should be. It is only a hint: whoever
// resolves it looks again, and goes by what is there then. So issues may be noted by another process, twice, or in vain.
type IntegrityIssue struct {
	ID       int64
	Found    time.Time
	Source   string // who found it: one of the Source constants
	Subject  string // path in recordings: a file, a camera's folder, or a stream's folder for what the index says of it
	Problem  string
	Resolved time.Time // zero while it is not
	Outcome  string    // what was done
}

// The sources of integrity issues. The words stand in the database.
const (
	SourceServing      = "serving"
	SourceRecovery     = "recovery"
	SourceVerification = "scrub" // the verification pass
	SourceCheck        = "check" // nvr check
)

// resolvedKept bounds how many resolved issues are remembered.
const resolvedKept = 10_000

// NoteIssue adds an issue unless there is an unresolved one about the same subject.
func (tx *Tx) NoteIssue(ctx context.Context, x IntegrityIssue) error {
	const insert = `INSERT INTO doubt (found_us, finder, subject, problem) VALUES (?, ?, ?, ?)
		ON CONFLICT (subject) WHERE settled_us IS NULL DO NOTHING`
	if err := tx.exec(ctx, insert, Micros(x.Found), x.Source, x.Subject, x.Problem); err != nil {
		return err
	}
	const prune = `DELETE FROM doubt WHERE settled_us IS NOT NULL AND id <= (SELECT max(id) FROM doubt) - ?`
	return tx.exec(ctx, prune, resolvedKept)
}

// ResolveIssue notes what was done about an issue.
func (tx *Tx) ResolveIssue(ctx context.Context, id int64, at time.Time, outcome string) error {
	const query = `UPDATE doubt SET settled_us = ?, outcome = ? WHERE id = ? AND settled_us IS NULL`
	return tx.exec(ctx, query, Micros(at), outcome, id)
}

const issueColumns = `SELECT id, found_us, finder, subject, problem, settled_us, outcome FROM doubt `

// issues runs a query that returns issueColumns.
func (r Reader) issues(ctx context.Context, query string, args ...any) ([]IntegrityIssue, error) {
	var found []IntegrityIssue
	err := r.each(ctx, query, args, func(rows *sql.Rows) error {
		var x IntegrityIssue
		var at int64
		var resolved sql.NullInt64
		var outcome sql.NullString
		if err := rows.Scan(&x.ID, &at, &x.Source, &x.Subject, &x.Problem, &resolved, &outcome); err != nil {
			return err
		}
		x.Found, x.Outcome = FromMicros(at), outcome.String
		if resolved.Valid {
			x.Resolved = FromMicros(resolved.Int64)
		}
		found = append(found, x)
		return nil
	})
	return found, err
}

// Issues lists at most limit issues, the newest first.
func (r Reader) Issues(ctx context.Context, limit int) ([]IntegrityIssue, error) {
	return r.issues(ctx, issueColumns+`ORDER BY id DESC LIMIT ?`, limit)
}

const unresolvedQuery = issueColumns + `WHERE settled_us IS NULL AND id > ? ORDER BY id LIMIT ?`

// Unresolved lists at most limit unresolved issues with larger numbers than after, the oldest first.
func (r Reader) Unresolved(ctx context.Context, after int64, limit int) ([]IntegrityIssue, error) {
	return r.issues(ctx, unresolvedQuery, after, limit)
}

// UnresolvedCount returns how many issues are unresolved.
func (r Reader) UnresolvedCount(ctx context.Context) (int64, error) {
	const query = `SELECT count(*) FROM doubt WHERE settled_us IS NULL`
	var n int64
	err := r.q.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// issuesInQuery finds the issues about what lies in the folder ?1, whose paths sort from ?2 up to ?3.
const issuesInQuery = issueColumns + `WHERE (subject = ?1 OR subject >= ?2 AND subject < ?3) AND found_us >= ?4 ORDER BY id DESC LIMIT ?5`

// IssuesIn lists at most limit issues about a folder of recordings and what lies in it, found since then, the newest first.
func (r Reader) IssuesIn(ctx context.Context, folder string, since time.Time, limit int) ([]IntegrityIssue, error) {
	// '0' comes after '/'.
	return r.issues(ctx, issuesInQuery, folder, folder+"/", folder+"0", Micros(since), limit)
}

// HasIssue reports whether an issue about the subject was ever noted and is remembered.
func (r Reader) HasIssue(ctx context.Context, subject string) (bool, error) {
	const query = `SELECT EXISTS (SELECT 1 FROM doubt WHERE subject = ?)`
	var noted bool
	err := r.q.QueryRowContext(ctx, query, subject).Scan(&noted)
	return noted, err
}

// LatestIssue returns the newest issue about a subject, and whether there is one.
func (r Reader) LatestIssue(ctx context.Context, subject string) (IntegrityIssue, bool, error) {
	found, err := r.issues(ctx, issueColumns+`WHERE subject = ? ORDER BY id DESC LIMIT 1`, subject)
	if err != nil || len(found) == 0 {
		return IntegrityIssue{}, false, err
	}
	return found[0], true, nil
}

// OutcomeSince returns what was last done about a subject since then; "" when nothing was.
func (r Reader) OutcomeSince(ctx context.Context, subject string, since time.Time) (string, error) {
	const query = `SELECT outcome FROM doubt WHERE subject = ? AND settled_us >= ? ORDER BY id DESC LIMIT 1`
	outcome := ""
	err := r.q.QueryRowContext(ctx, query, subject, Micros(since)).Scan(&outcome)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return outcome, err
}
