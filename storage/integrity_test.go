package storage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
	"keepwatch.internal/storage/segment"
)

// settleNow resolves all integrity issues, as a server does within a second.
func (k *kit) settleNow() {
	k.Helper()
	ok(k, k.ResolveAll(k.Context(), nil, &disk.Pace{}))
}

// bend changes a byte of a file and returns the previous content.
func bend(t testing.TB, path string, at int) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	good := bytes.Clone(b)
	b[at] ^= 1
	ok(t, os.WriteFile(path, b, 0o640))
	return good
}

// outcomes lists the outcomes of integrity issues, the oldest first.
func (k *kit) outcomes() (all []string) {
	k.Helper()
	list, err := k.IntegrityIssues(k.Context(), 100)
	ok(k, err)
	for _, d := range list {
		all = append([]string{d.Source + ": " + d.Outcome}, all...)
	}
	return all
}

// TestWhatAViewerMetIsTakenOutAndItsGoodPartsComeBack damages a fragment and requests it.
func TestWhatAViewerMetIsTakenOutAndItsGoodPartsComeBack(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 10})
	path := k.path(id, k.rowsOf(id)[0].Name())
	bend(t, path, len(fragments[0].Run.Init)+len(fragments[0].Bytes)*9+200) // in the third of five GOPs
	_, err := k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, Span{epoch, epoch.Add(10 * time.Second)})
	ok(t, err)
	k.playAll(id)
	if got := k.footage(id); got != 0 {
		t.Errorf("%v are served of a segment that does not verify", got)
	}
	k.settleNow()
	tl := k.timeline(id, epoch, epoch.Add(10*time.Second))
	if len(tl.Spans) != 2 || len(tl.Gaps) != 1 || tl.Gaps[0].Code != CodeDamaged || tl.Gaps[0].To.Sub(tl.Gaps[0].From) > 2*time.Second {
		t.Errorf("%+v\n%v", tl, k.outcomes())
	}
	k.playable(id)
	k.clean()
	if b, err := os.ReadFile(k.path(id, k.rowsOf(id)[1].Name())); err != nil || !bytes.Contains(b, fragments[12].Bytes) {
		t.Errorf("what was taken back is not what was recorded: %v", err)
	}
}

// playAll reads all footage of the main stream and ignores the result.
func (k *kit) playAll(camera media.CameraID) {
	k.Helper()
	c, err := k.OpenClip(k.Context(), k.permit(camera, access.Playback), media.Main, Span{epoch, epoch.Add(time.Hour)})
	if err != nil {
		return
	}
	_, _ = new(bytes.Buffer).ReadFrom(c) // the error is expected
	ok(k, c.Close())
}

// TestAHoleOfZerosInTheOpenSegmentCostsOneGOP has a power cut leave a hole in the open segment. Invariant I3.
func TestAHoleOfZerosInTheOpenSegmentCostsOneGOP(t *testing.T) {
	for hole := range 10 {
		k, path, fragments := crashed(t)
		b, err := os.ReadFile(path)
		ok(t, err)
		at := len(fragments[0].Run.Init)
		for _, f := range fragments[:hole] {
			at += len(f.Bytes)
		}
		clear(b[at+4 : at+len(fragments[hole].Bytes)])
		ok(t, os.WriteFile(path, b, 0o640))
		k.openAgain()
		ok(t, k.Reconcile(t.Context()))
		k.settleNow()
		id := k.ids["front-door"]
		lost := 2*time.Second - time.Duration(hole%4)*500*time.Millisecond
		if hole >= 8 {
			lost = 6*time.Second - time.Duration(hole)*500*time.Millisecond // the last GOP: nothing follows
		}
		if got := k.footage(id); got != 6*time.Second-lost {
			t.Errorf("a hole over fragment %d: %v of 6s are left, want %v: %v", hole, got, 6*time.Second-lost, k.outcomes())
		}
		k.playable(id)
		k.clean()
	}
}

// TestARepairMayBeInterruptedAnywhere makes the n-th operation of a repair fail for every n, and repairs again. Invariants I1, I2.
func TestARepairMayBeInterruptedAnywhere(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 30})
	rows := k.rowsOf(id)
	bend(t, k.path(id, rows[0].Name()), len(fragments[0].Run.Init)+len(fragments[0].Bytes)*9)
	bend(t, k.path(id, rows[1].Name()), 70) // its header
	ok(t, os.Rename(k.path(id, rows[2].Name()), k.path(id, "main/2026-11-22/14-00-00.000Z.mp4")))
	for _, f := range k.check(true, false).Errors {
		ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
			return tx.NoteIssue(t.Context(), IntegrityIssue{Found: epoch, Source: index.SourceCheck, Subject: f.File, Problem: f.Text})
		}))
	}
	ok(t, k.Store.Close())
	repair := func(h harm, n int) *faults {
		o := k.o
		dir := t.TempDir()
		o.Recordings, o.Data = filepath.Join(dir, "recordings"), filepath.Join(dir, "data")
		ok(t, os.CopyFS(o.Recordings, os.DirFS(k.o.Recordings)))
		ok(t, os.CopyFS(o.Data, os.DirFS(k.o.Data)))
		for _, name := range []string{"index.db", "store.json"} {
			ok(t, os.Chmod(filepath.Join(o.Data, name), 0o600))
		}
		x := &faults{at: n, harm: h}
		broken, err := openFaulty(t, k.clock, o, x)
		if err == nil {
			index := broken.index
			x.mu.Lock()
			x.die = func() { _ = index.Close() }
			x.mu.Unlock()
			_ = broken.ResolveAll(t.Context(), nil, &disk.Pace{})
			_ = broken.guard.Close()
			_ = index.Close()
		}
		again := openKit(t, k.clock, o, "front-door")
		ok(t, again.Reconcile(t.Context()))
		again.settleNow()
		again.clean()
		if got := again.footage(again.ids["front-door"]); got != 28*time.Second+500*time.Millisecond {
			t.Errorf("%v at operation %d, %q: %v of footage: %s", h, n, x.ops[min(n, len(x.ops))-1], got, strings.Join(again.outcomes(), "\n"))
		}
		if left, err := filepath.Glob(filepath.Join(o.Recordings, "*", "*", "*", "*.new")); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		ok(t, again.Store.Close())
		return x
	}
	total := len(repair(none, 0).ops)
	if total < 25 {
		t.Fatalf("a repair is only %d operations", total)
	}
	for n := 1; n <= total; n++ {
		repair([]harm{eio, dieBefore, dieAfter}[n%3], n)
	}
}

func TestAHalfMadePieceIsRemovedByTheWalk(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	piece := k.path(id, strings.TrimSuffix(k.rowsOf(id)[0].Name(), ".mp4")+segment.PieceSuffix)
	ok(t, os.WriteFile(piece, []byte("half"), 0o640))
	ok(t, k.Reconcile(t.Context()))
	if _, err := os.Stat(piece); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	k.clean()
}

// TestAFileWronglyInQuarantineComesBack puts intact files there by hand.
func TestAFileWronglyInQuarantineComesBack(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30})
	for i, r := range k.rowsOf(id)[:2] {
		_, err := k.moveToQuarantine(k.cameras[id], r.Name(), fmt.Errorf("a mistake"))
		ok(t, err)
		if i == 0 {
			ok(t, k.lose(t.Context(), r, ReasonQuarantined))
		}
	}
	k.settleNow()
	if got := k.footage(id); got != 30*time.Second {
		t.Errorf("%v of footage: %v", got, k.outcomes())
	}
	k.clean()
	if left, err := os.ReadDir(filepath.Join(k.o.Recordings, QuarantineFolder)); err != nil || len(left) != 0 {
		t.Errorf("left in quarantine: %v, %v", left, err)
	}
}

// TestDeletedFootageDoesNotComeBackFromQuarantine deletes the time of a file there.
func TestDeletedFootageDoesNotComeBackFromQuarantine(t *testing.T) {
	for _, reason := range []string{ReasonDeleted, ReasonDeletedByOwner} {
		k := newKit(t, "front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 30})
		r := k.rowsOf(id)[0]
		_, err := k.moveToQuarantine(k.cameras[id], r.Name(), fmt.Errorf("a mistake"))
		ok(t, err)
		ok(t, k.lose(t.Context(), r, reason))
		k.settleNow()
		if got := k.footage(id); got != 20*time.Second {
			t.Errorf("%s: %v of footage: %v", reason, got, k.outcomes())
		}
	}
}

// TestFootageInQuarantineDoesNotReplaceWhatTheArchiveHas puts a copy there.
func TestFootageInQuarantineDoesNotReplaceWhatTheArchiveHas(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	r := k.rowsOf(id)[0]
	b, err := os.ReadFile(k.path(id, r.Name()))
	ok(t, err)
	copied := filepath.Join(k.o.Recordings, QuarantineFolder, "copy.mp4")
	ok(t, os.MkdirAll(filepath.Dir(copied), 0o750))
	ok(t, os.WriteFile(copied, b, 0o640))
	ok(t, os.WriteFile(filepath.Join(filepath.Dir(copied), "junk.mp4"), []byte("junk"), 0o640))
	k.settleNow()
	got, err := os.ReadFile(k.path(id, r.Name()))
	if _, there := os.Stat(strings.TrimSuffix(copied, ".mp4") + ResolvedSuffix); err != nil || !bytes.Equal(got, b) || there != nil {
		t.Errorf("%v, %v: %v", err, there, k.outcomes())
	}
	k.clean()
	if n := len(k.outcomes()); n != 2 {
		t.Errorf("%d integrity issues", n)
	}
	k.settleNow() // resolved files are not examined again
	if n := len(k.outcomes()); n != 2 {
		t.Errorf("%d integrity issues after another start", n)
	}
}

// TestFilesInQuarantineAreAnAlarmUntilSomebodyRemovesThem lets a running store find a foreign file.
func TestFilesInQuarantineAreAnAlarmUntilSomebodyRemovesThem(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	k.reviewQuarantine()
	if k.standing(AlarmQuarantine) {
		t.Error("an alarm without cause")
	}
	_, err := k.moveToQuarantine(k.cameras[id], k.rowsOf(id)[0].Name(), fmt.Errorf("a mistake"))
	ok(t, err)
	k.reviewQuarantine()
	if !k.standing(AlarmQuarantine) {
		t.Error("no alarm")
	}
	k.settleNow() // it is good after all, and is moved back
	k.reviewQuarantine()
	if k.standing(AlarmQuarantine) {
		t.Errorf("the alarm stays: %v", k.Alarms(t.Context()))
	}
}

// TestARunningStoreSettlesIssuesByItself runs a store until a recorded issue is resolved.
func TestARunningStoreSettlesIssuesByItself(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30})
	bend(t, k.path(id, k.rowsOf(id)[1].Name()), 3000)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	if r := k.check(true, true); len(r.Errors) != 1 || r.Errors[0].Done == "" {
		t.Errorf("%+v", r.Errors)
	}
	stop()
	ok(t, <-ended)
	k.clean()
	if got := k.footage(id); got < 27*time.Second {
		t.Errorf("%v of footage", got)
	}
}

// The walk over the files lists the rows of a day before it compares them, and a reader has the rows of its clip. Meanwhile a damaged
// segment may have been replaced by its good parts. The first part has the segment's name.
func TestNobodyActsOnARowThatChangedMeanwhile(t *testing.T) {
	for _, atEnd := range []bool{false, true} {
		k := newKit(t, "front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 30})
		before := k.rowsOf(id)[1]
		c := k.cameras[id]
		where := 3000
		if atEnd {
			where = int(before.Size) - 3000
		}
		bend(t, k.path(id, before.Name()), where)
		issue := IntegrityIssue{Found: epoch, Source: index.SourceCheck, Subject: c.folder + "/" + before.Name(), Problem: "p"}
		ok(t, k.ResolveAll(t.Context(), []IntegrityIssue{issue}, &disk.Pace{}))
		footage := k.footage(id)
		ok(t, k.reconcileFile(t.Context(), c, before.Name(), map[string]index.Segment{before.Name(): before}, false))
		k.clean()
		k.missed(c, before) // by a reader that looked for the file while it was in quarantine
		k.setAside(c, before, media.ErrForged)
		k.settleNow()
		k.clean()
		if got := k.footage(id); got != footage || got < 27*time.Second {
			t.Errorf("damaged at its end %t: %v of footage, then %v", atEnd, footage, got)
		}
	}
}

func TestAFileWhoseRowIsGoneMeanwhileIsAdopted(t *testing.T) {
	k := newKit(t, "front-door")
	c := k.cameras[k.ids["front-door"]]
	k.record(c.id, film{start: epoch, seconds: 30})
	all, r := len(k.rowsOf(c.id)), k.rowsOf(c.id)[1]
	ok(t, os.Truncate(k.path(c.id, r.Name()), r.Size/2))
	ok(t, k.lose(t.Context(), r, ReasonMissing))
	ok(t, k.reconcileFile(t.Context(), c, r.Name(), map[string]index.Segment{r.Name(): r}, false))
	if n := len(k.rowsOf(c.id)); n != all {
		t.Errorf("%d segments, want %d", n, all)
	}
	k.clean()
}

// A segment that retention marks while its cut file is being repaired becomes no gap because of the disk.
func TestACutSegmentThatIsDeletedMeanwhileIsNoFaultOfTheDisk(t *testing.T) {
	k := newKit(t, "front-door")
	c := k.cameras[k.ids["front-door"]]
	k.record(c.id, film{start: epoch, seconds: 30})
	r := k.rowsOf(c.id)[1]
	ok(t, os.Truncate(k.path(c.id, r.Name()), r.Size/2))
	files, meanwhile := c.files, 0
	c.files = meddled{files, func(string) {
		if meanwhile++; meanwhile == 1 {
			k.marked(r)
		}
	}}
	ok(t, k.compare(t.Context(), c, r))
	c.files = files
	if meanwhile == 0 {
		t.Fatal("nothing happened meanwhile")
	}
	for _, g := range k.timeline(c.id, epoch, epoch.Add(time.Minute)).Gaps {
		if g.Reason == ReasonDiskError {
			t.Errorf("%+v", g)
		}
	}
}

// Footage that is being deleted must not be kept in quarantine instead.
func TestASegmentThatIsBeingDeletedIsNotQuarantined(t *testing.T) {
	k := newKit(t, "front-door")
	c := k.cameras[k.ids["front-door"]]
	k.record(c.id, film{start: epoch, seconds: 30})
	r := k.rowsOf(c.id)[1]
	k.marked(r) // between the look at the row and what follows from it
	if said, err := k.takeOut(t.Context(), c, r, media.ErrForged); err != nil || said != "it is being deleted" {
		t.Errorf("%q, %v", said, err)
	}
	if _, err := os.Stat(k.path(c.id, r.Name())); err != nil {
		t.Errorf("the file was moved: %v", err)
	}
	ok(t, k.finishDeleting(t.Context()))
	if left, err := k.disk.List(QuarantineFolder); !disk.IsMissing(err) && len(left) > 0 {
		t.Errorf("%d files are in quarantine, %v", len(left), err)
	}
}

// TestWhatCannotBeReadStaysAnIssue has reads fail while an integrity issue is being resolved.
func TestWhatCannotBeReadStaysAnIssue(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	r := k.rowsOf(id)[0]
	path := k.path(id, r.Name())
	good := bend(t, path, 3100)
	k.playAll(id)
	ok(t, k.Store.Close())
	x := &faults{read: syscall.EIO}
	broken, err := openFaulty(t, k.clock, k.o, x)
	ok(t, err)
	if err := broken.ResolveAll(t.Context(), nil, &disk.Pace{}); err == nil {
		t.Error("settled without reading")
	}
	ok(t, broken.Store.Close())
	ok(t, os.WriteFile(path, good, 0o640)) // later reads return good data
	k.openAgain()
	k.settleNow()
	if got := k.footage(id); got != 10*time.Second {
		t.Errorf("%v of footage: %v", got, k.outcomes())
	}
	k.clean()
}

func TestTheSameIssueIsNotedOnceUntilItIsSettled(t *testing.T) {
	k := newKit(t, "front-door")
	note := func() {
		ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
			return tx.NoteIssue(t.Context(), IntegrityIssue{Found: epoch, Source: index.SourceCheck, Subject: "nobody/main/x.mp4", Problem: "p"})
		}))
	}
	note()
	note()
	if n := len(k.outcomes()); n != 1 {
		t.Errorf("%d integrity issues", n)
	}
	k.settleNow()
	note()
	k.settleNow()
	if all := k.outcomes(); len(all) != 2 || !strings.Contains(all[1], "left unchanged") {
		t.Errorf("%v", all)
	}
}

// TestTheVerificationPassGoesOnWhereItStoodAndFindsWhatIsBent verifies a store, with a restart in the middle of the round.
func TestTheVerificationPassGoesOnWhereItStoodAndFindsWhatIsBent(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	for _, id := range k.ids {
		k.record(id, film{start: epoch, seconds: 30})
	}
	id := k.ids["garage"]
	bend(t, k.path(id, k.rowsOf(id)[1].Name()), 3000)
	var waited time.Duration
	for n := range 7 { // six segments and the end of the round
		pause, err := k.verifyNext(t.Context())
		ok(t, err)
		waited += pause
		if n == 3 {
			x, err := k.VerificationPass(t.Context())
			ok(t, err)
			if x.Began.IsZero() || !x.LastRound.IsZero() || x.Camera == "" || x.Read == 0 || x.Read >= x.Total {
				t.Errorf("in the middle of a round: %+v", x)
			}
			k.reopen()
		}
	}
	x, err := k.VerificationPass(t.Context())
	ok(t, err)
	if x.Found != 1 || x.LastRound.IsZero() || x.Read != x.Total || !x.Began.IsZero() {
		t.Errorf("after the round: %+v", x)
	}
	if waited < 6*passPause {
		t.Errorf("it waited %v between all segments of a tiny store", waited)
	}
	if all := k.outcomes(); len(all) != 1 || all[0] != "scrub: " {
		t.Errorf("integrity issues %v", all)
	}
	k.settleNow()
	k.clean()
	// The next round begins a day later, and finds nothing.
	read := func() int64 {
		_, err := k.verifyNext(t.Context())
		ok(t, err)
		x, err := k.VerificationPass(t.Context())
		ok(t, err)
		return x.Read
	}
	if before := x.Read; read() != before {
		t.Error("another round began at once")
	}
	k.clock.set(k.clock.Now().Add(25 * time.Hour))
	if n := read(); n == 0 || n >= x.Read {
		t.Errorf("the next round has read %d bytes after a segment", n)
	}
}

// TestALargeStoreIsReadOverInAMonth checks the pauses for a store of four terabytes.
func TestALargeStoreIsReadOverInAMonth(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 4})
	const total, segment = 4_000_000_000_000, 15_000_000
	indextest.Exec(t, k.indexFile(""), "UPDATE stream SET size_bytes = ? WHERE quality = 1", int64(total))
	pause, err := k.pauseAfter(t.Context(), index.Segment{Size: segment})
	ok(t, err)
	reading := segment * time.Second / passRate
	if round := total / segment * (pause + reading); round < passDuration*95/100 || round > passDuration*105/100 {
		t.Errorf("a round takes %v", round)
	}
}
