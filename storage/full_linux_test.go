package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/accounts"
)

// tinyDisk mounts a disk of the given size and returns its folder. Without permission it logs that and returns "".
func tinyDisk(t *testing.T, size string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	ok(t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Logf("NOTE: no disk may be mounted here (%v): a layer that reports a full disk takes its place, and the databases stay on a disk with room", err)
		return ""
	}
	t.Cleanup(func() { ok(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// crowd is a disk that another program fills and frees.
type crowd struct {
	dir string  // of a real disk
	x   *faults // of a layer instead
}

func (d crowd) fill(t *testing.T) {
	t.Helper()
	if d.dir == "" {
		d.x.mu.Lock()
		d.x.free, d.x.all = 1, syscall.ENOSPC
		d.x.mu.Unlock()
		return
	}
	fillUp(t, filepath.Join(d.dir, "other"))
}

func (d crowd) leave(t *testing.T) {
	t.Helper()
	if d.dir != "" {
		ok(t, os.Remove(filepath.Join(d.dir, "other")))
		return
	}
	d.x.mu.Lock()
	d.x.free, d.x.all = 0, nil
	d.x.mu.Unlock()
}

// eventually waits until the condition holds, and fails after ten seconds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("ten seconds, and not yet: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// free returns the free space on the disk of the recordings.
func (k *kit) free() int64 {
	free, _, err := k.disk.Space()
	ok(k, err)
	return free
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestAtZeroBytesFreeLoginAndDeletionWork has another program fill the disk of recordings and data to the last byte. Invariant I5.
func TestAtZeroBytesFreeLoginAndDeletionWork(t *testing.T) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	d := crowd{dir: tinyDisk(t, "64m"), x: &faults{}}
	if d.dir != "" {
		o.Data, o.Recordings = filepath.Join(d.dir, "data"), filepath.Join(d.dir, "recordings")
	}
	k, err := openFaulty(t, c, o, d.x)
	ok(t, err)
	k.enrol("front-door")
	id := k.ids["front-door"]
	people, err := accounts.Open(t.Context(), accounts.Options{Path: filepath.Join(o.Data, "accounts.db"), Hash: accounts.HashCost{MemoryKiB: 8, Passes: 1, Lanes: 1}})
	ok(t, err)
	ok(t, people.AddUser(t.Context(), "alice", "correct horse battery", true))
	run, fragments := k.fragments(id, film{start: epoch, seconds: 80, size: 100_000})
	w := k.begin(run)
	k.append(w, fragments[:120])
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	reserve := filepath.Join(o.Data, reserveName)
	eventually(t, "there is a reserve", func() bool { return exists(reserve) })

	before := len(k.rowsOf(id))
	d.fill(t)
	eventually(t, "the reserve is given up and footage refused", func() bool { return !exists(reserve) && k.space.outOfSpace() })
	k.alarmedIn(AlarmDiskFull, o.Data, "full")
	var problem *DiskError
	if err := w.Append(ctx, fragments[120]); !errors.As(err, &problem) || problem.Reason() != ReasonDiskFull {
		t.Errorf("append to a full disk: %v", err)
	}
	for n := range 3 {
		if _, err := people.Login(ctx, accounts.Attempt{Username: "alice", Password: "correct horse battery", Address: "192.168.1.9"}); err != nil {
			t.Errorf("login %d on a full disk: %v", n, err)
		}
	}
	eventually(t, "retention makes room", func() bool { return len(k.rowsOf(id)) < before })
	if d.dir != "" {
		eventually(t, "retention is content", func() bool { return k.free() >= k.o.MinFree.of(64<<20) })
		before = len(k.rowsOf(id))
		d.fill(t) // the other program takes the freed space, too
		eventually(t, "retention makes room without a reserve", func() bool { return len(k.rowsOf(id)) < before })
	}

	d.leave(t)
	began := time.Now()
	eventually(t, "footage is taken again", func() bool { return !k.space.outOfSpace() && exists(reserve) })
	for _, f := range fragments[124:] { // a key frame
		c.set(f.End())
		ok(t, w.Append(ctx, f))
	}
	t.Logf("recording again %v after there was room", time.Since(began).Round(time.Millisecond))
	eventually(t, "the alarm is over", func() bool { return !k.standing(AlarmDiskFull) })
	stop()
	ok(t, <-done)
	ok(t, w.End(t.Context(), "over"))
	tl := k.timeline(id, epoch.Add(55*time.Second), fragments[len(fragments)-1].End())
	full := tl.Gaps[len(tl.Gaps)-1]
	if full.Code != CodeDiskFull || !full.From.Equal(fragments[119].End()) || !full.To.Equal(fragments[124].Start) {
		t.Errorf("%+v", tl)
	}
	ok(t, errors.Join(people.Close(), k.Store.Close()))
	k.openAgain()
}
