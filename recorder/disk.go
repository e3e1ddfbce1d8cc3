package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// diskQueue and diskBytes bound what waits for a slow disk; fragments are shared with the ring, not copied.
const (
	diskQueue = 64
	diskBytes = 32 << 20
)

// reasonSlow is why a fragment is dropped that finds the queue full.
const reasonSlow = "the disk is too slow"

// disk is the way of one stream's fragments to storage: a bounded queue and the goroutine that empties it, so that a
// slow disk never holds up the camera or the live viewers. A fragment that finds the queue full, or that the disk
// refuses, is dropped; storage keeps the ledger of what is missing and goes on at the next key frame.
type disk struct {
	store  *storage.Store
	stream media.StreamID
	log    *slog.Logger
	orders chan order

	mu      sync.Mutex
	waiting int    // bytes in orders
	reason  string // why fragments are being dropped; empty when all is well

	writer *storage.Writer // of the goroutine in run only
}

// order is one thing to do: one of run, fragment, end and gap.
type order struct {
	run      *media.Run
	fragment *media.Fragment
	end      bool
	gap      bool
	at       time.Time // of gap
	reason   string    // of end and gap
}

func newDisk(store *storage.Store, stream media.StreamID, log *slog.Logger) *disk {
	return &disk{store: store, stream: stream, log: log, orders: make(chan order, diskQueue)}
}

// trouble returns why fragments are being dropped, or "".
func (d *disk) trouble() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reason
}

// note keeps why fragments are being dropped, and tells the log when that changes.
func (d *disk) note(reason string, err error) {
	d.mu.Lock()
	before := d.reason
	d.reason = reason
	d.mu.Unlock()
	switch {
	case reason == before:
	case reason == "":
		d.log.Info("recording goes on")
	default:
		d.log.Error("recording interrupted", "reason", reason, "err", err)
	}
}

// append hands a fragment on without waiting.
func (d *disk) append(f *media.Fragment) {
	d.mu.Lock()
	full := d.waiting+len(f.Bytes) > diskBytes
	if !full {
		d.waiting += len(f.Bytes)
	}
	d.mu.Unlock()
	if !full {
		select {
		case d.orders <- order{fragment: f}:
			return
		default:
			d.forget(f)
		}
	}
	d.note(reasonSlow, nil)
}

func (d *disk) forget(f *media.Fragment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting -= len(f.Bytes)
}

// begin, end and gap are few, and must not be lost: they wait for room in the queue. A disk that hangs for good so holds
// up this stream's recorder, and no other.
func (d *disk) begin(r *media.Run) { d.orders <- order{run: r} }
func (d *disk) end(reason string)  { d.orders <- order{end: true, reason: reason} }
func (d *disk) gap(from time.Time, reason string) {
	d.orders <- order{gap: true, at: from, reason: reason}
}
func (d *disk) close() { close(d.orders) }

// run carries out orders until close. It is not cancelled: what was received is brought to the disk.
func (d *disk) run() {
	ctx := context.Background()
	for o := range d.orders {
		switch {
		case o.run != nil:
			d.open(ctx, o.run)
		case o.fragment != nil:
			d.write(ctx, o.fragment)
		case o.end:
			d.finish(ctx, o.reason)
		case o.gap:
			d.setGap(ctx, o.at, o.reason)
		}
	}
	d.finish(ctx, storage.ReasonNotRunning)
}

func (d *disk) open(ctx context.Context, r *media.Run) {
	d.finish(ctx, storage.ReasonLost)
	w, err := d.store.Begin(ctx, r)
	if err != nil {
		d.note(reasonOf(err), err)
		d.setGap(ctx, r.Start, reasonOf(err))
		return
	}
	d.writer = w
}

func (d *disk) write(ctx context.Context, f *media.Fragment) {
	d.forget(f)
	if d.writer == nil && f.Random {
		d.open(ctx, f.Run) // the disk may take it now
	}
	if d.writer == nil {
		return
	}
	switch err := d.writer.Append(ctx, f); {
	case err == nil:
		d.note("", nil)
	case errors.Is(err, storage.ErrWantKeyFrame): // the reason was noted when it began
	default:
		d.note(reasonOf(err), err)
	}
}

// reasonOf returns what to tell people of an error of storage.
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
	d.writer = nil
}

func (d *disk) setGap(ctx context.Context, from time.Time, reason string) {
	if err := d.store.SetGap(ctx, d.stream, from, reason); err != nil {
		d.log.Error("note gap", "reason", reason, "err", err)
	}
}
