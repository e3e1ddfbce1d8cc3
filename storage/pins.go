package storage

import (
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// pin keeps the files of a stretch of a stream on the disk while a clip over them is open.
//
// A reader pins before it asks the index which segments there are; retention first marks segments as deleting in the
// index and then looks for pins. So either the reader does not find the segment any more, or retention finds the pin.
type pin struct {
	stream   media.StreamID
	from, to int64
	lost     []index.Interval // what an owner deleted of it
}

// pin adds a pin; unpin takes it away.
func (s *Store) pin(stream media.StreamID, from, to int64) *pin {
	p := &pin{stream: stream, from: from, to: to}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pins[p] = struct{}{}
	return p
}

// narrow changes what p covers to less than before.
func (s *Store) narrow(p *pin, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.from, p.to = from, to
}

func (s *Store) unpin(p *pin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pins, p)
}

// pinned reports whether a clip over any of [from, to) of the stream is open.
func (s *Store) pinned(stream media.StreamID, from, to int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for p := range s.pins {
		if p.stream == stream && p.from < to && from < p.to && !p.broken() {
			return true
		}
	}
	return false
}

// breakPins makes the clips over any of [from, to) of the stream end: an owner deleted it.
func (s *Store) breakPins(stream media.StreamID, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.pins {
		if p.stream == stream && p.from < to && from < p.to {
			p.lost = append(p.lost, index.Interval{From: from, To: to})
		}
	}
}

// broken reports whether anything of what p covers was deleted. It is asked under the store's lock.
func (p *pin) broken() bool {
	for _, x := range p.lost {
		if p.from < x.To && x.From < p.to {
			return true
		}
	}
	return false
}

// pinBroken asks it under the lock.
func (s *Store) pinBroken(p *pin) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return p.broken()
}
