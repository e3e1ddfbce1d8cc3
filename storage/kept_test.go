package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// at is a moment of the recordings.
func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

func (k *kit) keepSpan(id media.CameraID, from, to float64, note string) Kept {
	k.Helper()
	kept, err := k.Keep(k.Context(), k.permit(id, access.Manage), BothStreams, Span{at(from), at(to)}, note)
	ok(k, err)
	return kept
}

func (k *kit) keptNow(id media.CameraID) []Kept {
	k.Helper()
	kept, err := k.Kept(k.Context(), k.permit(id, access.Playback))
	ok(k, err)
	return kept
}

// starts lists when the main stream's segments begin, in seconds.
func (k *kit) starts(id media.CameraID) []float64 {
	k.Helper()
	out := []float64{}
	for _, r := range k.rowsOf(id) {
		out = append(out, index.FromMicros(r.Start).Sub(epoch).Seconds())
	}
	return out
}

func same[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	equal := len(got) == len(want)
	for i := range want {
		equal = equal && got[i] == want[i]
	}
	if !equal {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestKeptFootageOutlivesEveryKindOfRetention keeps seconds 15 to 35 of 80, which overlap the segments at 10, 20 and 30.
func TestKeptFootageOutlivesEveryKindOfRetention(t *testing.T) {
	for name, forget := range map[string]func(k *kit, x *faults){
		"age":  func(k *kit, _ *faults) { k.limit(Retain{Age: time.Second}); k.clock.set(epoch.AddDate(0, 0, 9)) },
		"size": func(k *kit, _ *faults) { k.limit(Retain{MaxBytes: 1}) },
		"free": func(_ *kit, x *faults) { x.free = 1 },
		"retired": func(k *kit, _ *faults) {
			k.limit(Retain{Age: time.Second})
			k.enrol()
			k.clock.set(epoch.AddDate(0, 0, 9))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clock{now: epoch}
			x := &faults{}
			k, err := openFaulty(t, c, testOptions(t, c), x)
			ok(t, err)
			defer k.Store.Close()
			k.enrol("front-door")
			id := k.ids["front-door"]
			k.record(id, film{start: epoch, seconds: 80})
			k.Store.o.MinFree = MinFree{Bytes: leastFree}
			kept := k.keepSpan(id, 15, 35, "the parcel")
			var size int64
			for _, r := range k.rowsOf(id)[1:4] {
				size += r.Size
			}
			if kept.Bytes != size || kept.By != viewer.Name {
				t.Errorf("kept %+v, its segments have %d bytes", kept, size)
			}
			forget(k, x)
			err = k.retain(t.Context())
			if name == "free" {
				if err == nil || !strings.Contains(err.Error(), "kept clips take "+format.Size(size)) {
					t.Errorf("a disk that kept clips fill: %v", err)
				}
				alarms := k.Alarms(t.Context())
				if len(alarms) != 1 || alarms[0].Code != AlarmNothingLeft || !strings.Contains(alarms[0].Text, "Kept clips take "+format.Size(size)) {
					t.Errorf("alarms %+v", alarms)
				}
				x.free = 1 << 40
				ok(t, k.retain(t.Context()))
				if alarms := k.Alarms(t.Context()); len(alarms) != 0 {
					t.Errorf("with enough room again: %+v", alarms)
				}
				x.free = 1
			} else {
				ok(t, err)
			}
			same(t, "left", k.starts(id), 10, 20, 30)
			if n := k.filesOf(id); n != 3 {
				t.Errorf("%d files are left", n)
			}
			same(t, "kept", k.keptNow(id), kept)
			ok(t, k.Unkeep(t.Context(), k.permit(id, access.Manage), kept.ID))
			_ = k.retain(t.Context())
			if n := k.filesOf(id); n != 0 {
				t.Errorf("%d files are left of what was let go", n)
			}
		})
	}
}

// alarmText returns the text of an alarm, or "" if it is not raised.
func (k *kit) alarmText(code string) string {
	for _, a := range k.Alarms(k.Context()) {
		if a.Code == code {
			return a.Text
		}
	}
	return ""
}

// TestTheAlarmOfAFullDiskSaysWhatKeptClipsTake has the run loop raise it twice. The text must not be lost.
func TestTheAlarmOfAFullDiskSaysWhatKeptClipsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clock{now: epoch}
		x := &faults{}
		k, err := openFaulty(t, c, testOptions(t, c), x)
		ok(t, err)
		defer k.Store.Close()
		k.enrol("front-door")
		k.record(k.ids["front-door"], film{start: epoch, seconds: 20})
		k.Store.o.MinFree = MinFree{Bytes: leastFree}
		kept := k.keepSpan(k.ids["front-door"], 0, 20, "the parcel")
		x.free = 1
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		time.Sleep(2*housekeeping + time.Second)
		if text := k.alarmText(AlarmNothingLeft); !strings.Contains(text, "Kept clips take "+format.Size(kept.Bytes)) {
			t.Errorf("the alarm says %q", text)
		}
		x.mu.Lock()
		x.free = 1 << 40
		x.mu.Unlock()
		time.Sleep(housekeeping + time.Second)
		if text := k.alarmText(AlarmNothingLeft); text != "" {
			t.Errorf("with enough space again: %q", text)
		}
		stop()
		ok(t, <-done)
	})
}

// TestASpanKeepsExactlyTheSegmentsItTouches tries spans that end and begin where segments do.
func TestASpanKeepsExactlyTheSegmentsItTouches(t *testing.T) {
	for _, x := range []struct {
		from, to float64
		left     []float64
	}{
		{10, 20, []float64{10}},
		{9.999999, 20, []float64{0, 10}},
		{10, 20.000001, []float64{10, 20}},
		{19.999999, 20, []float64{10}},
		{0, 40, []float64{0, 10, 20, 30}},
		{-100, 0.000001, []float64{0}},
		{39.5, 500, []float64{30}},
	} {
		k := newKit(t, "front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 40})
		k.clock.set(at(60))
		k.keepSpan(id, x.from, x.to, "")
		k.limit(Retain{MaxBytes: 1})
		ok(t, k.retain(t.Context()))
		same(t, "left", k.starts(id), x.left...)
	}
}

// TestWhatIsBeingRecordedCanBeKept keeps the open segment, which must stay kept after it is closed.
func TestWhatIsBeingRecordedCanBeKept(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 30})
	w := k.begin(run)
	k.append(w, fragments[:30]) // until 15
	kept := k.keepSpan(id, 12, 3600, "")
	if !kept.Span.To.Equal(at(15)) {
		t.Errorf("kept until %v, the present is %v", kept.Span.To, at(15))
	}
	if u, err := k.Usage(t.Context(), Span{at(0), at(1)}); err != nil || u.Kept != kept.Bytes || u.Kept == 0 {
		t.Errorf("kept %d of %+v, %v", kept.Bytes, u, err)
	}
	k.append(w, fragments[30:])
	ok(t, w.End(t.Context(), "over"))
	k.limit(Retain{MaxBytes: 1})
	ok(t, k.retain(t.Context()))
	same(t, "left", k.starts(id), 10)
}

func TestKeptBytesAreCountedOnce(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 60})
	k.record(id, film{start: epoch, seconds: 60, quality: media.Sub})
	k.record(k.ids["garage"], film{start: epoch, seconds: 60})
	k.clock.set(at(60))
	k.keepSpan(id, 5, 12, "two of them meet in the segment at 10")
	k.keepSpan(id, 13, 21, "")
	const untilThirty = `SELECT sum(size_bytes) FROM segment WHERE camera = ? AND start_us < ?`
	two := indextest.Value[int64](t, k.indexFile(""), untilThirty, k.cameras[id].row, index.Micros(at(30)))
	if u, err := k.Usage(t.Context(), Span{epoch, at(1)}); err != nil || u.Kept != two {
		t.Errorf("%d bytes are kept, want %d, %v", u.Kept, two, err)
	}
	k.keepSpan(id, 4, 22, "and one covers both")
	_, err := k.Keep(t.Context(), k.permit(id, access.Manage), Streams(media.Main), Span{at(41), at(42)}, "main only")
	ok(t, err)
	u, err := k.Usage(t.Context(), Span{epoch, at(1)})
	ok(t, err)
	const query = `SELECT sum(size_bytes) FROM segment WHERE camera = ? AND (start_us < ? OR quality = 1 AND start_us = ?)`
	want := indextest.Value[int64](t, k.indexFile(""), query, k.cameras[id].row, index.Micros(at(30)), index.Micros(at(40)))
	if u.Cameras[0].Kept != want || u.Kept != want || u.Cameras[1].Kept != 0 {
		t.Errorf("%+v, want %d bytes kept", u, want)
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, ctx := k.ids["front-door"], t.Context()
	k.record(id, film{start: epoch, seconds: 20})
	p := k.permit(id, access.Manage)
	good := Span{at(0), at(10)}
	for name, x := range map[string]struct {
		permit  access.Permit
		streams Streams
		span    Span
		note    string
		want    error
	}{
		"playback":    {k.permit(id, access.Playback), BothStreams, good, "", access.ErrDenied},
		"no permit":   {access.Permit{}, BothStreams, good, "", access.ErrDenied},
		"backwards":   {p, BothStreams, Span{at(5), at(5)}, "", ErrSpan},
		"too long":    {p, BothStreams, Span{at(0).Add(-MaxKept), at(1)}, "", ErrTooLong},
		"to come":     {p, BothStreams, Span{at(30), at(40)}, "", ErrSpan},
		"no stream":   {p, 0, good, "", ErrStreams},
		"foreign bit": {p, 4, good, "", ErrStreams},
		"long note":   {p, BothStreams, good, strings.Repeat("ü", MaxKeptNote+1), ErrNote},
		"two lines":   {p, BothStreams, good, "a\nb", ErrNote},
		"not UTF-8":   {p, BothStreams, good, "\xff", ErrNote},
		"nothing":     {p, Streams(media.Sub), good, "", ErrNoFootage},
		"before":      {p, BothStreams, Span{at(-9), at(0)}, "", ErrNoFootage},
	} {
		if _, err := k.Keep(ctx, x.permit, x.streams, x.span, x.note); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", name, err, x.want)
		}
	}
	if names, err := filepath.Glob(k.path(id, "kept/*")); err != nil || len(names) != 0 {
		t.Errorf("files of what was refused: %v, %v", names, err)
	}
	if _, err := k.Keep(ctx, p, BothStreams, good, strings.Repeat("ü", MaxKeptNote)); err != nil {
		t.Error(err)
	}
	kept := k.keptNow(id)
	if len(kept) != 1 {
		t.Fatalf("%+v", kept)
	}
	wantErr(t, k.Unkeep(ctx, k.permit(id, access.Export), kept[0].ID), access.ErrDenied)
	wantErr(t, k.Unkeep(ctx, k.permit(k.ids["garage"], access.Manage), kept[0].ID), ErrNotKept)
	wantErr(t, k.Unkeep(ctx, p, KeptID{1}), ErrNotKept)
	_, err := k.Kept(ctx, p)
	wantErr(t, err, access.ErrDenied)
}

func TestACameraHasABoundOfKeptClips(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 20})
	first := k.keepSpan(id, 0, 1, "")
	indextest.Exec(t, k.indexFile(""), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
		INSERT INTO kept SELECT ?1, i, randomblob(16), i + 1, 3, '', '', 0 FROM n`, k.cameras[id].row, MaxKeptPerCamera-1)
	_, err := k.Keep(t.Context(), k.permit(id, access.Manage), BothStreams, Span{at(0), at(1)}, "")
	wantErr(t, err, ErrTooManyKept)
	ok(t, k.Unkeep(t.Context(), k.permit(id, access.Manage), first.ID))
	k.keepSpan(id, 0, 1, "")
}

// TestKeptClipsOutliveTheIndex deletes the index, and restores an old one.
func TestKeptClipsOutliveTheIndex(t *testing.T) {
	for name, old := range map[string]bool{"lost": false, "rolled back": true} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, "front-door")
			id := k.ids["front-door"]
			k.record(id, film{start: epoch, seconds: 60})
			gone := k.keepSpan(id, 41, 49, "let go after the copy was made")
			ok(t, k.Store.Close())
			copied, err := os.ReadFile(filepath.Join(k.o.Data, index.FileName))
			ok(t, err)
			k.openAgain()
			kept := k.keepSpan(id, 15, 25, "of the parcel ‘ü’")
			ok(t, k.Unkeep(t.Context(), k.permit(id, access.Manage), gone.ID))
			ok(t, k.Store.Close())
			for _, end := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(filepath.Join(k.o.Data, index.FileName+end)); err != nil && end == "" {
					t.Fatal(err)
				}
			}
			if old {
				ok(t, os.WriteFile(filepath.Join(k.o.Data, index.FileName), copied, 0o600))
			}
			k.openAgain()
			k.limit(Retain{MaxBytes: 1})
			ok(t, k.Reconcile(t.Context()))
			ok(t, k.retain(t.Context()))
			same(t, "left", k.starts(id), 10, 20)
			same(t, "kept", k.keptNow(id), kept)
		})
	}
}

// TestForgedKeptFilesAreNotBelieved changes each field of a kept file, moves it to another name and camera, and adds stray files.
func TestForgedKeptFilesAreNotBelieved(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, other := k.ids["front-door"], k.ids["garage"]
	k.record(id, film{start: epoch, seconds: 60})
	kept := k.keepSpan(id, 15, 25, "a note")
	b, err := os.ReadFile(k.path(id, keptName(kept.ID)))
	ok(t, err)
	ok(t, k.Unkeep(t.Context(), k.permit(id, access.Manage), kept.ID))
	ok(t, os.MkdirAll(k.path(other, KeptFolder), 0o750))
	put := func(camera media.CameraID, name string, b []byte) {
		ok(t, os.WriteFile(k.path(camera, KeptFolder+"/"+name), b, 0o640))
	}
	for i, change := range [][2]string{{"a note", "b note"}, {"alice", "bob"}, {"05:20", "05:10"}, {"05:45", "06:45"}, {`"main",`, ""},
		{`"version": 1`, `"version": 2`}, {`"created": "2026`, `"created": "2027`}, {"}", ""}} {
		bad := strings.Replace(string(b), change[0], change[1], 1)
		if bad == string(b) && i != 2 {
			t.Fatalf("%q is not in %s", change[0], b)
		}
		if i != 2 {
			put(id, KeptID{byte(i + 1)}.String()+".json", []byte(strings.Replace(bad, kept.ID.String(), KeptID{byte(i + 1)}.String(), 1)))
		}
	}
	put(id, KeptID{99}.String()+".json", b)
	put(other, kept.ID.String()+".json", b)
	put(id, "holiday.json", []byte("{}"))
	put(id, strings.ToUpper(kept.ID.String())+".json", b)
	put(id, kept.ID.String()+".json.new", []byte("{"))
	k.reopen()
	if got := append(k.keptNow(id), k.keptNow(other)...); len(got) != 0 {
		t.Errorf("believed: %+v", got)
	}
	if _, err := os.Stat(k.path(id, "kept/holiday.json")); err != nil {
		t.Error("a foreign file was touched:", err)
	}
	if _, err := os.Stat(k.path(id, keptName(kept.ID)+".new")); err == nil {
		t.Error("what a crash left is still there")
	}
	put(id, kept.ID.String()+".json", b) // the true one comes back
	k.reopen()
	same(t, "kept", k.keptNow(id), kept)
}
