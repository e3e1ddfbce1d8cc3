package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/storage/index"
)

// retentionRun chooses what is deleted: first what exceeds the limits of each camera, then the oldest footage of all cameras
// until enough of the disk is free. It never chooses kept segments. It calls take for each choice and changes nothing itself.
// The deleter takes in a real run; PlanRetention only counts.
type retentionRun struct {
	now     time.Time
	cameras []*retentionUsage
	lack    func(freed int64) (int64, error) // bytes that had to go, freed among them, so that enough is free
	take    func(context.Context, *retentionUsage, index.Segment, Limit) error
	flush   func(context.Context) error // ends a batch: what was taken so far must go before more is decided
	freed   int64
}

// retentionUsage is what a camera has, as retention looks at it.
type retentionUsage struct {
	c          *camera
	retain     Retain
	size       int64 // of its segments, kept ones included, without those that are being deleted
	candidates []*candidates
}

// retentionUsageOf prepares a camera for a retention run.
func retentionUsageOf(ctx context.Context, q index.Reader, c *camera, retain Retain) (*retentionUsage, error) {
	size, err := q.CameraBytes(ctx, c.row)
	if err != nil {
		return nil, err
	}
	h := &retentionUsage{c: c, retain: retain, size: size}
	for _, quality := range qualities {
		w, err := newCandidates(ctx, q, index.Stream{Camera: c.row, Quality: quality})
		if err != nil {
			return nil, err
		}
		h.candidates = append(h.candidates, w)
	}
	return h, nil
}

// oldest returns the candidates of the stream with the camera's oldest segment; nil when nothing is left.
func (h *retentionUsage) oldest(ctx context.Context) (*candidates, index.Segment, error) {
	var found *candidates
	var oldest index.Segment
	for _, w := range h.candidates {
		r, ok, err := w.peek(ctx)
		if err != nil {
			return nil, r, err
		}
		if ok && (found == nil || r.Start < oldest.Start) {
			found, oldest = w, r
		}
	}
	return found, oldest, nil
}

// run looks at all cameras. One that fails does not keep the others from their turn.
func (p *retentionRun) run(ctx context.Context) error {
	var errs []error
	for _, h := range p.cameras {
		if err := p.chooseForLimits(ctx, h); err != nil {
			errs = append(errs, fmt.Errorf("retention of %s: %w", h.c.name, err))
		}
	}
	return errors.Join(append(errs, p.chooseForSpace(ctx))...)
}

func (p *retentionRun) chooseForLimits(ctx context.Context, h *retentionUsage) error {
	if h.retain.Age > 0 {
		limit := index.Micros(p.now.Add(-h.retain.Age))
		for _, w := range h.candidates {
			for {
				r, ok, err := w.peek(ctx)
				if err != nil {
					return err
				}
				if !ok || r.End > limit {
					break
				}
				if err := p.choose(ctx, h, w, LimitAge); err != nil {
					return err
				}
			}
		}
	}
	for h.retain.MaxBytes > 0 && h.size > h.retain.MaxBytes {
		w, _, err := h.oldest(ctx)
		if err != nil {
			return err
		}
		if w == nil {
			break
		}
		if err := p.choose(ctx, h, w, LimitSize); err != nil {
			return err
		}
	}
	return p.flush(ctx)
}

// free takes the oldest of all until enough is free. It goes by the sizes of what was taken, since some file systems give
// the space back later.
func (p *retentionRun) chooseForSpace(ctx context.Context) error {
	lack, err := p.lack(p.freed)
	if err != nil {
		return err
	}
	for lack > p.freed {
		var owner *retentionUsage
		var from *candidates
		var oldest index.Segment
		for _, h := range p.cameras {
			w, r, err := h.oldest(ctx)
			if err != nil {
				return err
			}
			if w != nil && (owner == nil || r.Start < oldest.Start) {
				owner, from, oldest = h, w, r
			}
		}
		if owner == nil {
			return errors.Join(p.flush(ctx), errNothingLeft)
		}
		if err := p.choose(ctx, owner, from, LimitSpace); err != nil {
			return err
		}
	}
	return p.flush(ctx)
}

// errNothingLeft says that too little is free though all that may be deleted is.
var errNothingLeft = errors.New("nothing is left to delete")

// send takes the first of the candidates.
func (p *retentionRun) choose(ctx context.Context, h *retentionUsage, w *candidates, why Limit) error {
	r, _, err := w.peek(ctx)
	if err != nil {
		return err
	}
	w.pop()
	h.size -= r.Size
	p.freed += r.Size
	return p.take(ctx, h, r, why)
}
