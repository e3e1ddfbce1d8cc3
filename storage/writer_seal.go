package storage

import (
	"context"
	"errors"

	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// closeSegment ends the open segment: table, sync, row. It always lets go of the segment; what went wrong is logged and
// stands in the ledger.
func (w *Writer) closeSegment(ctx context.Context) {
	g := w.seg
	if entries, _ := g.Entries(); len(entries) == 0 {
		w.discard(ctx, g)
	} else if x, err := w.seal(ctx, g); err != nil {
		w.s.log.Error("a segment could not be closed; the next start will", "camera", w.c.name, "segment", g.Name, "err", err)
	} else if err := w.s.writeOrOwe(ctx, "closed segment", func(ctx context.Context, tx *index.Tx) error { return tx.Close(ctx, x) }); err != nil {
		w.s.log.Error("a closed segment could not be noted; the next start will", "camera", w.c.name, "segment", g.Name, "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seg = nil
}

// discard takes back a segment without footage: its file, if it has one, and then its row.
func (w *Writer) discard(ctx context.Context, g *segment.Open) {
	ctx = context.WithoutCancel(ctx)
	err := g.Discard(w.c.files)
	if err == nil {
		err = w.s.writeOrOwe(ctx, "drop empty segment", func(ctx context.Context, tx *index.Tx) error {
			return tx.DropSegment(ctx, w.st, g.Start)
		})
	}
	if err != nil {
		w.s.log.Warn("an empty segment stays until the next start", "camera", w.c.name, "segment", g.Name, "err", err)
	}
}

// seal seals the segment and returns what its row has to learn. What the disk did not keep is a gap.
func (w *Writer) seal(ctx context.Context, g *segment.Open) (index.ClosedSegment, error) {
	until := g.End()
	x, err := g.Seal(w.c.owner(), w.run)
	kept := g.Start
	if err == nil {
		kept = index.Micros(x.End())
	}
	if kept < until {
		note := w.s.writeOrOwe(ctx, "lost footage", func(ctx context.Context, tx *index.Tx) error {
			return tx.Enter(ctx, w.st, kept, until, gap(ReasonDiskError))
		})
		err = errors.Join(err, note)
	}
	if err != nil {
		return index.ClosedSegment{}, err
	}
	return closing(w.st, x), nil
}
