package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// smallDisk is the size of the disks in these trials.
const smallDisk = 64 << 20

// smallDiskTrial is a small disk that other programs fill.
type smallDiskTrial struct {
	kind string
	o    Options
	open func(string) (disk.Folder, error)
	fill func() // fills the disk to the last byte
	free func() // frees the space again
}

// mounted returns a trial on its own file system. ok is false if this process may not mount one.
func mounted(t *testing.T, withData bool) (x smallDiskTrial, ok bool) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	folder := t.TempDir()
	if err := syscall.Mount("keepwatch-trial", folder, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk)); err != nil {
		t.Logf("a file system of %s cannot be mounted here (%v): the trial goes on with a disk in memory that has a limit", format.Size(smallDisk), err)
		return x, false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", folder, err)
		}
	})
	o.Recordings = filepath.Join(folder, "recordings")
	if withData {
		o.Data = filepath.Join(folder, "data")
	}
	filler := filepath.Join(folder, "somebody-elses-film")
	return smallDiskTrial{"a mounted tmpfs", o, disk.Open, func() { fillUp(t, filler) }, func() { _ = os.Remove(filler) }}, true
}

// fillUp writes a file until the disk is full, and then the last bytes.
func fillUp(t *testing.T, name string) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ok(t, err)
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		_, err := f.Write(block)
		if errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
			continue
		}
		ok(t, err)
	}
}

// limited returns a trial on a disk in memory.
func limited(t *testing.T) smallDiskTrial {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	m := newMedium(c.Now)
	m.room, m.total = smallDisk, smallDisk
	taken := int64(0)
	set := func(room int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		taken, m.room = taken+m.room-room, room
	}
	return smallDiskTrial{"a disk in memory with a limit", o, onMedium(m, o, &faults{}), func() { set(0) },
		func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.room, taken = m.room+taken, 0
		}}
}

// TestASmallDiskFilledByUsAndByOthersIsSurvived records to a disk of 64 MB, round after round: until retention has to delete, and
// while another program takes every byte for a while. Invariant I5.
func TestASmallDiskFilledByUsAndByOthersIsSurvived(t *testing.T) {
	for name, withData := range map[string]bool{"recordings": false, "recordings and data": true} {
		t.Run(name, func(t *testing.T) {
			x, ok := mounted(t, withData)
			if !ok {
				x = limited(t)
			}
			x.run(t, trialtest.Rounds(t, 20))
		})
	}
}

func (x smallDiskTrial) run(t *testing.T, rounds int) {
	c := &clock{now: epoch}
	x.o.Now, x.o.MinFree = c.Now, MinFree{Bytes: 12 << 20}
	s, err := open(t.Context(), x.o, x.open)
	ok(t, err)
	k := &kit{TB: t, Store: s, clock: c, o: x.o}
	k.enrol("front-door")
	var worst time.Duration
	refused, acked := 0, []*media.Fragment(nil)
	for round := range rounds {
		run, fragments := k.fragments(k.ids["front-door"], film{start: c.Now(), seconds: 60, size: 100_000 + round%7*20_000})
		w := k.begin(run)
		var since time.Time
		for n, f := range fragments {
			c.set(f.End())
			switch n {
			case 30:
				x.fill()
			case 30 + 20 + round%20:
				x.free()
			}
			err := w.Append(t.Context(), f)
			k.keepHouseNow(n%10 == 0)
			full := n >= 30 && n < 30+20+round%20
			switch {
			case err == nil && !since.IsZero():
				worst, since = max(worst, f.Start.Sub(since)), time.Time{}
				fallthrough
			case err == nil:
				acked = append(acked, f)
			default:
				refused++
				if since.IsZero() || full { // no requirement while the disk is full
					since = f.Start
				}
			}
		}
		x.free()
		if err := w.End(t.Context(), "round over"); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if !since.IsZero() {
			t.Errorf("round %d: recording did not go on", round)
		}
	}
	if worst > 10*time.Second {
		t.Errorf("recording went on %v after there was room", worst)
	}
	ok(t, k.Store.Close())
	if s, err = open(t.Context(), x.o, x.open); err != nil {
		t.Fatal(err)
	}
	k.Store = s
	k.enrol("front-door")
	k.wholeAgain(acked)
	trialtest.Report(t, "small disk, filled by us and by others", "%d rounds on %s of %s: %d fragments written, %d refused while it was full; recording again %v after there was room",
		rounds, x.kind, format.Size(smallDisk), len(acked), refused, worst)
	ok(t, k.Store.Close())
}

// keepHouseNow runs the housekeeping that Run does every few seconds and when a disk is full.
func (k *kit) keepHouseNow(due bool) {
	select {
	case <-k.kick:
		due = true
	default:
	}
	if due {
		_ = k.write(context.Background(), func(tx *index.Tx) error { return k.noteAlive(context.Background(), tx, k.now()) })
		_ = k.retain(context.Background())
	}
}

// wholeAgain checks after a restart that all rows have readable files, and that only what retention deleted is missing.
func (k *kit) wholeAgain(acked []*media.Fragment) {
	id := k.ids["front-door"]
	ok(k, k.finishDeleting(context.Background()))
	ok(k, k.Reconcile(context.Background()))
	for _, r := range k.rowsOf(id) {
		f, err := k.cameras[id].files.Open(r.Name())
		ok(k, err)
		res, err := media.Scan(f, r.Size, id, k.LabelKey(id))
		if err != nil || res.Err != nil || len(res.Table.Entries) == 0 {
			k.Errorf("segment %s: %v, %v", r.Name(), err, res.Err)
		}
		ok(k, f.Close())
	}
	tl := k.timeline(id, epoch, k.clock.Now())
	for _, f := range acked {
		if !shows(tl, f) && !deleted(tl, index.Micros(f.Start)) {
			k.Fatalf("fragment %d at %v is lost", f.Seq, f.Start.Sub(epoch))
		}
	}
}
