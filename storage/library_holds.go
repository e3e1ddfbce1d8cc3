package storage

import (
	"sync"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// hold keeps the files of a stretch of a stream on the disk while a clip over them is open.
//
// A reader holds before it asks the index which segments there are; retention first marks segments as deleting in the
// index and then looks for holds. So either the reader does not find the segment any more, or retention finds the hold.
type hold struct {
	stream   media.StreamID
	from, to int64
	lost     []index.Interval // what an owner deleted of it
}

// holds knows which footage open clips need.
type holds struct {
	holding sync.RWMutex
	open    map[*hold]struct{}
}

// hold adds a hold; endHold takes it away.
func (h *holds) hold(stream media.StreamID, from, to int64) *hold {
	p := &hold{stream: stream, from: from, to: to}
	h.holding.Lock()
	defer h.holding.Unlock()
	h.open[p] = struct{}{}
	return p
}

// narrow changes what p covers to less than before.
func (h *holds) narrowHold(p *hold, from, to int64) {
	h.holding.Lock()
	defer h.holding.Unlock()
	p.from, p.to = from, to
}

func (h *holds) endHold(p *hold) {
	h.holding.Lock()
	defer h.holding.Unlock()
	delete(h.open, p)
}

// held reports whether a clip over any of [from, to) of the stream is open.
func (h *holds) held(stream media.StreamID, from, to int64) bool {
	h.holding.RLock()
	defer h.holding.RUnlock()
	for p := range h.open {
		if p.stream == stream && p.from < to && from < p.to && !p.broken() {
			return true
		}
	}
	return false
}

// breakHolds makes the clips over any of [from, to) of the stream end: an owner deleted it.
func (h *holds) breakHolds(stream media.StreamID, from, to int64) {
	h.holding.Lock()
	defer h.holding.Unlock()
	for p := range h.open {
		if p.stream == stream && p.from < to && from < p.to {
			p.lost = append(p.lost, index.Interval{From: from, To: to})
		}
	}
}

// broken reports whether anything of what p covers was deleted. It is asked under the lock.
func (p *hold) broken() bool {
	for _, x := range p.lost {
		if p.from < x.To && x.From < p.to {
			return true
		}
	}
	return false
}

// holdBroken asks it under the lock.
func (h *holds) holdBroken(p *hold) bool {
	h.holding.RLock()
	defer h.holding.RUnlock()
	return p.broken()
}
