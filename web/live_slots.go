package web

import (
	"net/http"
	"sync"

	"keepwatch.internal/internal/access"
)

// How many endless answers there may be at once.
const (
	maxStreams        = 256
	maxStreamsAccount = 32
)

// slots counts the endless answers, so that no account can take all that the server can give.
type slots struct {
	mu    sync.Mutex
	all   int
	ofOne map[int64]int // by account; a link counts by its grant, negative
	empty chan struct{} // once nobody shall come in: closed when the last has left
}

func newSlots() *slots { return &slots{ofOne: map[int64]int{}} }

// take takes a slot for the viewer, or returns a problem. release gives it back.
func (s *slots) take(v access.Viewer) (release func(), err error) {
	who := v.AccountID
	if who == 0 {
		who = -v.GrantID
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty != nil {
		return nil, errStopping
	}
	if s.ofOne[who] >= maxStreamsAccount {
		return nil, newProblem(http.StatusTooManyRequests, "This account watches in too many places at once.").with("Retry-After", "5")
	}
	if s.all >= maxStreams {
		return nil, newProblem(http.StatusServiceUnavailable, "The server has as many viewers as it takes.").with("Retry-After", "5")
	}
	s.all++
	s.ofOne[who]++
	return func() { s.give(who) }, nil
}

func (s *slots) give(who int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.ofOne[who]--; s.ofOne[who] == 0 {
		delete(s.ofOne, who)
	}
	if s.all == 0 && s.empty != nil {
		close(s.empty)
	}
}

// shut lets nobody in any more and returns a channel that is closed when all have left. It is called once.
func (s *slots) shut() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty = make(chan struct{})
	if s.all == 0 {
		close(s.empty)
	}
	return s.empty
}
