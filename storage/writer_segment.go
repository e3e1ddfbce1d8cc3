package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// makeDay makes the folder of a day, once, so that it survives a power cut. A folder that is there already may have been
// made by a process that died, or met a fault, before it was synced.
func (s *recording) makeDay(c *camera, stream media.StreamID, day string) error {
	s.mu.RLock()
	known := s.days[stream] == day
	s.mu.RUnlock()
	if known {
		return nil
	}
	if err := c.files.Mkdir(day); err != nil {
		return err
	}
	if err := c.files.SyncDir(path.Dir(day)); err != nil {
		return err
	}
	if err := c.files.SyncDir("."); err != nil {
		return err
	}
	s.knowDay(stream, day)
	return nil
}

// syncDirty syncs every segment that was written to since its last sync. A file whose sync fails is never synced again,
// since the kernel may have dropped what it could not write: it is closed, and writing goes on in a new one.
func (s *recording) syncDirty() {
	s.mu.RLock()
	writers := make([]*Writer, 0, len(s.writers))
	for _, w := range s.writers {
		writers = append(writers, w)
	}
	s.mu.RUnlock()
	var group sync.WaitGroup
	slots := make(chan struct{}, syncsAtOnce)
	for _, w := range writers {
		g := w.open()
		if g == nil || !g.TakeDirty() {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			g.Sync()
			<-slots
		})
	}
	group.Wait()
}

const syncsAtOnce = 4

// syncEvery is how often dirty segments are synced, so that a fragment written just after one sync is on the disk,
// the next sync included, within Options.Sync.
func (s *recording) syncEvery() time.Duration { return s.o.Sync * 3 / 4 }

// open returns the segment that is being written, or nil.
func (w *Writer) open() *segment.Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seg
}

// syncFailed says that the disk did not keep what was written to a segment, which is closed now.
func (w *Writer) syncFailed(name string, err error) {
	w.s.raise(AlarmSyncFailed, fmt.Sprintf("The disk of %s did not keep footage that it had taken (%v). The file was closed where it still verifies, "+
		"and recording goes on in a new one; the timeline shows what was lost. Look at the disk and its cable soon. This stands until the next start.",
		w.s.o.Recordings, bare(err)))
	w.s.log.Error("the disk did not keep footage: closing the segment", "camera", w.c.name, "stream", w.st.Quality, "segment", name, "err", err)
}

// closeSegment ends the open segment: table, sync, row. It always lets go of the segment; what went wrong is logged and
// stands in the ledger.
func (w *Writer) closeSegment(ctx context.Context) {
	g := w.seg
	if entries, _ := g.Entries(); len(entries) == 0 {
		w.discard(ctx, g)
	} else if x, err := w.finishFile(ctx, g); err != nil {
		w.s.log.Error("a segment could not be closed; the next start will", "camera", w.c.name, "segment", g.Name, "err", err)
	} else if err := w.s.writeOrOwe(ctx, "closed segment", func(ctx context.Context, tx *index.Tx) error { return tx.CloseSegment(ctx, x) }); err != nil {
		w.s.log.Error("a closed segment could not be noted; the next start will", "camera", w.c.name, "segment", g.Name, "err", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seg = nil
}

// discard takes back a segment without footage: its file, if it has one, and then its row.
func (w *Writer) discard(ctx context.Context, g *segment.Writer) {
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

// finishFile closes the segment's file and returns what its row has to learn. What the disk did not keep is a gap.
func (w *Writer) finishFile(ctx context.Context, g *segment.Writer) (index.ClosedSegment, error) {
	until := g.End()
	x, err := g.Close(w.c.owner(), w.run)
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
