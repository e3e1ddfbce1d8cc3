package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

func TestDeletionTakesWholeSegmentsOfBothStreamsAndSaysSoBefore(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 60})
	k.record(id, film{start: at(5), seconds: 60, quality: media.Sub})
	k.record(k.ids["garage"], film{start: epoch, seconds: 60})
	p := k.permit(id, access.Manage)
	span := Span{at(21), at(30)}
	preview, err := k.PreviewDelete(ctx, p, span)
	ok(t, err)
	if want := (Span{at(15), at(35)}); preview.Span != want || preview.Segments != 3 {
		t.Errorf("preview %+v, want %+v", preview, want)
	}
	before, err := k.Usage(ctx, Span{at(0), at(1)})
	ok(t, err)
	gone, err := k.DeleteFootage(ctx, p, span)
	ok(t, err)
	if gone.Span != preview.Span || gone.Bytes != preview.Bytes || gone.Segments != preview.Segments {
		t.Errorf("deleted %+v, the preview said %+v", gone, preview)
	}
	after, err := k.Usage(ctx, Span{at(0), at(1)})
	ok(t, err)
	if after.Footage != before.Footage-gone.Bytes {
		t.Errorf("%d bytes of %d are left after %d were deleted", after.Footage, before.Footage, gone.Bytes)
	}
	same(t, "left", k.starts(id), 0, 10, 30, 40, 50)
	same(t, "left of another camera", k.starts(k.ids["garage"]), 0, 10, 20, 30, 40, 50)
	if n := k.filesOf(id); n != 5 {
		t.Errorf("%d files are left", n)
	}
	tl := k.timeline(id, at(0), at(60))
	if len(tl.Gaps) != 1 || tl.Gaps[0] != (Gap{at(20), at(30), CodeDeletedByOwner, ReasonDeletedByOwner}) {
		t.Errorf("gaps %+v", tl.Gaps)
	}
	if _, err := k.OpenClip(ctx, k.permit(id, access.Playback), media.Main, Span{at(21), at(29)}); !errors.Is(err, ErrNoFootage) {
		t.Errorf("a clip of what was deleted: %v", err)
	}
	_, err = k.DeleteFootage(ctx, p, span)
	wantErr(t, err, ErrNoFootage) // the segment of main at 20 and those of sub are gone
	k.reopen()
	checkWhole(k, nil)
	same(t, "left after a new start", k.starts(id), 0, 10, 30, 40, 50)
}

func TestDeletionNeedsTheRightToManageAndASpan(t *testing.T) {
	k := newKit(t, "front-door")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 20})
	for name, x := range map[string]struct {
		p    access.Permit
		span Span
		want error
	}{
		"playback": {k.permit(id, access.Playback), Span{at(0), at(9)}, access.ErrDenied},
		"nothing":  {access.Permit{}, Span{at(0), at(9)}, access.ErrDenied},
		"empty":    {k.permit(id, access.Manage), Span{at(9), at(9)}, ErrSpan},
		"long":     {k.permit(id, access.Manage), Span{at(0), at(0).Add(MaxDelete + 1)}, ErrTooLong},
		"beyond":   {k.permit(id, access.Manage), Span{at(20), at(30)}, ErrNoFootage},
	} {
		_, err := k.DeleteFootage(ctx, x.p, x.span)
		_, err2 := k.PreviewDelete(ctx, x.p, x.span)
		if !errors.Is(err, x.want) || !errors.Is(err2, x.want) {
			t.Errorf("%s: %v and %v, want %v", name, err, err2, x.want)
		}
	}
	same(t, "left", k.starts(id), 0, 10)
}

func TestKeptClipsInTheWayMustBeNamed(t *testing.T) {
	k := newKit(t, "front-door")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 60})
	a := k.keepSpan(id, 22, 24, "inside")
	b := k.keepSpan(id, 28, 35, "shares a segment")
	k.keepSpan(id, 45, 46, "elsewhere")
	p := k.permit(id, access.Manage)
	span := Span{at(21), at(23)}
	preview, err := k.PreviewDelete(ctx, p, span, a.ID)
	ok(t, err)
	same(t, "in the way", preview.Kept, b)
	_, err = k.DeleteFootage(ctx, p, span, a.ID)
	wantErr(t, err, ErrKept)
	if x, found := errors.AsType[*KeptError](err); !found || len(x.Kept) != 1 || x.Kept[0] != b {
		t.Errorf("%v", err)
	}
	_, err = k.DeleteFootage(ctx, p, span, a.ID, KeptID{7})
	wantErr(t, err, ErrNotKept)
	if n := len(k.starts(id)); n != 6 || len(k.keptNow(id)) != 3 {
		t.Fatal("a refused deletion took something")
	}
	_, err = k.DeleteFootage(ctx, p, span, a.ID, b.ID)
	ok(t, err)
	same(t, "left", k.starts(id), 0, 10, 30, 40, 50)
	if kept := k.keptNow(id); len(kept) != 1 || kept[0].Note != "elsewhere" {
		t.Errorf("kept %+v", kept)
	}
}

// TestOpenClipsEndWhenTheirFootageIsDeleted reads half of a clip, deletes the footage, and continues to read. A clip of other
// footage must not be affected.
func TestOpenClipsEndWhenTheirFootageIsDeleted(t *testing.T) {
	k := newKit(t, "front-door")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 60, size: 2000})
	p := k.permit(id, access.Export)
	for name, open := range map[string]func(Span) (*Clip, error){
		"progressive": func(x Span) (*Clip, error) { return k.OpenClip(ctx, p, media.Main, x) },
		"fragments":   func(x Span) (*Clip, error) { return k.OpenSegments(ctx, p, media.Main, x) },
	} {
		t.Run(name, func(t *testing.T) {
			start := map[string]float64{"progressive": 10, "fragments": 30}[name]
			hit, err := open(Span{at(start), at(start + 15)})
			ok(t, err)
			defer hit.Close()
			_, err = io.ReadFull(hit, make([]byte, hit.Size()-5000))
			ok(t, err)
			spared, err := open(Span{at(50), at(60)})
			ok(t, err)
			_, err = k.DeleteFootage(ctx, k.permit(id, access.Manage), Span{at(start + 1), at(start + 2)})
			ok(t, err)
			if n, err := hit.Read(make([]byte, 1)); n != 0 || !errors.Is(err, ErrGone) {
				t.Errorf("%d bytes and %v of footage that was deleted", n, err)
			}
			if _, err := os.Stat(k.path(id, index.SegmentName(media.Main, index.Micros(at(start))))); err == nil {
				t.Error("its file is still there")
			}
			all(t, spared, nil)
		})
	}
}

// TestWhatIsBeingWrittenCanBeDeleted deletes up to the present. Recording resumes at the next key frame.
func TestWhatIsBeingWrittenCanBeDeleted(t *testing.T) {
	k := newKit(t, "front-door")
	id, ctx := k.ids["front-door"], t.Context()
	run, fragments := k.fragments(id, film{start: epoch, seconds: 30})
	w := k.begin(run)
	k.append(w, fragments[:27]) // until 13.5; the next key frame is at 14
	gone, err := k.DeleteFootage(ctx, k.permit(id, access.Manage), Span{at(12), at(3600)})
	ok(t, err)
	if want := (Span{at(10), at(13.5)}); gone.Span != want {
		t.Errorf("deleted %+v, want %+v", gone.Span, want)
	}
	wantErr(t, w.Append(ctx, fragments[27]), ErrWantKeyFrame)
	k.append(w, fragments[28:])
	ok(t, w.End(ctx, "over"))
	same(t, "left", k.starts(id), 0, 14, 24)
	tl := k.timeline(id, at(0), at(30))
	if len(tl.Gaps) != 1 || tl.Gaps[0] != (Gap{at(10), at(14), CodeDeletedByOwner, ReasonDeletedByOwner}) {
		t.Errorf("gaps %+v", tl.Gaps)
	}
	k.reopen()
	checkWhole(k, nil)
}

// keepScript is a life with kept clips and deletions. It returns what was acknowledged.
type keepLife struct {
	kept    []Kept
	letGo   []KeptID
	deleted []Span
}

func keepScript(k *kit, id media.CameraID) (life keepLife) {
	ctx := k.Context()
	p := k.permit(id, access.Manage)
	keep := func(from, to float64) KeptID {
		kept, err := k.Keep(ctx, p, BothStreams, Span{at(from), at(to)}, "")
		if err == nil {
			life.kept = append(life.kept, kept)
		}
		return kept.ID
	}
	first := keep(1, 2)
	keep(13, 14)
	third := keep(21, 22)
	if k.Unkeep(ctx, p, first) == nil {
		life.letGo = append(life.letGo, first)
	}
	if _, err := k.DeleteFootage(ctx, p, Span{at(21), at(22)}, third); err == nil {
		life.letGo = append(life.letGo, third)
		life.deleted = append(life.deleted, Span{at(20), at(24)})
	}
	_ = k.retain(ctx)
	return life
}

// TestEveryFaultWhileKeepingAndDeletingIsSurvived makes each operation of keepScript fail in every way. After a restart, everything
// that was acknowledged must hold, and the index must be intact.
func TestEveryFaultWhileKeepingAndDeletingIsSurvived(t *testing.T) {
	live := func(t *testing.T, h harm, n int) int {
		c := &clock{now: epoch}
		o := testOptions(t, c)
		o.SegmentDuration = 4 * time.Second
		x := &faults{}
		k, err := openFaulty(t, c, o, x)
		ok(t, err)
		k.enrol("front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 40})
		k.limit(Retain{Age: 30 * time.Second}) // what ends before 10 is too old
		guard, index := k.guard, k.index
		base := x.n
		x.at, x.harm = base+n, h
		if h >= dieBefore {
			x.die = func() { _ = index.Close() }
		}
		life := keepScript(k, id)
		done := x.n - base
		if n > 0 {
			t.Logf("operation %d: %s", n, x.ops[min(base+n, len(x.ops))-1])
		}
		_ = k.Store.Close()
		_ = guard.Close()
		k = openKit(t, c, o, "front-door")
		checkWhole(k, nil)
		checkLife(k, id, life)
		k.limit(Retain{Age: 30 * time.Second})
		ok(t, k.retain(t.Context()))
		checkLife(k, id, life)
		return done
	}
	total := live(t, none, 0)
	if total < 20 {
		t.Fatalf("the script takes only %d operations", total)
	}
	for _, h := range []harm{eio, enospc, dieBefore, dieAfter} {
		for n := 1; n <= total; n++ {
			if !t.Run(fmt.Sprint(h, " ", n), func(t *testing.T) { live(t, h, n) }) {
				return
			}
		}
	}
}

func checkLife(k *kit, id media.CameraID, life keepLife) {
	k.Helper()
	known := map[KeptID]bool{}
	for _, x := range k.keptNow(id) {
		known[x.ID] = true
	}
	files, err := k.cameras[id].listKept()
	ok(k, err)
	if len(files) != len(known) {
		k.Errorf("%d files of kept clips, %d rows", len(files), len(known))
	}
	gone := map[KeptID]bool{}
	for _, x := range life.letGo {
		gone[x] = true
		if known[x] {
			k.Errorf("%s was let go and is kept", x)
		}
	}
	starts := map[float64]bool{}
	for _, s := range k.starts(id) {
		starts[s] = true
	}
	if len(life.kept) > 1 && !gone[life.kept[1].ID] && len(known) > 0 && known[life.kept[1].ID] && !starts[12] {
		k.Error("kept footage is gone")
	}
	for _, x := range life.kept {
		if x.Span.From.Equal(at(13)) && !known[x.ID] {
			k.Error("a kept clip that was acknowledged is not kept")
		}
	}
	for _, x := range life.deleted {
		if starts[x.From.Sub(epoch).Seconds()] {
			k.Errorf("%v was deleted and is there", x)
		}
	}
}

// TestWhatIsKeptWhileRetentionIsUnderWayStays keeps a clip after retention chose its segment and before it deletes it.
func TestWhatIsKeptWhileRetentionIsUnderWayStays(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 40})
	chosen := k.rowsOf(id)
	k.keepSpan(id, 12, 13, "")
	ok(t, k.deleteRows(t.Context(), k.Store.cameras[id], chosen))
	same(t, "left", k.starts(id), 10)
	tl := k.timeline(id, at(0), at(40))
	if len(tl.Spans) != 1 || tl.Spans[0].From != at(10) || tl.Spans[0].To != at(20) {
		t.Errorf("the timeline says %+v", tl)
	}
	checkWhole(k, nil)
}

// TestAnOwnerDeletesWhatRetentionLeftForAnOpenClip has a clip hold a segment that retention wants to delete. The owner can
// delete it nevertheless.
func TestAnOwnerDeletesWhatRetentionLeftForAnOpenClip(t *testing.T) {
	k := newKit(t, "front-door")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 40, size: 2000})
	c, err := k.OpenClip(ctx, k.permit(id, access.Export), media.Main, Span{at(11), at(19)})
	ok(t, err)
	defer c.Close()
	k.limit(Retain{MaxBytes: 1})
	ok(t, k.retain(ctx))
	if n := k.filesOf(id); n != 1 {
		t.Fatalf("%d files are left for the clip", n)
	}
	gone, err := k.DeleteFootage(ctx, k.permit(id, access.Manage), Span{at(12), at(13)})
	ok(t, err)
	if n := k.filesOf(id); n != 0 || gone.Segments != 1 {
		t.Errorf("%d files are left, %+v", n, gone)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, ErrGone) {
		t.Errorf("the clip goes on: %d, %v", n, err)
	}
	if tl := k.timeline(id, at(12), at(13)); len(tl.Gaps) != 1 || tl.Gaps[0].Code != CodeDeletedByOwner {
		t.Errorf("the timeline says %+v", tl)
	}
}
