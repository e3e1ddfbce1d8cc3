package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	canaryEvery = time.Minute
	canaryTime  = 10 * time.Second // for one answer
	canaryFresh = 10 * time.Minute // how old the synthetic footage gets before there is new
)

// errHalted is why no footage is served once the canary found a leak.
var errHalted = errors.New("the server found that one owner could have what is another's, so it shows nothing until it is restarted")

// canary asks the running server, in process but through everything that a request passes, whether one owner can have what
// is another's. The owners and their two cameras are synthetic, and rows of the same databases as everybody's; their footage
// is recorded by the same store and shown by the same rings. Nothing that it asks names a real camera.
//
// One answer that it should not have had stops all footage, until the program is started again and finds the same or does
// not. What it could not ask, or not get for its owner either, proves nothing and stops nothing; it is told as such.
type canary struct {
	server  *Server
	cameras [2]Camera
	seats   [2]accounts.Seat
	seated  bool
	filmed  time.Time // when the footage was made
	span    [2]storage.Span
	rounds  int

	leaked atomic.Bool

	mu     sync.Mutex
	report CanaryReport
}

// CanaryReport says what the server's test of itself found.
type CanaryReport struct {
	State  string     `json:"state"`  // waiting, sound, unknown or leaked
	Last   *time.Time `json:"last"`   // end of the last round that proved something
	Probes uint64     `json:"probes"` // answers asked for across owners since the start
	Leaked uint64     `json:"leaked"` // of these, how many held what they should not
	Reason string     `json:"reason"` // why the state is unknown or leaked
}

// The states of the canary.
const (
	canaryWaiting = "waiting"
	canarySound   = "sound"
	canaryUnknown = "unknown"
	canaryLeaked  = "leaked"
)

// newCanary returns the canary over the synthetic cameras of the server; nil when it has none.
func newCanary(s *Server, ids [2]media.CameraID) *canary {
	if ids[0].IsZero() || ids[1].IsZero() {
		return nil
	}
	c := &canary{server: s, report: CanaryReport{State: canaryWaiting}}
	for i, spec := range storage.SyntheticCameras() {
		c.cameras[i] = Camera{ID: ids[i], Name: spec.Name, Label: spec.Label}
	}
	return c
}

// RunCanary tests the server once a minute, the first time at once, until ctx ends or a leak is found. Without synthetic
// cameras it does nothing.
func (s *Server) RunCanary(ctx context.Context) error {
	if s.canary == nil {
		return nil
	}
	tick := time.NewTicker(canaryEvery)
	defer tick.Stop()
	for {
		s.canary.round(ctx)
		if s.canary.leaked.Load() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// leaked returns errHalted once a leak was found: from then on no footage is served, and what is being served ends.
func (s *Server) leaked() error {
	if s.canary != nil && s.canary.leaked.Load() {
		return errHalted
	}
	return nil
}

// canaryReport tells what the canary found; nil when there is none.
func (s *Server) canaryReport() *CanaryReport {
	if s.canary == nil {
		return nil
	}
	s.canary.mu.Lock()
	defer s.canary.mu.Unlock()
	report := s.canary.report
	return &report
}

// asked counts an answer that was asked for across owners.
func (c *canary) asked() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Probes++
}

// found ends the canary's life, and that of everything that shows footage.
func (c *canary) found(what string) {
	c.leaked.Store(true)
	c.mu.Lock()
	c.report.State, c.report.Reason = canaryLeaked, what
	c.report.Leaked++
	c.mu.Unlock()
	c.server.Logger.Error("LEAK: one owner got what is another's. No footage is shown any more until the program is restarted; recording goes on. "+
		"Please report this as SECURITY.md says", "found", what)
}

// settle notes how a round ended: proved, or why it could not be.
func (c *canary) settle(trouble error) {
	now := c.server.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if trouble == nil {
		c.report.State, c.report.Reason, c.report.Last = canarySound, "", moment(now)
		return
	}
	if c.report.Reason != trouble.Error() {
		c.server.Logger.Warn("the test for leaks could not be made", "err", trouble)
	}
	c.report.State, c.report.Reason = canaryUnknown, trouble.Error()
}

// words are the report in a sentence, for people.
func (r CanaryReport) words(now time.Time) string {
	count := fmt.Sprintf("%s of %s leaked", grouped(r.Leaked), grouped(r.Probes))
	switch {
	case r.State == canaryLeaked:
		return "Leak found: " + r.Reason + "; " + count
	case r.State == canaryUnknown && r.Last == nil:
		return "Could not be made yet: " + r.Reason
	case r.State == canaryUnknown:
		return fmt.Sprintf("Could not be made: %s. The last one that could was %s, %s", r.Reason, format.Ago(*r.Last, now), count)
	case r.Last == nil:
		return "Under way for the first time"
	}
	return fmt.Sprintf("Last cross-owner probe %s, %s", format.Ago(*r.Last, now), count)
}

// grouped writes a count with a comma between thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func haltedProblem() *Problem {
	return newProblem(http.StatusServiceUnavailable,
		"A test that this server makes of itself found that one owner could have what is another's. Nothing is shown until it is restarted; recording goes on.")
}

// uuids returns the synthetic cameras' keys for accounts.
func (c *canary) uuids() [2]access.Camera {
	return [2]access.Camera{access.Camera(c.cameras[0].ID), access.Camera(c.cameras[1].ID)}
}
