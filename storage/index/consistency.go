package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Flaws returns, in words, what SQLite finds wrong with the database: at most 20 flaws of its pages, and rows without the
// row that they name. It reads all of it.
func (r Reader) Flaws(ctx context.Context) ([]string, error) {
	var flaws []string
	err := r.each(ctx, "PRAGMA integrity_check(20)", nil, func(rows *sql.Rows) error {
		var line string
		err := rows.Scan(&line)
		if err == nil && line != "ok" {
			flaws = append(flaws, "the index is not sound: "+line)
		}
		return err
	})
	if err != nil {
		return flaws, err
	}
	const orphans = `SELECT "table", "parent", count(*) FROM pragma_foreign_key_check GROUP BY 1, 2`
	err = r.each(ctx, orphans, nil, func(rows *sql.Rows) error {
		var child, parent string
		var n int64
		err := rows.Scan(&child, &parent, &n)
		flaws = append(flaws, fmt.Sprintf("%d rows of %s name no row of %s", n, child, parent))
		return err
	})
	return flaws, err
}

// StreamSums are what a stream's counters say and what its segments add up to.
type StreamSums struct {
	Counted, CountedBytes int64
	Segments, Bytes       int64
}

// Wrong reports whether they differ.
func (x StreamSums) Wrong() bool { return x.Counted != x.Segments || x.CountedBytes != x.Bytes }

// Sums returns the sums of a stream.
func (r Reader) Sums(ctx context.Context, st Stream) (x StreamSums, err error) {
	const query = `SELECT t.segments, t.size_bytes,
			(SELECT count(*) FROM segment g WHERE g.camera = t.camera AND g.quality = t.quality),
			(SELECT coalesce(sum(g.size_bytes), 0) FROM segment g WHERE g.camera = t.camera AND g.quality = t.quality)
		FROM stream t WHERE t.camera = ? AND t.quality = ?`
	err = r.q.QueryRowContext(ctx, query, st.Camera, st.Quality).Scan(&x.Counted, &x.CountedBytes, &x.Segments, &x.Bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return x, nil
	}
	return x, err
}

// SetSums makes a stream's counters say what its segments add up to.
func (tx *Tx) SetSums(ctx context.Context, st Stream, x StreamSums) error {
	const query = `UPDATE stream SET segments = ?, size_bytes = ? WHERE camera = ? AND quality = ?`
	return tx.exec(ctx, query, x.Segments, x.Bytes, st.Camera, st.Quality)
}
