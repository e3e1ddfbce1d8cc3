package storage

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// dayBytes is what a run of film records a day, by its segments.
func (k *kit) dayBytes(id media.CameraID, since time.Time) float64 {
	k.Helper()
	var sum int64
	for _, r := range k.rowsOf(id) {
		sum += r.Size
	}
	return float64(sum) / (k.clock.Now().Sub(since).Hours() / 24)
}

func (k *kit) outlook() map[string]CameraForecast {
	k.Helper()
	list, err := k.Forecast(k.Context())
	ok(k, err)
	out := map[string]CameraForecast{}
	for _, f := range list {
		out[f.Name] = f
	}
	return out
}

func near(t testing.TB, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > math.Abs(want)/1e6 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestTheForecastSaysWhichLimitBindsAndCountsWhatIsKept(t *testing.T) {
	c := &clock{now: epoch}
	x := &faults{free: 1 << 40}
	o := testOptions(t, c)
	o.SegmentDuration = 10 * time.Minute
	k, err := openFaulty(t, c, o, x)
	ok(t, err)
	defer k.Store.Close()
	k.enrol("front-door", "idle")
	id := k.ids["front-door"]
	if f := k.outlook()["front-door"]; !f.TooEarly {
		t.Errorf("without footage: %+v", f)
	}
	k.record(id, film{start: epoch, seconds: 3000})
	if f := k.outlook()["front-door"]; !f.TooEarly || f.Days != 0 || f.BytesPerDay != 0 {
		t.Errorf("after 50 minutes: %+v", f)
	}
	k.record(id, film{start: k.clock.Now(), seconds: 4200})
	rate := k.dayBytes(id, epoch)
	look := func(what string, r Retain, limit Limit, days float64) {
		t.Helper()
		_, err := k.Enrol(t.Context(), []CameraSpec{{Name: "front-door", Retain: r}, {Name: "idle"}})
		ok(t, err)
		f := k.outlook()["front-door"]
		if f.TooEarly || f.Limit != limit {
			t.Errorf("%s: %+v, want the limit %s", what, f, limit)
		}
		near(t, what, f.Days, days)
		near(t, what+": rate", float64(f.BytesPerDay), math.Floor(rate))
	}
	const enough = 1 << 30
	week := Retain{Age: 7 * 24 * time.Hour}
	look("by age", week, LimitAge, 7)
	look("by size", Retain{Age: week.Age, MaxBytes: int64(rate * 5)}, LimitSize, math.Floor(rate*5)/rate)
	kept := k.keepSpan(id, 100, 200, "")
	if f := k.outlook()["front-door"]; f.Kept != kept.Bytes || f.Kept == 0 {
		t.Errorf("%+v, kept are %d", f, kept.Bytes)
	}
	look("by size less what is kept", Retain{MaxBytes: enough}, LimitSize, (enough-float64(kept.Bytes))/rate)
	look("when kept clips take all", Retain{MaxBytes: kept.Bytes - 1}, LimitSize, 0)
	var total int64
	for _, r := range k.rowsOf(id) {
		total += r.Size
	}
	_, size, err := k.disk.Space()
	ok(t, err)
	look("by the disk", Retain{}, LimitSpace, (float64(1<<40-k.o.MinFree.of(size))+float64(total-kept.Bytes))/rate)
	x.free = 1
	k.Store.o.MinFree = MinFree{Bytes: 1 << 30}
	look("by a disk that is full already", Retain{}, LimitSpace, 0)
	if f := k.outlook()["idle"]; !f.TooEarly {
		t.Errorf("a camera without footage: %+v", f)
	}
	x.free = 1 << 40
	k.clock.set(k.clock.Now().Add(25 * time.Hour))
	if f := k.outlook()["front-door"]; f.TooEarly || f.BytesPerDay != 0 || f.Days != 0 {
		t.Errorf("after a day without footage: %+v", f)
	}
}

// TestTheHorizonIsWhereTheDiskIsFull compares reach with the sum that it stands for.
func TestTheHorizonIsWhereTheDiskIsFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		cameras := make([]supply, rng.IntN(5))
		var most float64
		for i := range cameras {
			cameras[i] = supply{rate: float64(rng.IntN(4)) * 10, limit: []float64{1, 3, 7, math.Inf(1)}[rng.IntN(4)]}
			if cameras[i].rate > 0 {
				most += cameras[i].rate * cameras[i].limit
			}
		}
		room := float64(rng.IntN(1000))
		horizon := reach(cameras, room)
		if math.IsInf(horizon, 1) {
			if most > room {
				t.Fatalf("%+v fit into %v", cameras, room)
			}
			continue
		}
		var sum float64
		for _, x := range cameras {
			sum += x.rate * min(x.limit, horizon)
		}
		if math.Abs(sum-room) > 1e-6 {
			t.Fatalf("%+v: %v days are %v, the room is %v", cameras, horizon, sum, room)
		}
	}
}

// TestTheDryRunSaysExactlyWhatRetentionDeletes makes random stores, plans, and then lets retention loose.
func TestTheDryRunSaysExactlyWhatRetentionDeletes(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 7))
		c := &clock{now: epoch}
		x := &faults{free: 1 << 40}
		o := testOptions(t, c)
		o.MinFree = MinFree{Bytes: 1 << 40}
		k, err := openFaulty(t, c, o, x)
		ok(t, err)
		k.enrol("a", "b")
		var all int64
		for _, name := range []string{"a", "b"} {
			k.record(k.ids[name], film{start: at(rng.Float64() * 50), seconds: 100 + rng.IntN(60), size: 50 + rng.IntN(200)})
			k.record(k.ids[name], film{start: at(rng.Float64() * 50), seconds: 60 + rng.IntN(100), quality: media.Sub})
			from := 60 + rng.Float64()*40
			k.clock.set(at(500))
			k.keepSpan(k.ids[name], from, from+rng.Float64()*20, "")
		}
		usage, err := k.Usage(t.Context(), Span{at(0), at(1)})
		ok(t, err)
		all = usage.Footage
		limits := map[string]Retain{"a": {Age: at(500).Sub(at(60 + rng.Float64()*50))}, "b": {MaxBytes: 1 + rng.Int64N(all/2)}}
		x.free -= rng.Int64N(all / 2)
		p := PlanOptions{Retain: limits, Now: k.clock.Now()}
		plan := Plan{Free: x.free, MinFree: 1 << 40}
		ok(t, plan.fill(t.Context(), k.index.Reader, p))
		_, err = k.Enrol(t.Context(), []CameraSpec{{Name: "a", Retain: limits["a"]}, {Name: "b", Retain: limits["b"]}})
		ok(t, err)
		_ = k.retain(t.Context())
		after, err := k.Usage(t.Context(), Span{at(0), at(1)})
		ok(t, err)
		for i, planned := range plan.Cameras {
			var bytes, segments int64
			for _, g := range planned.Now {
				bytes += g.Bytes
				segments += int64(g.Segments)
			}
			was, is := usage.Cameras[i], after.Cameras[i]
			if was.Bytes-is.Bytes != bytes || was.Segments-is.Segments != segments || bytes == 0 {
				t.Errorf("seed %d: %s lost %d bytes in %d, the plan said %+v", seed, is.Name, was.Bytes-is.Bytes, was.Segments-is.Segments, planned.Now)
			}
		}
		ok(t, k.Store.Close())
	}
}

// TestThePlanIsMadeBesideTheServerAndChangesNothing plans for other limits than those in force, a day ahead.
func TestThePlanIsMadeBesideTheServerAndChangesNothing(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id := k.ids["front-door"]
	k.limit(Retain{Age: 48 * time.Hour}) // and garage is retired
	k.record(id, film{start: epoch, seconds: 60})
	k.clock.set(at(60).Add(24 * time.Hour))
	plan, err := PlanRetention(t.Context(), PlanOptions{Recordings: k.o.Recordings, Data: k.o.Data, Now: k.clock.Now(),
		Retain: map[string]Retain{"front-door": {Age: 24*time.Hour + 30*time.Second}}})
	ok(t, err)
	if len(plan.Cameras) != 2 || !plan.Cameras[1].Retired || len(plan.Cameras[1].Day) != 0 {
		t.Fatalf("%+v", plan)
	}
	x := plan.Cameras[0]
	if x.Applied.Age != 48*time.Hour || len(x.Now) != 1 || len(x.Day) != 1 || x.Now[0].Limit != LimitAge {
		t.Fatalf("%+v", x)
	}
	if x.Now[0].Segments != 3 || x.Now[0].Span != (Span{at(0), at(30)}) || x.Day[0].Segments != 6 || x.Day[0].Span != (Span{at(0), at(60)}) {
		t.Errorf("now %+v, within a day %+v", x.Now, x.Day)
	}
	same(t, "left", k.starts(id), 0, 10, 20, 30, 40, 50)
	empty := t.TempDir()
	if _, err := PlanRetention(t.Context(), PlanOptions{Recordings: k.o.Recordings, Data: empty}); err == nil {
		t.Error("a plan without an index")
	}
	if names, err := filepath.Glob(filepath.Join(empty, "*")); err != nil || len(names) != 0 {
		t.Errorf("the plan made %v, %v", names, err)
	}
	if _, err := os.Stat(filepath.Join(k.o.Data, index.FileName)); err != nil {
		t.Error(err)
	}
}
