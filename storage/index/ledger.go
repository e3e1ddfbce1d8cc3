package index

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"time"

	"keepwatch.internal/internal/media"
)

// Code names a kind of gap for programs: it never changes, while the words for people may.
type Code string

// Before the first row of its ledger a stream has this gap.
const (
	CodeBefore   Code   = "before"
	ReasonBefore string = "before this camera was added"
)

// LedgerEntry is what the ledger says of a span: footage of a run, or else a gap with its reason.
type LedgerEntry struct {
	Run    int64 // number of the run in its stream; 0 in a gap
	Code   Code
	Reason string
}

// Gap is the entry for a span without footage.
func Gap(code Code, reason string) LedgerEntry { return LedgerEntry{Code: code, Reason: reason} }

// Footage is the entry for footage of a run.
func Footage(run int64) LedgerEntry { return LedgerEntry{Run: run} }

// IsGap reports whether the entry is a gap.
func (e LedgerEntry) IsGap() bool { return e.Run == 0 }

// columns are run, code and reason of a row.
func (e LedgerEntry) columns() [3]any {
	if e.IsGap() {
		return [3]any{nil, e.Code, e.Reason}
	}
	return [3]any{e.Run, nil, nil}
}

const ledgerAtQuery = `SELECT start_us, coalesce(run, 0), coalesce(code, ''), coalesce(reason, '') FROM ledger
	WHERE camera = ? AND quality = ? AND start_us <= ? ORDER BY start_us DESC LIMIT 1`

// LedgerAt returns what the ledger of a stream says of the moment at, and since when. Before the first row of a stream it
// is the gap CodeBefore since the beginning of time.
func (r Reader) LedgerAt(ctx context.Context, st Stream, at int64) (LedgerEntry, int64, error) {
	var e LedgerEntry
	var since int64
	err := r.q.QueryRowContext(ctx, ledgerAtQuery, st.Camera, st.Quality, at).Scan(&since, &e.Run, &e.Code, &e.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return Gap(CodeBefore, ReasonBefore), math.MinInt64, nil
	}
	return e, since, err
}

// Enter writes into the ledger of a stream that e holds in [from, to), whatever it said before, and leaves it as it was
// outside. Neighbours that say the same become one row.
func (tx *Tx) Enter(ctx context.Context, st Stream, from, to int64, e LedgerEntry) error {
	if from >= to {
		return nil
	}
	before, _, err := tx.LedgerAt(ctx, st, from-1)
	if err != nil {
		return err
	}
	after := e
	if to != Forever {
		if after, _, err = tx.LedgerAt(ctx, st, to); err != nil {
			return err
		}
	}
	const clear = `DELETE FROM ledger WHERE camera = ? AND quality = ? AND start_us >= ? AND start_us <= ?`
	if err := tx.exec(ctx, clear, st.Camera, st.Quality, from, to); err != nil {
		return err
	}
	if before != e {
		if err := tx.insertEntry(ctx, st, from, e); err != nil {
			return err
		}
	}
	if after != e {
		return tx.insertEntry(ctx, st, to, after)
	}
	return nil
}

func (tx *Tx) insertEntry(ctx context.Context, st Stream, from int64, e LedgerEntry) error {
	const query = `INSERT INTO ledger (camera, quality, start_us, run, code, reason) VALUES (?, ?, ?, ?, ?, ?)`
	c := e.columns()
	return tx.exec(ctx, query, st.Camera, st.Quality, from, c[0], c[1], c[2])
}

// LedgerRow is one row of a stream's ledger. It holds until the next row of the stream.
type LedgerRow struct {
	LedgerEntry
	Start int64       // µs
	RunID media.RunID // zero in a gap
	Shift time.Duration
}

// ledgerQuery finds the rows that hold anywhere in [?3, ?4), and the first after them, of the camera with the UUID ?1.
const ledgerQuery = `SELECT l.start_us, coalesce(l.run, 0), coalesce(r.uuid, x''), coalesce(r.shift_us, 0), coalesce(l.code, ''), coalesce(l.reason, '')
	FROM camera c
	JOIN ledger l ON l.camera = c.id AND l.quality = ?2
		AND l.start_us >= coalesce((SELECT max(f.start_us) FROM ledger f WHERE f.camera = c.id AND f.quality = ?2 AND f.start_us <= ?3), ?3)
		AND l.start_us <= coalesce((SELECT min(n.start_us) FROM ledger n WHERE n.camera = c.id AND n.quality = ?2 AND n.start_us >= ?4), ?4)
	LEFT JOIN run r ON r.camera = l.camera AND r.quality = l.quality AND r.id = l.run
	WHERE c.uuid = ?1 ORDER BY l.start_us`

// Ledger calls row, in order, with the rows of the stream's ledger that hold anywhere in [from, to), and the first after
// them.
func (r Reader) Ledger(ctx context.Context, stream media.StreamID, span Interval, row func(LedgerRow)) error {
	return r.each(ctx, ledgerQuery, []any{stream.Camera[:], stream.Quality, span.From, span.To}, func(rows *sql.Rows) error {
		var x LedgerRow
		var id []byte
		var shift int64
		if err := rows.Scan(&x.Start, &x.Run, &id, &shift, &x.Code, &x.Reason); err != nil {
			return err
		}
		copy(x.RunID[:], id)
		x.Shift = time.Duration(shift) * time.Microsecond
		row(x)
		return nil
	})
}

// anyGapQuery lists the codes of what the ledger says of [?3, ?4).
const anyGapQuery = `SELECT coalesce(code, '') FROM ledger WHERE camera = ?1 AND quality = ?2 AND start_us < ?4 AND start_us >= coalesce(
	(SELECT max(f.start_us) FROM ledger f WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= ?3), ?3)`

// AnyGap reports whether a gap with one of the codes holds anywhere in the span of the stream.
func (r Reader) AnyGap(ctx context.Context, st Stream, span Interval, codes ...Code) (bool, error) {
	found := false
	err := r.each(ctx, anyGapQuery, []any{st.Camera, st.Quality, span.From, span.To}, func(rows *sql.Rows) error {
		var code Code
		err := rows.Scan(&code)
		found = found || slices.Contains(codes, code)
		return err
	})
	return found, err
}

// MergedGapBegin returns where the gap of the entry that ends at the time to begins, so that a deletion's gap grows over
// the gaps between it and an earlier one, and the ledger does not grow for ever. It is to itself when the few entries
// before it are footage or something that must stay.
func (r Reader) MergedGapBegin(ctx context.Context, st Stream, to int64, e LedgerEntry) (int64, error) {
	from := to
	for range 64 {
		before, since, err := r.LedgerAt(ctx, st, from-1)
		if err != nil {
			return to, err
		}
		if !before.IsGap() || before.Code == CodeBefore {
			return to, nil
		}
		from = since
		if before == e {
			return from, nil
		}
	}
	return to, nil
}

// claimEndQuery finds where the next entry or segment begins, at or after ?3, or ?4.
const claimEndQuery = `SELECT min(
	coalesce((SELECT min(start_us) FROM ledger WHERE camera = ?1 AND quality = ?2 AND start_us > ?3), ?4),
	coalesce((SELECT min(start_us) FROM segment WHERE camera = ?1 AND quality = ?2 AND start_us >= ?3 AND start_us > ?5), ?4))`

// EndClaim makes a gap of what the ledger says of the segment's run after end, up to the next segment.
func (tx *Tx) EndClaim(ctx context.Context, s Segment, end int64, gap LedgerEntry) error {
	held, _, err := tx.LedgerAt(ctx, s.Stream, end)
	if err != nil || held != Footage(s.Run) {
		return err
	}
	var until int64
	err = tx.q.QueryRowContext(ctx, claimEndQuery, s.Stream.Camera, s.Stream.Quality, end, int64(Forever), s.Start).Scan(&until)
	if err != nil {
		return err
	}
	return tx.Enter(ctx, s.Stream, end, until, gap)
}

// serverEventsQuery finds the entries of all ledgers since ?1 whose cause was the server, each until what
// came next, or ?2. CROSS JOIN keeps SQLite from walking over the whole ledger for the few streams that there are.
const serverEventsQuery = `SELECT l.code, l.start_us,
		coalesce((SELECT min(n.start_us) FROM ledger n WHERE n.camera = l.camera AND n.quality = l.quality AND n.start_us > l.start_us), ?2)
	FROM stream t
	CROSS JOIN ledger l ON l.camera = t.camera AND l.quality = t.quality AND l.start_us >= ?1
	WHERE l.code IN ('server-stopped', 'server-down', 'computer-down', 'clock-step')`

// ServerEvents calls gap with every gap of any stream, since then, whose cause was the server and not one camera. One
// that lasts ends at now.
func (r Reader) ServerEvents(ctx context.Context, since, now int64, gap func(Code, Interval)) error {
	return r.each(ctx, serverEventsQuery, []any{since, now}, func(rows *sql.Rows) error {
		var code Code
		var x Interval
		if err := rows.Scan(&code, &x.From, &x.To); err != nil {
			return err
		}
		gap(code, x)
		return nil
	})
}
