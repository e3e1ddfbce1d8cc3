package storage

import (
	"context"
	"errors"
	"fmt"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// closeSegment ends the open segment: table, sync, row. It always lets go of the segment; what went wrong is logged and
// stands in the ledger.
func (w *Writer) closeSegment(ctx context.Context) {
	g := w.seg
	if len(g.entries) == 0 {
		w.discard(ctx, g)
	} else if x, err := w.seal(ctx, g); err != nil {
		w.s.log.Error("a segment could not be closed; the next start will", "camera", w.c.name, "segment", g.name, "err", err)
	} else if err := w.s.writeOrOwe(ctx, "closed segment", func(ctx context.Context, tx *index.Tx) error { return tx.Close(ctx, x) }); err != nil {
		w.s.log.Error("a closed segment could not be noted; the next start will", "camera", w.c.name, "segment", g.name, "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seg = nil
}

// discard takes back a segment without footage: its file, if it has one, and then its row.
func (w *Writer) discard(ctx context.Context, g *segment) {
	ctx = context.WithoutCancel(ctx)
	var err error
	if g.file != nil {
		g.syncing.Lock()
		g.closed = true
		err = g.file.Close()
		g.syncing.Unlock()
		err = errors.Join(err, disk.RemoveSynced(w.c.files, g.name))
	}
	if err == nil {
		err = w.s.writeOrOwe(ctx, "drop empty segment", func(ctx context.Context, tx *index.Tx) error {
			return tx.DropSegment(ctx, g.st, g.start)
		})
	}
	if err != nil {
		w.s.log.Warn("an empty segment stays until the next start", "camera", w.c.name, "segment", g.name, "err", err)
	}
}

// seal writes the table, syncs and closes the file, and returns what its row has to learn.
func (w *Writer) seal(ctx context.Context, g *segment) (index.ClosedSegment, error) {
	table := &media.Table{Entries: g.entries}
	size := g.good
	w.mu.Lock()
	suspect := g.suspect
	w.mu.Unlock()
	if !suspect {
		box := table.Box(w.run, w.c.key)
		if _, err := g.file.WriteAt(box, g.good); err == nil {
			size += int64(len(box))
		} else if err := g.file.Truncate(g.good); err != nil { // without a table the file is read from the front
			suspect = true
		}
	}
	suspect = suspect || !w.syncSegment(g)
	g.syncing.Lock()
	g.closed = true
	err := g.file.Close()
	g.syncing.Unlock()
	w.mu.Lock()
	suspect = suspect || g.suspect // a sync that was under way may have failed
	w.mu.Unlock()
	if err != nil || suspect {
		if size, err = w.readBack(ctx, g, table); err != nil {
			return index.ClosedSegment{}, err
		}
	}
	end := index.Micros(table.Entries[len(table.Entries)-1].End())
	return index.ClosedSegment{Stream: g.st, Start: g.start, End: end, Size: size, Keys: index.PackKeys(g.start, index.KeysOf(table.Entries))}, nil
}

// readBack looks what is left of a file that the disk may not have kept, cuts the table to that, and returns the size of
// what is good.
func (w *Writer) readBack(ctx context.Context, g *segment, table *media.Table) (int64, error) {
	until := g.end()
	size, err := func() (int64, error) {
		f, err := w.c.files.Open(g.name)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		disk.Uncache(f)
		size, err := f.Size()
		if err != nil {
			return 0, err
		}
		res, err := media.Scan(f, size, w.c.id, w.c.key)
		if err != nil {
			return 0, err
		}
		if len(res.Table.Entries) == 0 {
			return 0, fmt.Errorf("nothing of the file is left: %w", errors.Join(res.Err, media.ErrFormat))
		}
		table.Entries = res.Table.Entries
		if res.Closed {
			return size, nil
		}
		return res.GoodSize, nil
	}()
	kept := g.start
	if err == nil {
		kept = index.Micros(table.Entries[len(table.Entries)-1].End())
	}
	if kept < until {
		note := w.s.writeOrOwe(ctx, "lost footage", func(ctx context.Context, tx *index.Tx) error {
			return tx.Enter(ctx, w.st, kept, until, gap(ReasonDiskError))
		})
		err = errors.Join(err, note)
	}
	return size, err
}
