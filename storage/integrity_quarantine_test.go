package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// quarantined lists the files in quarantine.
func (k *kit) quarantined() []string {
	k.Helper()
	all, err := filepath.Glob(filepath.Join(k.o.Recordings, QuarantineFolder, "*"))
	ok(k, err)
	return all
}

// aside returns the path of a camera's file that was moved to quarantine, settled or not.
func (k *kit) aside(id media.CameraID, name string) string {
	moved := filepath.Join(k.o.Recordings, QuarantineFolder, k.cameras[id].folder+"-"+strings.ReplaceAll(name, "/", "-"))
	if settled := strings.TrimSuffix(moved, ".mp4") + ResolvedSuffix; exists(settled) {
		return settled
	}
	return moved
}

// aside records half a minute and moves its first two segments to quarantine: a good one, and one in which nothing verifies.
func aside(t *testing.T) (*kit, []index.Segment) {
	k := newKit(t, "front-door", "garage")
	id := k.ids["front-door"]
	k.record(k.ids["garage"], film{start: epoch, seconds: 10})
	k.record(id, film{start: epoch, seconds: 30})
	rows := k.rowsOf(id)
	ok(t, os.WriteFile(k.path(id, rows[1].Name()), []byte("junk"), 0o640))
	for _, r := range rows[:2] {
		_, err := k.moveToQuarantine(k.cameras[id], r.Name(), fmt.Errorf("a mistake"))
		ok(t, err)
		ok(t, k.lose(t.Context(), r, ReasonQuarantined))
	}
	return k, rows
}

// TestWhatAnOwnerDeletesIsGoneFromQuarantineToo deletes one span after the other.
func TestWhatAnOwnerDeletesIsGoneFromQuarantineToo(t *testing.T) {
	k, rows := aside(t)
	remove := func(name string, from, to time.Time) {
		t.Helper()
		_, err := k.DeleteFootage(t.Context(), k.permit(k.ids[name], access.Manage), Span{from, to})
		ok(t, err)
	}
	remove("garage", epoch, epoch.Add(30*time.Second))
	if all := k.quarantined(); len(all) != 4 {
		t.Errorf("another camera's footage was deleted: %v", all)
	}
	remove("front-door", index.FromMicros(rows[1].Start), index.FromMicros(rows[1].End))
	if all := k.quarantined(); len(all) != 2 {
		t.Errorf("footage of another time was deleted, or that of the time was not: %v", all)
	}
	remove("front-door", epoch.Add(time.Second), epoch.Add(2*time.Second))
	if all := k.quarantined(); len(all) != 0 {
		t.Errorf("left in quarantine: %v", all)
	}
	k.settleNow()
	if got := k.footage(k.ids["front-door"]); got != 10*time.Second {
		t.Errorf("%v of footage, want the ten seconds that nobody deleted", got)
	}
}

func TestFilesInQuarantineAgeAsFootageDoes(t *testing.T) {
	k, _ := aside(t)
	id := k.ids["front-door"]
	changed := *k.cameras[id]
	changed.retain = Retain{Age: time.Hour}
	k.know(&changed)
	for _, x := range []struct {
		now  time.Duration
		left int
	}{{time.Hour, 4}, {time.Hour + 5*time.Minute, 0}} {
		k.clock.set(epoch.Add(x.now))
		ok(t, k.ageQuarantine())
		if all := k.quarantined(); len(all) != x.left {
			t.Errorf("after %v: %v", x.now, all)
		}
	}
}
