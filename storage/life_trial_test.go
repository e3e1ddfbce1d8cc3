package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// life is a store that goes through one history after the other, with a model of its expected content. A history is some actions of
// recorders, people and retention, an end of some kind, and a restart. Then store and model are compared.
type life struct {
	testing.TB
	r     *rand.Rand
	k     *kit
	disk  *medium
	x     *faults
	tapes []*tape
	kept  []keeping
	mono  time.Duration // footage time that has passed, independent of the wall clock
	sync  time.Duration // mono at the last sync
	ended time.Duration // mono at the last end
	base  string        // folder of the data folders
	data  int           // number of the newest
	dead  string        // data folder as it was at the process's death
	old   string        // an older copy of the index
	note  string        // what happened, for the report of a failure
	*tally
}

// tally is the total of all lives.
type tally struct {
	histories, cuts, kills, losts, refused int
	worst                                  time.Duration // most footage that a power cut lost, of one stream
}

// tape is the model of a stream.
type tape struct {
	stream media.StreamID
	shots  []shot
	w      *Writer
	left   []*media.Fragment // of w's run, not appended yet
	gaps   []noted
	runs   int
}

// noted is a gap that the ledger must have at a moment.
type noted struct {
	at     time.Time
	reason string
	sure   bool // the recorder was known to be alive later
}

// shot is a fragment that was passed to Append.
type shot struct {
	f     *media.Fragment
	mono  time.Duration // when
	state fate
	risk  time.Duration // of an unsynced one: time from its writing to the power cut
	why   string        // reason on the timeline for a deleted one; "" if not known
}

// fate is the expected state of a shot.
type fate int

const (
	doubtful fate = iota // the disk failed: it may exist or not
	unsynced             // a power cut may lose it
	written              // it exists after anything but a power cut
	safe                 // it exists
	gone                 // it does not exist
)

// lifeName is the one camera of a life. With several, the order of the store's operations would not be determined by the seed.
const lifeName = "front-door"

// newLife begins with a copy of an empty store in template, the folder from makeTemplate.
func newLife(t testing.TB, r *rand.Rand, template *life, sum *tally) *life {
	c := &clock{now: epoch}
	o := template.k.o
	o.Now = c.Now
	l := &life{TB: t, r: r, base: t.TempDir(), tally: sum, disk: template.disk.cut(r), k: &kit{TB: t, clock: c, o: o}}
	l.disk.now = c.Now
	l.k.o.Data = template.k.o.Data
	l.k.o.Data = l.copyData("")
	l.open(&faults{})
	for _, quality := range qualities {
		l.tapes = append(l.tapes, &tape{stream: media.StreamID{Camera: l.k.ids[lifeName], Quality: quality}})
	}
	return l
}

// makeTemplate creates a store with cameras and without footage, and closes it.
func makeTemplate(t testing.TB) *life {
	c := &clock{now: epoch.Add(-time.Second)}
	o := testOptions(t, c)
	o.SegmentDuration = 4 * time.Second
	l := &life{TB: t, disk: newMedium(c.Now), k: &kit{TB: t, clock: c, o: o}, tally: &tally{}}
	l.open(&faults{})
	ok(t, l.k.Store.Close())
	return l
}

// open opens the store, enrols its cameras and has it scan its files. It returns false if the disk died meanwhile.
func (l *life) open(x *faults) bool {
	l.Helper()
	l.x = x
	x.die = l.died
	s, err := open(context.Background(), l.k.o, onMedium(l.disk, l.k.o, x))
	if err == nil {
		l.k.Store = s
		l.k.ids, err = s.Enrol(context.Background(), []CameraSpec{{Name: lifeName}})
		if err == nil {
			if l.r != nil && len(l.tapes) > 0 && l.r.IntN(3) == 0 { // cameras do not wait for the rest of the recovery
				l.did("meanwhile")
				l.film(l.tapes[l.r.IntN(len(l.tapes))], 1+l.r.IntN(12))
			}
			err = errors.Join(s.finishDeleting(context.Background()), s.Reconcile(context.Background()), s.ResolveAll(context.Background(), nil, &disk.Pace{}))
			for _, p := range l.tapes {
				l.stop(p)
			}
		}
	}
	if x.dead {
		if s != nil {
			l.bury(s)
		}
		return false
	}
	if err != nil {
		l.fatal("open: %v", err)
	}
	return true
}

func (l *life) fatal(format string, args ...any) {
	l.Helper()
	l.Fatalf("%s\nafter:%s\non the disk: %q", fmt.Sprintf(format, args...), l.note, l.names(l.disk.root, ""))
}

func (l *life) did(format string, args ...any) {
	l.note += " " + fmt.Sprintf(format, args...) + ";"
}

// copyData creates a new data folder with a copy of the index, from the given folder or the current one.
func (l *life) copyData(index string) string {
	l.data++
	to := filepath.Join(l.base, fmt.Sprint("data", l.data))
	ok(l, os.Mkdir(to, 0o700))
	b, err := os.ReadFile(filepath.Join(l.k.o.Data, identityName))
	ok(l, err)
	ok(l, os.WriteFile(filepath.Join(to, identityName), b, 0o600))
	if index == "" {
		index = l.k.o.Data
	}
	ok(l, copyIndex(index, to))
	return to
}

// died copies the index at the moment of death.
func (l *life) died() { l.dead = l.copyData("") }

// bury releases the resources of a store whose process is dead.
func (l *life) bury(s *Store) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, end := range []string{"", "-wal"} { // nobody waits for them any more, so that the disk need not
		_ = os.Remove(filepath.Join(s.o.Data, index.FileName) + end)
	}
	_ = s.index.Close()
	_ = s.guard.Close()
}

// history runs some random actions, ends in some way, restarts and compares.
func (l *life) history() {
	l.histories++
	switch h := harm(l.r.IntN(7)); h {
	case dieBefore, dieAfter, eio, enospc:
		l.x.mu.Lock()
		l.x.at, l.x.harm, l.x.spare = l.x.n+1+l.r.IntN(60), h, "sync"
		l.x.mu.Unlock()
	}
	for range 1 + l.r.IntN(6) {
		l.something()
		if l.x.dead {
			break
		}
		l.alive()
	}
	l.end()
	l.check()
}

// check compares store and model after a start.
func (l *life) check() {
	for _, p := range l.tapes {
		l.compare(p)
	}
	l.compareKept()
	flaws, err := l.k.index.Flaws(context.Background())
	if ok(l, err); len(flaws) > 0 {
		l.fatal("%s", flaws)
	}
}

// alive records that the recorder is alive, as housekeeping does, and advances the time a little.
func (l *life) alive() {
	if l.r.IntN(3) > 0 {
		return
	}
	at := l.k.clock.Now().Add(time.Duration(1+l.r.IntN(3000)) * time.Millisecond)
	l.k.clock.set(at)
	ok(l, l.k.write(context.Background(), func(tx *index.Tx) error { return l.k.noteAlive(context.Background(), tx, at) }))
	for _, p := range l.tapes {
		for i := range p.gaps {
			p.gaps[i].sure = p.gaps[i].sure || p.gaps[i].at.Before(at)
		}
	}
}

// something runs one random action.
func (l *life) something() {
	p := l.tapes[l.r.IntN(len(l.tapes))]
	switch n := l.r.IntN(22); {
	case n < 11:
		l.film(p, 1+l.r.IntN(16))
	case n < 13:
		l.stop(p)
	case n < 15:
		l.gap(p)
	case n < 17:
		l.retain(time.Duration(1+l.r.IntN(120)) * time.Second)
	case n < 18:
		l.step()
	case n < 19:
		l.keepOrNot()
	case n < 20:
		l.deleteSome()
	default:
		for _, p := range l.tapes {
			l.film(p, 2)
		}
	}
}

// film appends fragments, of a new run if none is open.
func (l *life) film(p *tape, count int) {
	if p.w == nil && !l.begin(p) {
		return
	}
	l.did("film %d of %s", count, l.name(p))
	for ; count > 0 && len(p.left) > 0; count-- {
		f := p.left[0]
		p.left = p.left[1:]
		if f.End().After(l.k.clock.Now()) {
			l.k.clock.set(f.End())
		}
		l.mono += f.End().Sub(f.Start)
		err := p.w.Append(context.Background(), f)
		s := shot{f: f, mono: l.mono, state: written}
		if err != nil {
			l.refused++
			if s.state = doubtful; l.x.harm == none {
				l.fatal("append without a fault: %v", err)
			}
		}
		p.shots = append(p.shots, s)
		if l.x.dead {
			return
		}
		if l.mono-l.sync >= l.k.syncEvery() {
			l.syncAll()
		}
	}
	if len(p.left) == 0 {
		l.stop(p)
	}
}

// begin begins a run now, or at the end of existing footage if the clock was set back.
func (l *life) begin(p *tape) bool {
	start, end := l.k.clock.Now(), p.end()
	if start.Before(end) {
		run, _ := l.k.fragments(p.stream.Camera, film{start: start, seconds: 1, quality: p.stream.Quality})
		if w, err := l.k.Begin(context.Background(), run); !errors.Is(err, ErrOverlap) && !l.x.dead {
			l.fatal("a run of %s began at %v, before %v: %v, %v", l.name(p), start, end, w, err)
		}
		start = end
	}
	// What a power cut left with an integrity issue may have survived, and deleted footage may have been last.
	last, err := l.k.EndOfFootage(context.Background(), p.stream)
	if err != nil {
		if !l.x.dead {
			l.fatal("end of footage: %v", err)
		}
		return false
	}
	if last.After(start) {
		start = last
	}
	run, fragments := l.k.fragments(p.stream.Camera, film{start: start, seconds: 1 + l.r.IntN(20), quality: p.stream.Quality, gop: 1 + l.r.IntN(3)})
	l.did("begin %s at %v", l.name(p), start.Sub(epoch))
	p.w, err = l.k.Begin(context.Background(), run)
	if err != nil {
		p.w = nil
		if !l.x.dead {
			l.fatal("begin: %v", err)
		}
		return false
	}
	p.left = fragments
	p.gaps = slices.DeleteFunc(p.gaps, func(g noted) bool { return !g.at.Before(start) })
	p.forgetWhy(start)
	return true
}

// end returns the end of the tape's footage that certainly exists.
func (p *tape) end() time.Time {
	for _, s := range slices.Backward(p.shots) {
		if s.state == written || s.state == safe {
			return s.f.End()
		}
	}
	return time.Time{}
}

func (l *life) name(p *tape) string {
	return p.stream.Quality.String()
}

// syncAll syncs everything written, as Run does periodically.
func (l *life) syncAll() {
	l.k.syncDirty()
	l.sync = l.mono
	if l.x.dead {
		return
	}
	for _, p := range l.tapes {
		for i := range p.shots { // unsynced data of another process waits for recovery
			if s := &p.shots[i]; s.state == written && p.w != nil && s.f.Run == p.w.run {
				s.state = safe
			}
		}
	}
}

func (p *tape) becomes(from, to fate) {
	for i := range p.shots {
		if p.shots[i].state == from {
			p.shots[i].state = to
		}
	}
}

// losesPower records that the power was cut at the time ended.
func (p *tape) losesPower(ended time.Duration) {
	for i := range p.shots {
		if s := &p.shots[i]; s.state == written {
			s.state, s.risk = unsynced, ended-s.mono
		}
	}
}

// stop ends the run with a reason that no other gap has.
func (l *life) stop(p *tape) {
	if p.w == nil {
		return
	}
	p.runs++
	reason := fmt.Sprintf("stopped %d", p.runs)
	l.did("stop %s", l.name(p))
	err := p.w.End(context.Background(), reason)
	if err != nil && l.x.harm == none {
		l.fatal("end: %v", err)
	}
	p.w, p.left = nil, nil
	if end := p.end(); !l.x.dead && l.x.harm == none {
		p.becomes(written, safe)
		if !end.IsZero() {
			p.gaps = append(p.gaps, noted{at: end, reason: reason})
		}
	}
}

// gap records why a stream is not recorded. It ends no run.
func (l *life) gap(p *tape) {
	if p.w != nil {
		return
	}
	at := l.k.clock.Now()
	if last, err := l.k.EndOfFootage(context.Background(), p.stream); err != nil || at.Before(last) {
		return
	}
	p.runs++
	reason := fmt.Sprintf("gap %d", p.runs)
	l.did("gap of %s", l.name(p))
	p.gaps = slices.DeleteFunc(p.gaps, func(g noted) bool { return !g.at.Before(at) })
	p.forgetWhy(at)
	ok(l, l.k.SetGap(context.Background(), p.stream, at, reason))
	p.gaps = append(p.gaps, noted{at: at, reason: reason})
}

// step sets the wall clock.
func (l *life) step() {
	by := time.Duration(l.r.IntN(7_200_000)-3_600_000) * time.Millisecond
	l.did("clock %+v", by)
	for _, p := range l.tapes { // the recorder ends a run when the clock is set
		l.stop(p)
		if by < 0 {
			p.gaps = nil // they are in the future now
			p.forgetWhy(time.Time{})
		}
	}
	if !l.x.dead {
		l.disk.writeBack() // setting the clock takes a person some time
		l.k.clock.set(l.k.clock.Now().Add(by))
	}
}

// names lists the files on the disk.
func (l *life) names(at *node, path string) (all []string) {
	for name, n := range at.names {
		if n.names != nil {
			all = append(all, l.names(n, path+name+"/")...)
		} else {
			all = append(all, fmt.Sprintf("%s%s %d", path, name, len(n.content)))
		}
	}
	slices.Sort(all)
	return all
}
