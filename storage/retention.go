package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/storage/disk"
)

// Limit is the reason why retention deletes footage: the limit that was exceeded.
type Limit string

// The limits of retention.
const (
	NoLimit    Limit = "none"
	LimitAge   Limit = "age"   // Retain.Age
	LimitSize  Limit = "size"  // Retain.MaxBytes
	LimitSpace Limit = "space" // MinFree
)

// retention deletes footage that exceeds the limits. retention_choose.go chooses it, retention_delete.go deletes it.
type retention struct {
	o          *Options
	log        *slog.Logger
	disk       disk.Folder // recordings
	db         *database
	clock      *storeClock
	cameraList *cameraList
	holds      *holds
	kept       *keptClips
	alarms     *alarms
	space      *diskSpace
	kick       chan struct{}
}

// wake asks for retention soon.
func (x *retention) wake() {
	select {
	case x.kick <- struct{}{}:
	default:
	}
}

// errEnough ends a retention run that took long. The next one goes on where it ended.
var errEnough = errors.New("enough for now")

// retain makes one retention run, of at most about housekeeping, and deletes what it finds in small batches: a writer waits for
// the index for one batch at most, and the disk is left to the recorders for as long again as each batch took.
func (x *retention) retain(ctx context.Context) error {
	errs := []error{x.finishDeleting(ctx)}
	before, _, err := x.disk.Space()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	known := x.cameraList.all()
	d := &deleter{x: x, began: time.Now()}
	p := &retentionRun{now: x.clock.ageNow(), take: d.take, flush: d.flush}
	p.lack = func(freed int64) (int64, error) {
		free, total, err := x.disk.Space()
		return x.o.MinFree.of(total) - max(before, free-freed), err
	}
	for _, c := range known {
		if err := x.kept.knowKept(ctx, c); err != nil { // nothing of it is deleted before it is known what is kept
			errs = append(errs, err)
			continue
		}
		h, err := retentionUsageOf(ctx, x.db.index.Reader, c, c.retain)
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("retention of %s: %w", c.name, err))...)
		}
		p.cameras = append(p.cameras, h)
	}
	err = p.run(ctx)
	switch {
	case errors.Is(err, errEnough):
		x.wake()
		return errors.Join(errs...)
	case errors.Is(err, errNothingLeft):
		err = x.raiseNothingLeft(ctx)
	case err == nil:
		x.alarms.lower(AlarmNothingLeft)
	}
	return errors.Join(append(errs, err)...)
}

// raiseNothingLeft says what fills the disk. Recording goes on as long as the disk takes it.
func (x *retention) raiseNothingLeft(ctx context.Context) error {
	_, total, err := x.disk.Space()
	if err != nil {
		return err
	}
	kept, err := x.kept.keptTotal(ctx)
	if err != nil {
		return err
	}
	words, remedy := "", "Free space there, or lower storage.min_free."
	if kept > 0 {
		words = "; kept clips take " + format.Size(kept)
		remedy = "Kept clips take " + format.Size(kept) + ": remove some of them on the page Saved, or free space there."
	}
	need := format.Size(x.o.MinFree.of(total))
	x.alarms.raise(AlarmNothingLeft, fmt.Sprintf("Less than %s is free in %s, and nothing is left that may be deleted. When the disk is full, "+
		"new footage is dropped. %s", need, x.o.Recordings, remedy))
	return fmt.Errorf("%s: less than %s is free and %w%s", x.o.Recordings, need, errNothingLeft, words)
}
