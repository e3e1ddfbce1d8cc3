package storage

import (
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage/index"
)

// TestTheServersEventsAreToldOnce records two cameras, stops the server normally, and kills it. The events must be the same as
// with one camera.
func TestTheServersEventsAreToldOnce(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	for _, name := range []string{"front-door", "garage"} {
		k.clock.set(epoch)
		k.record(k.ids[name], film{start: epoch, seconds: 20})
	}
	stopped := epoch.Add(time.Minute)
	k.clock.set(stopped)
	ok(t, k.Store.Close())
	started := epoch.Add(time.Hour)
	k.clock.set(started)
	k.openAgain()
	k.enrol("front-door", "garage")
	for _, name := range []string{"front-door", "garage"} {
		k.clock.set(started)
		run, fragments := k.fragments(k.ids[name], film{start: started.Add(5 * time.Second), seconds: 20})
		w := k.begin(run)
		k.append(w, fragments)
	}
	k.kill()
	again := started.Add(30 * time.Minute)
	k.clock.set(again)
	k.openAgain()
	k.enrol("front-door", "garage")
	events, err := k.ServerEvents(t.Context(), epoch.Add(-time.Hour))
	ok(t, err)
	if len(events) != 2 || events[0].Code != CodeServerStopped || events[1].Code != CodeServerDown {
		t.Fatalf("events %v", events)
	}
	near := func(what string, got, want time.Time) {
		t.Helper()
		if got.Sub(want).Abs() > 15*time.Second {
			t.Errorf("%s at %v, want about %v", what, got, want)
		}
	}
	near("stopped", events[0].From, stopped)
	near("started", events[0].To, started)
	near("killed", events[1].From, started.Add(25*time.Second))
	if events[1].To.After(again) {
		t.Errorf("the server is down until %v, later than now", events[1].To)
	}
	later, err := k.ServerEvents(t.Context(), epoch.Add(30*time.Minute))
	ok(t, err)
	if len(later) != 1 || later[0] != events[1] {
		t.Errorf("later events %v", later)
	}
}

// TestIssuesAreThoseOfThePermitsCamera, also where one folder's name begins with another's.
func TestIssuesAreThoseOfThePermitsCamera(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	front, garage := k.Store.cameras[k.ids["front-door"]].folder, k.Store.cameras[k.ids["garage"]].folder
	for _, subject := range []string{front, front + "/main/2026-11-22/13-05-20.123Z.mp4", front + "-2/main/x.mp4", front + "0", garage + "/main"} {
		ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
			return tx.NoteIssue(t.Context(), IntegrityIssue{Found: epoch, Source: index.SourceVerification, Subject: subject, Problem: "test"})
		}))
	}
	found, err := k.CameraIssues(t.Context(), k.permit(k.ids["front-door"], access.Playback), epoch, 10)
	ok(t, err)
	if len(found) != 2 || found[1].Subject != front || !strings.HasPrefix(found[0].Subject, front+"/main/") {
		t.Errorf("integrity issues %v", found)
	}
	none, err := k.CameraIssues(t.Context(), k.permit(k.ids["front-door"], access.Playback), epoch.Add(time.Second), 10)
	ok(t, err)
	if len(none) != 0 {
		t.Errorf("later integrity issues %v", none)
	}
	_, err = k.CameraIssues(t.Context(), access.Permit{}, epoch, 10)
	wantErr(t, err, access.ErrDenied)
	_, err = k.CameraIssues(t.Context(), k.permit(k.ids["front-door"], access.Live), epoch, 10)
	wantErr(t, err, access.ErrDenied)
}
