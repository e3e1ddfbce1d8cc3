package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/sqlite/sqlitetest"
)

func TestAViewSaysWhoWatchedWhatFromWhereAndHowMuch(t *testing.T) {
	c := newCinema(t)
	began := c.clock.now()
	span := access.Window{From: began.Add(-time.Hour), To: began.Add(-30 * time.Minute)}
	w, err := c.Begin(c.permit(t, c.bob, access.Playback, 1), Watch{Address: "192.168.1.50:4711", From: span.From, To: span.To})
	must(t, err)
	must(t, w.Wrote(1000))
	c.flushed(t)
	if open := c.seen(t, 1); len(open) != 1 || !open[0].Open || open[0].Bytes != 1000 || open[0].ID != 0 {
		t.Errorf("while it goes on: %+v", open)
	}
	c.clock.advance(10 * time.Second)
	must(t, w.Wrote(234))
	w.End()
	w.End()
	c.clock.advance(viewPause + time.Second)
	c.flushed(t)
	got := c.seen(t, 1)
	if len(got) != 1 {
		t.Fatalf("views %+v", got)
	}
	v := got[0]
	want := View{ID: v.ID, Viewer: access.Viewer{Kind: access.AccountView, AccountID: 2, GrantID: c.bob.GrantID, Name: "bob"}, Camera: cam(1),
		Action: access.Playback, First: began, Last: began.Add(10 * time.Second), From: span.From, To: span.To, Address: home, Bytes: 1234}
	if v != want || v.ID == 0 {
		t.Errorf("view\n%+v, want\n%+v", v, want)
	}
	if other := c.seen(t, 2); len(other) != 0 {
		t.Errorf("the other camera: %+v", other)
	}
	c.intact(t)
}

func TestViewsCloseTogetherAreOneAndOthersAreNot(t *testing.T) {
	c := newCinema(t)
	for n := range 100 { // skimming over ten minutes, for twenty seconds
		c.watch(t, c.bob, 1, n%10, 1)
		c.clock.advance(200 * time.Millisecond)
	}
	c.watch(t, c.bob, 1, 600, 1)   // ten hours later in the recording
	c.watch(t, c.alice, 1, 0, 1)   // somebody else
	c.watch(t, c.bob, 2, 0, 1)     // another camera
	c.clock.advance(2 * viewPause) // and later again
	c.flushed(t)
	c.watch(t, c.bob, 1, 0, 1)
	c.clock.advance(2 * viewPause)
	c.flushed(t)
	if n := len(c.seen(t, 1)); n != 4 {
		t.Errorf("%d views of camera 1: %+v", n, c.seen(t, 1))
	}
	if n := len(c.seen(t, 2)); n != 1 {
		t.Errorf("%d views of camera 2", n)
	}
	for n := range 100 { // all over the year: bounded
		c.watch(t, c.bob, 1, n*10_000, 1)
	}
	if n := c.count; n != maxPlaces {
		t.Errorf("%d views in memory, at most %d of one kind", n, maxPlaces)
	}
}

// TestEveryByteIsOnRecordOnce lets viewers come and go at random over simulated hours, with flushes in between, and adds up.
func TestEveryByteIsOnRecordOnce(t *testing.T) {
	c := newCinema(t)
	r := rand.New(rand.NewPCG(4, 2))
	type open struct {
		*Viewing
		camera byte
	}
	var all []open
	want := map[byte]int64{}
	for range 2000 {
		switch k := r.IntN(10); {
		case k < 2 && len(all) < 20:
			v, camera := c.bob, byte(1+r.IntN(2))
			if r.IntN(2) == 0 {
				v = c.alice
			}
			from := c.clock.now().Add(-time.Duration(r.IntN(100)) * time.Minute)
			w, err := c.Begin(c.permit(t, v, access.Playback, camera), Watch{Address: home, From: from, To: from.Add(time.Minute)})
			must(t, err)
			all = append(all, open{w, camera})
		case k < 3 && len(all) > 0:
			i := r.IntN(len(all))
			all[i].End()
			all = append(all[:i], all[i+1:]...)
		case k < 8 && len(all) > 0:
			w, n := all[r.IntN(len(all))], r.IntN(5000)
			want[w.camera] += int64(n)
			must(t, w.Wrote(n))
		case k == 8:
			c.clock.advance(time.Duration(r.IntN(30)) * time.Second)
			c.isGood()
		default:
			if r.IntN(4) == 0 {
				c.flushed(t)
			}
		}
	}
	must(t, c.flush(t.Context(), true))
	for camera := byte(1); camera <= 2; camera++ {
		var sum int64
		views := c.seen(t, camera)
		for _, v := range views {
			if v.Last.Before(v.First) || v.Last.Sub(v.First) > longestView+time.Minute || v.Open {
				t.Errorf("view %+v", v)
			}
			sum += v.Bytes
		}
		if sum != want[camera] || len(views) < 5 {
			t.Errorf("camera %d: %d bytes in %d views, %d went out", camera, sum, len(views), want[camera])
		}
	}
	c.intact(t)
}

func TestAKilledProcessLosesNoViewThatWasFlushed(t *testing.T) {
	c := newCinema(t)
	c.watch(t, c.bob, 1, 0, 77)
	c.flushed(t)
	c.ViewLog = NewViewLog(c.Log, 0) // the first one is never heard of again
	must(t, c.adopt(t.Context()))
	must(t, c.adopt(t.Context()))
	if got := c.seen(t, 1); len(got) != 1 || got[0].Bytes != 77 || got[0].Open {
		t.Errorf("after the restart: %+v", got)
	}
	c.intact(t)
}

func TestTheEndOfRunWritesWhatIsLeft(t *testing.T) {
	c := newCinema(t)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var err error
	running.Go(func() { err = c.Run(ctx) })
	c.watch(t, c.bob, 1, 0, 5)
	stop()
	running.Wait()
	must(t, err)
	if got := c.seen(t, 1); len(got) != 1 || got[0].Open {
		t.Errorf("after the end: %+v", got)
	}
}

func TestNothingIsShownWhileTheLogCannotBeWritten(t *testing.T) {
	c := newCinema(t)
	w, err := c.Begin(c.permit(t, c.bob, access.Live, 1), Watch{Address: home, From: c.clock.now()})
	must(t, err)
	c.exec(t, "CREATE TRIGGER full BEFORE INSERT ON viewing BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	for c.flush(t.Context(), false) == nil {
		t.Fatal("the flush had to fail")
	}
	c.clock.advance(unwritten)
	must(t, w.Wrote(1))
	c.clock.advance(time.Millisecond)
	if err := w.Wrote(1); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("a running answer: %v", err)
	}
	if _, err := c.Begin(c.permit(t, c.bob, access.Live, 1), Watch{Address: home}); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("a new answer: %v", err)
	}
	c.exec(t, "DROP TRIGGER full")
	c.flushed(t)
	must(t, w.Wrote(1))
	if got := c.seen(t, 1); len(got) != 1 || got[0].Bytes != 3-1 {
		t.Errorf("afterwards: %+v", got)
	}
}

// crowd begins n views of one permit, each from an address of its own.
func (c *cinema) crowd(t testing.TB, p access.Permit, n int) {
	t.Helper()
	for i := range n {
		_, err := c.Begin(p, Watch{Address: fmt.Sprintf("10.0.%d.%d", i/256, i%256), From: c.clock.now()})
		must(t, err)
	}
}

func TestTheMemoryOfTheViewLogIsBounded(t *testing.T) {
	c := newCinema(t)
	viewers := []access.Viewer{c.alice, c.bob}
	for _, name := range []string{"carol", "dave", "erin"} {
		viewers = append(viewers, account(int64(len(viewers)+1), name))
	}
	for _, v := range viewers[:4] {
		c.crowd(t, c.permit(t, v, access.Live, 1), maxOpenEach)
	}
	p := c.permit(t, viewers[4], access.Live, 1)
	if _, err := c.Begin(p, Watch{Address: home, From: c.clock.now()}); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("one more: %v", err)
	}
	c.clock.advance(time.Second)
	if _, err := c.Begin(p, Watch{Address: home}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("with a permit that has expired: %v", err)
	}
}

func TestOneAccountCannotUseUpTheViewLog(t *testing.T) {
	c := newCinema(t)
	p := c.permit(t, c.bob, access.Live, 1)
	c.crowd(t, p, maxOpenEach)
	if _, err := c.Begin(p, Watch{Address: home, From: c.clock.now()}); !errors.Is(err, ErrTooManyViews) {
		t.Errorf("one more: %v", err)
	}
	if _, err := c.Begin(c.permit(t, c.alice, access.Live, 1), Watch{Address: home, From: c.clock.now()}); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	again, err := c.Begin(p, Watch{Address: "10.0.0.0", From: c.clock.now().Add(time.Hour), To: c.clock.now().Add(time.Hour)})
	must(t, err) // from where there is a view already, it is widened
	again.End()
	c.flushed(t)
	for _, list := range c.views {
		for _, s := range list {
			s.handles = 0
		}
	}
	c.clock.advance(2 * viewPause)
	c.flushed(t)
	if c.count != 0 || len(c.each) != 0 {
		t.Errorf("afterwards %d views are counted, of accounts %v", c.count, c.each)
	}
}

func TestLinksCannotUseUpTheViewLog(t *testing.T) {
	c := newCinema(t)
	for n := range 2 {
		v := access.Viewer{Kind: access.LinkView, GrantID: int64(n + 1)}
		if n == 0 {
			c.crowd(t, c.permit(t, v, access.Live, 1), maxOpenEach)
			continue
		}
		if _, err := c.Begin(c.permit(t, v, access.Live, 1), Watch{Address: home}); !errors.Is(err, ErrTooManyViews) {
			t.Errorf("the second link: %v", err)
		}
	}
	if _, err := c.Begin(c.permit(t, c.bob, access.Live, 1), Watch{Address: home}); err != nil {
		t.Errorf("an account: %v", err)
	}
}

func TestPagesOfTheLogLeaveNothingOut(t *testing.T) {
	c := newCinema(t)
	for n := range 25 {
		c.watch(t, c.bob, 1, n*100, n+1)
		c.clock.advance(2 * viewPause)
		c.flushed(t)
	}
	p := c.permit(t, c.alice, access.Manage, 1)
	var bytes []int64
	q := Query{Limit: 10}
	for pages := 0; ; pages++ {
		page, err := c.Views(t.Context(), p, q)
		must(t, err)
		for _, v := range page.List {
			bytes = append(bytes, v.Bytes)
		}
		if q.After = page.Next; q.After == (Cursor{}) {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
	}
	if len(bytes) != 25 || bytes[0] != 25 || bytes[24] != 1 {
		t.Errorf("pages hold %v", bytes)
	}
	all := c.seen(t, 1)
	page, err := c.Views(t.Context(), p, Query{From: all[9].First, To: all[5].First})
	if err != nil || len(page.List) != 4 || page.List[0] != all[6] {
		t.Errorf("a span of it: %d, %v", len(page.List), err)
	}
}

func TestPagesOfTheLogAreReadFromIndexes(t *testing.T) {
	c := newCinema(t)
	for query, index := range map[string]string{viewsOfCamera: "record_by_camera", changesOfCamera: "record_by_camera",
		viewsOfAccount: "record_by_account", changesOfAccount: "record_by_subject"} {
		plan := sqlitetest.Plan(t, c.db, query, 1, 0, 1, 1, 1, 10)
		if !strings.Contains(plan, index) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
	if plan := sqlitetest.Plan(t, c.db, pruneQuery, 1); strings.Count(plan, "SCAN") != strings.Count(plan, "SCAN CONSTANT ROW") {
		t.Errorf("pruning scans:\n%s", plan)
	}
}

func BenchmarkFlushOfAHundredViewers(b *testing.B) {
	c := newCinema(b)
	all := []*Viewing{}
	for n := range 100 {
		w, err := c.Begin(c.permit(b, c.bob, access.Live, 1), Watch{Address: fmt.Sprintf("10.0.0.%d", n), From: c.clock.now()})
		must(b, err)
		all = append(all, w)
	}
	for b.Loop() {
		for _, w := range all {
			must(b, w.Wrote(1))
		}
		c.flushed(b)
	}
}

// TestWhatIsWatchedWhileItIsWrittenIsNotLost lets somebody watch on between the look at the views and the commit.
func TestWhatIsWatchedWhileItIsWrittenIsNotLost(t *testing.T) {
	c := newCinema(t)
	w, err := c.Begin(c.permit(t, c.bob, access.Live, 1), Watch{Address: home, From: c.clock.now()})
	must(t, err)
	must(t, w.Wrote(10))
	c.clock.advance(longestView)
	c.isGood()
	work := c.gather(micros(c.clock.now()), false)
	must(t, w.Wrote(5))
	w.End()
	must(t, c.write(t.Context(), work))
	c.written(work)
	must(t, c.flush(t.Context(), true))
	var sum int64
	for _, v := range c.seen(t, 1) {
		sum += v.Bytes
	}
	if len(work) != 1 || !work[0].over || sum != 15 {
		t.Errorf("%d bytes on record, 15 went out; %+v", sum, c.seen(t, 1))
	}
}
