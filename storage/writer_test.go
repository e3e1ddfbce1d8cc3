package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

func TestARunBecomesSegmentsThatBeginWithKeyFrames(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.record(id, film{start: epoch, seconds: 25})
	rows := k.rowsOf(id)
	if len(rows) != 3 {
		t.Fatalf("%d segments of 10 s for 25 s", len(rows))
	}
	at, n := index.Micros(epoch), 0
	for _, r := range rows {
		if r.Start != at || r.State != index.StateClosed {
			t.Errorf("segment begins at %d in state %d, want %d, closed", r.Start, r.State, at)
		}
		at = r.End
		path := k.path(id, r.Name())
		f, err := os.Open(path)
		ok(t, err)
		defer f.Close()
		info, err := f.Stat()
		ok(t, err)
		res, err := media.Scan(f, info.Size(), id, k.LabelKey(id))
		ok(t, err)
		if !res.Closed || res.Err != nil || info.Size() != r.Size || res.Run.ID != run.ID || !res.Table.Entries[0].Random {
			t.Errorf("segment %s: %+v, row %+v", path, res, r)
		}
		n += len(res.Table.Entries)
	}
	if at != index.Micros(fragments[len(fragments)-1].End()) || n != len(fragments) {
		t.Errorf("segments hold %d fragments until %d, wrote %d until %v", n, at, len(fragments), fragments[len(fragments)-1].End())
	}
	want := filepath.Join("main", "2026-11-22", "13-05-20.123Z.mp4")
	if _, err := os.Stat(k.path(id, want)); err != nil {
		t.Error(err)
	}
}

func TestOverlapIsRefusedEverywhere(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 20})
	end, err := k.EndOfFootage(t.Context(), media.StreamID{Camera: id, Quality: media.Main})
	ok(t, err)
	if !end.Equal(fragments[len(fragments)-1].End()) {
		t.Errorf("footage ends at %v, want %v", end, fragments[len(fragments)-1].End())
	}
	run, _ := k.fragments(id, film{start: end.Add(-time.Microsecond), seconds: 2})
	_, err = k.Begin(t.Context(), run)
	wantErr(t, err, ErrOverlap)

	run, fragments = k.fragments(id, film{start: end, seconds: 4})
	w := k.begin(run)
	_, err = k.Begin(t.Context(), run)
	wantErr(t, err, ErrBusy)
	k.append(w, fragments[:2])
	wantErr(t, w.Append(t.Context(), fragments[1]), ErrOverlap)
	k.append(w, fragments[2:])
	ok(t, w.End(t.Context(), "over"))
	wantErr(t, w.Append(t.Context(), fragments[0]), ErrEnded)

	c := k.cameras[id]
	for _, x := range [][2]int64{{index.Micros(epoch) + 1, index.Micros(epoch) + 2}, {index.Micros(epoch) - 5, index.Micros(epoch) + 1}} {
		err := k.index.Write(t.Context(), func(tx *index.Tx) error {
			st := index.Stream{Camera: c.row, Quality: media.Main}
			return tx.InsertClosed(t.Context(), index.ClosedSegment{Stream: st, Start: x[0], End: x[1], Size: 1, Keys: []byte{}}, 1, 1)
		})
		if err == nil || !strings.Contains(err.Error(), "do not overlap") {
			t.Errorf("segment over %v: %v", x, err)
		}
	}
}

func TestNothingIsEverOverwritten(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	name := k.path(id, index.SegmentName(media.Main, index.Micros(epoch)))
	ok(t, os.MkdirAll(filepath.Dir(name), 0o755))
	ok(t, os.WriteFile(name, []byte("precious"), 0o644))
	run, fragments := k.fragments(id, film{start: epoch, seconds: 4})
	w := k.begin(run)
	if err := w.Append(t.Context(), fragments[0]); err == nil {
		t.Error("a segment was made where a file was")
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if rows := k.rowsOf(id); len(rows) != 0 {
		t.Errorf("rows without a file: %+v", rows)
	}
}

func TestOnlyFootageOfTheRunIsTaken(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, other := k.ids["front-door"], k.ids["garage"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 4})
	_, foreign := k.fragments(other, film{start: epoch, seconds: 4})
	_, second := k.fragments(id, film{start: epoch, seconds: 4})
	w := k.begin(run)
	wantErr(t, w.Append(t.Context(), foreign[0]), media.ErrForged)
	wantErr(t, w.Append(t.Context(), second[0]), media.ErrForged)
	wantErr(t, w.Append(t.Context(), fragments[1]), ErrWantKeyFrame)
	k.append(w, fragments)

	unknown := media.NewCameraID()
	run, _ = k.fragments(unknown, film{start: epoch, seconds: 4})
	_, err := k.Begin(t.Context(), run)
	wantErr(t, err, ErrUnknownCamera)
	wrongKey, err := media.NewRun(media.StreamID{Camera: other, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
	ok(t, err)
	_, err = k.Begin(t.Context(), wrongKey)
	wantErr(t, err, media.ErrForged)
}

func TestAHoleInARunBecomesAGapAndANewSegment(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 8})
	w := k.begin(run)
	k.append(w, fragments[:5])
	wantErr(t, w.Append(t.Context(), fragments[6]), ErrWantKeyFrame)
	wantErr(t, w.Append(t.Context(), fragments[7]), ErrWantKeyFrame)
	k.append(w, fragments[8:])
	ok(t, w.End(t.Context(), "over"))
	tl := k.timeline(id, epoch, epoch.Add(8*time.Second))
	if len(tl.Spans) != 2 || len(tl.Gaps) != 1 || tl.Gaps[0].Reason != ReasonLost || len(k.rowsOf(id)) != 2 {
		t.Errorf("%+v, %d segments", tl, len(k.rowsOf(id)))
	}
}

func TestASegmentWithoutKeyFramesEndsAllTheSame(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 70, gop: 1000})
	rows := k.rowsOf(id)
	if len(rows) != 2 || time.Duration(rows[0].End-rows[0].Start)*time.Microsecond > longestSegment*k.o.SegmentDuration {
		t.Fatalf("segments %+v", rows)
	}
	from := epoch.Add(60 * time.Second)
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, Span{from, from.Add(time.Second)})
	ok(t, err)
	defer c.Close()
	if !c.Start().Equal(epoch) || c.End().Before(from.Add(time.Second)) {
		t.Errorf("a clip into the second segment goes from %v to %v; its key frame is at %v", c.Start(), c.End(), fragments[0].Start)
	}
	key, err := k.OpenKeyFrame(t.Context(), k.permit(id, access.Playback), media.Main, from)
	ok(t, err)
	if !key.Start().Equal(epoch) {
		t.Errorf("key frame at %v", key.Start())
	}
}

func TestFootageWithoutItsKeyFrameIsNotServed(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 70, gop: 60})
	rows := k.rowsOf(id)
	if len(rows) != 3 || rows[1].Start != index.Micros(epoch.Add(50*time.Second)) {
		t.Fatalf("%+v", rows)
	}
	_, _, err := k.deleteOldest(t.Context(), k.cameras[id], media.Main, index.Forever, 1)
	ok(t, err)
	p := k.permit(id, access.Playback)
	c, err := k.OpenClip(t.Context(), p, media.Main, Span{epoch.Add(52 * time.Second), epoch.Add(70 * time.Second)})
	ok(t, err)
	if !c.Start().Equal(epoch.Add(60 * time.Second)) {
		t.Errorf("the clip begins at %v, where no key frame is", c.Start())
	}
	ok(t, c.Close())
	_, err = k.OpenClip(t.Context(), p, media.Main, Span{epoch.Add(52 * time.Second), epoch.Add(58 * time.Second)})
	wantErr(t, err, ErrNoFootage)
}

func TestFootageIsSeenWhileItIsWritten(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 16})
	w := k.begin(run)
	p := k.permit(id, access.Playback)
	to := epoch.Add(time.Minute)
	for i, f := range fragments {
		k.append(w, fragments[i:i+1])
		tl := k.timeline(id, epoch, to)
		if len(tl.Spans) != 1 || !tl.Spans[0].To.Equal(f.End()) || tl.Spans[0].Run != run.ID || tl.Gaps[0].Reason != ReasonNotYet {
			t.Fatalf("after fragment %d: %+v", i, tl)
		}
		c, err := k.OpenClip(t.Context(), p, media.Main, Span{epoch, to})
		ok(t, err)
		if !c.End().Equal(f.End()) {
			t.Fatalf("after fragment %d the clip ends at %v, want %v", i, c.End(), f.End())
		}
		all(t, c, nil)
		key, err := k.OpenKeyFrame(t.Context(), p, media.Main, f.Start)
		ok(t, err)
		if want := epoch.Add(f.Start.Sub(epoch).Truncate(2 * time.Second)); !key.Start().Equal(want) {
			t.Fatalf("key frame at %v, want %v", key.Start(), want)
		}
	}
	u, err := k.Usage(t.Context(), Span{epoch, to})
	ok(t, err)
	if u.Cameras[0].Recorded != 16*time.Second || u.Footage == 0 || u.Total < u.Free {
		t.Errorf("usage %+v", u)
	}
	days, err := k.Days(t.Context(), p, media.Main, time.UTC)
	ok(t, err)
	if len(days) != 1 || days[0] != "2026-11-22" {
		t.Errorf("days %v", days)
	}
}
