package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/storage/disk"
)

// watched is a disk that records the operations on each file, and fails syncs on demand.
type watched struct {
	disk.Folder
	*watch
}

type watch struct {
	mu   sync.Mutex
	did  map[string][]string // by the path of the file
	fail bool                // the next sync
}

func (d watched) Create(name string) (disk.File, error) {
	f, err := d.Folder.Create(name)
	return watchedFile{f, d.watch, name}, err
}

func (d watched) Edit(name string) (disk.File, error) {
	f, err := d.Folder.Edit(name)
	return watchedFile{f, d.watch, name}, err
}

func (d watched) Sub(name string) (disk.Folder, error) {
	sub, err := d.Folder.Sub(name)
	return watched{sub, d.watch}, err
}

type watchedFile struct {
	disk.File
	*watch
	name string
}

func (f watchedFile) note(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did[f.name] = append(f.did[f.name], what)
	if what == "sync" && f.fail && strings.HasSuffix(f.name, ".mp4") {
		f.fail = false
		return &fs.PathError{Op: "fdatasync", Path: f.name, Err: syscall.EIO}
	}
	return nil
}

func (f watchedFile) WriteAt(b []byte, at int64) (int, error) {
	return must(f.note("write"), func() (int, error) { return f.File.WriteAt(b, at) })
}

func (f watchedFile) Truncate(size int64) error {
	return errors.Join(f.note("truncate"), f.File.Truncate(size))
}

func (f watchedFile) Sync() error {
	if err := f.note("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

// must runs f unless there was an error already.
func must[T any](err error, f func() (T, error)) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return f()
}

// TestAfterAFailedSyncAFileIsNeitherWrittenNorSyncedAgain fails a sync while recording and while closing. After a failed sync the
// kernel may mark pages as written that the disk never got, so a second sync proves nothing.
func TestAfterAFailedSyncAFileIsNeitherWrittenNorSyncedAgain(t *testing.T) {
	for _, closing := range []bool{false, true} {
		t.Run(fmt.Sprint(closing), func(t *testing.T) {
			c := &clock{now: epoch}
			o := testOptions(t, c)
			x := &watch{did: map[string][]string{}}
			s, err := open(t.Context(), o, func(name string) (disk.Folder, error) {
				d, err := disk.Open(name)
				return watched{d, x}, err
			})
			ok(t, err)
			k := &kit{TB: t, Store: s, clock: c, o: o}
			k.enrol("front-door")
			id := k.ids["front-door"]
			run, fragments := k.fragments(id, film{start: epoch, seconds: 12})
			w := k.begin(run)
			k.append(w, fragments[:6])
			name := w.seg.Name
			x.fail = true
			if closing {
				w.turn.Lock()
				w.closeSegment(t.Context())
				w.turn.Unlock()
			} else {
				k.syncDirty()
			}
			if x.fail {
				t.Fatal("nothing was synced")
			}
			k.syncDirty()
			k.append(w, fragments[6:])
			k.syncDirty()
			ok(t, w.End(t.Context(), "over"))
			ok(t, k.Store.Close())
			k.alarmedIn(AlarmSyncFailed, o.Recordings)
			k.openAgain()
			ok(t, k.Reconcile(t.Context()))
			did := x.did[name]
			for i, what := range did {
				if what == "sync" && i != len(did)-1 {
					t.Errorf("after its failed sync the file saw %v", did[i+1:])
				}
			}
			checkWhole(k, fragments)
		})
	}
}

// alarmedIn fails unless the alarm is raised, with these words and without the name of a camera.
func (k *kit) alarmedIn(code string, words ...string) {
	k.Helper()
	for _, a := range k.Alarms(k.Context()) {
		if a.Code != code {
			continue
		}
		for _, word := range words {
			if !strings.Contains(a.Text, word) {
				k.Errorf("the alarm does not say %q: %s", word, a.Text)
			}
		}
		if strings.Contains(a.Text, "front-door") {
			k.Errorf("the alarm names a camera: %s", a.Text)
		}
		return
	}
	k.Errorf("no alarm %s among %v", code, k.Alarms(k.Context()))
}

func TestADataFolderOnANetworkDiskRaisesAnAlarm(t *testing.T) {
	k := newKit(t)
	k.warnOfNetwork("")
	k.alarmed()
	k.warnOfNetwork("NFS")
	k.alarmedIn(AlarmNetworkDisk, "NFS", k.o.Data, "local disk")
}

// TestASlowDiskIsNamedInTheMiddleOfARun has the recorder drop fragments because its queue is full.
func TestASlowDiskIsNamedInTheMiddleOfARun(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	run, fragments := k.fragments(id, film{start: epoch, seconds: 8})
	w := k.begin(run)
	k.append(w, fragments[:5])
	ok(t, k.SetGap(t.Context(), run.Stream, fragments[8].Start, KindDiskSlow))
	k.append(w, fragments[8:]) // a key frame
	ok(t, w.End(t.Context(), "over"))
	tl := k.timeline(id, epoch, epoch.Add(8*time.Second))
	want := Gap{From: fragments[4].End(), To: fragments[8].Start, Reason: KindDiskSlow, Code: CodeDiskSlow}
	if len(tl.Gaps) != 1 || tl.Gaps[0] != want {
		t.Errorf("%+v", tl)
	}
	if _, err := os.Stat(k.path(id, k.rowsOf(id)[1].Name())); err != nil {
		t.Error(err)
	}
}
