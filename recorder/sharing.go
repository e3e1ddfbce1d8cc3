package recorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

const (
	// evictsWithin is how soon after the beginning of a session another one ends that was thrown out for it, and outlives is how much
	// longer the new one lasts at least. A camera that reboots ends both at once.
	evictsWithin = 5 * time.Second
	outlives     = 500 * time.Millisecond
	// signsNeeded is how often a camera must have shown within signsWithin that it serves one viewer only.
	signsNeeded = 2
	signsWithin = 10 * time.Minute
	// handshakeAtMost is how long a stream may take to connect.
	handshakeAtMost = 15 * time.Second
	// roomFor is how long the sub stream leaves to main when that was refused because of it, and freed is when a camera has noticed that
	// a viewer left.
	roomFor = 30 * time.Second
	freed   = 10 * time.Second
	// mainAway is how long main must be away before the sub stream takes its place.
	mainAway = 2 * time.Minute
	// subAgain is the pause before the sub stream is tried again beside main. It doubles up to longestSubAgain if that cost main its
	// connection.
	subAgain        = time.Hour
	longestSubAgain = 24 * time.Hour
)

// oneViewer is why the sub stream of a camera for one viewer is not connected.
const oneViewer = "the camera allows one viewer at a time%s; main is recorded"

// errMakesRoom is the error of main when the sub stream has its place, which it now leaves.
var errMakesRoom = errors.New("the sub stream makes room")

// Sharing finds out whether a camera serves one viewer at a time: it refuses the second, or throws out the first. Then main is
// connected and the sub stream waits. The recorders of one camera share it. A nil Sharing lets both connect.
type Sharing struct {
	now func() time.Time

	mu        sync.Mutex
	main, sub viewing
	thrownOut *viewing    // has ended soon after the other began; nil if none, or once that is decided
	signs     []time.Time // that there is one viewer only
	single    string      // reason why the sub stream waits; "" while it need not
	until     time.Time   // it does
	pause     time.Duration
	wanted    time.Time // when main was refused because of the sub stream
	otherwise time.Time // until then main's refusals are not because of the sub stream: they went on when it had made room
}

// viewing is the connection of one stream.
type viewing struct {
	open  bool
	tried time.Time // when it began to connect
	began time.Time
	last  time.Time // newest frame
	ended time.Time
	cut   bool                    // by the camera or the network
	stop  context.CancelCauseFunc // nil before the first session
}

// NewSharing returns the Sharing of one camera.
func NewSharing() *Sharing { return &Sharing{now: time.Now} }

func (s *Sharing) of(q media.Quality) (own, other *viewing) {
	if q == media.Sub {
		return &s.sub, &s.main
	}
	return &s.main, &s.sub
}

// enter returns why a stream must not connect now, or nil.
func (s *Sharing) enter(q media.Quality) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	own, _ := s.of(q)
	own.tried = now
	if q == media.Main {
		return nil
	}
	here := s.main.open || now.Sub(s.main.ended) < mainAway || now.Sub(s.wanted) < mainAway
	if s.single != "" && now.Before(s.until) && here {
		return &camera.Failure{Kind: camera.Busy, Reason: s.single}
	}
	if !s.main.open && now.Sub(s.wanted) < roomFor && now.After(s.otherwise) {
		return &camera.Failure{Kind: camera.Busy, Reason: "makes room for main"}
	}
	return nil
}

// opened is called when a stream is connected. The returned context ends when the stream must make room, with a *camera.Failure as
// its cause. leave must be called with the session's end.
func (s *Sharing) opened(ctx context.Context, q media.Quality) (_ context.Context, leave func(error)) {
	if s == nil {
		return ctx, func(error) {}
	}
	ctx, stop := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	own, other := s.of(q)
	if s.thrownOut == own && other.open {
		s.thrownOut = nil
		s.sign(fmt.Sprintf(oneViewer, ""))
	}
	*own = viewing{open: true, tried: own.tried, began: s.now(), stop: stop}
	if other.isVictimOf(own) { // which it became before the camera answered
		s.thrownOut = other
	}
	return ctx, func(err error) { s.closed(q, err); stop(nil) }
}

// frame is called with each frame of a stream.
func (s *Sharing) frame(q media.Quality, at time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own, other := s.of(q)
	own.last = at
	if s.thrownOut == other && !other.open && at.Sub(other.last) >= outlives {
		s.thrownOut = nil
		s.sign(fmt.Sprintf(oneViewer, ""))
	}
	if own.open && other.open && at.Sub(own.began) > steady && at.Sub(other.began) > steady {
		s.signs, s.single, s.pause = nil, "", 0 // both are served
	}
}

// closed is called when a session has ended.
func (s *Sharing) closed(q media.Quality, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, other := s.of(q)
	own.open, own.ended = false, s.now()
	if s.thrownOut == other {
		s.thrownOut = nil // its successor ended before it had lasted
	}
	failure := (*camera.Failure)(nil)
	own.cut = errors.As(err, &failure) && (failure.Kind == camera.Unreachable || failure.Kind == camera.Frozen || failure.Kind == camera.Broken)
	if own.isVictimOf(other) {
		s.thrownOut = own
	}
}

// isVictimOf reports whether v was perhaps thrown out for a newer viewer.
func (v *viewing) isVictimOf(newer *viewing) bool {
	return v.cut && !v.open && newer.open && v.began.Before(newer.tried) && v.ended.After(newer.tried) &&
		!v.last.IsZero() && v.last.Sub(newer.began) < evictsWithin
}

// sign notes a sign that the camera serves one viewer only. One is enough for a camera that is known for it.
func (s *Sharing) sign(reason string) {
	now := s.now()
	s.signs = append(slices.DeleteFunc(s.signs, func(at time.Time) bool { return now.Sub(at) > signsWithin }), now)
	if len(s.signs) < signsNeeded && s.single == "" {
		return
	}
	costly := reason == fmt.Sprintf(oneViewer, "")
	if s.pause == 0 || !costly {
		s.pause = subAgain
	} else {
		s.pause = min(2*s.pause, longestSubAgain)
	}
	s.signs, s.single, s.until = nil, reason, now.Add(s.pause)
	s.leave()
}

// leave ends the session of the sub stream.
func (s *Sharing) leave() {
	if s.sub.open {
		reason := s.single
		if reason == "" {
			reason = "makes room for main"
		}
		s.sub.stop(&camera.Failure{Kind: camera.Busy, Reason: reason})
	}
}

// refused is called when the camera did not let a stream connect. It returns the error to go on with: other viewers are not blamed
// for what our own do.
func (s *Sharing) refused(q media.Quality, err error) error {
	failure := (*camera.Failure)(nil)
	if s == nil || !errors.As(err, &failure) || !fullUp(failure.Status) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	_, other := s.of(q)
	status := fmt.Sprintf(" (%d)", failure.Status)
	switch {
	case q == media.Main && !other.open && now.Sub(s.wanted) < mainAway && now.Sub(other.ended) > freed:
		s.otherwise, s.signs, s.single = now.Add(subAgain), nil, ""
		return err
	case !other.open && other.tried.After(other.ended) && now.Sub(other.tried) < handshakeAtMost:
		return &camera.Failure{Kind: camera.Busy, Status: failure.Status, Reason: "the camera has no connection free" + status + " while its other stream connects", Err: err}
	case !other.open, q == media.Main && now.Before(s.otherwise):
		return err
	case q == media.Main:
		s.wanted = now
		s.sign(fmt.Sprintf(oneViewer, status))
		s.leave()
		return &camera.Failure{Kind: camera.Busy, Status: failure.Status, Reason: "the camera allows no second viewer" + status + ": the sub stream makes room", Err: errors.Join(errMakesRoom, err)}
	}
	s.sign(fmt.Sprintf(oneViewer, status))
	return &camera.Failure{Kind: camera.Busy, Status: failure.Status, Reason: fmt.Sprintf(oneViewer, status), Err: err}
}

// fullUp reports whether a status is one with which cameras refuse another viewer: Not Enough Bandwidth, Service Unavailable, and in
// some Not Acceptable or Internal Server Error.
func fullUp(status int) bool { return status == 453 || status == 503 || status == 406 || status == 500 }
