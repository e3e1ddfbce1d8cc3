package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/canary"
)

// errHalted is why no footage is served once the canary found a leak.
var errHalted = errors.New("the privacy self-check found that one owner could see what belongs to another; no footage is served until a restart")

func haltedProblem() *Problem {
	return newProblem(http.StatusServiceUnavailable,
		"The privacy self-check found that one owner could see what belongs to another. No footage is shown until it is restarted; recording goes on.")
}

// syntheticSite makes the canary's owners and footage. The owners and cameras are rows in the same databases as all others; the
// footage goes through the same store and the same live rings.
type syntheticSite struct {
	cameras  [2]Camera
	accounts *accounts.Directory
	store    *storage.Store
	hub      *live.Hub
	now      func() time.Time
}

// syntheticCameras are the canary's cameras; none when the ids are zero.
func syntheticCameras(ids [2]media.CameraID) []Camera {
	if ids[0].IsZero() || ids[1].IsZero() {
		return nil
	}
	var out []Camera
	for i, spec := range storage.SyntheticCameras() {
		out = append(out, Camera{ID: ids[i], Name: spec.Name, Label: spec.Label})
	}
	return out
}

// owners replaces the two owners by new ones, each with one camera.
func (s *syntheticSite) owners(ctx context.Context) ([2]canary.Owner, error) {
	made, err := s.accounts.ReplaceCanaryAccounts(ctx, [2]access.Camera{access.Camera(s.cameras[0].ID), access.Camera(s.cameras[1].ID)})
	return [2]canary.Owner{canary.Owner(made[0]), canary.Owner(made[1])}, err
}

// record records two seconds of one camera and publishes them live, as a recorder would.
func (s *syntheticSite) record(ctx context.Context, i int) (canary.Footage, error) {
	stream := media.StreamID{Camera: s.cameras[i].ID, Quality: media.Main}
	start := s.now().UTC().Add(-canary.Length).Truncate(time.Microsecond)
	end, err := s.store.EndOfFootage(ctx, stream)
	if err != nil {
		return canary.Footage{}, err
	}
	if start.Before(end) { // the server was restarted at once, or the clock was set back
		start = end
	}
	run, fragments, err := canary.NewFootage(stream, start, s.store.LabelKey(stream.Camera))
	if err != nil {
		return canary.Footage{}, err
	}
	writer, err := s.store.Begin(ctx, run)
	if err != nil {
		return canary.Footage{}, err
	}
	for _, f := range fragments {
		err = errors.Join(err, writer.Append(ctx, f))
	}
	if err := errors.Join(err, writer.End(ctx, storage.ReasonStopped)); err != nil {
		return canary.Footage{}, err
	}
	ring := s.hub.Ring(stream)
	for _, f := range fragments {
		ring.Publish(f)
	}
	return canary.Footage{From: start, To: start.Add(canary.Length)}, nil
}

// canaryOptions returns the options of a canary that tests this server.
func (s *Server) canaryOptions() canary.Options {
	synthetic := s.cameras.all[s.cameras.site:]
	site := &syntheticSite{cameras: [2]Camera(synthetic), accounts: s.options.Accounts, store: s.options.Store, hub: s.options.Hub, now: s.options.Now}
	o := canary.Options{Handler: s.handler, Cookie: cookieName(s.options.Secure), Address: s.options.Networks[0].Addr().String(),
		Owners: site.owners, Record: site.record, Now: s.options.Now, Logger: s.options.Logger}
	for i, c := range synthetic {
		o.Cameras[i] = canary.Camera{ID: c.ID, Name: c.Name}
	}
	for _, c := range s.cameras.all[:s.cameras.site] {
		o.Others = append(o.Others, c.ID)
	}
	for _, rt := range s.routes() {
		o.Routes = append(o.Routes, canary.Route{Method: rt.method, Path: rt.path, Opens: rt.opens()})
	}
	return o
}

// opens returns what the canary should try to get from a route.
func (rt route) opens() canary.Opens {
	switch rt.policy {
	case onCamera, seesCamera:
		return canary.OneCamera
	case onCameras:
		return canary.NamedCameras
	case public, setupOnly:
		return canary.Nothing
	}
	if rt.method == http.MethodGet && !strings.Contains(rt.path, "{") {
		return canary.CallersCameras
	}
	return canary.Nothing
}

// RunCanary tests the server once a minute, the first time at once, until ctx ends or a leak is found. Without synthetic
// cameras it does nothing.
func (s *Server) RunCanary(ctx context.Context) error {
	if s.canary != nil {
		s.canary.Run(ctx)
	}
	return nil
}

// leaked returns errHalted once a leak was found. From then on no footage is served, and open streams end.
func (s *Server) leaked() error {
	if s.canary != nil && s.canary.Leaked() {
		return errHalted
	}
	return nil
}

// canaryReport returns what the canary found; nil if there is no canary.
func (s *Server) canaryReport() *canary.Report {
	if s.canary == nil {
		return nil
	}
	report := s.canary.Report()
	return &report
}

// canaryWords describes a report in a sentence.
func canaryWords(r canary.Report, now time.Time) string {
	count := fmt.Sprintf("%s attempts, all blocked", grouped(r.Probes))
	if r.Leaked > 0 {
		count = fmt.Sprintf("%s of %s attempts got through", grouped(r.Leaked), grouped(r.Probes))
	}
	switch {
	case r.State == canary.Leaked:
		return "Leak found: " + r.Reason + "; " + count
	case r.State == canary.Unknown && r.Last == nil:
		return "The check could not run yet: " + r.Reason
	case r.State == canary.Unknown:
		return fmt.Sprintf("The check could not run: %s. Last check %s: %s", r.Reason, format.Ago(*r.Last, now), count)
	case r.Last == nil:
		return "The first check is running"
	}
	return fmt.Sprintf("Last check %s: %s", format.Ago(*r.Last, now), count)
}

// grouped writes a count with a comma between thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
