package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// gap is what the ledger says of a span without footage.
func gap(reason string) index.LedgerEntry { return index.Gap(CodeOf(reason), reason) }

// database is the index while it is in use, with the changes that it still has to get.
type database struct {
	index  *index.DB
	data   disk.Folder // the data folder, which the index is in
	log    *slog.Logger
	rescue func(error) bool // frees disk space when an error says that there is none; it reports whether to try again

	settling sync.Mutex // serialises the changes that are owed
	owing    sync.RWMutex
	owed     []owedChange

	damage struct { // of the index, met while it is in use
		once  sync.Once
		found chan struct{}
		err   error // set before found is closed
	}
}

// write runs f in a writing transaction, after the changes that are owed from when the index could not be written.
func (d *database) write(ctx context.Context, f func(*index.Tx) error) error {
	if err := d.settleOwed(ctx); err != nil {
		return err
	}
	err := d.index.Write(ctx, f)
	if d.rescue(err) {
		err = d.index.Write(ctx, f)
	}
	return d.suspect(err)
}

// writeFirst is write for a change that must not be lost when what is done to files after it is not: it returns when the
// change survives a power cut. Other commits wait for the next checkpoint. Syncing the log makes all commits in it
// safe; SQLite holds no lock on that file, so that closing it here drops none.
// https://www.sqlite.org/wal.html
func (d *database) writeFirst(ctx context.Context, f func(*index.Tx) error) error {
	if err := d.write(ctx, f); err != nil {
		return err
	}
	log, err := d.data.Edit(index.LogName)
	if err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	if err := errors.Join(log.Sync(), log.Close(), d.data.SyncDir(".")); err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	return nil
}

// owedChange is a change to the index that could not be written when it happened.
type owedChange struct {
	what  string
	apply func(context.Context, *index.Tx) error
}

// maxOwed bounds what is remembered while the index cannot be written. What comes later is dropped; the next start then
// finds the truth in the files.
const maxOwed = 512

// writeOrOwe makes a change now, or as soon as the index can be written again. It returns an error only when the change
// is forgotten.
func (d *database) writeOrOwe(ctx context.Context, what string, apply func(context.Context, *index.Tx) error) error {
	err := d.write(ctx, func(tx *index.Tx) error { return apply(ctx, tx) })
	if err == nil {
		return nil
	}
	d.owing.Lock()
	defer d.owing.Unlock()
	if len(d.owed) >= maxOwed || sqlite.IsConstraint(err) {
		return err
	}
	d.owed = append(d.owed, owedChange{what, apply})
	d.log.Warn("the index cannot be written; will try again", "what", what, "err", err)
	return nil
}

func (d *database) owedNow() []owedChange {
	d.owing.RLock()
	defer d.owing.RUnlock()
	return d.owed
}

// settleOwed makes the owed changes in their order.
func (d *database) settleOwed(ctx context.Context) error {
	if len(d.owedNow()) == 0 {
		return nil
	}
	d.settling.Lock()
	defer d.settling.Unlock()
	owed, done := d.owedNow(), 0
	var err error
	for _, change := range owed {
		err = d.suspect(d.index.Write(ctx, func(tx *index.Tx) error { return change.apply(ctx, tx) }))
		if sqlite.IsConstraint(err) { // it will never fit, and must not keep the others from being made
			d.log.Error("a change that was owed to the index does not fit it any more", "what", change.what, "err", err)
			err = nil
		}
		if err != nil {
			break
		}
		done++
	}
	d.owing.Lock()
	defer d.owing.Unlock()
	d.owed = d.owed[min(done, len(d.owed)):]
	return err
}

// suspect looks whether err says that the index is damaged, and if so ends Run. It returns err.
func (d *database) suspect(err error) error {
	if err == nil || !sqlite.IsDamaged(err) {
		return err
	}
	d.damage.once.Do(func() {
		d.log.Error("the index is damaged", "err", err)
		if note := SuspectIndex(d.data, err.Error()); note != nil {
			d.log.Error("that the index is damaged could not be noted for the next start", "err", note)
		}
		d.damage.err = err
		close(d.damage.found)
	})
	return err
}

// examineAfter is how long after the start the index is read whole, and examineEvery how often from then on.
const (
	examineAfter = time.Minute
	examineEvery = 24 * time.Hour
)

// examineIndex looks for damage that no statement has met yet, so that the index is repaired while the files are still there.
func (d *database) examineIndex(ctx context.Context) {
	timer := time.NewTimer(examineAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := d.suspect(d.index.Examine(ctx)); err != nil && ctx.Err() == nil {
			d.log.Warn("the index could not be examined", "err", err)
		}
		timer.Reset(examineEvery)
	}
}
