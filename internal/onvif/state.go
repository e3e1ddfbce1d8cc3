package onvif

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// State is what is known of something that a camera watches.
type State uint8

// The states. Unknown is what a state becomes when the camera can no longer be heard: it is not off.
const (
	Unknown State = iota
	On
	Off
	// Reported is the state of notifications of topics that are not known: they are handed on as they come.
	Reported
)

func (s State) String() string {
	return [...]string{"unknown", "on", "off", "reported"}[min(s, Reported)]
}

// Event is a change of a state, or a notification of an unknown topic. For changes without a notification of their own (the end
// of a moment, a camera that is heard no more), Notification is the one that the state began with, and At the time of the change.
type Event struct {
	Notification
	State State
	Since time.Time // when the state that begins or ends here began to be on; for Reported, At
}

const (
	// momentLength is how long a moment counts as on after it was last reported.
	momentLength = 10 * time.Second
	// maxStates bounds how many states of one camera are followed. The oldest gives way.
	maxStates = 256
)

// states follows what is on. It belongs to one goroutine.
type states struct {
	emit func(Event)
	on   map[string]*open
	off  map[string]bool // states that the camera says are off
}

// open is a state that is on.
type open struct {
	begin Notification
	ends  time.Time // of a moment; zero for a state that the camera ends
}

func newStates(emit func(Event)) *states {
	return &states{emit: emit, on: map[string]*open{}, off: map[string]bool{}}
}

// take applies a notification.
func (s *states) take(n Notification) {
	if n.Kind == "" {
		s.emit(Event{Notification: n, State: Reported, Since: n.At})
		return
	}
	key := n.key()
	was := s.on[key]
	switch {
	case n.reading == off && was != nil:
		delete(s.on, key)
		s.isOff(key)
		s.emit(Event{Notification: n, State: Off, Since: was.begin.At})
	case n.reading == off && s.off[key]: // cameras repeat themselves
	case n.reading == off:
		s.isOff(key)
		s.emit(Event{Notification: n, State: Off, Since: n.At})
	case was != nil && n.reading == on:
		was.ends = time.Time{}
	case was != nil:
		if !was.ends.IsZero() {
			was.ends = n.At.Add(momentLength)
		}
	case n.reading == moment && n.Operation == Initialized: // how it was when the subscription began: nothing happened
	default:
		s.begin(key, n)
	}
}

func (s *states) isOff(key string) {
	if len(s.off) >= maxStates {
		clear(s.off)
	}
	s.off[key] = true
}

func (s *states) begin(key string, n Notification) {
	if len(s.on) >= maxStates {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(s.on)), func(a, b string) int { return s.on[a].begin.At.Compare(s.on[b].begin.At) })
		s.end(oldest, Unknown, n.At)
	}
	o := &open{begin: n}
	if n.reading == moment {
		o.ends = n.At.Add(momentLength)
	}
	s.on[key] = o
	delete(s.off, key)
	s.emit(Event{Notification: n, State: On, Since: n.At})
}

func (s *states) end(key string, as State, at time.Time) {
	n := s.on[key].begin
	since := n.At
	delete(s.on, key)
	n.At = at
	s.emit(Event{Notification: n, State: as, Since: since})
}

// next returns when the next moment ends; zero if none does.
func (s *states) next() time.Time {
	var first time.Time
	for _, o := range s.on {
		if !o.ends.IsZero() && (first.IsZero() || o.ends.Before(first)) {
			first = o.ends
		}
	}
	return first
}

// pass ends the moments whose time is over.
func (s *states) pass(now time.Time) {
	for _, key := range s.sorted() {
		if o := s.on[key]; !o.ends.IsZero() && !o.ends.After(now) {
			s.end(key, Off, o.ends)
		}
	}
}

// lose makes all states unknown: the camera is heard no more.
func (s *states) lose(now time.Time) {
	for _, key := range s.sorted() {
		s.end(key, Unknown, now)
	}
	clear(s.off)
}

// lasting reports whether something is on that only the camera ends.
func (s *states) lasting() bool {
	for _, o := range s.on {
		if o.ends.IsZero() {
			return true
		}
	}
	return false
}

// sorted returns the keys in the order in which their states began.
func (s *states) sorted() []string {
	return slices.SortedFunc(maps.Keys(s.on), func(a, b string) int {
		return cmp.Or(s.on[a].begin.At.Compare(s.on[b].begin.At), cmp.Compare(a, b))
	})
}
