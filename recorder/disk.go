package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	// diskFragments and diskBytes bound the footage that waits for a slow disk. It is shared with the ring, not copied.
	diskFragments = 64
	diskBytes     = 32 << 20
	// backlogBytes bounds the waiting footage of all streams together.
	backlogBytes = 128 << 20
	// diskQueue leaves space for the orders that begin and end runs and record gaps.
	diskQueue = 4 * diskFragments
	// diskPatience is how long a stopping recorder waits for its disk.
	diskPatience = 10 * time.Second
)

// reasonSlow is the reason for dropping a fragment when the queue is full.
const reasonSlow = storage.KindDiskSlow

// Backlog bounds the memory of all footage that waits for the disk. Recorders share one, since they share the disk: a slow
// disk must not fill the memory with the footage of many cameras.
type Backlog struct{ bytes, limit atomic.Int64 }

// NewBacklog returns a Backlog for all recorders of a process.
func NewBacklog() *Backlog {
	b := &Backlog{}
	b.limit.Store(backlogBytes)
	return b
}

// take claims n bytes, or reports that they exceed the bound. A nil Backlog has no bound.
func (b *Backlog) take(n int) bool {
	if b == nil {
		return true
	}
	if b.bytes.Add(int64(n)) > b.limit.Load() {
		b.give(n)
		return false
	}
	return true
}

// give returns n bytes.
func (b *Backlog) give(n int) {
	if b != nil {
		b.bytes.Add(-int64(n))
	}
}

// disk passes the fragments of one stream to storage through a bounded queue, so that a slow disk never delays the camera or
// live viewers. A fragment is dropped if the queue is full or the disk refuses it. Storage records the gap and resumes at the
// next key frame. If a disk hangs for so long that there is no space for other orders either, those are dropped too; a
// fragment itself names its run.
type disk struct {
	footage footage
	stream  media.StreamID
	log     *slog.Logger
	backlog *Backlog // shared with the other streams
	orders  chan order
	kept    chan struct{} // closed when keep has ended

	mu        sync.Mutex
	waiting   int    // bytes in orders
	fragments int    // in orders
	dropped   bool   // fragments were dropped before the next one in the queue
	reason    string // why fragments are being dropped; empty if none are

	writer writer     // used only by the goroutine in keep, like run
	run    *media.Run // of writer
}

// footage is the part of storage that a disk uses. A test implements it to simulate a disk that hangs.
type footage struct {
	begin  func(context.Context, *media.Run) (writer, error)
	setGap func(context.Context, media.StreamID, time.Time, string) error
	clock  func(context.Context, media.StreamID, media.RunID, time.Duration) error
}

// writer is the interface of storage.Writer.
type writer interface {
	Append(ctx context.Context, f *media.Fragment) error
	End(ctx context.Context, reason string) error
}

func footageOf(store *storage.Store) footage {
	return footage{setGap: store.SetGap, clock: store.NoteCameraClock, begin: func(ctx context.Context, r *media.Run) (writer, error) {
		w, err := store.Begin(ctx, r)
		if err != nil {
			return nil, err
		}
		return w, nil
	}}
}

// order is one task: a run, a fragment, an end or a gap.
type order struct {
	run      *media.Run
	fragment *media.Fragment
	late     bool // fragments before this one were dropped, since the disk was too slow
	end      bool
	gap      bool
	at       time.Time // of gap
	clock    *cameraClock
	reason   string // of end and gap
}

// cameraClock is how far a camera's own clock was ahead of the server's during a run.
type cameraClock struct {
	run   media.RunID
	ahead time.Duration
}

func newDisk(to footage, stream media.StreamID, log *slog.Logger) *disk {
	return &disk{footage: to, stream: stream, log: log, orders: make(chan order, diskQueue)}
}

// trouble returns why fragments are being dropped, or "".
func (d *disk) trouble() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reason
}

// note sets the reason for dropping fragments and logs a change of it.
func (d *disk) note(reason string, err error) {
	d.mu.Lock()
	before := d.reason
	d.reason = reason
	d.mu.Unlock()
	switch {
	case reason == before:
	case reason == "":
		d.log.Info("recording resumed")
	default:
		d.log.Error("recording interrupted", "reason", reason, "err", err)
	}
}

// append queues a fragment without waiting.
func (d *disk) append(f *media.Fragment) {
	d.mu.Lock()
	full := d.waiting+len(f.Bytes) > diskBytes || d.fragments == diskFragments || !d.backlog.take(len(f.Bytes))
	late := d.dropped
	if d.dropped = full; !full {
		d.waiting += len(f.Bytes)
		d.fragments++
	}
	d.mu.Unlock()
	if full {
		d.note(reasonSlow, nil)
		return
	}
	if !d.order(order{fragment: f, late: late}) {
		d.forget(f)
		d.mu.Lock()
		d.dropped = true
		d.mu.Unlock()
	}
}

func (d *disk) forget(f *media.Fragment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting -= len(f.Bytes)
	d.fragments--
	d.backlog.give(len(f.Bytes))
}

// order queues an order without waiting. It reports false if the queue is full.
func (d *disk) order(o order) bool {
	select {
	case d.orders <- o:
		return true
	default:
		d.note(reasonSlow, nil)
		return false
	}
}

func (d *disk) begin(r *media.Run) { d.order(order{run: r}) }
func (d *disk) end(reason string)  { d.order(order{end: true, reason: reason}) }
func (d *disk) gap(from time.Time, reason string) {
	d.order(order{gap: true, at: from, reason: reason})
}

func (d *disk) clock(run media.RunID, ahead time.Duration) {
	d.order(order{clock: &cameraClock{run, ahead}})
}

// start starts the goroutine that executes orders.
func (d *disk) start() {
	d.kept = make(chan struct{})
	go func() {
		defer close(d.kept)
		d.keep()
	}()
}

// stop accepts no more orders and waits until all are done. It reports false if it gave up on a hanging disk after
// diskPatience.
func (d *disk) stop() bool {
	close(d.orders)
	patience := time.NewTimer(diskPatience)
	defer patience.Stop()
	select {
	case <-d.kept:
		return true
	case <-patience.C:
		return false
	}
}

// keep executes orders until there are no more. It is not cancelled, so that everything received is written.
func (d *disk) keep() {
	ctx := context.Background()
	for o := range d.orders {
		switch {
		case o.run != nil:
			d.open(ctx, o.run)
		case o.fragment != nil:
			d.write(ctx, o.fragment, o.late)
		case o.end:
			d.finish(ctx, o.reason)
		case o.gap:
			d.setGap(ctx, o.at, o.reason)
		case o.clock != nil:
			if err := d.footage.clock(ctx, d.stream, o.clock.run, o.clock.ahead); err != nil {
				d.log.Warn("record the camera's clock", "err", err)
			}
		}
	}
	d.finish(ctx, storage.ReasonStopped)
}

func (d *disk) open(ctx context.Context, r *media.Run) {
	d.finish(ctx, storage.ReasonLost)
	w, err := d.footage.begin(ctx, r)
	if err != nil {
		d.note(reasonOf(err), err)
		d.setGap(ctx, r.Start, reasonOf(err))
		return
	}
	d.writer, d.run = w, r
}

// write appends a fragment. If it is late, it first records the gap before it with its reason.
func (d *disk) write(ctx context.Context, f *media.Fragment, late bool) {
	d.forget(f)
	if late {
		d.setGap(ctx, f.Start, reasonSlow)
	}
	if f.Random && (d.writer == nil || d.run != f.Run) {
		d.open(ctx, f.Run) // the disk may take it now
	}
	if d.writer == nil || d.run != f.Run {
		return
	}
	switch err := d.writer.Append(ctx, f); {
	case err == nil:
		d.note("", nil)
	case errors.Is(err, storage.ErrWantKeyFrame): // the reason was recorded when the gap began
	default:
		d.note(reasonOf(err), err)
	}
}

// reasonOf returns the reason that people see for an error of storage.
func reasonOf(err error) string {
	if disk, ok := errors.AsType[*storage.DiskError](err); ok {
		return disk.Reason()
	}
	return storage.ReasonDiskError
}

// finish ends the run that is being written, if any.
func (d *disk) finish(ctx context.Context, reason string) {
	if d.writer == nil {
		return
	}
	if err := d.writer.End(ctx, reason); err != nil {
		d.log.Error("close run", "err", err)
	}
	d.writer, d.run = nil, nil
}

func (d *disk) setGap(ctx context.Context, from time.Time, reason string) {
	if err := d.footage.setGap(ctx, d.stream, from, reason); err != nil {
		d.log.Error("note gap", "reason", reason, "err", err)
	}
}
