package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// longestSegment is how many times SegmentDuration a segment may last when no key frame comes.
const longestSegment = 5

// recording begins runs, and syncs what their writers write.
type recording struct {
	*cameraList
	*database
	*alarms
	o     *Options
	log   *slog.Logger
	space *diskSpace
	wake  func() // has retention look at once
}

// Writer writes the fragments of one run to segments. Append and End take turns; one goroutine calls them.
type Writer struct {
	s      *recording
	c      *camera
	run    *media.Run
	stream media.StreamID
	st     index.Stream
	row    int64 // of the run

	turn     sync.Mutex // held by Append, End and SetGap while they write
	recorded bool       // the ledger's tail says this run
	wantKey  bool       // what comes next must begin with a key frame
	ended    bool

	mu  sync.Mutex
	seg *segment.Writer
	end int64 // of what was written, µs; index.NoEnd at first
}

// Begin begins to write a run, which must have been labelled with the camera's key. It returns ErrOverlap when the run
// begins before the stream's footage ends, ErrBusy while another run of the stream is written, ErrUnknownCamera, or a
// *DiskError.
func (s *recording) Begin(ctx context.Context, run *media.Run) (*Writer, error) {
	c, err := s.camera(run.Stream.Camera)
	if err != nil {
		return nil, err
	}
	if !c.retired.IsZero() {
		return nil, fmt.Errorf("%w: %s is retired", ErrUnknownCamera, c.name)
	}
	// What is refused here could never be served.
	if own, err := media.OpenRun(run.Init, c.id, c.key); err != nil || own.ID != run.ID || own.Stream != run.Stream {
		return nil, errors.Join(fmt.Errorf("begin run of %v: %w", run.Stream, media.ErrForged), err)
	}
	w := &Writer{s: s, c: c, run: run, stream: run.Stream, st: index.Stream{Camera: c.row, Quality: run.Stream.Quality}, wantKey: true, end: index.NoEnd}
	s.mu.Lock()
	busy := s.writers[w.stream] != nil || s.closed
	if !busy {
		s.writers[w.stream] = w
	}
	s.mu.Unlock()
	if busy {
		return nil, fmt.Errorf("begin run of %v: %w", run.Stream, ErrBusy)
	}
	if err := s.write(ctx, func(tx *index.Tx) error { return w.insertRun(ctx, tx) }); err != nil {
		s.forget(w)
		if errors.Is(err, ErrOverlap) || ctx.Err() != nil {
			return nil, err
		}
		return nil, &DiskError{"note the run", err}
	}
	return w, nil
}

func (w *Writer) insertRun(ctx context.Context, tx *index.Tx) error {
	end, err := tx.LastEnd(ctx, w.st)
	if err != nil {
		return err
	}
	if start := index.Micros(w.run.Start); start < end {
		return fmt.Errorf("%w: run of %v begins at %v, footage ends at %v", ErrOverlap, w.stream, w.run.Start, index.FromMicros(end))
	}
	w.row, err = tx.InsertRun(ctx, w.st, w.run, "")
	return err
}

// Append writes the run's next fragment with one write and makes it visible to readers. Segments change by themselves.
// It returns ErrWantKeyFrame for a fragment that cannot stand there, ErrOverlap for one that lies before the end of what
// was written, and a *DiskError when the disk did not take it; after each of them the caller drops the fragment and goes
// on with the next.
func (w *Writer) Append(ctx context.Context, f *media.Fragment) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	entry, err := w.check(f)
	if err != nil {
		return err
	}
	if w.s.space.outOfSpace() {
		return w.fail(ctx, "append to "+w.stream.String(), errOutOfSpace)
	}
	if w.mustRotate(f) {
		w.closeSegment(context.WithoutCancel(ctx))
	}
	if w.seg == nil {
		if err := w.openSegment(ctx, f); err != nil {
			return err
		}
	} else if !w.recorded {
		if err := w.s.write(ctx, func(tx *index.Tx) error { return w.record(ctx, tx, index.Micros(f.Start)) }); err != nil {
			return w.fail(ctx, "note that footage goes on", err)
		}
		w.recorded = true
	}
	return w.put(ctx, f, entry)
}

// check returns the entry of the table for f when f can be written next.
func (w *Writer) check(f *media.Fragment) (media.Entry, error) {
	if w.ended {
		return media.Entry{}, fmt.Errorf("append to %v: %w", w.stream, ErrEnded)
	}
	label, err := media.ParseLabel(f.Bytes)
	if err != nil {
		return media.Entry{}, err
	}
	if label.Camera != w.stream.Camera || label.Quality != w.stream.Quality || label.Run != w.run.ID {
		return media.Entry{}, fmt.Errorf("append to %v: fragment of another run or stream: %w", w.stream, media.ErrForged)
	}
	var t media.Table
	if err := t.Append(0, f.Bytes); err != nil {
		return media.Entry{}, err
	}
	e := t.Entries[0]
	if w.end != index.NoEnd && index.Micros(e.Start) < w.end {
		return e, fmt.Errorf("%w: fragment of %v begins at %v, footage ends at %v", ErrOverlap, w.stream, e.Start, index.FromMicros(w.end))
	}
	if !e.Random && (w.wantKey || w.hole(e)) {
		w.wantKey = true
		return e, ErrWantKeyFrame
	}
	return e, nil
}

// hole reports whether something is missing between what was written last and e.
func (w *Writer) hole(e media.Entry) bool {
	if w.end == index.NoEnd {
		return false
	}
	if index.Micros(e.Start) != w.end {
		return true
	}
	if w.seg == nil {
		return false
	}
	entries, _ := w.seg.Entries()
	return len(entries) > 0 && entries[len(entries)-1].Seq+1 != e.Seq
}

// mustRotate reports whether f begins another segment than the open one. Segments have no holes, so that one row tells
// what a file covers.
func (w *Writer) mustRotate(f *media.Fragment) bool {
	g := w.seg
	if g == nil {
		return false
	}
	age := f.Start.Sub(index.FromMicros(g.Start))
	return g.Suspect() || w.wantKey || (f.Random && age >= w.s.o.SegmentDuration) || age >= longestSegment*w.s.o.SegmentDuration ||
		w.hole(media.Entry{Start: f.Start, Seq: f.Seq})
}

// record writes into the ledger that footage of the run holds from start on.
func (w *Writer) record(ctx context.Context, tx *index.Tx, start int64) error {
	if w.recorded && w.end != index.NoEnd && w.end < start {
		if err := tx.Enter(ctx, w.st, w.end, start, gap(ReasonLost)); err != nil {
			return err
		}
	}
	return tx.Enter(ctx, w.st, start, index.Forever, index.Footage(w.row))
}

// openSegment makes the segment that begins with f: row, file, folder synced, init header.
func (w *Writer) openSegment(ctx context.Context, f *media.Fragment) error {
	start := index.Micros(f.Start)
	name := index.SegmentName(w.stream.Quality, start)
	g := segment.New(name, start, func(err error) { w.syncFailed(name, err) })
	err := w.s.write(ctx, func(tx *index.Tx) error {
		if err := tx.InsertOpen(ctx, index.Segment{Stream: w.st, Start: start, Run: w.row, Init: int64(len(w.run.Init))}); err != nil {
			return err
		}
		return w.record(ctx, tx, start)
	})
	if sqlite.IsConstraint(err) {
		return fmt.Errorf("%w: segment %s: %w", ErrOverlap, name, err)
	}
	if err != nil {
		return w.fail(ctx, "note segment "+name, err)
	}
	w.recorded = true
	if err := w.makeFile(g); err != nil {
		w.discard(ctx, g)
		return w.fail(ctx, "make segment "+name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seg = g
	return nil
}

func (w *Writer) makeFile(g *segment.Writer) error {
	if err := w.s.makeDay(w.c, w.stream, path.Dir(g.Name)); err != nil {
		return err
	}
	created, err := g.Create(w.c.files, w.run.Init)
	if !created {
		w.s.knowDay(w.stream, "")
	}
	return err
}

// put writes the fragment behind what the segment has.
func (w *Writer) put(ctx context.Context, f *media.Fragment, e media.Entry) error {
	if err := w.seg.Append(f.Bytes, e); err != nil {
		return w.fail(ctx, "write segment "+w.seg.Name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end = index.Micros(e.End())
	w.wantKey = false
	return nil
}

// fail notes that footage is lost from here on and returns why.
func (w *Writer) fail(ctx context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.wantKey = true
	problem := &DiskError{op, err}
	if problem.Reason() == ReasonDiskFull {
		w.s.wake()
	}
	if w.recorded {
		if err := w.endStretch(context.WithoutCancel(ctx), problem.Reason()); err != nil {
			w.s.log.Error("a gap could not be noted", "camera", w.c.name, "err", err)
		}
	}
	return problem
}

// endStretch writes into the ledger that after what was written there is a gap.
func (w *Writer) endStretch(ctx context.Context, reason string) error {
	w.recorded = false
	return w.s.writeOrOwe(ctx, "gap", w.gapSince(w.end, reason))
}

func (w *Writer) gapSince(at int64, reason string) func(context.Context, *index.Tx) error {
	return func(ctx context.Context, tx *index.Tx) error {
		if at == index.NoEnd { // nothing of the run was written: its stretch in the ledger is empty
			tail, since, err := tx.LedgerAt(ctx, w.st, index.Forever)
			if err != nil || tail != index.Footage(w.row) {
				return err
			}
			return tx.Enter(ctx, w.st, since, index.Forever, gap(reason))
		}
		return tx.Enter(ctx, w.st, at, index.Forever, gap(reason))
	}
}

// gap is SetGap while this run is written.
func (w *Writer) gap(ctx context.Context, from time.Time, reason string) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.recorded {
		return w.endStretch(ctx, reason)
	}
	return w.s.writeOrOwe(ctx, "gap", func(ctx context.Context, tx *index.Tx) error {
		end, err := tx.LastEnd(ctx, w.st)
		if err != nil {
			return err
		}
		return tx.Enter(ctx, w.st, max(index.Micros(from), end, w.end), index.Forever, gap(reason))
	})
}

// footageEnd returns the end of what was written, or the zero time.
func (w *Writer) footageEnd() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == index.NoEnd {
		return time.Time{}
	}
	return index.FromMicros(w.end)
}

// End closes the segment and the run. The reason says why there is no footage from here on, as with SetGap; it does not
// replace that of a gap that has begun already. All is done even if ctx is over. Ending twice is harmless.
func (w *Writer) End(ctx context.Context, reason string) error {
	ctx = context.WithoutCancel(ctx)
	w.turn.Lock()
	defer w.turn.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	if w.seg != nil {
		w.closeSegment(ctx)
	}
	end, recorded := w.end, w.recorded
	err := w.s.writeOrOwe(ctx, "end of run", func(ctx context.Context, tx *index.Tx) error {
		if recorded {
			if err := w.gapSince(end, reason)(ctx, tx); err != nil {
				return err
			}
		}
		return tx.EndRun(ctx, w.st, w.row, reason)
	})
	w.s.forget(w)
	return err
}
