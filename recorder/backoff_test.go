package recorder

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/camera"
)

func failed(k camera.Kind) error { return &camera.Failure{Kind: k, Reason: "x", Err: errors.New("x")} }

// within fails the test unless the pause is base ± a quarter.
func within(t *testing.T, got, base time.Duration, what string) {
	t.Helper()
	if got < base*3/4 || got > base*5/4 {
		t.Errorf("%s: paused %v, want %v ± a quarter", what, got, base)
	}
}

func TestPausesDoubleToTheirBoundWithJitter(t *testing.T) {
	for _, c := range []struct {
		kind  camera.Kind
		bound time.Duration
	}{{camera.Unreachable, reachPause}, {camera.Frozen, reachPause}, {camera.Busy, longestPause}, {camera.NotFound, longestPause},
		{camera.Broken, longestPause}, {camera.Unsupported, longestPause}, {camera.Overrun, longestPause}} {
		b := backoff{logins: NewLogins()}
		seen := map[time.Duration]bool{}
		for i := range 100 {
			pause := b.next(failed(c.kind), time.Duration(i%59)*time.Second)
			within(t, pause, min(firstPause<<min(i, 10), c.bound), "failure")
			seen[pause] = true
		}
		if len(seen) < 50 {
			t.Errorf("kind %d: %d different pauses of 100: cameras that left together return together", c.kind, len(seen))
		}
		within(t, b.next(failed(c.kind), time.Second), c.bound, "after a brief success")
		within(t, b.next(failed(c.kind), steady), firstPause, "after a steady session")
	}
}

func TestTwoRefusedLoginsAreTheLastForHalfAnHour(t *testing.T) {
	b := backoff{logins: NewLogins()}
	for round := range 3 {
		if p := b.next(failed(camera.Refused), 0); p != longestPause {
			t.Errorf("round %d: first refusal: %v", round, p)
		}
		for range 5 {
			if p := b.next(failed(camera.Refused), 0); p != lockoutPause {
				t.Errorf("round %d: further refusal: %v", round, p)
			}
		}
		b.next(failed(camera.Frozen), steady) // the login worked
	}
}

func TestARefusalBetweenLostConnectionsStillCounts(t *testing.T) {
	b := backoff{logins: NewLogins()}
	b.next(failed(camera.Refused), 0)
	b.next(failed(camera.Unreachable), 0) // no login: the camera was offline
	if p := b.next(failed(camera.Refused), 0); p != lockoutPause {
		t.Errorf("the second refusal is answered by a pause of %v", p)
	}
}

func TestAnErrorThatIsNoFailureIsRetriedSlowly(t *testing.T) {
	b := backoff{logins: NewLogins()}
	for range 10 {
		b.next(errors.New("x"), 0)
	}
	within(t, b.next(errors.New("x"), 0), longestPause, "unknown")
}

func TestTwoHundredCamerasAreAdmittedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		admission := NewAdmission(8)
		var mu sync.Mutex
		var wait sync.WaitGroup
		inside, most := 0, 0
		began := time.Now()
		for range 200 {
			wait.Go(func() {
				leave, err := admission.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				time.Sleep(300 * time.Millisecond) // a handshake, in the bubble's time
				mu.Lock()
				inside--
				mu.Unlock()
			})
		}
		wait.Wait()
		if most != 8 || time.Since(began) > 30*time.Second {
			t.Errorf("%d at a time, %v for all", most, time.Since(began))
		}
	})
}

func TestCamerasThatAreOffDoNotKeepThoseThatAreBackWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		admission := NewAdmission(8)
		var wait sync.WaitGroup
		for range 30 {
			wait.Go(func() {
				leave, err := admission.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(15 * time.Second) // no answer
				leave()
			})
		}
		synctest.Wait()
		began := time.Now()
		leave, err := admission.enter(t.Context())
		if took := time.Since(began); err != nil || took > 5*time.Second {
			t.Errorf("admitted after %v, %v", took, err)
		}
		leave()
		wait.Wait()
		if len(admission) != 0 {
			t.Errorf("%d places are still taken", len(admission))
		}
	})
}

func TestTheStreamsOfACameraShareItsRefusedLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := NewLogins()
		tries := 0
		var wait sync.WaitGroup
		ctx, stop := context.WithTimeout(t.Context(), 29*time.Minute)
		defer stop()
		for range 2 { // main and sub
			wait.Go(func() {
				b := backoff{logins: logins}
				for ctx.Err() == nil {
					err := failed(camera.Refused)
					if left, _ := logins.left(); left > 0 {
						err = &camera.Failure{Kind: camera.Refused, Err: errNoLogin}
					} else {
						tries++
					}
					select {
					case <-time.After(b.next(err, 0)):
					case <-ctx.Done():
					}
				}
			})
			synctest.Wait()
		}
		wait.Wait()
		if tries > 2 {
			t.Errorf("the camera was asked %d times", tries)
		}
	})
}
