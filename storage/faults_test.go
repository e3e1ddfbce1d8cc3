package storage

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// harm is a fault of one operation.
type harm int

const (
	none      harm = iota
	eio            // it fails, once
	enospc         // it fails once with a full disk; a write writes half
	dieBefore      // the process dies before it; a write writes half
	dieAfter       // the process dies after it
)

func (h harm) String() string {
	return [...]string{"none", "EIO", "ENOSPC", "dies before", "dies after"}[h]
}

var errDead = errors.New("the process is dead")

// faults counts the operations on the disk and makes one fail.
type faults struct {
	mu    sync.Mutex
	n     int
	at    int
	harm  harm
	dead  bool
	die   func()        // called without the lock
	look  func() string // if set, called before each operation; its result is added to ops
	ops   []string
	spare string // an operation that does not fail; the next one does instead
	free  int64  // if not 0, the result of space
	read  error  // if set, the result of reading beyond the first 3000 bytes of a file
	all   error  // if set, the result of every write and creation
}

func (x *faults) set(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.all = err
}

// do runs an operation unless it must fail. half does part of it.
func (x *faults) do(op string, whole, half func() error) error {
	x.mu.Lock()
	if x.dead {
		x.mu.Unlock()
		return errDead
	}
	x.n++
	if x.look != nil {
		op += " " + x.look()
	}
	x.ops = append(x.ops, op)
	if x.all != nil && (op == "write" || strings.HasPrefix(op, "create")) {
		defer x.mu.Unlock()
		return fmt.Errorf("%s: %w", op, x.all)
	}
	hit := x.harm != none && x.n == x.at
	if hit && op == x.spare {
		hit = false
		x.at++
	}
	if hit && x.harm >= dieBefore {
		x.dead = true
	}
	x.mu.Unlock()
	if !hit {
		return whole()
	}
	if x.harm == dieAfter {
		_ = whole()
	} else if half != nil && x.harm != eio {
		_ = half()
	}
	switch x.harm {
	case eio:
		return fmt.Errorf("%s: %w", op, syscall.EIO)
	case enospc:
		return fmt.Errorf("%s: %w", op, syscall.ENOSPC)
	}
	if x.die != nil {
		x.die()
	}
	return errDead
}

// faulty is a disk with injected faults.
type faulty struct {
	disk.Folder
	x *faults
}

func (d faulty) opened(f disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	return faultyFile{f, d.x}, nil
}

func (d faulty) Create(name string) (f disk.File, err error) {
	err = d.x.do("create "+name, func() (e error) { f, e = d.Folder.Create(name); return }, nil)
	if err != nil && f != nil {
		_ = f.Close()
	}
	return d.opened(f, err)
}

func (d faulty) Open(name string) (disk.File, error) { return d.opened(d.Folder.Open(name)) }
func (d faulty) Edit(name string) (disk.File, error) { return d.opened(d.Folder.Edit(name)) }
func (d faulty) Mkdir(name string) error {
	return d.x.do("mkdir "+name, func() error { return d.Folder.Mkdir(name) }, nil)
}
func (d faulty) Rename(a, b string) error {
	return d.x.do("rename "+a, func() error { return d.Folder.Rename(a, b) }, nil)
}
func (d faulty) Remove(name string) error {
	return d.x.do("remove "+name, func() error { return d.Folder.Remove(name) }, nil)
}
func (d faulty) SyncDir(name string) error {
	return d.x.do("syncDir "+name, func() error { return d.Folder.SyncDir(name) }, nil)
}
func (d faulty) Lock(name string) (io.Closer, error) { return d.Folder.Lock(name) }
func (d faulty) Sub(name string) (disk.Folder, error) {
	sub, err := d.Folder.Sub(name)
	return faulty{sub, d.x}, err
}
func (d faulty) Space() (free, total int64, err error) {
	free, total, err = d.Folder.Space()
	d.x.mu.Lock()
	defer d.x.mu.Unlock()
	if d.x.free != 0 {
		free = d.x.free
	}
	return free, total, err
}

type faultyFile struct {
	disk.File
	x *faults
}

func (f faultyFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.x.do("write", func() (e error) { n, e = f.File.WriteAt(b, at); return },
		func() (e error) { n, e = f.File.WriteAt(b[:len(b)/2], at); return })
	return n, err
}
func (f faultyFile) ReadAt(b []byte, at int64) (int, error) {
	f.x.mu.Lock()
	err := f.x.read
	f.x.mu.Unlock()
	if err != nil && at > 3000 {
		return 0, fmt.Errorf("read: %w", err)
	}
	return f.File.ReadAt(b, at)
}
func (f faultyFile) Truncate(size int64) error {
	return f.x.do("truncate", func() error { return f.File.Truncate(size) }, nil)
}
func (f faultyFile) Sync() error { return f.x.do("sync", f.File.Sync, nil) }

// openFaulty opens a store on a disk with injected faults.
func openFaulty(t testing.TB, c *clock, o Options, x *faults) (*kit, error) {
	t.Helper()
	s, err := open(t.Context(), o, func(name string) (disk.Folder, error) {
		d, err := disk.Open(name)
		return faulty{d, x}, err
	})
	return &kit{TB: t, Store: s, clock: c, o: o}, err
}

// script is a life of a store: it records two runs, has retention delete, and closes. Errors are expected where the disk fails.
// It returns the fragments that were acknowledged, and those that were not.
func script(k *kit) (acked, refused []*media.Fragment) {
	ctx := k.Context()
	k.enrolQuietly()
	id := k.ids["front-door"]
	if id.IsZero() {
		return nil, nil
	}
	for i, start := range []time.Time{epoch, epoch.Add(20 * time.Second)} {
		run, fragments := k.fragments(id, film{start: start, seconds: 10, quality: media.Main})
		w, err := k.Begin(ctx, run)
		if err != nil {
			refused = append(refused, fragments...)
			continue
		}
		for n, f := range fragments {
			k.clock.set(f.End())
			if err := w.Append(ctx, f); err != nil {
				refused = append(refused, f)
			} else {
				acked = append(acked, f)
			}
			if n == 9 {
				k.syncDirty()
			}
		}
		_ = w.End(ctx, "the camera went away")
		if i == 0 {
			_ = k.SetGap(ctx, run.Stream, k.clock.Now().Add(2*time.Second), "the camera does not answer")
		}
	}
	k.clock.set(epoch.Add(35 * time.Second)) // the segments that end before epoch+5s are too old now
	_ = k.retain(ctx)
	_ = k.Store.Close()
	return acked, refused
}

func (k *kit) enrolQuietly() {
	k.ids, _ = k.Enrol(k.Context(), []CameraSpec{{Name: "front-door", Label: "Front door", Retain: Retain{Age: 30 * time.Second}}})
}

func scriptOptions(t testing.TB, c *clock) Options {
	o := testOptions(t, c)
	o.SegmentDuration = 4 * time.Second
	return o
}

// countOperations returns how many operations the script takes on a disk without faults.
func countOperations(t *testing.T) int {
	c := &clock{now: epoch}
	x := &faults{}
	k, err := openFaulty(t, c, scriptOptions(t, c), x)
	ok(t, err)
	acked, refused := script(k)
	if len(refused) != 0 || len(acked) != 40 {
		t.Fatalf("without faults %d fragments were taken and %d refused", len(acked), len(refused))
	}
	for _, want := range []string{"create", "mkdir", "syncDir", "write", "sync", "remove", "rename"} {
		found := false
		for _, op := range x.ops {
			found = found || len(op) >= len(want) && op[:len(want)] == want
		}
		if !found {
			t.Fatalf("the script never does %q: %v", want, x.ops)
		}
	}
	return x.n
}

// TestEveryFaultAtEveryPointIsSurvived makes the n-th operation fail for every n, in every way, and checks what is left.
// Invariants I1, I2, I4, I7.
func TestEveryFaultAtEveryPointIsSurvived(t *testing.T) {
	total := countOperations(t)
	for _, h := range []harm{eio, enospc, dieBefore, dieAfter} {
		t.Run(h.String(), func(t *testing.T) {
			for n := 1; n <= total; n++ {
				if !t.Run(fmt.Sprint(n), func(t *testing.T) { harmOne(t, h, n) }) {
					return
				}
			}
		})
	}
}

func harmOne(t *testing.T, h harm, n int) {
	c := &clock{now: epoch}
	o := scriptOptions(t, c)
	x := &faults{at: n, harm: h}
	k, err := openFaulty(t, c, o, x)
	var acked, refused []*media.Fragment
	if err == nil {
		guard, index := k.guard, k.index
		if h >= dieBefore {
			x.die = func() { _ = index.Close() }
		}
		acked, refused = script(k)
		_ = guard.Close()
	}
	t.Logf("operation %d: %q", n, x.ops[min(n, len(x.ops))-1])
	if h < dieBefore && len(refused) > 10 {
		t.Errorf("one fault cost %d fragments", len(refused))
	}
	k = openKit(t, c, o, "front-door")
	checkWhole(k, acked)
	if n%4 == 0 {
		k.reopen()
		checkWhole(k, acked)
	}
}
