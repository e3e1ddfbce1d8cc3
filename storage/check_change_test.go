package storage

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// TestSegmentsThatComeCloseAndGoAreNoFindings checks repeatedly while footage is written and deleted.
func TestSegmentsThatComeCloseAndGoAreNoFindings(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.Store.cameras[id].retain = Retain{Age: 20 * time.Second}
	run, fragments := k.fragments(id, film{start: epoch, seconds: 600})
	w := k.begin(run)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		defer close(done)
		for i, f := range fragments {
			k.clock.set(f.End())
			if err := w.Append(context.Background(), f); err != nil {
				t.Error(err)
				return
			}
			if i%8 == 0 {
				if err := k.retain(context.Background()); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for n := 0; ; n++ {
		r := k.check(n%2 == 0, false)
		if len(r.Errors) != 0 {
			t.Fatalf("%+v", r.Errors)
		}
		select {
		case <-done:
			group.Wait()
			k.clean()
			if n < 2 {
				t.Errorf("only %d checks", n)
			}
			return
		default:
		}
	}
}

// meddled is a disk on which something happens just before a file is opened.
type meddled struct {
	disk.Folder
	before func(name string)
}

func (d meddled) Open(name string) (disk.File, error) {
	d.before(name)
	return d.Folder.Open(name)
}

func (d meddled) Edit(name string) (disk.File, error) {
	d.before(name)
	return d.Folder.Edit(name)
}

func (d meddled) Sub(name string) (disk.Folder, error) {
	sub, err := d.Folder.Sub(name)
	return meddled{sub, d.before}, err
}

// marked has retention mark a segment.
func (k *kit) marked(r index.Segment) {
	ok(k, k.index.Write(k.Context(), func(tx *index.Tx) error {
		_, err := tx.MarkDeleting(k.Context(), r)
		return err
	}))
}

// TestWhatChangesWhileItIsLookedAtIsNoFinding changes segments after they are listed and before they are read.
func TestWhatChangesWhileItIsLookedAtIsNoFinding(t *testing.T) {
	for what, change := range map[string]func(k *kit, c *camera, r index.Segment) error{
		"deleted": func(k *kit, c *camera, r index.Segment) error {
			k.marked(r)
			return k.finishDeleting(t.Context())
		},
		"unlinked by a retention that goes on": func(k *kit, c *camera, r index.Segment) error {
			k.marked(r)
			return c.files.Remove(r.Name())
		},
		"found missing and repaired by the server": func(k *kit, c *camera, r index.Segment) error {
			ok(t, os.Truncate(k.path(c.id, r.Name()), r.Size/2))
			return k.compare(t.Context(), c, r)
		},
	} {
		k := newKit(t, "front-door")
		c := k.cameras[k.ids["front-door"]]
		k.record(c.id, film{start: epoch, seconds: 30})
		r := k.rowsOf(c.id)[1]
		var once sync.Once
		report, err := runCheck(t.Context(), CheckCall{Store: k.o, Open: func(name string) (disk.Folder, error) {
			d, err := disk.Open(name)
			return meddled{d, func(name string) {
				if name == r.Name() {
					once.Do(func() { ok(t, change(k, c, r)) })
				}
			}}, err
		}})
		ok(t, err)
		if len(report.Errors) != 0 {
			t.Errorf("%s: %+v", what, report.Errors)
		}
	}
}

// TestAStrayThatWasAdoptedMeanwhileIsNotQuarantined gives a file its row after the walk has listed it.
func TestAStrayThatWasAdoptedMeanwhileIsNotQuarantined(t *testing.T) {
	k := newKit(t, "front-door")
	c := k.cameras[k.ids["front-door"]]
	k.record(c.id, film{start: epoch, seconds: 10})
	ok(t, k.reconcileFile(t.Context(), c, k.rowsOf(c.id)[0].Name(), nil, true))
	k.clean()
	if got := k.footage(c.id); got != 10*time.Second {
		t.Errorf("%v of footage", got)
	}
}
