package web

import (
	"net/http"
	"sync"

	"keepwatch.internal/internal/access"
)

// How many answers of a kind there may be at once: endless ones, and clips, whose headers take memory.
const (
	maxStreams        = 256
	maxStreamsAccount = 32
	maxClips          = 64
	maxClipsAccount   = 8
)

// slots counts answers, so that no account can take all that the server can give, and neither can links: whoever may share
// can make as many as they like, so that all together have a quarter.
type slots struct {
	most, mostOfOne int

	mu    sync.Mutex
	all   int
	ofOne map[holder]int
	links int           // of all
	empty chan struct{} // once nobody shall come in: closed when the last has left
}

// holder is whose answers are counted: an account, or a link by its grant.
type holder struct{ account, link int64 }

func newSlots(most, mostOfOne int) *slots {
	return &slots{most: most, mostOfOne: mostOfOne, ofOne: map[holder]int{}}
}

// take takes a slot for the viewer, or returns a problem. release gives it back.
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
