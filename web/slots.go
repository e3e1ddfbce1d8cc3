package web

import (
	"net/http"
	"sync"

	"keepwatch.internal/internal/access"
)

// How many answers may be open at once: endless ones, and clips, whose headers take memory.
const (
	maxStreams        = 256
	maxStreamsAccount = 32
	maxClips          = 64
	maxClipsAccount   = 8
)

// slots limits open answers, so that no account can take them all. Links share a quarter of the slots, because anyone who may
// share can make any number of links.
type slots struct {
	most, mostOfOne int

	mu    sync.Mutex
	all   int
	ofOne map[holder]int
	links int           // of all
	empty chan struct{} // made by shut; closed when the last slot is free
}

// holder is who an answer counts for: an account, or a link by its grant.
type holder struct{ account, link int64 }

func newSlots(most, mostOfOne int) *slots {
	return &slots{most: most, mostOfOne: mostOfOne, ofOne: map[holder]int{}}
}

// take takes a slot for the viewer, or returns a *Problem. release frees it.
func (s *slots) take(v access.Viewer) (release func(), err error) {
	who := holder{account: v.AccountID}
	if v.Kind == access.LinkView {
		who = holder{link: v.GrantID}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty != nil {
		return nil, errStopping
	}
	if s.ofOne[who] >= s.mostOfOne {
		return nil, newProblem(http.StatusTooManyRequests, "This account has too many of these open at once. Close some and try again.").with("Retry-After", "5")
	}
	if s.all >= s.most || who.link != 0 && s.links >= s.most/4 {
		return nil, newProblem(http.StatusServiceUnavailable, "The server has no room for more viewers. Try again later.").with("Retry-After", "5")
	}
	s.all++
	s.ofOne[who]++
	if who.link != 0 {
		s.links++
	}
	return func() { s.give(who) }, nil
}

// taken returns how many slots are taken now.
func (s *slots) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

func (s *slots) give(who holder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if who.link != 0 {
		s.links--
	}
	if s.ofOne[who]--; s.ofOne[who] == 0 {
		delete(s.ofOne, who)
	}
	if s.all == 0 && s.empty != nil {
		close(s.empty)
	}
}

// shut gives no more slots, and returns a channel that is closed when all are free. It is called once.
func (s *slots) shut() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.empty = make(chan struct{})
	if s.all == 0 {
		close(s.empty)
	}
	return s.empty
}
