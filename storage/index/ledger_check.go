package index

import (
	"context"
	"database/sql"
)

// claim says that a period of a stream has footage of a run. Run 0 says that it is a gap.
type claim struct {
	from, to int64
	run      int64
	open     bool // what is being written: it may be claimed or not
}

// LedgerFlaw is a period for which ledger and segments contradict each other.
type LedgerFlaw struct {
	From, To int64
	Ledger   int64 // run that the ledger says; 0 for a gap
	Segment  int64 // run of the segment there; 0 for none
}

// LedgerFlaws compares the ledger of a stream with its segments. It is for a View or a Tx, so that both are of the same
// moment.
func (r Reader) LedgerFlaws(ctx context.Context, st Stream) ([]LedgerFlaw, error) {
	const segments = `SELECT start_us, end_us, run, state FROM segment WHERE camera = ? AND quality = ? AND state IN (1, 2) ORDER BY start_us`
	const ledger = `SELECT l.start_us, coalesce(l.run, 0), r.id IS NOT NULL AND r.end_reason IS NULL FROM ledger l
		LEFT JOIN run r ON r.camera = l.camera AND r.quality = l.quality AND r.id = l.run
		WHERE l.camera = ? AND l.quality = ? ORDER BY l.start_us`
	var files, said []claim
	err := r.each(ctx, segments, []any{st.Camera, st.Quality}, func(rows *sql.Rows) error {
		var x claim
		var in State
		err := rows.Scan(&x.from, &x.to, &x.run, &in)
		if n := len(files); n > 0 && files[n-1].open {
			files[n-1].to = x.from
		}
		if x.open = in == StateOpen; x.open {
			x.to = Forever
		}
		files = append(files, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = r.each(ctx, ledger, []any{st.Camera, st.Quality}, func(rows *sql.Rows) error {
		x := claim{to: Forever}
		err := rows.Scan(&x.from, &x.run, &x.open)
		if n := len(said); n > 0 {
			said[n-1].to = x.from
		}
		said = append(said, x)
		return err
	})
	return contradictions(files, said), err
}

// claimAt returns what a list of claims says at the time pos, and until when.
func claimAt(list []claim, i int, pos int64) claim {
	switch {
	case i >= len(list):
		return claim{from: pos, to: Forever}
	case list[i].from > pos:
		return claim{from: pos, to: list[i].from}
	}
	return list[i]
}

func contradictions(files, said []claim) []LedgerFlaw {
	var out []LedgerFlaw
	i, j := 0, 0
	for pos := int64(NoEnd); pos < Forever; {
		for i < len(files) && files[i].to <= pos {
			i++
		}
		for j < len(said) && said[j].to <= pos {
			j++
		}
		f, l := claimAt(files, i, pos), claimAt(said, j, pos)
		next := min(f.to, l.to)
		being := f.open && (l.run == 0 || l.run == f.run) || l.open && f.run == 0
		if f.run != l.run && !being {
			if n := len(out); n > 0 && out[n-1].To == pos && out[n-1].Ledger == l.run && out[n-1].Segment == f.run {
				out[n-1].To = next
			} else {
				out = append(out, LedgerFlaw{pos, next, l.run, f.run})
			}
		}
		pos = next
	}
	return out
}
