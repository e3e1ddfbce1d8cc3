package storage

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"keepwatch.internal/internal/sqlite"
)

// holding is what the ledger says of a stretch of time: footage of a run, or else a gap with its reason.
type holding struct {
	run    int64 // 0 in a gap
	code   Code
	reason string
}

func gap(reason string) holding { return holding{code: CodeOf(reason), reason: reason} }
func footage(run int64) holding { return holding{run: run} }
func (h holding) isGap() bool   { return h.run == 0 }

// columns are run, code and reason of a row.
func (h holding) columns() [3]any {
	if h.isGap() {
		return [3]any{nil, h.code, h.reason}
	}
	return [3]any{h.run, nil, nil}
}

// forever is the end of a stretch that lasts until something else is known.
const forever = math.MaxInt64

const holdingQuery = `SELECT start_us, coalesce(run, 0), coalesce(code, ''), coalesce(reason, '') FROM ledger
	WHERE camera = ? AND quality = ? AND start_us <= ? ORDER BY start_us DESC LIMIT 1`

// holdingAt returns what the ledger of a stream says of the moment at, and since when. Before the first row of a stream
// it is ReasonBefore since the beginning of time.
func holdingAt(ctx context.Context, q queryer, st streamRow, at int64) (holding, int64, error) {
	var h holding
	var since int64
	err := q.QueryRowContext(ctx, holdingQuery, st.camera, st.quality, at).Scan(&since, &h.run, &h.code, &h.reason)
	if errors.Is(err, sql.ErrNoRows) {
		return gap(ReasonBefore), math.MinInt64, nil
	}
	return h, since, err
}

// enter writes into the ledger of a stream that h holds in [from, to), whatever it said before, and leaves it as it was
// outside. Neighbours that say the same become one row.
func enter(ctx context.Context, tx *sql.Tx, st streamRow, from, to int64, h holding) error {
	if from >= to {
		return nil
	}
	before, _, err := holdingAt(ctx, tx, st, from-1)
	if err != nil {
		return err
	}
	after := h
	if to != forever {
		if after, _, err = holdingAt(ctx, tx, st, to); err != nil {
			return err
		}
	}
	const clear = `DELETE FROM ledger WHERE camera = ? AND quality = ? AND start_us >= ? AND start_us <= ?`
	if err := exec(ctx, tx, clear, st.camera, st.quality, from, to); err != nil {
		return err
	}
	if before != h {
		if err := insertHolding(ctx, tx, st, from, h); err != nil {
			return err
		}
	}
	if after != h {
		return insertHolding(ctx, tx, st, to, after)
	}
	return nil
}

func insertHolding(ctx context.Context, tx *sql.Tx, st streamRow, from int64, h holding) error {
	const query = `INSERT INTO ledger (camera, quality, start_us, run, code, reason) VALUES (?, ?, ?, ?, ?, ?)`
	c := h.columns()
	return exec(ctx, tx, query, st.camera, st.quality, from, c[0], c[1], c[2])
}

// owedChange is a change to the index that could not be written when it happened.
type owedChange struct {
	what  string
	apply func(context.Context, *sql.Tx) error
}

// maxOwed bounds what is remembered while the index cannot be written. What comes later is dropped; the next start then
// finds the truth in the files.
const maxOwed = 512

// writeOrOwe makes a change now, or as soon as the index can be written again. It returns an error only when the change
// is forgotten.
func (s *Store) writeOrOwe(ctx context.Context, what string, apply func(context.Context, *sql.Tx) error) error {
	err := s.write(ctx, func(tx *sql.Tx) error { return apply(ctx, tx) })
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owed) >= maxOwed || sqlite.IsConstraint(err) {
		return err
	}
	s.owed = append(s.owed, owedChange{what, apply})
	s.log.Warn("the index cannot be written; will try again", "what", what, "err", err)
	return nil
}

func (s *Store) owedNow() []owedChange {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.owed
}

// settleOwed makes the owed changes in their order.
func (s *Store) settleOwed(ctx context.Context) error {
	if len(s.owedNow()) == 0 {
		return nil
	}
	s.settling.Lock()
	defer s.settling.Unlock()
	owed, done := s.owedNow(), 0
	var err error
	for _, change := range owed {
		err = s.suspect(s.index.Write(ctx, func(tx *sql.Tx) error { return change.apply(ctx, tx) }))
		if sqlite.IsConstraint(err) { // it will never fit, and must not keep the others from being made
			s.log.Error("a change that was owed to the index does not fit it any more", "what", change.what, "err", err)
			err = nil
		}
		if err != nil {
			break
		}
		done++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = s.owed[min(done, len(s.owed)):]
	return err
}
