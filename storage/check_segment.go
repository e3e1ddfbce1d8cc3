package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// inspection compares one closed segment's file with its row: name, size, header and table, and, when it is deep, every
// fragment. It verifies with the code that serving verifies with.
type inspection struct {
	c    *camera
	row  segmentRow
	keys []byte // the row's packed key frames; compared when not nil
	deep bool
	pace *pace

	packed []byte // set by inspect: the key frames of the file's table, packed
}

// flaw is what is wrong with something, and how much footage cannot be served for it.
type flaw struct {
	kind    string
	problem string
	lostUS  int64
}

// inspect returns what is wrong with the segment, nil when nothing is, or an error when the disk could not be read.
func (x *inspection) inspect(ctx context.Context) (*flaw, error) {
	whole := x.row.end - x.row.start
	f, err := x.c.files.Open(x.row.name())
	if disk.IsMissing(err) {
		return &flaw{FindingMissing, "the file is not there", whole}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size < x.row.size {
		return &flaw{FindingShort, fmt.Sprintf("the file has %d bytes, its row says %d", size, x.row.size), whole}, nil
	}
	bad, err := x.contents(paced{f, ctx, x.pace})
	switch {
	case err == nil:
		return bad, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case isFormat(err):
		return &flaw{FindingDamaged, err.Error(), whole}, nil
	}
	return nil, err
}

// contents verifies header, table and, when deep, the fragments.
func (x *inspection) contents(f disk.File) (*flaw, error) {
	r := &reader{c: x.c, stream: media.StreamID{Camera: x.c.id, Quality: x.row.st.quality}, key: x.c.key}
	run, err := r.header(f, x.row)
	if err != nil {
		return nil, err
	}
	entries, err := r.table(f, x.row)
	if err != nil {
		return nil, err
	}
	at := x.row.init
	for i := range entries {
		if entries[i].Offset != at || i > 0 && entries[i].Seq != entries[i-1].Seq+1 {
			return nil, fmt.Errorf("%w: a hole before the fragment at %d", media.ErrFormat, entries[i].Offset)
		}
		at += int64(entries[i].Size)
	}
	if x.deep {
		if bad, err := x.fragments(r, f, part{x.row, run, entries}); bad != nil || err != nil {
			return bad, err
		}
	}
	x.packed = packKeys(x.row.start, keysOf(entries))
	if x.keys != nil && !sameKeys(x.row.start, x.keys, x.packed) {
		return &flaw{FindingKeys, "the key frames that the index lists are not those of the file", 0}, nil
	}
	return nil, nil
}

// fragments verifies every fragment, also those behind a bad one, so that all that is lost is told.
func (x *inspection) fragments(r *reader, f disk.File, p part) (*flaw, error) {
	var buffer []byte
	var first error
	var lost int64
	bad := 0
	for i := range p.entries {
		e := &p.entries[i]
		b, label, err := r.fragment(f, p, keyFrame{micros(e.Start), e.Offset, e.Size}, buffer)
		if err == nil && (label.Seq != e.Seq || label.Duration != e.Duration || label.Random != e.Random) {
			err = fmt.Errorf("fragment at %d: %w: another fragment than its table says", e.Offset, media.ErrForged)
		}
		switch {
		case err == nil:
			buffer = b
			continue
		case !isFormat(err):
			return nil, err
		}
		bad, lost = bad+1, lost+e.Duration.Microseconds()
		if first == nil {
			first = err
		}
	}
	if bad == 0 {
		return nil, nil
	}
	return &flaw{FindingDamaged, fmt.Sprintf("%d of %d fragments do not verify, the first: %v", bad, len(p.entries), first), lost}, nil
}

// stray inspects a file that has no row, and returns its run and how much footage it holds.
func (x *inspection) stray(ctx context.Context, name string) (media.ScanResult, error) {
	f, err := x.c.files.Open(name)
	if err != nil {
		return media.ScanResult{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return media.ScanResult{}, err
	}
	return media.Scan(paced{f, ctx, x.pace}, size, x.c.id, x.c.key)
}

// streamSums are what a stream's counters say and what its segments add up to.
type streamSums struct {
	counted, countedBytes int64
	segments, bytes       int64
}

func (x streamSums) wrong() bool { return x.counted != x.segments || x.countedBytes != x.bytes }

func sumsOf(ctx context.Context, q queryer, st streamRow) (x streamSums, err error) {
	const query = `SELECT t.segments, t.size_bytes,
			(SELECT count(*) FROM segment g WHERE g.camera = t.camera AND g.quality = t.quality),
			(SELECT coalesce(sum(g.size_bytes), 0) FROM segment g WHERE g.camera = t.camera AND g.quality = t.quality)
		FROM stream t WHERE t.camera = ? AND t.quality = ?`
	err = q.QueryRowContext(ctx, query, st.camera, st.quality).Scan(&x.counted, &x.countedBytes, &x.segments, &x.bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return x, nil
	}
	return x, err
}

// claim is a stretch of a stream in which footage of a run is said to be; of run 0 it is a gap.
type claim struct {
	from, to int64
	run      int64
	open     bool // what is being written: it may be claimed or not
}

// ledgerFlaw is a stretch in which ledger and segments contradict each other.
type ledgerFlaw struct {
	from, to int64
	ledger   int64 // run that the ledger says; 0 for a gap
	segment  int64 // run of the segment there; 0 for none
}

// ledgerFlaws compares the ledger of a stream with its segments. The queryer is a transaction, so that both are of the same
// moment.
func ledgerFlaws(ctx context.Context, q queryer, st streamRow) ([]ledgerFlaw, error) {
	const segments = `SELECT start_us, end_us, run, state FROM segment WHERE camera = ? AND quality = ? AND state IN (1, 2) ORDER BY start_us`
	const ledger = `SELECT l.start_us, coalesce(l.run, 0), r.id IS NOT NULL AND r.end_reason IS NULL FROM ledger l
		LEFT JOIN run r ON r.camera = l.camera AND r.quality = l.quality AND r.id = l.run
		WHERE l.camera = ? AND l.quality = ? ORDER BY l.start_us`
	var files, said []claim
	err := each(ctx, q, segments, []any{st.camera, st.quality}, func(rows *sql.Rows) error {
		var x claim
		var in state
		err := rows.Scan(&x.from, &x.to, &x.run, &in)
		if n := len(files); n > 0 && files[n-1].open {
			files[n-1].to = x.from
		}
		if x.open = in == stateOpen; x.open {
			x.to = forever
		}
		files = append(files, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, q, ledger, []any{st.camera, st.quality}, func(rows *sql.Rows) error {
		x := claim{to: forever}
		err := rows.Scan(&x.from, &x.run, &x.open)
		if n := len(said); n > 0 {
			said[n-1].to = x.from
		}
		said = append(said, x)
		return err
	})
	return contradictions(files, said), err
}

// at returns what a list of claims says at the time pos, and until when.
func claimAt(list []claim, i int, pos int64) claim {
	switch {
	case i >= len(list):
		return claim{from: pos, to: forever}
	case list[i].from > pos:
		return claim{from: pos, to: list[i].from}
	}
	return list[i]
}

func contradictions(files, said []claim) []ledgerFlaw {
	var out []ledgerFlaw
	i, j := 0, 0
	for pos := int64(noEnd); pos < forever; {
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
			if n := len(out); n > 0 && out[n-1].to == pos && out[n-1].ledger == l.run && out[n-1].segment == f.run {
				out[n-1].to = next
			} else {
				out = append(out, ledgerFlaw{pos, next, l.run, f.run})
			}
		}
		pos = next
	}
	return out
}

// ours reports whether a name in a day's folder is a segment's, or what is left of one that was about to be made.
func ours(name string) bool {
	return strings.HasSuffix(name, ".mp4") || strings.HasSuffix(name, pieceSuffix)
}

// regular reports whether an entry is a file, and no link or device.
func regular(e fs.DirEntry) bool { return e.Type().IsRegular() }
