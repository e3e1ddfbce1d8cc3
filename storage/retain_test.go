package storage

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

func (k *kit) limit(r Retain) {
	k.Helper()
	_, err := k.Enrol(k.Context(), []CameraSpec{{Name: "front-door", Retain: r}})
	ok(k, err)
}

// filesOf counts the segment files of the camera.
func (k *kit) filesOf(id media.CameraID) int {
	k.Helper()
	names, err := filepath.Glob(filepath.Join(k.path(id, "main"), "*", "*.mp4"))
	ok(k, err)
	return len(names)
}

func TestFootageIsDeletedByAge(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	for day := range 3 {
		k.record(id, film{start: epoch.AddDate(0, 0, day), seconds: 30})
	}
	k.limit(Retain{Age: 24 * time.Hour})
	k.clock.set(epoch.AddDate(0, 0, 2).Add(15 * time.Second))
	ok(t, k.retain(t.Context()))
	// Of the second day the segments that end after 15 s are left.
	if n := len(k.rowsOf(id)); n != 2+3 || k.filesOf(id) != n {
		t.Errorf("%d rows, %d files", n, k.filesOf(id))
	}
	tl := k.timeline(id, epoch, epoch.AddDate(0, 0, 3))
	if len(tl.Spans) != 2 || tl.Gaps[0].Reason != ReasonDeleted || !tl.Gaps[0].To.Equal(epoch.AddDate(0, 0, 1).Add(10*time.Second)) {
		t.Errorf("%+v", tl)
	}
	if len(tl.Gaps) != 3 { // the gap between two deleted stretches has become one with them
		t.Errorf("gaps %+v", tl.Gaps)
	}
	if _, err := os.Stat(k.path(id, "main/2026-11-22")); err == nil {
		t.Error("the folder of an empty day is left")
	}
	var runs int
	ok(t, k.index.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM run").Scan(&runs))
	if runs != 2 {
		t.Errorf("%d runs are known, 2 have footage", runs)
	}
	checkWhole(k, nil)
}

func TestFootageIsDeletedBySize(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 100})
	k.record(id, film{start: epoch.Add(100 * time.Second), seconds: 30, quality: media.Sub})
	rows := k.rowsOf(id)
	var keep int64
	for _, r := range rows[6:] {
		keep += r.size
	}
	totals, err := k.streamTotals(t.Context())
	ok(t, err)
	keep += totals[streamRow{k.cameras[id].row, media.Sub}].bytes
	k.limit(Retain{MaxBytes: keep})
	ok(t, k.retain(t.Context()))
	if left := k.rowsOf(id); len(left) != 4 || left[0].start != rows[6].start {
		t.Errorf("%d segments left, want the last 4", len(left))
	}
	ok(t, k.retain(t.Context()))
	if n := len(k.rowsOf(id)); n != 4 {
		t.Errorf("a second look deleted more: %d", n)
	}
	checkWhole(k, nil)
}

func TestFootageIsDeletedUntilEnoughIsFree(t *testing.T) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	o.MinFree = MinFree{Bytes: leastFree}
	x := &faults{free: leastFree}
	k, err := openFaulty(t, c, o, x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door", "garage")
	old, young := k.ids["garage"], k.ids["front-door"]
	k.record(old, film{start: epoch, seconds: 30})
	k.record(young, film{start: epoch.Add(time.Hour), seconds: 30})
	ok(t, k.retain(t.Context()))
	if n := k.filesOf(old) + k.filesOf(young); n != 6 {
		t.Fatalf("%d files left with enough free", n)
	}
	x.free = leastFree - 2*k.rowsOf(old)[0].size
	ok(t, k.retain(t.Context()))
	if a, b := k.filesOf(old), k.filesOf(young); a != 1 || b != 3 {
		t.Errorf("%d and %d files are left, want 1 of the older camera and 3", a, b)
	}
	x.free = 1
	if err := k.retain(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing is left to delete") {
		t.Errorf("a disk that stays full: %v", err)
	}
	if n := k.filesOf(old) + k.filesOf(young); n != 0 {
		t.Errorf("%d files are left on a full disk", n)
	}
	// What is being written stays.
	run, fragments := k.fragments(young, film{start: epoch.Add(2 * time.Hour), seconds: 5})
	w := k.begin(run)
	k.append(w, fragments)
	if err := k.retain(t.Context()); err == nil {
		t.Error("a disk that stays full")
	}
	if n := k.filesOf(young); n != 1 {
		t.Errorf("%d files while one is written", n)
	}
	ok(t, w.End(t.Context(), "over"))
	checkWhole(k, nil)
}

func TestAnOpenClipKeepsItsFilesAndNobodyElseSeesThem(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 40})
	span := Span{epoch.Add(10 * time.Second), epoch.Add(25 * time.Second)}
	p := k.permit(id, access.Export)
	c, err := k.OpenClip(t.Context(), p, media.Main, span)
	want := all(t, c, err)
	c, err = k.OpenClip(t.Context(), p, media.Main, span)
	ok(t, err)
	k.limit(Retain{MaxBytes: 1})
	ok(t, k.retain(t.Context()))
	if n := k.filesOf(id); n != 2 {
		t.Errorf("%d files are left, the clip is over 2", n)
	}
	_, err = k.OpenClip(t.Context(), p, media.Main, span)
	wantErr(t, err, ErrNoFootage)
	got, err := io.ReadAll(c)
	ok(t, err)
	if !bytes.Equal(got, want) {
		t.Error("the clip changed under its reader")
	}
	ok(t, c.Close())
	ok(t, k.retain(t.Context()))
	if n := k.filesOf(id); n != 0 || len(k.rowsOf(id)) != 0 {
		t.Errorf("%d files are left after the clip was closed", n)
	}
	checkWhole(k, nil)
}

func TestManySegmentsGoInSmallBatches(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10*3*deleteBatch + 5})
	k.limit(Retain{Age: time.Second})
	k.clock.set(epoch.Add(time.Hour))
	ok(t, k.retain(t.Context()))
	if n := k.filesOf(id) + len(k.rowsOf(id)); n != 0 {
		t.Errorf("%d files and rows are left", n)
	}
	var n int
	ok(t, k.index.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM ledger WHERE quality = 1").Scan(&n))
	if n > 3 {
		t.Errorf("%d rows in the ledger say that all is deleted", n)
	}
}
