package disk

import (
	"context"
	"sync"
	"time"
)

// Pace limits reading to a number of bytes a second. Several goroutines may share one. Its zero value sets no limit.
type Pace struct {
	Rate int64 // bytes a second; 0 sets no limit

	mu   sync.Mutex
	next time.Time
	read int64
}

// wait counts n bytes and waits until they may be read.
func (p *Pace) wait(ctx context.Context, n int) error {
	p.mu.Lock()
	p.read += int64(n)
	if p.Rate <= 0 {
		p.mu.Unlock()
		return ctx.Err()
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	due := p.next
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.Rate) * float64(time.Second)))
	p.mu.Unlock()
	delay := time.Until(due)
	if delay <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Bytes returns how much was read so far.
func (p *Pace) Bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.read
}

// File returns a file that is read no faster than the pace. Reading ends with the error of ctx when that is over.
func (p *Pace) File(ctx context.Context, f File) File { return paced{f, ctx, p} }

// paced is a file that is read no faster than its pace.
type paced struct {
	File
	ctx  context.Context
	pace *Pace
}

func (f paced) ReadAt(b []byte, at int64) (int, error) {
	if err := f.pace.wait(f.ctx, len(b)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}
