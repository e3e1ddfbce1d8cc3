package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// TestNoIndexCostsASegment removes the index, restores old ones, and damages it in many ways. After the next start, or the one
// after if the damage shows only in use, exactly all segments must be on the timeline.
func TestNoIndexCostsASegment(t *testing.T) {
	seed := trialtest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 1))
	template := makeTemplate(t)
	sum := &tally{}
	l := newLife(t, rand.New(rand.NewPCG(seed, 2)), template, sum)
	var old []string // copies of the index from earlier
	for round := range 6 {
		for _, p := range l.tapes {
			l.film(p, 40)
			l.stop(p)
		}
		if round == 3 {
			l.retain(40 * time.Second)
		}
		old = append(old, l.copyData(""))
	}
	ok(t, l.k.Store.Close())
	whole := l.k.o.Data
	harms := indexHarms(r, old)
	segments, tries := 0, 0
	for range trialtest.Rounds(t, 4) {
		for name, harm := range harms {
			l.k.o.Data = l.copyData(whole)
			harm(l.k.o.Data)
			l.note = " the index is " + name
			l.reopenWhole()
			n := 0
			for _, p := range l.tapes {
				p.gaps = nil
				p.forgetWhy(time.Time{})
				l.compare(p)
				n += len(l.rows(p))
			}
			if n == 0 || segments != 0 && n != segments {
				t.Fatalf("%s: %d segments, %d before", name, n, segments)
			}
			segments = n
			tries++
			l.bury(l.k.Store)
		}
	}
	trialtest.Report(t, "index lost, rolled back or damaged", "%d of %d segments back, each of %d times", segments, segments, tries)
}

// reopenWhole opens the store, and reopens it if the index turns out to be damaged only in use.
func (l *life) reopenWhole() {
	l.Helper()
	for range 3 {
		s, err := open(context.Background(), l.k.o, onMedium(l.disk, l.k.o, &faults{}))
		if err != nil {
			l.fatal("open: %v", err)
		}
		l.k.Store = s
		_, err = s.Enrol(context.Background(), []CameraSpec{{Name: lifeName}})
		if err == nil {
			err = errors.Join(s.suspect(s.index.Examine(context.Background())), s.finishDeleting(context.Background()), s.Reconcile(context.Background()), s.ResolveAll(context.Background(), nil, &disk.Pace{}))
		}
		if err == nil {
			return
		}
		l.did("opened again after: %v", err)
		_ = s.Close()
	}
	l.fatal("the index is never whole again")
}

// indexHarms are ways to damage an index. Random ones differ each time.
func indexHarms(r *rand.Rand, old []string) map[string]func(folder string) {
	edit := func(folder string, change func([]byte) []byte) {
		path := filepath.Join(folder, index.FileName)
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(b), 0o600)
		}
		if err != nil {
			panic(err)
		}
	}
	harms := map[string]func(string){
		"lost":  func(folder string) { _ = os.Remove(filepath.Join(folder, index.FileName)) },
		"empty": func(folder string) { edit(folder, func(b []byte) []byte { return nil }) },
		"no database": func(folder string) {
			edit(folder, func(b []byte) []byte { return []byte("this is not a database, and long enough to be one") })
		},
		"cut off":        func(folder string) { edit(folder, func(b []byte) []byte { return b[:r.IntN(len(b))] }) },
		"without a head": func(folder string) { edit(folder, func(b []byte) []byte { clear(b[:100]); return b }) },
		"bent in a page": func(folder string) {
			edit(folder, func(b []byte) []byte {
				at := 4096 * (1 + r.IntN(len(b)/4096-1))
				for i := range 64 {
					b[at+i] ^= byte(1 + r.IntN(255))
				}
				return b
			})
		},
	}
	for i, copied := range old {
		harms[fmt.Sprintf("copy %d of %d", i+1, len(old))] = func(folder string) {
			_ = os.Remove(filepath.Join(folder, index.FileName))
			if err := copyIndex(copied, folder); err != nil {
				panic(err)
			}
		}
	}
	return harms
}
