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
)

// damaged records half a minute and moves its first segment to quarantine, damaged in the third of its five GOPs.
func damaged(t *testing.T) (*kit, media.CameraID) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 30})
	r := k.rowsOf(id)[0]
	bend(t, k.path(id, r.Name()), len(fragments[0].Run.Init)+len(fragments[0].Bytes)*9+200)
	_, err := k.moveToQuarantine(k.cameras[id], r.Name(), fmt.Errorf("a bent bit"))
	ok(t, err)
	ok(t, k.lose(t.Context(), r, ReasonQuarantined))
	return k, id
}

// loseIndex closes the store and opens it again without an index.
func (k *kit) loseIndex() {
	k.Helper()
	ok(k, k.Store.Close())
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(k.indexFile(end)); err != nil && !os.IsNotExist(err) {
			k.Fatal(err)
		}
	}
	k.openAgain()
	ok(k, k.Reconcile(k.Context()))
	k.settleNow()
}

// TestWhatRetentionDeletesDoesNotComeBackFromADamagedFile has retention delete what was salvaged from a damaged file, and then
// loses the index with that information.
func TestWhatRetentionDeletesDoesNotComeBackFromADamagedFile(t *testing.T) {
	k, id := damaged(t)
	k.settleNow()
	if got := k.footage(id); got <= 20*time.Second || got >= 30*time.Second {
		t.Fatalf("%v of footage after the good parts were taken back", got)
	}
	k.loseIndex()
	before := k.footage(id)
	c := *k.cameras[id]
	c.retain.Age = 20 * time.Second
	k.know(&c)
	k.clock.set(epoch.Add(30 * time.Second))
	ok(t, k.retain(t.Context()))
	c.retain.Age = 0
	k.know(&c)
	if before <= 20*time.Second || k.footage(id) != 20*time.Second {
		t.Fatalf("%v of footage, then %v", before, k.footage(id))
	}
	k.loseIndex()
	if got := k.footage(id); got != 20*time.Second {
		t.Errorf("%v of footage after the index was lost, %v", got, k.outcomes())
	}
	if all := k.quarantined(); len(all) != 2 || !strings.HasSuffix(all[0], ResolvedSuffix) || all[1] != all[0]+noteSuffix {
		t.Errorf("in quarantine: %v", all)
	}
}

// TestASettledFileIsNamedSoAgainAfterACrash has the note renamed but not yet the file, while another file has the same name.
func TestASettledFileIsNamedSoAgainAfterACrash(t *testing.T) {
	k, id := damaged(t)
	b, err := os.ReadFile(k.quarantined()[0])
	ok(t, err)
	k.settleNow()
	settled := k.quarantined()[0]
	again := strings.TrimSuffix(settled, ResolvedSuffix) + ".mp4"
	ok(t, os.WriteFile(again, b, 0o640))
	ok(t, k.noteQuarantined(t.Context()))
	k.loseIndex()
	var names []string
	for _, path := range k.quarantined() {
		names = append(names, strings.TrimPrefix(filepath.Base(path), k.cameras[id].folder+"-main-2026-11-22-13-05-20.123Z"))
	}
	if got := fmt.Sprint(names); got != "[-2.settled.mp4 .settled.mp4 .settled.mp4.txt]" {
		t.Error(got)
	}
	if got := k.footage(id); got <= 20*time.Second || got >= 30*time.Second {
		t.Errorf("%v of footage", got)
	}
}

// TestAnOwnersDeletionReachesDamagedFilesBeforeAndAfterTheyAreSettled deletes salvaged footage, also after a crash that came before
// the damaged file was marked as settled.
func TestAnOwnersDeletionReachesDamagedFilesBeforeAndAfterTheyAreSettled(t *testing.T) {
	for _, crashed := range []bool{false, true} {
		k, id := damaged(t)
		k.settleNow()
		if settled := k.quarantined()[0]; crashed {
			ok(t, os.Rename(settled, strings.TrimSuffix(settled, ResolvedSuffix)+".mp4"))
		}
		_, err := k.DeleteFootage(t.Context(), k.permit(id, access.Manage), Span{epoch, epoch.Add(time.Second)})
		ok(t, err)
		left := k.footage(id)
		k.loseIndex()
		if got := k.footage(id); got != left || left >= 28*time.Second {
			t.Errorf("crashed %v: %v of footage, and after the index was lost %v", crashed, left, got)
		}
		if all := k.quarantined(); len(all) != 0 {
			t.Errorf("crashed %v: in quarantine %v", crashed, all)
		}
	}
}
