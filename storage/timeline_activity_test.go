package storage

import (
	"context"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// scene records a run with small frames, large ones from second 40 to 60, and small ones again. Key frames stay the same.
func (k *kit) scene(camera media.CameraID, start time.Time) (*media.Run, []*media.Fragment) {
	k.Helper()
	key := media.DeriveLabelKey(k.o.MasterKey, camera)
	run, err := media.NewRun(media.StreamID{Camera: camera, Quality: media.Main}, start, plainVideo, nil, key)
	ok(k, err)
	m := media.NewMuxer(run, key)
	var out []*media.Fragment
	for n := range 100 * 4 {
		ticks := int64(n) * media.VideoTimescale / 4
		size := 500
		switch {
		case n%8 == 0:
			size = 20_000
		case n >= 160 && n < 240:
			size = 10_000
		}
		f, err := m.Write(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: start.Add(time.Duration(n) * time.Second / 4),
			Random: n%8 == 0, Data: [][]byte{make([]byte, size)}})
		ok(k, err)
		if f != nil {
			out = append(out, f)
		}
	}
	f, err := m.Flush()
	ok(k, err)
	return run, append(out, f)
}

func (k *kit) activity(p access.Permit, from, to time.Time, step time.Duration) []int64 {
	k.Helper()
	a, err := k.Activity(k.Context(), p, media.Main, Span{from, to}, step)
	ok(k, err)
	if a.Step != step || len(a.Rates) != int((to.Sub(from)+step-1)/step) {
		k.Fatalf("%d steps of %v for %v", len(a.Rates), a.Step, to.Sub(from))
	}
	return a.Rates
}

// checkScene fails unless the rates, in steps of four seconds from the scene's begin, are those of scene: seven of eight
// pictures are 9,500 bytes larger in the middle, at four a second.
func checkScene(t *testing.T, rates []int64) {
	t.Helper()
	const busy = 9500 * 4 * 7 / 8
	for i, rate := range rates {
		want := int64(0)
		if i >= 10 && i < 15 {
			want = busy
		}
		if rate < want-want/50-100 || rate > want+want/50+400 {
			t.Errorf("step %d, from second %d on: %d bytes/s, want about %d\n%d", i, i*4, rate, want, rates)
		}
	}
}

// TestActivityIsWhereTheSceneIs checks that key frames, most of the bytes of quiet parts, do not count as activity, in closed
// segments and in the open one, and that no files are needed.
func TestActivityIsWhereTheSceneIs(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.scene(id, epoch)
	w := k.begin(run)
	k.append(w, fragments)
	p := k.permit(id, access.Playback)
	writing := k.activity(p, epoch, epoch.Add(100*time.Second), 4*time.Second)
	checkScene(t, writing)
	ok(t, w.End(t.Context(), "over"))
	closed := k.activity(p, epoch, epoch.Add(100*time.Second), 4*time.Second)
	checkScene(t, closed)
	around := k.activity(p, epoch.Add(-8*time.Second), epoch.Add(108*time.Second), 4*time.Second)
	checkScene(t, around[2:27])
	for _, i := range []int{0, 1, 27, 28} {
		if around[i] != NoFootage {
			t.Errorf("step %d has no footage and %d bytes/s", i, around[i])
		}
	}
	// A step that is covered in part has the rate of that part.
	part := k.activity(p, epoch.Add(30*time.Second), epoch.Add(51*time.Second), 10*time.Second)
	if len(part) != 3 || part[0] != 0 || part[1] < 30_000 || part[2] < 30_000 {
		t.Errorf("thirty, forty and fifty seconds in: %d", part)
	}
}

// TestActivityOfCoarseStepsIsThatOfSegments compares the sums of both ways over the same minutes.
func TestActivityOfCoarseStepsIsThatOfSegments(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	st := index.Stream{Camera: k.cameras[id].row, Quality: media.Main}
	ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error {
		run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
		ok(t, err)
		_, err = tx.InsertRun(t.Context(), st, run, "over")
		return err
	}))
	fillDay(k, []index.Stream{st}, epoch, 2*time.Second)
	at := index.Micros(epoch.Add(2 * time.Hour))
	indextest.Exec(t, k.indexFile(""), `UPDATE segment SET size_bytes = 2 * size_bytes WHERE start_us >= ? AND start_us < ?`, at, at+600_000_000)
	k.clock.set(epoch.Add(24 * time.Hour))
	p := k.permit(id, access.Playback)
	fine := k.activity(p, epoch.Add(time.Hour), epoch.Add(3*time.Hour), time.Minute)
	coarse := k.activity(p, epoch.Add(time.Hour), epoch.Add(3*time.Hour), coarseStep)
	for i, rate := range coarse {
		var sum int64
		for _, x := range fine[i*5 : i*5+5] {
			sum += x / 5
		}
		if busy := i == 12 || i == 13; (rate > 200_000) != busy || max(rate-sum, sum-rate) > 5000 {
			t.Errorf("minutes %d to %d: %d bytes/s by segments, %d by groups of pictures", i*5, i*5+5, rate, sum)
		}
	}
}

// TestActivityNeedsAPermit for the camera, the action and all of the time.
func TestActivityNeedsAPermit(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	run, fragments := k.scene(k.ids["front-door"], epoch)
	w := k.begin(run)
	k.append(w, fragments)
	ok(t, w.End(t.Context(), "over"))
	span := Span{epoch, epoch.Add(100 * time.Second)}
	for _, rate := range k.activity(k.permit(k.ids["garage"], access.Playback), span.From, span.To, 4*time.Second) {
		if rate != NoFootage {
			t.Fatal("a permit for the garage shows what happens at the front door")
		}
	}
	bound := func(w access.Window) access.Permit {
		p, err := access.Decide(access.Viewer{Kind: access.LinkView, GrantID: 1}, k.ids["front-door"],
			access.Grant{Rights: access.Watching, Window: w}, access.Playback, k.clock.Now().Add(time.Minute))
		ok(t, err)
		return p
	}
	ask := func(p access.Permit, span Span, step time.Duration) error {
		_, err := k.Activity(context.Background(), p, media.Main, span, step)
		return err
	}
	wantErr(t, ask(access.Permit{}, span, time.Second), access.ErrDenied)
	wantErr(t, ask(k.permit(k.ids["front-door"], access.Live), span, time.Second), access.ErrDenied)
	wantErr(t, ask(bound(access.Window{From: span.From, To: span.To.Add(-time.Second)}), span, time.Second), access.ErrDenied)
	wantErr(t, ask(bound(access.Window{From: span.From.Add(time.Microsecond), To: span.To}), span, time.Second), access.ErrDenied)
	free := k.permit(k.ids["front-door"], access.Export)
	wantErr(t, ask(free, Span{span.To, span.From}, time.Second), ErrSpan)
	wantErr(t, ask(free, Span{span.From, span.From.Add(MaxActivity + time.Second)}, time.Hour), ErrTooLong)
	wantErr(t, ask(free, span, time.Second-1), ErrTooLong)
	wantErr(t, ask(free, Span{span.From, span.From.Add(MaxActivitySteps*time.Second + 1000)}, time.Second), ErrTooLong)

	// The window begins and ends inside GOPs. Those must not be reported.
	window := access.Window{From: epoch.Add(35 * time.Second), To: epoch.Add(41 * time.Second)}
	rates := k.activity(bound(window), window.From, window.To, time.Second)
	for i, rate := range rates {
		if outside := i == 0 || i == 5; (rate == NoFootage) != outside || rate > 1500 {
			t.Errorf("within the window: %d", rates)
		}
	}
}

// TestActivitySurvivesATableThatIsNone spreads a segment evenly if its key frames cannot be unpacked.
func TestActivitySurvivesATableThatIsNone(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.scene(id, epoch)
	w := k.begin(run)
	k.append(w, fragments)
	ok(t, w.End(t.Context(), "over"))
	indextest.Exec(t, k.indexFile(""), `UPDATE segment SET key_frames = x'0180'`)
	checkScene(t, k.activity(k.permit(id, access.Playback), epoch, epoch.Add(100*time.Second), 4*time.Second))
}
