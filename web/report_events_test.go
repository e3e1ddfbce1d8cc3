package web

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// gapOn records that a camera is not recorded from then on.
func (w *world) gapOn(camera string, from time.Time, reason string) {
	w.t.Helper()
	check(w.t, w.store.SetGap(w.t.Context(), media.StreamID{Camera: w.cameras[camera].ID, Quality: media.Main}, from, reason))
}

// eventsFor returns the events that somebody gets from the API.
func (w *world) eventsFor(name string) []EventReport {
	w.t.Helper()
	resp, body := w.do(w.as(name, ask{path: "/api/v1/system"}))
	return decode[SystemReport](w.t, resp, body).Events
}

// TestEventsOfACameraAreForThoseWhoSeeItsRecordings gives each camera and the server an event, and compares what each account sees.
func TestEventsOfACameraAreForThoseWhoSeeItsRecordings(t *testing.T) {
	w := inhabited(t)
	at := time.Now().Add(-20 * time.Minute).UTC().Truncate(time.Second)
	for _, camera := range []string{"front", "yard", "attic"} {
		w.gapOn(camera, at, "offline: mishap of "+camera)
		w.gapOn(camera, at.Add(5*time.Minute), "disk full")
		w.gapOn(camera, at.Add(6*time.Minute+map[string]time.Duration{"yard": 90 * time.Second}[camera]), "clock step: set back by 1 h")
		w.gapOn(camera, at.Add(9*time.Minute), "recording is switched off")
	}
	server := func(events []EventReport) []EventReport {
		return slices.DeleteFunc(slices.Clone(events), func(e EventReport) bool { return len(e.Cameras) > 0 })
	}
	tells := map[string]string{"alice": "front attic", "bob": "yard attic", "root": ""}
	var of []EventReport
	for name, cameras := range tells {
		events := w.eventsFor(name)
		for _, camera := range []string{"front", "yard", "attic"} {
			may := slices.Contains(strings.Fields(cameras), camera)
			mishap, named := false, false
			for _, e := range events {
				mishap = mishap || e.Text == "Offline: mishap of "+camera+"."
				named = named || slices.Contains(e.Cameras, camera)
			}
			if mishap != may || named != may {
				t.Errorf("%s is told of %s: %t, by name: %t", name, camera, mishap, named)
			}
		}
		disk := slices.IndexFunc(events, func(e EventReport) bool { return e.Code == string(storage.CodeDiskFull) })
		if (disk >= 0) != (cameras != "") || disk >= 0 && len(events[disk].Cameras) != 2 {
			t.Errorf("%s is told of the full disk: %v", name, events)
		}
		if of == nil {
			of = server(events)
		}
		if got := server(events); len(got) == 0 || !slices.EqualFunc(got, of, func(a, b EventReport) bool { return a.From.Equal(b.From) && a.To.Equal(b.To) && a.Text == b.Text }) {
			t.Errorf("of the server %s is told %v, another %v", name, got, of)
		}
		if !slices.IsSortedFunc(events, func(a, b EventReport) int { return b.From.Compare(a.From) }) {
			t.Errorf("%s is told out of order: %v", name, events)
		}
	}
	page := text(w.page("alice", "/system").root)
	if !strings.Contains(page, "Offline: mishap of front.") || strings.Contains(page, "mishap of yard") || !strings.Contains(page, "This computer's clock was set.") {
		t.Errorf("the page tells alice: %s", page)
	}
	if page := text(w.page("root", "/system").root); strings.Contains(page, "mishap") || strings.Contains(page, "Disk full") {
		t.Errorf("an administrator is told of cameras that are not theirs: %s", page)
	}
}

// TestIntegrityIssuesAreEvents of the camera whose footage is affected.
func TestIntegrityIssuesAreEvents(t *testing.T) {
	w := filmed(t)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(w.people), "data", "index.db")+"?_pragma=busy_timeout(5000)")
	check(t, err)
	defer func() { check(t, db.Close()) }()
	now := time.Now().UnixMicro()
	id := w.cameras["front"].ID
	_, err = db.ExecContext(t.Context(), `INSERT INTO doubt (found_us, finder, subject, problem, settled_us, outcome)
		SELECT ?, 'scrub', folder || '/main/x.mp4', 'a bit was flipped', ?, 'it was set aside' FROM camera WHERE uuid = ?`, now, now, id[:])
	check(t, err)
	for name, told := range map[string]bool{"alice": true, "bob": false, "root": false} {
		got := slices.ContainsFunc(w.eventsFor(name), func(e EventReport) bool {
			return e.Code == codeIssue && e.Text == "Footage problem: a bit was flipped; it was set aside."
		})
		if got != told {
			t.Errorf("%s sees the issue: %t", name, got)
		}
	}
}
