package storage

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
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

// deleteOldest deletes at most limit of the stream's oldest segments that end before the time until, as retention does.
func (k *kit) deleteOldest(ctx context.Context, c *camera, quality media.Quality, until int64, limit int) (n int, size int64, err error) {
	w, err := newCandidates(ctx, k.index.Reader, index.Stream{Camera: c.row, Quality: quality})
	if err != nil {
		return 0, 0, err
	}
	var rows []index.Segment
	for len(rows) < limit {
		r, more, err := w.peek(ctx)
		if err != nil {
			return 0, 0, err
		}
		if !more || r.End > until {
			break
		}
		w.pop()
		rows = append(rows, r)
		size += r.Size
	}
	return len(rows), size, k.deleteRows(ctx, c, rows)
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
	// The segments of the second day that end after 15 s are left.
	if n := len(k.rowsOf(id)); n != 2+3 || k.filesOf(id) != n {
		t.Errorf("%d rows, %d files", n, k.filesOf(id))
	}
	tl := k.timeline(id, epoch, epoch.AddDate(0, 0, 3))
	if len(tl.Spans) != 2 || tl.Gaps[0].Reason != ReasonDeleted || !tl.Gaps[0].To.Equal(epoch.AddDate(0, 0, 1).Add(10*time.Second)) {
		t.Errorf("%+v", tl)
	}
	if len(tl.Gaps) != 3 { // the gap between two deleted spans was merged with them
		t.Errorf("gaps %+v", tl.Gaps)
	}
	if _, err := os.Stat(k.path(id, "main/2026-11-22")); err == nil {
		t.Error("the folder of an empty day is left")
	}
	runs := indextest.Value[int](t, k.indexFile(""), "SELECT count(*) FROM run")
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
		keep += r.Size
	}
	totals, err := k.index.StreamTotals(t.Context())
	ok(t, err)
	keep += totals[index.Stream{Camera: k.cameras[id].row, Quality: media.Sub}].Bytes
	k.limit(Retain{MaxBytes: keep})
	ok(t, k.retain(t.Context()))
	if left := k.rowsOf(id); len(left) != 4 || left[0].Start != rows[6].Start {
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
	o.MinFree = MinFree{Bytes: 64 << 20}
	x := &faults{free: 64 << 20}
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
	x.free = 64<<20 - 2*k.rowsOf(old)[0].Size
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
	// The open segment stays.
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
	n := indextest.Value[int](t, k.indexFile(""), "SELECT count(*) FROM ledger WHERE quality = 1")
	if n > 3 {
		t.Errorf("%d rows in the ledger say that all is deleted", n)
	}
}

// TestRetentionStopsExactlyAtEachLimit approaches every limit from both sides by a microsecond and by a byte.
func TestRetentionStopsExactlyAtEachLimit(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{free: 1 << 40}
	o := testOptions(t, c)
	o.MinFree = MinFree{Bytes: 1 << 40}
	k, err := openFaulty(t, c, o, x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 60})
	rows := k.rowsOf(id)
	var total int64
	for _, r := range rows {
		total += r.Size
	}
	look := func(what string, want ...float64) {
		t.Helper()
		ok(t, k.retain(t.Context()))
		same(t, what, k.starts(id), want...)
	}
	k.limit(Retain{Age: time.Hour})
	k.clock.set(at(10).Add(time.Hour - time.Microsecond))
	look("a microsecond before its time", 0, 10, 20, 30, 40, 50)
	k.clock.set(at(10).Add(time.Hour))
	look("at its time", 10, 20, 30, 40, 50)
	total -= rows[0].Size
	k.limit(Retain{MaxBytes: total})
	look("exactly as much as it may be", 10, 20, 30, 40, 50)
	k.limit(Retain{MaxBytes: total - 1})
	look("a byte too much", 20, 30, 40, 50)
	k.limit(Retain{MaxBytes: total - rows[1].Size - rows[2].Size})
	look("a segment too much", 30, 40, 50)
	k.limit(Retain{})
	x.free = 1<<40 - rows[3].Size
	look("exactly one segment lacks", 40, 50)
	x.free = 1<<40 - 1
	look("a byte lacks", 50)
	x.free = 1 << 40
	look("nothing lacks", 50)
}

// TestDeletingHoldsUpNoRecorder has a camera append a fragment, and begin and end segments, during every single disk operation of
// deleting another camera's footage. So a deletion holds no lock then that a recorder needs. The size of a batch bounds each
// transaction.
func TestDeletingHoldsUpNoRecorder(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{}
	k, err := openFaulty(t, c, testOptions(t, c), x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door", "garage")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10 * 3 * deleteBatch})
	run, fragments := k.fragments(k.ids["garage"], film{start: k.clock.Now(), seconds: 600, gop: 1})
	k.Store.o.SegmentDuration = time.Second
	w := k.begin(run)
	n, deleting := 0, false
	x.look = func() string {
		if !deleting {
			return ""
		}
		deleting = false // ignore the recorder's operations
		x.mu.Unlock()
		for range 4 {
			ok(t, w.Append(t.Context(), fragments[n]))
			n++
		}
		x.mu.Lock()
		deleting = true
		return "while deleting"
	}
	_, err = k.Enrol(t.Context(), []CameraSpec{{Name: "front-door", Retain: Retain{Age: time.Second}}, {Name: "garage"}})
	ok(t, err)
	k.clock.set(k.clock.Now().Add(time.Hour))
	deleting = true
	ok(t, k.retain(t.Context()))
	deleting = false
	batch, removed := 0, 0
	for _, op := range x.ops {
		switch {
		case strings.HasSuffix(op, "while deleting") && strings.HasPrefix(op, "remove main") && strings.Contains(op, ".mp4"):
			batch++
			removed++
		case strings.HasSuffix(op, "while deleting") && strings.HasPrefix(op, "syncDir"):
			batch = 0
		}
		if batch > deleteBatch {
			t.Fatalf("more than %d segments at once", deleteBatch)
		}
	}
	if removed != 3*deleteBatch || k.filesOf(id) != 0 || n < removed {
		t.Errorf("%d removed, %d left, %d fragments written meanwhile", removed, k.filesOf(id), n)
	}
	ok(t, w.End(t.Context(), "over"))
}
