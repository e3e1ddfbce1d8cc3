package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// TestAFullDiskCostsOnlyTheTimeItIsFull fills the disk for a while. Invariants I5, I7.
func TestAFullDiskCostsOnlyTheTimeItIsFull(t *testing.T) {
	for reason, fault := range map[string]error{ReasonDiskFull: syscall.ENOSPC, ReasonDiskError: syscall.EIO} {
		c := &clock{now: epoch}
		x := &faults{}
		k, err := openFaulty(t, c, testOptions(t, c), x)
		ok(t, err)
		k.enrol("front-door")
		id := k.ids["front-door"]
		run, fragments := k.fragments(id, film{start: epoch, seconds: 60})
		w := k.begin(run)
		var acked []*media.Fragment
		for n, f := range fragments {
			c.set(f.End())
			x.set(nil)
			if n >= 30 && n < 70 {
				x.set(fault)
			}
			err := w.Append(t.Context(), f)
			if err == nil {
				acked = append(acked, f)
				continue
			}
			if problem := (*DiskError)(nil); errors.As(err, &problem) && problem.Reason() != reason ||
				problem == nil && !errors.Is(err, ErrWantKeyFrame) {
				t.Fatalf("fragment %d: %v", n, err)
			}
		}
		if len(acked) < len(fragments)-40-4 {
			t.Errorf("%d of %d fragments were taken; the disk was full for 40", len(acked), len(fragments))
		}
		ok(t, w.End(t.Context(), "over"))
		checkWhole(k, acked)
		tl := k.timeline(id, epoch, epoch.Add(time.Minute))
		if len(tl.Gaps) != 1 || tl.Gaps[0].Reason != reason || len(tl.Spans) != 2 {
			t.Errorf("%s: %+v", reason, tl)
		}
		ok(t, k.Store.Close())
	}
}

// TestProceduresHappenInTheirOrder records the steps of create, close and delete, and the state of the index before each.
func TestProceduresHappenInTheirOrder(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{}
	k, err := openFaulty(t, c, testOptions(t, c), x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch.Add(-time.Minute), seconds: 1}) // it makes the folder of the day
	k.limit(Retain{Age: time.Second})
	x.ops, x.look = nil, func() string {
		states := ""
		for _, r := range k.rowsOf(id) {
			states += [...]string{"?", "open", "closed", "deleting", "quarantined"}[r.State]
		}
		return "[" + strings.TrimPrefix(states, "closed") + "]"
	}
	run, fragments := k.fragments(id, film{start: epoch, seconds: 1})
	w := k.begin(run)
	k.append(w, fragments)
	ok(t, w.End(t.Context(), "over"))
	c.set(epoch.Add(-time.Minute + 3*time.Second))
	ok(t, k.retain(t.Context()))
	file, day := index.SegmentName(media.Main, index.Micros(epoch)), "main/2026-11-22"
	old := index.SegmentName(media.Main, index.Micros(epoch.Add(-time.Minute)))
	want := []string{"create " + file + " [open]", "syncDir " + day + " [open]", "write [open]", "write [open]", "write [open]",
		"write [open]", "sync [open]",
		"sync [deletingclosed]", "syncDir . [deletingclosed]", // the mark is synced before the file is removed
		"remove " + old + " [deletingclosed]", "syncDir " + day + " [deletingclosed]"}
	if !slices.Equal(x.ops[:min(len(x.ops), len(want))], want) {
		t.Errorf("steps\n%s\nwant\n%s", strings.Join(x.ops, "\n"), strings.Join(want, "\n"))
	}
	x.look = nil
}

// TestAFailedSyncSealsTheFile checks that a file whose sync failed is not written or synced again.
func TestAFailedSyncSealsTheFile(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{}
	k, err := openFaulty(t, c, testOptions(t, c), x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 8})
	w := k.begin(run)
	k.append(w, fragments[:6])
	x.mu.Lock()
	x.at, x.harm, x.ops = x.n+1, eio, nil
	x.mu.Unlock()
	k.syncDirty()
	if !slices.Equal(x.ops, []string{"sync"}) {
		t.Fatalf("operations %q", x.ops)
	}
	k.syncDirty()
	k.append(w, fragments[6:])
	if !strings.HasPrefix(x.ops[1], "create") {
		t.Errorf("after the failed sync: %q", x.ops)
	}
	ok(t, w.End(t.Context(), "over"))
	if n := len(k.rowsOf(id)); n != 2 {
		t.Errorf("%d segments", n)
	}
	checkWhole(k, fragments)
	if tl := k.timeline(id, epoch, fragments[len(fragments)-1].End()); len(tl.Spans) != 1 {
		t.Errorf("%+v", tl)
	}
}

func TestFootageIsSyncedInTime(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{}
	o := testOptions(t, c)
	o.Sync = 40 * time.Millisecond
	k, err := openFaulty(t, c, o, x)
	ok(t, err)
	k.enrol("front-door")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	run, fragments := k.fragments(k.ids["front-door"], film{start: epoch, seconds: 4})
	w := k.begin(run)
	for _, f := range fragments {
		before := x.count("sync")
		ok(t, w.Append(ctx, f))
		deadline := time.Now().Add(10 * time.Second)
		for x.count("sync") < before+1 {
			if time.Now().After(deadline) {
				t.Fatal("never synced")
			}
			<-time.After(time.Millisecond)
		}
	}
	stop()
	ok(t, <-done)
	ok(t, k.Store.Close())
	if k.syncEvery() >= o.Sync {
		t.Errorf("synced every %v, promised within %v", k.syncEvery(), o.Sync)
	}
}

// count returns how often the operation was done.
func (x *faults) count(op string) (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, o := range x.ops {
		if o == op {
			n++
		}
	}
	return n
}

// TestGapsAreNotForgottenWhileTheIndexCannotBeWritten makes the index unwritable for a while.
func TestGapsAreNotForgottenWhileTheIndexCannotBeWritten(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	stream := media.StreamID{Camera: id, Quality: media.Main}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	k.clock.set(epoch.Add(time.Minute))
	ok(t, k.SetGap(over, stream, epoch.Add(10*time.Second), "first"))
	ok(t, k.SetGap(over, stream, epoch.Add(20*time.Second), "second"))
	if tl := k.timeline(id, epoch, epoch.Add(time.Minute)); len(tl.Gaps) != 1 {
		t.Fatalf("%+v", tl)
	}
	ok(t, k.SetGap(t.Context(), stream, epoch.Add(30*time.Second), "third"))
	if got := fmt.Sprint(gapReasons(k.timeline(id, epoch, epoch.Add(time.Minute)))); got != fmt.Sprint([]string{ReasonWaiting, "first", "second", "third"}) {
		t.Error(got)
	}
	ok(t, k.writeOrOweBroken())
	for n := range maxOwed {
		err := k.SetGap(over, stream, epoch.Add(50*time.Second), "more")
		if (err == nil) != (n < maxOwed-1) {
			t.Fatalf("gap %d: %v", n, err)
		}
	}
	ok(t, k.SetGap(t.Context(), stream, epoch.Add(55*time.Second), "last"))
	if got := gapReasons(k.timeline(id, epoch.Add(45*time.Second), epoch.Add(time.Minute))); fmt.Sprint(got) != "[third more last]" {
		t.Error(got)
	}
}

// writeOrOweBroken owes a change that can never be made. The others must not wait for it.
func (k *kit) writeOrOweBroken() error {
	over, cancel := context.WithCancel(k.Context())
	cancel()
	return k.writeOrOwe(over, "test", func(ctx context.Context, tx *index.Tx) error {
		return tx.Enter(ctx, index.Stream{Camera: 777, Quality: media.Main}, 1, 2, gap("x"))
	})
}

// TestReadersWritersAndRetentionTogether runs them concurrently, for the race detector. Every clip must be complete or refused.
func TestReadersWritersAndRetentionTogether(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	k.Store.o.SegmentDuration = time.Second
	ctx, stop := context.WithCancel(t.Context())
	var group, readers sync.WaitGroup
	group.Go(func() { _ = k.Run(ctx) })
	films := map[media.CameraID][]*media.Fragment{}
	for _, id := range k.ids {
		_, films[id] = k.fragments(id, film{start: epoch, seconds: 120})
	}
	k.clock.set(epoch.Add(time.Minute))
	for id, fragments := range films {
		w := k.begin(fragments[0].Run)
		readers.Go(func() {
			for n, f := range fragments {
				if err := w.Append(ctx, f); err != nil {
					t.Errorf("append: %v", err)
				}
				if n%40 == 0 {
					k.syncDirty()
					_, _, err := k.deleteOldest(ctx, k.Store.cameras[id], media.Main, index.Forever, 2)
					if err != nil {
						t.Errorf("delete: %v", err)
					}
				}
			}
			if err := w.End(ctx, "over"); err != nil {
				t.Error(err)
			}
		})
		readers.Go(func() { k.readAround(ctx, id) })
	}
	readers.Wait()
	stop()
	group.Wait()
	if n := len(k.holds.open); n != 0 {
		t.Errorf("%d holds are left", n)
	}
	checkWhole(k, nil)
}

// readAround opens clips of the camera. Some overlap deleted or growing footage.
func (k *kit) readAround(ctx context.Context, id media.CameraID) {
	p := k.permit(id, access.Playback)
	for n := range 60 {
		from := epoch.Add(time.Duration(n) * 2 * time.Second)
		span := Span{from, from.Add(30 * time.Second)}
		for way, read := range k.reads(ctx, p, span) {
			if _, err := read(); err != nil && !errors.Is(err, ErrNoFootage) {
				k.Errorf("%s of %v: %v", way, span, err)
			}
		}
	}
}

func TestIndexStaysSmall(t *testing.T) {
	k := newKit(t, "a", "b", "c", "d")
	var rows []index.Stream
	for _, id := range k.ids {
		rows = append(rows, index.Stream{Camera: k.cameras[id].row, Quality: media.Main})
		run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
		ok(t, err)
		ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
			_, err := tx.InsertRun(t.Context(), rows[len(rows)-1], run, "over")
			return err
		}))
	}
	size := func() int64 {
		return indextest.Value[int64](t, k.indexFile(""), "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
	}
	before := size()
	fillDay(k, rows, epoch, time.Second) // a key frame a second: the most that cameras send
	if perDay := (size() - before) / int64(len(rows)); perDay > 600_000 {
		t.Errorf("the index takes %d bytes a camera and day", perDay)
	} else {
		t.Logf("the index takes %d bytes a camera and day", perDay)
	}
}

// fillDay writes the rows of a day of one-minute segments with a key frame every gop, for all streams in turn, in the order of
// recording: open, then closed.
func fillDay(k *kit, rows []index.Stream, day time.Time, gop time.Duration) {
	ctx := context.Background()
	for minute := range 24 * 60 {
		start := index.Micros(day.Add(time.Duration(minute) * time.Minute))
		ok(k, k.index.Write(ctx, func(tx *index.Tx) error {
			for _, st := range rows {
				if err := tx.InsertOpen(ctx, index.Segment{Stream: st, Start: start, Run: 1, Init: 900}); err != nil {
					return err
				}
				var keys []index.KeyFrame
				for at := int64(0); at < 60_000_000; at += gop.Microseconds() {
					keys = append(keys, index.KeyFrame{At: start + at + at%7, Offset: 900 + at/4 + at%1009, Size: uint32(90_000 + at%3001)})
				}
				x := index.ClosedSegment{Stream: st, Start: start, End: start + 60_000_000, Size: 15_000_000, Keys: index.PackKeys(start, keys)}
				if err := tx.CloseSegment(ctx, x); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
