package accounts

import (
	"context"
	"database/sql"
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

// cinema is a bench with alice, who owns camera 1, and bob, who may watch it.
type cinema struct {
	*bench
	*Recorder
	alice, bob access.Viewer
}

func newCinema(t testing.TB) *cinema {
	t.Helper()
	c := &cinema{bench: newBench(t)}
	c.user(t, "alice", true)
	c.user(t, "bob", false)
	must(t, c.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}, {Camera: cam(2)}}))
	_, c.alice = c.session(t, "alice")
	_, c.bob = c.session(t, "bob")
	for n := byte(1); n <= 2; n++ {
		_, _, err := c.NewShare(t.Context(), c.alice, ShareSpec{Camera: cam(n), Account: "bob", Actions: access.Watching})
		must(t, err)
	}
	c.Recorder = c.NewRecorder(RecorderOptions{})
	return c
}

func (c *cinema) permit(t testing.TB, v access.Viewer, a access.Action, camera byte) access.Permit {
	t.Helper()
	p, err := c.Authorize(t.Context(), v, a, cam(camera))
	must(t, err)
	return p
}

// watch lets the viewer watch bytes of a recorded minute, at once.
func (c *cinema) watch(t testing.TB, v access.Viewer, camera byte, minute, bytes int) {
	t.Helper()
	from := c.clock.now().Truncate(24 * time.Hour).Add(time.Duration(minute) * time.Minute)
	w, err := c.Begin(c.permit(t, v, access.Playback, camera), Watch{Address: home, From: from, To: from.Add(time.Minute)})
	must(t, err)
	must(t, w.Wrote(bytes))
	w.End()
}

func (c *cinema) flushed(t testing.TB) {
	t.Helper()
	must(t, c.flush(t.Context(), false))
}

// seen returns the camera's record.
func (c *cinema) seen(t testing.TB, camera byte) []View {
	t.Helper()
	page, err := c.Views(t.Context(), c.permit(t, c.alice, access.Manage, camera), RecordQuery{Limit: maxPage})
	must(t, err)
	return page.List
}

func (c *cinema) whole(t testing.TB) RecordReport {
	t.Helper()
	r, err := c.VerifyViews(t.Context())
	must(t, err)
	if len(r.Problems) > 0 {
		t.Fatalf("the record is not whole: %q", r.Problems)
	}
	return r
}

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
	c.whole(t)
}

func TestOwnersReadTheirCamerasAndEverybodyTheirOwn(t *testing.T) {
	c := newCinema(t)
	c.user(t, "root", true)
	_, root := c.session(t, "root")
	c.watch(t, c.bob, 1, 0, 10)
	c.watch(t, c.alice, 1, 0, 20)
	c.flushed(t)
	if got := c.seen(t, 1); len(got) != 2 {
		t.Errorf("the owner reads %+v", got)
	}
	own, err := c.OwnViews(t.Context(), c.bob, RecordQuery{})
	if err != nil || len(own.List) != 1 || own.List[0].Bytes != 10 {
		t.Errorf("bob's own: %+v, %v", own, err)
	}
	for _, v := range []access.Viewer{c.bob, root} {
		if _, err := c.Authorize(t.Context(), v, access.Manage, cam(1)); err != access.ErrDenied {
			t.Errorf("%s may read the camera's record: %v", v.Name, err)
		}
	}
	if _, err := c.Views(t.Context(), c.permit(t, c.bob, access.Playback, 1), RecordQuery{}); err != access.ErrDenied {
		t.Errorf("with a permit to watch: %v", err)
	}
	if _, err := c.OwnViews(t.Context(), access.Viewer{Kind: access.LinkView, GrantID: 1}, RecordQuery{}); err != access.ErrDenied {
		t.Errorf("a link's own: %v", err)
	}
	if page, err := c.OwnViews(t.Context(), root, RecordQuery{}); err != nil || len(page.List) != 0 {
		t.Errorf("the administrator's own: %+v, %v", page, err)
	}
}

func TestViewsCloseTogetherAreOneAndOthersAreNot(t *testing.T) {
	c := newCinema(t)
	for n := range 100 { // scrubbing over ten minutes, for twenty seconds
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
	c.whole(t)
}

func TestAKilledProcessLosesNoViewThatWasFlushed(t *testing.T) {
	c := newCinema(t)
	c.watch(t, c.bob, 1, 0, 77)
	c.flushed(t)
	c.Recorder = c.NewRecorder(RecorderOptions{}) // the first one is never heard of again
	must(t, c.adopt(t.Context()))
	must(t, c.adopt(t.Context()))
	if got := c.seen(t, 1); len(got) != 1 || got[0].Bytes != 77 || got[0].Open {
		t.Errorf("after the restart: %+v", got)
	}
	c.whole(t)
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

func TestNothingIsShownWhenTheRecordCannotBeWritten(t *testing.T) {
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

func TestTheRecordsMemoryIsBounded(t *testing.T) {
	c := newCinema(t)
	viewers := []access.Viewer{c.alice, c.bob}
	for _, name := range []string{"carol", "dave", "erin"} {
		c.user(t, name, false)
		_, _, err := c.NewShare(t.Context(), c.alice, ShareSpec{Camera: cam(1), Account: name, Actions: access.Watching})
		must(t, err)
		_, v := c.session(t, name)
		viewers = append(viewers, v)
	}
	for _, v := range viewers[:4] {
		c.crowd(t, c.permit(t, v, access.Live, 1), maxOpenEach)
	}
	p := c.permit(t, viewers[4], access.Live, 1)
	if _, err := c.Begin(p, Watch{Address: home, From: c.clock.now()}); !errors.Is(err, ErrUnrecorded) {
		t.Errorf("one more: %v", err)
	}
	c.clock.advance(PermitTTL)
	if _, err := c.Begin(p, Watch{Address: home}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("with a permit that has expired: %v", err)
	}
}

func TestOneAccountCannotTakeTheRecordsRoom(t *testing.T) {
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

func TestLinksTakeNoRoomFromAccounts(t *testing.T) {
	c := newCinema(t)
	for n := range 2 {
		_, link, err := c.NewShare(t.Context(), c.alice, ShareSpec{Camera: cam(1), Actions: access.Rights(access.Live)})
		must(t, err)
		v, err := c.ByLink(t.Context(), link)
		must(t, err)
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

func TestPagesOfTheRecordLeaveNothingOut(t *testing.T) {
	c := newCinema(t)
	for n := range 25 {
		c.watch(t, c.bob, 1, n*100, n+1)
		c.clock.advance(2 * viewPause)
		c.flushed(t)
	}
	p := c.permit(t, c.alice, access.Manage, 1)
	var bytes []int64
	q := RecordQuery{Limit: 10}
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
	page, err := c.Views(t.Context(), p, RecordQuery{From: all[9].First, To: all[5].First})
	if err != nil || len(page.List) != 4 || page.List[0] != all[6] {
		t.Errorf("a span of it: %d, %v", len(page.List), err)
	}
}

func TestTheRecordsPagesStayOnTheirIndexes(t *testing.T) {
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

// rows runs a statement that an attacker with the database, but without the keys, might run.
func (c *cinema) tamper(t testing.TB, statement string) {
	t.Helper()
	must(t, c.db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(statement)
		return err
	}))
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
	c.settle(work)
	must(t, c.flush(t.Context(), true))
	_, c.alice = c.session(t, "alice")
	var sum int64
	for _, v := range c.seen(t, 1) {
		sum += v.Bytes
	}
	if len(work) != 1 || !work[0].over || sum != 15 {
		t.Errorf("%d bytes on record, 15 went out; %+v", sum, c.seen(t, 1))
	}
}
