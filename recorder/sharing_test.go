package recorder

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

// shared is a Sharing with a clock that the test sets.
type shared struct {
	*Sharing
	t     *testing.T
	clock time.Time
	watch map[media.Quality]context.Context
	leave map[media.Quality]func(error)
}

func newShared(t *testing.T) *shared {
	s := &shared{Sharing: NewSharing(), t: t, clock: time.Now(), watch: map[media.Quality]context.Context{}, leave: map[media.Quality]func(error){}}
	s.now = func() time.Time { return s.clock }
	return s
}

func (s *shared) connect(q media.Quality) {
	s.t.Helper()
	if err := s.enter(q); err != nil {
		s.t.Fatalf("%s must not connect: %v", q, err)
	}
	s.clock = s.clock.Add(time.Millisecond)
	s.watch[q], s.leave[q] = s.opened(s.t.Context(), q)
}

// pass lets time pass, in which frames of the given streams come.
func (s *shared) pass(d time.Duration, streams ...media.Quality) {
	for end := s.clock.Add(d); s.clock.Before(end); {
		s.clock = s.clock.Add(100 * time.Millisecond)
		for _, q := range streams {
			s.frame(q, s.clock)
		}
	}
}

func (s *shared) waits(want string) {
	s.t.Helper()
	err := s.enter(media.Sub)
	if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
		s.t.Errorf("sub may connect: %v, want %q", err, want)
	}
	if err := s.enter(media.Main); err != nil {
		s.t.Errorf("main must not connect: %v", err)
	}
}

var cut = &camera.Failure{Kind: camera.Unreachable, Reason: "the camera closed the connection"}

func busy(status int) error {
	return &camera.Failure{Kind: camera.Busy, Status: status, Reason: "close other viewers"}
}

func TestASecondRefusalBesideMainMakesTheSubStreamWait(t *testing.T) {
	for _, status := range []int{453, 503, 406, 500} {
		s := newShared(t)
		s.connect(media.Main)
		s.pass(time.Second, media.Main)
		for n := range 2 {
			if n == 1 {
				s.waits("")
			}
			if err := s.refused(media.Sub, busy(status)); strings.Contains(err.Error(), "other viewers") {
				t.Errorf("our own viewer is blamed: %v", err)
			}
		}
		s.waits("the camera allows one viewer at a time (")
		s.pass(subAgain-time.Minute, media.Main)
		s.waits("main is recorded")
		s.pass(2*time.Minute, media.Main)
		s.waits("") // it is tried again
		_ = s.refused(media.Sub, busy(status))
		s.waits("one viewer")
		s.leave[media.Main](cut)
		s.pass(mainAway)
		s.waits("") // instead of main
	}
}

func TestRefusalsThatAreNotForOurOwnViewersAreLeftAsTheyAre(t *testing.T) {
	s := newShared(t)
	for range 3 {
		if err := s.refused(media.Main, busy(453)); !strings.Contains(err.Error(), "other viewers") {
			t.Errorf("without a sub stream: %v", err)
		}
	}
	_ = s.enter(media.Main)
	if err := s.refused(media.Sub, busy(453)); strings.Contains(err.Error(), "other viewers") || !strings.Contains(err.Error(), "while its other stream connects") {
		t.Errorf("while main connects: %v", err)
	}
	s.waits("")
	s.connect(media.Main)
	for _, status := range []int{404, 401, 0} {
		_ = s.refused(media.Sub, busy(status))
		_ = s.refused(media.Sub, busy(status))
		s.waits("")
	}
	if err := (*Sharing)(nil).refused(media.Sub, busy(453)); err == nil {
		t.Error("the error is lost")
	}
}

func TestTheSubStreamMakesRoomForMain(t *testing.T) {
	s := newShared(t)
	s.connect(media.Sub)
	s.pass(time.Second, media.Sub)
	if err := s.refused(media.Main, busy(453)); !errors.Is(err, errMakesRoom) || strings.Contains(err.Error(), "close") {
		t.Errorf("main: %v", err)
	}
	var failure *camera.Failure
	if !errors.As(context.Cause(s.watch[media.Sub]), &failure) || failure.Kind != camera.Busy {
		t.Errorf("sub goes on: %v", context.Cause(s.watch[media.Sub]))
	}
	s.leave[media.Sub](failure)
	s.waits("makes room")
	s.pass(time.Second)
	s.connect(media.Main)
	s.pass(time.Second, media.Main)
	s.waits("")
	_ = s.refused(media.Sub, busy(453))
	s.waits("one viewer")
}

func TestMainThatIsRefusedWithoutTheSubStreamTooDoesNotKeepItAway(t *testing.T) {
	s := newShared(t)
	s.connect(media.Sub)
	s.pass(time.Second, media.Sub)
	_ = s.refused(media.Main, busy(503))
	s.leave[media.Sub](nil)
	s.pass(15 * time.Second)
	_ = s.refused(media.Main, busy(503))
	s.waits("")
	s.connect(media.Sub)
	for range 5 {
		s.pass(20*time.Second, media.Sub)
		_ = s.refused(media.Main, busy(503))
	}
	if s.watch[media.Sub].Err() != nil {
		t.Error("the sub stream is ended for nothing")
	}
}

func TestStreamsThatThrowEachOtherOutAreToldApartFromACameraThatReboots(t *testing.T) {
	s := newShared(t)
	both := []media.Quality{media.Main, media.Sub}
	s.connect(media.Main)
	s.pass(20*time.Second, media.Main)
	_ = s.enter(media.Sub) // which throws main out
	s.pass(100*time.Millisecond, media.Main)
	s.leave[media.Main](cut)
	_, s.leave[media.Sub] = s.opened(t.Context(), media.Sub)
	s.pass(time.Second, media.Sub)
	s.waits("")
	s.connect(media.Main) // which throws sub out
	s.leave[media.Sub](cut)
	s.pass(time.Second, media.Main)
	s.waits("the camera allows one viewer at a time; main is recorded")

	s = newShared(t)
	for range 3 {
		s.connect(media.Main)
		s.connect(media.Sub)
		s.pass(3*time.Second, both...)
		s.leave[media.Main](cut) // both end at once
		s.leave[media.Sub](cut)
		s.pass(time.Second)
	}
	s.connect(media.Main)
	s.waits("")
	s.connect(media.Sub)
	for range 3 { // a connection that breaks later says nothing
		s.pass(30*time.Second, both...)
		s.leave[media.Main](cut)
		s.pass(time.Second, media.Sub)
		s.connect(media.Main)
	}
	s.waits("")
}

func TestASubStreamThatCostsMainItsConnectionIsTriedLessAndLessOften(t *testing.T) {
	s := newShared(t)
	s.connect(media.Main)
	for _, want := range []time.Duration{subAgain, 2 * subAgain, 4 * subAgain} {
		for s.enter(media.Sub) == nil {
			s.pass(5*time.Second, media.Main)
			s.connect(media.Sub)
			s.leave[media.Main](cut)
			s.pass(time.Second, media.Sub)
			s.connect(media.Main)
			s.leave[media.Sub](nil)
		}
		s.pass(want-time.Minute, media.Main)
		s.waits("one viewer")
		s.pass(2*time.Minute, media.Main)
		s.waits("")
	}
	s.connect(media.Sub)
	s.pass(2*steady, media.Main, media.Sub) // both are served: the camera has new firmware
	s.leave[media.Sub](cut)
	_ = s.refused(media.Sub, busy(453))
	s.waits("")
}
