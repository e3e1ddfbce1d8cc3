package storage

import (
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

// hold adds a hold; endHold takes it away.
func (s *Store) hold(stream media.StreamID, from, to int64) *hold {
	p := &hold{stream: stream, from: from, to: to}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds[p] = struct{}{}
	return p
}

// narrow changes what p covers to less than before.
func (s *Store) narrowHold(p *hold, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.from, p.to = from, to
}

func (s *Store) endHold(p *hold) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.holds, p)
}

// held reports whether a clip over any of [from, to) of the stream is open.
func (s *Store) held(stream media.StreamID, from, to int64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for p := range s.holds {
		if p.stream == stream && p.from < to && from < p.to && !p.broken() {
			return true
		}
	}
	return false
}

// breakHolds makes the clips over any of [from, to) of the stream end: an owner deleted it.
func (s *Store) breakHolds(stream media.StreamID, from, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.holds {
		if p.stream == stream && p.from < to && from < p.to {
			p.lost = append(p.lost, index.Interval{From: from, To: to})
		}
	}
}

// broken reports whether anything of what p covers was deleted. It is asked under the store's lock.
func (p *hold) broken() bool {
	for _, x := range p.lost {
		if p.from < x.To && x.From < p.to {
			return true
		}
	}
	return false
}

// holdBroken asks it under the lock.
func (s *Store) holdBroken(p *hold) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return p.broken()
}
