package storage

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// crashed leaves a store with one open segment, as a killed process does, and returns the segment's path.
func crashed(t *testing.T) (k *kit, path string, fragments []*media.Fragment) {
	k = newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 6})
	w := k.begin(run)
	k.append(w, fragments)
	path = k.path(id, w.seg.Name)
	k.kill()
	return k, path, fragments
}

// TestAFileCutAnywhereLosesOnlyWhatIsCut cuts the open segment at every byte of its last two fragments, and at many
// other places. Invariant I3.
func TestAFileCutAnywhereLosesOnlyWhatIsCut(t *testing.T) {
	k, path, fragments := crashed(t)
	whole, err := os.ReadFile(path)
	ok(t, err)
	old, err := os.ReadFile(filepath.Join(k.o.Data, index.FileName))
	ok(t, err)
	id := k.ids["front-door"]
	ends := []int{len(fragments[0].Run.Init)}
	for _, f := range fragments {
		ends = append(ends, ends[len(ends)-1]+len(f.Bytes))
	}
	if ends[len(ends)-1] != len(whole) {
		t.Fatalf("the file has %d bytes, %d were written", len(whole), ends[len(ends)-1])
	}
	for cut := 0; cut <= len(whole); cut++ {
		if cut < ends[len(ends)-3] && cut%89 != 0 && !slices.Contains(ends, cut) {
			continue
		}
		ok(t, os.WriteFile(path, whole[:cut], 0o640))
		ok(t, os.WriteFile(filepath.Join(k.o.Data, index.FileName), old, 0o600))
		os.Remove(filepath.Join(k.o.Data, index.FileName+"-wal"))
		os.Remove(filepath.Join(k.o.Data, index.FileName+"-shm"))
		kept := 0
		for kept+1 < len(ends) && ends[kept+1] <= cut {
			kept++
		}
		checkCut(t, k, id, fragments[:kept], cut)
	}
}

// checkCut opens the store and fails unless it has exactly the fragments.
func checkCut(t *testing.T, k *kit, id media.CameraID, kept []*media.Fragment, cut int) {
	t.Helper()
	s, err := Open(t.Context(), k.o)
	ok(t, err)
	again := &kit{TB: t, Store: s, clock: k.clock, o: k.o, ids: k.ids}
	checkWhole(again, kept)
	tl := again.timeline(id, epoch, epoch.Add(time.Minute))
	var end time.Time
	if len(kept) > 0 {
		end = kept[len(kept)-1].End()
	}
	if len(kept) == 0 && len(tl.Spans) != 0 || len(kept) > 0 && (len(tl.Spans) != 1 || !tl.Spans[0].To.Equal(end)) {
		t.Errorf("cut at %d: %d fragments until %v are whole, the timeline says %+v", cut, len(kept), end, tl)
	}
	if len(kept) == 0 && len(again.rowsOf(id)) != 0 {
		t.Errorf("cut at %d: rows without fragments", cut)
	}
	if _, err := os.Stat(filepath.Join(k.o.Recordings, QuarantineFolder)); err == nil {
		t.Fatalf("cut at %d: quarantined", cut)
	}
	ok(t, s.Close())
}

func TestABentByteInTheOpenSegmentEndsItThere(t *testing.T) {
	k, path, fragments := crashed(t)
	b, err := os.ReadFile(path)
	ok(t, err)
	b[len(b)-len(fragments[11].Bytes)-1] ^= 1 // the last byte of the last fragment but one
	ok(t, os.WriteFile(path, b, 0o640))
	k.openAgain()
	checkWhole(k, fragments[:10])
	tl := k.timeline(k.ids["front-door"], epoch, epoch.Add(6*time.Second))
	if !tl.Spans[0].To.Equal(fragments[9].End()) || tl.Gaps[0].Reason != ReasonNotRunning {
		t.Errorf("%+v", tl)
	}
}

func TestTheTimeWithoutRecorderIsAGapThatSaysSo(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 6})
	end := fragments[len(fragments)-1].End()
	offline := media.StreamID{Camera: id, Quality: media.Main}
	k.clock.set(end.Add(10 * time.Second))
	ok(t, k.SetGap(t.Context(), offline, end.Add(time.Second), "offline: the camera does not answer"))
	ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error { return k.noteAlive(t.Context(), tx, end.Add(8*time.Second)) }))
	k.kill()
	k.clock.set(end.Add(time.Minute))
	k.openAgain()
	k.enrol("front-door")
	k.clock.set(end.Add(2 * time.Minute))
	tl := k.timeline(id, epoch, end.Add(2*time.Minute))
	want := []Gap{
		{end, end.Add(time.Second), CodeOther, "test over"},
		{end.Add(time.Second), end.Add(8 * time.Second), CodeCameraOffline, "offline: the camera does not answer"},
		{end.Add(8 * time.Second), end.Add(time.Minute), CodeServerDown, ReasonNotRunning},
		{end.Add(time.Minute), end.Add(2 * time.Minute), CodeWaiting, ReasonWaiting},
	}
	if !slices.Equal(tl.Gaps, want) {
		t.Errorf("gaps\n%+v, want\n%+v", tl.Gaps, want)
	}
	k.reopen() // and after a normal end
	k.clock.set(end.Add(3 * time.Minute))
	k.enrol("front-door")
	tl = k.timeline(id, end.Add(2*time.Minute), end.Add(3*time.Minute))
	if len(tl.Gaps) != 1 || tl.Gaps[0].Reason != ReasonStopped || tl.Gaps[0].Code != CodeServerStopped {
		t.Errorf("%+v", tl)
	}
	k.boot = "another" // and after the computer was switched off
	ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error { return k.noteAlive(t.Context(), tx, end.Add(3*time.Minute)) }))
	k.kill()
	k.clock.set(end.Add(4 * time.Minute))
	k.openAgain()
	tl = k.timeline(id, end.Add(3*time.Minute), end.Add(4*time.Minute))
	if len(tl.Gaps) != 1 || tl.Gaps[0].Reason != ReasonComputerDown || tl.Gaps[0].Code != CodeComputerDown {
		t.Errorf("%+v", tl)
	}
}

func TestARowLeftOpenInTheMiddleClaimsNoMoreThanItsFile(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30})
	rows := k.rowsOf(id)
	for _, gone := range []bool{true, false} {
		r := rows[1]
		indextest.Exec(t, k.indexFile(""), "UPDATE segment SET state = 1, end_us = start_us, size_bytes = 0, key_frames = NULL WHERE start_us = ?", r.Start)
		if gone {
			ok(t, os.Remove(k.path(id, r.Name())))
		} else {
			r = rows[0]
			indextest.Exec(t, k.indexFile(""), "UPDATE segment SET state = 1, end_us = start_us, size_bytes = 0, key_frames = NULL WHERE start_us = ?", r.Start)
			ok(t, os.Truncate(k.path(id, r.Name()), r.Size/2))
		}
		k.kill()
		k.openAgain()
		checkWhole(k, nil)
		tl := k.timeline(id, index.FromMicros(r.Start), index.FromMicros(r.End))
		if n := len(tl.Gaps); n != 1 || tl.Gaps[0].Reason != ReasonNotRunning {
			t.Errorf("%+v", tl)
		}
	}
}

func TestStraysAreAdoptedWhenTheirLabelsVerify(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 30})
	before := k.timeline(id, epoch, epoch.Add(30*time.Second))
	rows := k.rowsOf(id)
	ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
		st := rows[0].Stream
		for _, r := range rows[:2] {
			ok(t, tx.DropSegment(t.Context(), st, r.Start))
			ok(t, tx.Enter(t.Context(), st, r.Start, r.End, gap(ReasonNotRunning)))
		}
		return nil
	}))
	ok(t, os.Truncate(k.path(id, rows[0].Name()), rows[0].Size-10)) // a stray without a whole table
	checkWhole(k, fragments)
	after := k.timeline(id, epoch, epoch.Add(30*time.Second))
	if !slices.Equal(before.Spans, after.Spans) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestStraysOfOthersAreQuarantinedAndKept(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, other := k.ids["front-door"], k.ids["garage"]
	k.record(id, film{start: epoch, seconds: 4})
	k.record(other, film{start: epoch.Add(time.Hour), seconds: 4})
	theirs := index.SegmentName(media.Main, index.Micros(epoch.Add(time.Hour)))
	b, err := os.ReadFile(k.path(other, theirs))
	ok(t, err)
	own, err := os.ReadFile(k.path(id, index.SegmentName(media.Main, index.Micros(epoch))))
	ok(t, err)
	strays := map[string][]byte{
		theirs:                       b,                     // labelled for another camera
		"main/2026-11-22/a-name.mp4": own,                   // not where its label says
		"main/2026-11-22/junk.mp4":   []byte("not footage"), // nothing at all
		"sub/2026-11-22/" + filepath.Base(index.SegmentName(media.Main, index.Micros(epoch))): own, // of another stream
	}
	for name, b := range strays {
		ok(t, os.MkdirAll(filepath.Dir(k.path(id, name)), 0o750))
		ok(t, os.WriteFile(k.path(id, name), b, 0o640))
	}
	ok(t, os.WriteFile(k.path(id, "main/2026-11-22/notes.txt"), []byte("mine"), 0o640))
	ok(t, k.Reconcile(t.Context()))
	for name, b := range strays {
		if _, err := os.Stat(k.path(id, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
		moved := k.aside(id, name)
		if got, err := os.ReadFile(moved); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s is not in quarantine as it was: %v", name, err)
		}
		if note, err := os.ReadFile(moved + ".txt"); err != nil || !strings.Contains(string(note), "because") {
			t.Errorf("note of %s: %q, %v", name, note, err)
		}
	}
	if _, err := os.Stat(k.path(id, "main/2026-11-22/notes.txt")); err != nil {
		t.Errorf("a file that is no segment was touched: %v", err)
	}
	if n := len(k.rowsOf(id)); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestALostIndexIsRebuiltFromTheFiles(t *testing.T) {
	k := newKit(t, "front-door", "garage", "shed")
	ids := k.ids
	want := map[string][]byte{}
	for name, id := range ids {
		k.record(id, film{start: epoch.Add(time.Second), seconds: 25})
		k.record(id, film{start: epoch.Add(time.Minute), seconds: 15})
		c, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, epoch.Add(2 * time.Minute)})
		want[name] = all(t, c, err)
	}
	k.enrol("front-door", "garage") // the shed is retired
	ok(t, k.Store.Close())
	matches, err := filepath.Glob(filepath.Join(k.o.Data, index.FileName+"*"))
	ok(t, err)
	for _, path := range matches {
		ok(t, os.Remove(path))
	}
	k.openAgain()
	ok(t, k.Reconcile(t.Context()))
	k.enrol("front-door", "garage")
	for name, id := range ids {
		if got := k.ids[name]; got != id && name != "shed" {
			t.Errorf("%s is %s now, was %s", name, got, id)
		}
		c, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, epoch.Add(2 * time.Minute)})
		if got := all(t, c, err); !bytes.Equal(got, want[name]) {
			t.Errorf("the clip of %s is another than before", name)
		}
		tl := k.timeline(id, epoch, epoch.Add(75*time.Second))
		if len(tl.Spans) != 2 || tl.Gaps[len(tl.Gaps)-1].Reason != ReasonRebuilt {
			t.Errorf("%s: %+v", name, tl)
		}
	}
	if c := k.cameras[ids["shed"]]; c.retired.IsZero() {
		t.Error("the shed came back")
	}
	entries, err := os.ReadDir(filepath.Join(k.o.Recordings, QuarantineFolder))
	if err == nil {
		t.Errorf("quarantined: %v", entries)
	}
}

func TestFilesThatVanishOrShrinkBecomeGaps(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 40})
	rows := k.rowsOf(id)
	ok(t, os.Remove(k.path(id, rows[0].Name())))
	ok(t, os.Truncate(k.path(id, rows[1].Name()), rows[1].Size/2))
	ok(t, os.Truncate(k.path(id, rows[2].Name()), 3))
	ok(t, k.Reconcile(t.Context()))
	tl := k.timeline(id, epoch, epoch.Add(40*time.Second))
	if got := fmt.Sprint(gapReasons(tl)); got != fmt.Sprint([]string{ReasonMissing, ReasonDiskError, ReasonQuarantined}) || len(tl.Spans) != 2 {
		t.Errorf("%+v", tl)
	}
	if got := len(k.rowsOf(id)); got != 2 {
		t.Errorf("%d rows", got)
	}
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, epoch.Add(40 * time.Second)})
	all(t, c, err)
}

// TestAFileThatCannotBeReadIsNotCut makes reads fail during recovery, and then work again.
func TestAFileThatCannotBeReadIsNotCut(t *testing.T) {
	k, path, fragments := crashed(t)
	whole, err := os.ReadFile(path)
	ok(t, err)
	x := &faults{read: syscall.EIO}
	broken, err := openFaulty(t, k.clock, k.o, x)
	ok(t, err)
	ok(t, broken.Reconcile(t.Context()))
	ok(t, broken.Store.Close())
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, whole) {
		t.Fatalf("a file of %d bytes that could not be read has %d now: %v", len(whole), len(b), err)
	}
	k.openAgain()
	checkWhole(k, fragments)
}

func TestAStrayBesideWhatIsBeingWrittenIsQuarantined(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch.Add(3 * time.Second), seconds: 2})
	r := k.rowsOf(id)[0]
	path := k.path(id, r.Name())
	stray, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.Remove(path))
	ok(t, k.Reconcile(t.Context()))
	run, fragments := k.fragments(id, film{start: epoch, seconds: 8})
	w := k.begin(run)
	k.append(w, fragments)
	ok(t, os.WriteFile(path, stray, 0o640))
	ok(t, k.Reconcile(t.Context()))
	ok(t, w.End(t.Context(), "over"))
	checkWhole(k, fragments)
	if n := len(k.rowsOf(id)); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestWhatIsRepairedIsSyncedBeforeItsRowSaysSo records the operations of recovering an open segment with a torn last fragment.
func TestWhatIsRepairedIsSyncedBeforeItsRowSaysSo(t *testing.T) {
	k, path, _ := crashed(t)
	info, err := os.Stat(path)
	ok(t, err)
	ok(t, os.Truncate(path, info.Size()-1))
	x := &faults{}
	repaired, err := openFaulty(t, k.clock, k.o, x)
	ok(t, err)
	ok(t, repaired.Reconcile(t.Context()))
	ok(t, repaired.Store.Close())
	// The folder changed a moment ago, and is synced before it is trusted.
	if got := strings.Join(x.ops, ", "); got != "truncate, write, sync, syncDir main/2026-11-22" {
		t.Errorf("recovery did %s", got)
	}
}

// TestAnAdoptedFileIsVerifiedWhenItIsRead loses the index with a damaged fragment in a file. Adoption reads only headers and
// tables, but serving checks the labels of fragments.
func TestAnAdoptedFileIsVerifiedWhenItIsRead(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 30})
	path := k.path(id, k.rowsOf(id)[0].Name())
	b, err := os.ReadFile(path)
	ok(t, err)
	b[len(fragments[0].Run.Init)+len(fragments[0].Bytes)-1] ^= 1
	ok(t, os.WriteFile(path, b, 0o640))
	ok(t, os.Chtimes(path, epoch, epoch)) // a recently written file would be read completely
	k.clock.set(epoch.Add(time.Hour))
	ok(t, k.Store.Close())
	matches, err := filepath.Glob(filepath.Join(k.o.Data, index.FileName+"*"))
	ok(t, err)
	for _, path := range matches {
		ok(t, os.Remove(path))
	}
	k.openAgain()
	ok(t, k.Reconcile(t.Context()))
	if n := len(k.rowsOf(id)); n != 3 {
		t.Fatalf("%d rows", n)
	}
	span := Span{epoch, epoch.Add(30 * time.Second)}
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, span)
	ok(t, err)
	got, err := io.ReadAll(c)
	wantErr(t, err, ErrQuarantined)
	if len(got) != len(c.layout.Head) {
		t.Errorf("%d bytes beyond the header were sent", len(got)-len(c.layout.Head))
	}
	ok(t, c.Close())
	c, err = k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, span)
	ok(t, err)
	if !c.Start().Equal(epoch.Add(10 * time.Second)) {
		t.Errorf("the next clip begins at %v", c.Start())
	}
	all(t, c, nil)
}
