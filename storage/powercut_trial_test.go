package storage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/index"
)

// TestAPowerCutAtAnyOperationLosesLittle runs a store through a script with every kind of disk operation, cuts the power before and
// after each, and opens several possible results of each cut. Invariants I2, I3.
func TestAPowerCutAtAnyOperationLosesLittle(t *testing.T) {
	seed := trialtest.Seed(t)
	template := makeTemplate(t)
	whole := scripted(t, template, harming{seed: seed}, &tally{})
	total := whole.x.n - whole.x.at
	const workers = 8
	sums := make([]tally, workers)
	states := trialtest.Rounds(t, 5)
	t.Run("cuts", func(t *testing.T) {
		for w := range workers {
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for n := 1 + w; n <= total; n += workers {
					for _, h := range []harm{dieBefore, dieAfter} {
						cutAt(t, template, harming{n, h, seed}, cutting{states, &sums[w]})
					}
				}
			})
		}
	})
	var sum tally
	for _, s := range sums {
		sum.cuts, sum.worst = sum.cuts+s.cuts, max(sum.worst, s.worst)
	}
	trialtest.Report(t, "power cut", "%d states after a cut before and after each of %d operations: all whole, at most %v of a stream lost", sum.cuts, total, sum.worst)
}

type cutting struct {
	states int
	sum    *tally
}

// cutAt ends the script where h says, and checks several possible results of the power cut.
func cutAt(t *testing.T, template *life, h harming, c cutting) {
	l := scripted(t, template, h, c.sum)
	if !l.x.dead {
		t.Fatalf("operation %d was never reached", h.at)
	}
	l.ended = l.mono
	died, op := l.dead, l.x.ops[l.x.at-1]
	l.bury(l.k.Store)
	for i := range c.states {
		r := rand.New(rand.NewPCG(h.seed, uint64(h.at*1000+i)))
		after := l.afterCut(r, died)
		after.did("%s at operation %d %q, cut %d", h.harm, h.at, op, i)
		after.open(&faults{})
		after.check()
		after.cuts++
		after.bury(after.k.Store)
	}
	ok(t, os.RemoveAll(l.base))
}

// afterCut is one possible life after a power cut. died is the data folder at the moment of the cut.
func (l *life) afterCut(r *rand.Rand, died string) *life {
	after := *l
	after.r, after.disk, after.k = r, l.disk.cut(r), &kit{TB: l.TB, clock: l.k.clock, o: l.k.o}
	after.k.o.Data = after.copyData(died)
	l.data = after.data
	ok(l, cutIndex(r, after.k.o.Data, after.disk.log))
	after.tapes, after.kept = nil, slices.Clone(l.kept)
	for _, p := range l.tapes {
		q := &tape{stream: p.stream, shots: slices.Clone(p.shots)}
		q.losesPower(l.ended)
		after.tapes = append(after.tapes, q)
	}
	return &after
}

// scripted is a life with everything that the store does to its disk. It dies where h says.
func scripted(t *testing.T, template *life, h harming, sum *tally) *life {
	l := newLife(t, rand.New(rand.NewPCG(h.seed, 7)), template, sum)
	l.x.at, l.x.harm = l.x.n+h.at, h.harm
	main, sub := l.tapes[0], l.tapes[1]
	for _, step := range []func(){
		func() { l.film(main, 9) }, func() { l.film(sub, 3) }, func() { l.film(main, 7) }, func() { l.stop(main) },
		func() { l.keep(Span{epoch, epoch.Add(2 * time.Second)}) }, func() { l.gap(main) }, func() { l.film(main, 16) },
		func() { l.film(sub, 9) }, func() { l.putStray(sub) }, func() { l.retain(3 * time.Second) }, func() { l.film(main, 5) },
		func() { l.unkeep(0) }, func() { l.retain(2 * time.Second) }, func() { l.stop(sub) },
		func() { l.film(main, 9) }, func() { l.deleteSpan(Span{l.k.clock.Now().Add(-time.Second), l.k.clock.Now()}) },
		func() { ok(t, l.k.Store.Close()) },
	} {
		if step(); l.x.dead {
			break
		}
	}
	return l
}

// harming says which operation of a script fails, from 1 on, and how.
type harming struct {
	at   int
	harm harm
	seed uint64
}

// putStray puts a file into the store that belongs to no camera.
func (l *life) putStray(p *tape) {
	c := l.k.cameras[p.stream.Camera]
	f, err := l.disk.files().Create(c.folder + "/" + p.stream.Quality.String() + "/" + l.k.clock.Now().Format(index.DayLayout) + "/12-00-00.000Z.mp4")
	ok(l, err)
	_, err = f.WriteAt([]byte("not footage"), 0)
	ok(l, err)
	_ = l.k.Reconcile(context.Background())
}

// TestAFolderThatADeathLeftUnsyncedIsSyncedByTheNextStart dies just after the day's folder was created, records again, and cuts
// the power.
func TestAFolderThatADeathLeftUnsyncedIsSyncedByTheNextStart(t *testing.T) {
	template := makeTemplate(t)
	l := scripted(t, template, harming{at: 1, harm: dieAfter, seed: 1}, &tally{})
	l.bury(l.k.Store)
	l.disk.locks = map[*node]bool{}
	l.k.o.Data, l.tapes[0].w, l.tapes[0].left, l.tapes[0].shots = l.dead, nil, nil, nil
	l.open(&faults{})
	l.film(l.tapes[0], 8)
	l.syncAll()
	l.died()
	l.ended = l.mono
	died := l.dead
	l.bury(l.k.Store)
	for i := range 20 {
		after := l.afterCut(rand.New(rand.NewPCG(1, uint64(i))), died)
		after.open(&faults{})
		after.check()
		after.bury(after.k.Store)
	}
}

// TestADeletionThatADeathLeftUnsyncedStaysWithoutTheIndex dies at each operation of a deletion, loses the index with its marks,
// restarts, and cuts the power. Files that were gone at the restart must not come back.
func TestADeletionThatADeathLeftUnsyncedStaysWithoutTheIndex(t *testing.T) {
	template := makeTemplate(t)
	deaths := 0
	for n := 1; ; n++ {
		l := newLife(t, rand.New(rand.NewPCG(1, uint64(n))), template, &tally{})
		l.film(l.tapes[0], 24)
		l.stop(l.tapes[0])
		l.disk.writeBack()
		l.x.at, l.x.harm = l.x.n+n, dieAfter
		l.retain(3 * time.Second)
		if !l.x.dead {
			l.bury(l.k.Store)
			break
		}
		deaths++
		l.did("dies after %q", l.x.ops[l.x.at-1])
		l.againWithoutIndex()
		for _, p := range l.tapes {
			p.becomes(written, safe)
		}
		l.died()
		l.disk = l.disk.cut(l.r)
		l.againWithoutIndex()
		l.bury(l.k.Store)
	}
	if deaths < 3 {
		t.Errorf("a deletion took %d operations", deaths)
	}
}

// againWithoutIndex restarts after a death with the index lost, and compares.
func (l *life) againWithoutIndex() {
	l.bury(l.k.Store)
	l.ended, l.disk.locks = l.mono, map[*node]bool{}
	for _, p := range l.tapes {
		p.w, p.left, p.gaps = nil, nil, nil
		p.forgetWhy(time.Time{})
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(l.dead, index.FileName+end)) //nolint:errcheck // it may not be there
	}
	l.k.o.Data = l.dead
	l.open(&faults{})
	l.check()
}
