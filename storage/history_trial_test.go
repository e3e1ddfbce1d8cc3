package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// historiesPerLife is the number of histories of one store.
const historiesPerLife = 20

// TestRandomHistoriesLeaveWhatTheModelSays runs stores through random histories: recording, gaps, retention, clock jumps, disks
// that fail once, normal ends, kills and power cuts at any operation, also during recovery, and a lost or old index. After each,
// store and model must agree. Invariants I1, I2, I3, I4, I7.
func TestRandomHistoriesLeaveWhatTheModelSays(t *testing.T) {
	seed := trialtest.Seed(t)
	lives := (trialtest.Rounds(t, 2_000) + historiesPerLife - 1) / historiesPerLife
	template := makeTemplate(t)
	sums := make([]tally, lives)
	t.Run("lives", func(t *testing.T) {
		for i := range lives {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				l := newLife(t, rand.New(rand.NewPCG(seed, uint64(i))), template, &sums[i])
				for range historiesPerLife {
					l.history()
				}
				l.bury(l.k.Store)
			})
		}
	})
	var sum tally
	for _, s := range sums {
		sum.histories, sum.cuts, sum.kills = sum.histories+s.histories, sum.cuts+s.cuts, sum.kills+s.kills
		sum.losts, sum.worst = sum.losts+s.losts, max(sum.worst, s.worst)
	}
	trialtest.Report(t, "random histories against a model", "%d histories: %d kills, %d power cuts, %d times an index lost or old; at most %v of a stream lost",
		sum.histories, sum.kills, sum.cuts, sum.losts, sum.worst)
}

// keepFor sets the retention by age, as the configuration does.
func (l *life) keepFor(age time.Duration) {
	c := *l.k.cameras[l.tapes[0].stream.Camera]
	c.retain.Age = age
	l.k.know(&c)
}

// rows lists the segments of a stream.
func (l *life) rows(p *tape) []index.Segment {
	st := index.Stream{Camera: l.k.cameras[p.stream.Camera].row, Quality: p.stream.Quality}
	rows, err := l.k.index.BeginningIn(context.Background(), st, index.Interval{From: index.NoEnd, To: index.Forever})
	ok(l, err)
	return rows
}

// end ends the process in some way and starts another, which may also die during its recovery.
func (l *life) end() {
	for _, p := range l.tapes { // a gap that has just begun may be lost in that of the downtime
		p.gaps = slices.DeleteFunc(p.gaps, func(g noted) bool { return !g.sure })
	}
	n := l.r.IntN(20)
	if !l.x.dead && n < 4 {
		l.did("close")
		if err := l.k.Store.Close(); err != nil && l.x.harm == none {
			l.fatal("close: %v", err)
		}
	}
	old := l.k.Store
	switch {
	case !l.x.dead && n < 4:
		l.dead, old = l.k.o.Data, nil
		if l.x.harm == none {
			l.settled()
		}
	case !l.x.dead:
		l.died()
		l.x.mu.Lock()
		l.x.dead = true
		l.x.mu.Unlock()
		fallthrough
	default:
		l.afterDeath(n)
	}
	if old != nil {
		l.bury(old)
	}
	for again := 0; ; again++ {
		for _, p := range l.tapes {
			p.w, p.left = nil, nil
		}
		l.k.o.Data = l.dead
		x := &faults{}
		if again < 3 && l.r.IntN(4) == 0 {
			x.at, x.harm = 1+l.r.IntN(12), dieBefore+harm(l.r.IntN(2))
		}
		if l.open(x) {
			break
		}
		l.did("died in recovery")
		l.afterDeath(l.r.IntN(20))
	}
	l.x.mu.Lock()
	l.x.harm = none
	l.x.mu.Unlock()
}

// settled marks everything as synced after a normal end.
func (l *life) settled() {
	for _, p := range l.tapes {
		p.becomes(written, safe)
	}
}

// afterDeath chooses how the process died: a kill, or a power cut that loses unsynced data. It also chooses the state of the
// index.
func (l *life) afterDeath(n int) {
	l.ended = l.mono
	if n < 11 {
		l.did("kill")
		l.kills++
	} else {
		l.did("power cut")
		l.cuts++
		l.disk = l.disk.cut(l.r)
		ok(l, cutIndex(l.r, l.dead, l.disk.log))
		for _, p := range l.tapes {
			p.losesPower(l.ended)
			p.gaps = nil
		}
	}
	l.disk.locks = map[*node]bool{}
	switch l.r.IntN(12) {
	case 0:
		l.did("index lost")
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(l.dead, index.FileName+end))
		}
	case 1:
		if l.old == "" {
			l.old = l.copyData(l.dead)
			return
		}
		l.did("old index")
		l.dead, l.old = l.old, ""
	default:
		return
	}
	l.losts++
	for _, p := range l.tapes {
		p.gaps = nil
		p.forgetWhy(time.Time{})
	}
}

// mostLost is the most that a power cut may lose of a stream.
const mostLost = 5 * time.Second

// compare checks a stream after a restart, and updates the model where it could not know the result.
func (l *life) compare(p *tape) {
	spans := l.compareNow(p)
	for i := range p.shots {
		s := &p.shots[i]
		if s.state == gone {
			continue
		}
		if shows(spans, s.f) {
			s.state = safe
			continue
		}
		if s.state == unsynced {
			l.worst = max(l.worst, s.risk)
		}
		s.state = gone
	}
	l.readable(p)
	if n := len(spans.Spans); n > 0 {
		l.plays(p, spans.Spans[n-1])
		l.plays(p, spans.Spans[l.r.IntN(n)])
	}
}

// plays fails unless a span on the timeline can be read to its end and equals what was recorded.
func (l *life) plays(p *tape, s RunSpan) {
	l.Helper()
	c, err := l.k.OpenSegments(context.Background(), l.k.permit(p.stream.Camera, access.Playback), p.stream.Quality, Span{s.From, s.To})
	if err != nil {
		l.fatal("%s: the footage from %v to %v cannot be opened: %v", l.name(p), s.From.Sub(epoch), s.To.Sub(epoch), err)
	}
	got, err := io.ReadAll(c)
	if err = errors.Join(err, c.Close()); err != nil {
		l.fatal("%s: the footage from %v to %v cannot be read: %v", l.name(p), s.From.Sub(epoch), s.To.Sub(epoch), err)
	}
	var want []byte
	for _, x := range p.shots {
		if x.f.Run.ID == s.Run && !x.f.Start.Before(c.Start()) && !x.f.End().After(c.End()) {
			want = append(want, x.f.Bytes...)
		}
	}
	if !bytes.HasSuffix(got, want) || len(want) == 0 {
		l.fatal("%s: the footage from %v to %v is not what was recorded", l.name(p), s.From.Sub(epoch), s.To.Sub(epoch))
	}
}

// compareNow fails unless the timeline of a stream equals the model.
func (l *life) compareNow(p *tape) Timeline {
	l.Helper()
	tl := l.timeline(p)
	var shown, known time.Duration
	for _, s := range tl.Spans {
		shown += s.To.Sub(s.From)
	}
	for _, s := range p.shots {
		there := shows(tl, s.f)
		if there {
			known += s.f.End().Sub(s.f.Start)
		}
		switch {
		case !there && (s.state == safe || s.state == written):
			l.fatal("%s: fragment %d at %v is lost\nspans %+v\ngaps %+v", l.name(p), s.f.Seq, s.f.Start.Sub(epoch), tl.Spans, tl.Gaps)
		case there && s.state == gone:
			l.fatal("%s: fragment %d at %v is back", l.name(p), s.f.Seq, s.f.Start.Sub(epoch))
		case s.why != "" && !because(tl, s):
			l.fatal("%s: it is forgotten that fragment %d at %v was %s\n%+v", l.name(p), s.f.Seq, s.f.Start.Sub(epoch), s.why, tl.Gaps)
		case !there && s.state == unsynced && s.risk > mostLost:
			l.fatal("%s: fragment %d was lost %v after it was written", l.name(p), s.f.Seq, s.risk)
		}
	}
	if shown != known {
		l.fatal("%s: the timeline shows %v, recorded were %v\n%+v", l.name(p), shown, known, tl)
	}
	for _, g := range p.gaps {
		if g.sure && g.at.Before(l.k.clock.Now()) && !slices.ContainsFunc(tl.Gaps, func(x Gap) bool { return !x.From.After(g.at) && x.To.After(g.at) && x.Reason == g.reason }) {
			l.fatal("%s: the gap %q at %v is forgotten\n%+v", l.name(p), g.reason, g.at.Sub(epoch), tl.Gaps)
		}
	}
	return tl
}

// because reports whether the timeline says why the fragment is gone. Retention merges gaps between deleted segments into one,
// including an owner's.
func because(tl Timeline, s shot) bool {
	return slices.ContainsFunc(tl.Gaps, func(g Gap) bool {
		return !g.From.After(s.f.Start) && !g.To.Before(s.f.End()) && (g.Reason == s.why || g.Reason == ReasonDeleted)
	})
}

// shows reports whether the timeline has the fragment as footage.
func shows(tl Timeline, f *media.Fragment) bool {
	return slices.ContainsFunc(tl.Spans, func(s RunSpan) bool {
		return s.Run == f.Run.ID && !f.Start.Before(s.From) && !f.End().After(s.To)
	})
}

// timeline returns the complete timeline of a stream, which must add up.
func (l *life) timeline(p *tape) Timeline {
	span := Span{epoch.Add(-2 * time.Hour), epoch.Add(100 * 24 * time.Hour)}
	for _, s := range p.shots {
		if s.f.Start.Before(span.From) {
			span.From = s.f.Start
		}
	}
	permit := l.k.permit(p.stream.Camera, access.Playback)
	tl, err := l.k.Timeline(context.Background(), permit, p.stream.Quality, span)
	ok(l, err)
	checkAddsUp(l, tl, span.From, span.To)
	return tl
}

// readable fails unless every row has a file that verifies completely, and every file has a row.
func (l *life) readable(p *tape) {
	c := l.k.cameras[p.stream.Camera]
	noted := map[string]bool{}
	for _, r := range l.rows(p) {
		noted[r.Name()] = true
		f, err := c.files.Open(r.Name())
		if err != nil || r.State != index.StateClosed {
			l.fatal("segment %s in state %d: %v", r.Name(), r.State, err)
		}
		size, err := f.Size()
		ok(l, err)
		// The file may have got its table after the old index was copied.
		res, err := media.Scan(f, min(size, r.Size), c.id, c.key)
		if err != nil || res.Err != nil || size < r.Size {
			l.fatal("segment %s of %d bytes, in the index %d: %v, %v", r.Name(), size, r.Size, err, res.Err)
		}
		e := res.Table.Entries
		if len(e) == 0 || index.Micros(e[0].Start) != r.Start || index.Micros(e[len(e)-1].End()) != r.End || res.Run.ID != r.RunID {
			l.fatal("segment %s is not what its row says", r.Name())
		}
	}
	days, err := c.files.List(p.stream.Quality.String())
	if disk.IsMissing(err) {
		return
	}
	ok(l, err)
	for _, day := range days {
		name := p.stream.Quality.String() + "/" + day.Name()
		entries, err := c.files.List(name)
		ok(l, err)
		for _, e := range entries {
			if !noted[name+"/"+e.Name()] {
				l.fatal("a file without a row: %s", name+"/"+e.Name())
			}
		}
	}
}
