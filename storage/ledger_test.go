package storage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// model is a ledger with one cell per tick of a short range of time.
type model [400]index.LedgerEntry

// modelTick is how long a cell is.
const modelTick = 10 * time.Second

func (m *model) at(n int) int64 { return index.Micros(epoch) + int64(n)*modelTick.Microseconds() }

// TestTheTimelineIsWhatTheModelSays writes random spans into the ledger and requests random ranges. Invariant I7.
func TestTheTimelineIsWhatTheModelSays(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	st := index.Stream{Camera: k.cameras[id].row, Quality: media.Main}
	rng := rand.New(rand.NewPCG(1, 2))
	var m model
	for i := range m {
		m[i] = gap(ReasonWaiting)
	}
	runs := makeRuns(k, id, st)
	ranges := 0
	for ranges < 10_000 {
		m.change(k, st, rng, runs)
		now := rng.IntN(len(m) + 1)
		k.clock.set(index.FromMicros(m.at(now)))
		p := k.permit(id, access.Playback)
		for range 25 {
			from, to := rng.IntN(len(m)), rng.IntN(len(m))
			if from == to {
				continue
			}
			from, to = min(from, to), max(from, to)
			tl, err := k.Timeline(t.Context(), p, media.Main, Span{index.FromMicros(m.at(from)), index.FromMicros(m.at(to))})
			ok(t, err)
			checkAddsUp(t, tl, index.FromMicros(m.at(from)), index.FromMicros(m.at(to)))
			m.compare(t, tl, [3]int{from, to, now}, runs)
			ranges++
		}
	}
}

// makeRuns adds a few runs; the last row of the ledger is never one of them.
func makeRuns(k *kit, id media.CameraID, st index.Stream) map[int64]media.RunID {
	runs := map[int64]media.RunID{}
	for range 5 {
		run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
		ok(k, err)
		ok(k, k.index.Write(k.Context(), func(tx *index.Tx) error {
			row, err := tx.InsertRun(k.Context(), st, run, "over")
			runs[row] = run.ID
			return err
		}))
	}
	return runs
}

func (m *model) change(k *kit, st index.Stream, rng *rand.Rand, runs map[int64]media.RunID) {
	from, to := rng.IntN(len(m)), rng.IntN(len(m))
	if from == to {
		return
	}
	from, to = min(from, to), max(from, to)
	h := gap(fmt.Sprintf("reason %d", rng.IntN(4)))
	if rng.IntN(2) == 0 {
		h = index.Footage(int64(1 + rng.IntN(len(runs))))
	}
	end := m.at(to)
	if h.IsGap() && rng.IntN(5) == 0 {
		to, end = len(m), index.Forever
	}
	for i := from; i < to; i++ {
		m[i] = h
	}
	ok(k, k.index.Write(k.Context(), func(tx *index.Tx) error { return tx.Enter(k.Context(), st, m.at(from), end, h) }))
}

func (m *model) compare(t *testing.T, tl Timeline, ask [3]int, runs map[int64]media.RunID) {
	t.Helper()
	tail := len(m) - 1 // applies until the next change
	for tail > 0 && m[tail-1] == m[tail] {
		tail--
	}
	cell := func(at time.Time) int { return int((index.Micros(at) - m.at(0)) / modelTick.Microseconds()) }
	for _, s := range tl.Spans {
		for i := cell(s.From); i < cell(s.To); i++ {
			if m[i].IsGap() || runs[m[i].Run] != s.Run {
				t.Fatalf("range %v: cell %d is %+v, the timeline says run %v", ask, i, m[i], s.Run)
			}
		}
	}
	for n, g := range tl.Gaps {
		for i := cell(g.From); i < cell(g.To); i++ {
			want := m[i]
			if i >= max(ask[2], tail) && want.IsGap() {
				want.Reason = ReasonNotYet
			}
			if !want.IsGap() || want.Reason != g.Reason {
				t.Fatalf("range %v: cell %d is %+v, the timeline says %q", ask, i, want, g.Reason)
			}
		}
		if n > 0 && tl.Gaps[n-1].To.Equal(g.From) && tl.Gaps[n-1].Reason == g.Reason {
			t.Fatalf("range %v: two gaps where one is: %+v", ask, tl.Gaps)
		}
	}
}

func TestTheLedgerDoesNotGrowWhereNothingChanges(t *testing.T) {
	k := newKit(t, "front-door")
	st := index.Stream{Camera: k.cameras[k.ids["front-door"]].row, Quality: media.Main}
	count := func() int {
		return indextest.Value[int](t, k.indexFile(""), "SELECT count(*) FROM ledger WHERE quality = 1")
	}
	put := func(from, to int64, h index.LedgerEntry) {
		ok(t, k.index.Write(context.Background(), func(tx *index.Tx) error { return tx.Enter(context.Background(), st, from, to, h) }))
	}
	begin := index.Micros(epoch)
	for n := range int64(100) {
		put(begin+n*10, begin+n*10+10, gap("x"))
	}
	if n := count(); n != 2 {
		t.Errorf("%d rows for one gap and what follows it", n)
	}
	put(begin, index.Forever, gap(ReasonWaiting))
	if n := count(); n != 1 {
		t.Errorf("%d rows where one thing holds", n)
	}
}

func TestTheTimelineKnowsBeforeAndAfter(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.clock.set(epoch.Add(time.Minute))
	tl := k.timeline(id, epoch.Add(-time.Hour), epoch.Add(time.Hour))
	if len(tl.Gaps) != 3 || tl.Gaps[0].Reason != ReasonBefore || tl.Gaps[1].Reason != ReasonWaiting || tl.Gaps[2].Reason != ReasonNotYet ||
		!tl.Gaps[0].To.Equal(epoch) || !tl.Gaps[2].From.Equal(epoch.Add(time.Minute)) {
		t.Errorf("%+v", tl)
	}
	p := k.permit(id, access.Playback)
	sub, err := k.Timeline(t.Context(), p, media.Sub, Span{epoch, epoch.Add(time.Second)})
	ok(t, err)
	if len(sub.Gaps) != 1 || sub.Gaps[0].Reason != ReasonNotRecorded {
		t.Errorf("%+v", sub)
	}
	_, err = k.Timeline(t.Context(), p, media.Main, Span{epoch, epoch})
	wantErr(t, err, ErrSpan)
	_, err = k.Timeline(t.Context(), p, media.Main, Span{epoch, epoch.Add(MaxTimeline + time.Second)})
	wantErr(t, err, ErrTooLong)
}

func TestDaysAreThoseOfTheTimeZone(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	berlin, err := time.LoadLocation("Europe/Berlin")
	ok(t, err)
	// 23:59:50 to 00:00:10 in Berlin, and an hour on the day of the change to summer time.
	k.record(id, film{start: time.Date(2027, 1, 5, 22, 59, 50, 0, time.UTC), seconds: 20})
	k.record(id, film{start: time.Date(2027, 3, 28, 0, 59, 50, 0, time.UTC), seconds: 20})
	k.clock.set(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))
	days, err := k.Days(t.Context(), k.permit(id, access.Export), media.Main, berlin)
	ok(t, err)
	if fmt.Sprint(days) != "[2027-01-05 2027-01-06 2027-03-28]" {
		t.Errorf("days %v", days)
	}
}
