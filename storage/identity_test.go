package storage

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// refused fails unless the store is refused with all of the words, and nothing is written.
func refused(t *testing.T, o Options, words ...string) {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err == nil {
		ok(t, s.Close())
	}
	wantErr(t, err, ErrRefused)
	if n := strings.Count(err.Error(), "refused"); n != 1 {
		t.Errorf("the refusal says %d times that it is one: %v", n, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the refusal does not say %q: %v", word, err)
		}
	}
}

func TestAStoreKnowsItsDisk(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.id.Store
	ok(t, k.Store.Close())
	o := k.o

	elsewhere := newKit(t, "garage")
	ok(t, elsewhere.Store.Close())
	wrong := o
	wrong.Recordings = elsewhere.o.Recordings
	refused(t, wrong, wrong.Recordings, id, elsewhere.id.Store)

	wrong.Recordings = t.TempDir()
	refused(t, wrong, wrong.Recordings, "store.json", id, "mounted")
	if entries, err := os.ReadDir(wrong.Recordings); err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != lockName {
		t.Errorf("the empty folder got %v, %v", entries, err)
	}
	wrong.Recordings = filepath.Join(t.TempDir(), "not", "mounted")
	refused(t, wrong, wrong.Recordings, "does not exist")
	if _, err := os.Stat(wrong.Recordings); err == nil {
		t.Error("the missing folder was made")
	}
	wrong = o
	wrong.MasterKey = [32]byte{9}
	refused(t, wrong, o.Recordings, "master key")

	s, err := Open(t.Context(), o)
	ok(t, err)
	refused(t, o, o.Recordings, "another process")
	ok(t, s.Close())
	ok(t, s.Close())

	// A new data folder adopts the existing store.
	o.Data = filepath.Join(t.TempDir(), "new")
	s, err = Open(t.Context(), o)
	ok(t, err)
	if s.id.Store != id {
		t.Errorf("store %s became %s", id, s.id.Store)
	}
	ok(t, s.Close())
}

func TestFoldersThatAreNoStoreAreLeftAlone(t *testing.T) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	ok(t, os.MkdirAll(o.Recordings, 0o755))
	ok(t, os.WriteFile(filepath.Join(o.Recordings, "holiday.jpg"), nil, 0o644))
	refused(t, o, o.Recordings, "holiday.jpg", "not empty")
	ok(t, os.Remove(filepath.Join(o.Recordings, "holiday.jpg")))
	for _, bad := range []string{"{", `{"version":7}`, `{"version":1,"store":"x"}`} {
		ok(t, os.WriteFile(filepath.Join(o.Recordings, identityName), []byte(bad), 0o644))
		refused(t, o, identityName)
	}
	ok(t, os.Remove(filepath.Join(o.Recordings, identityName)))
	ok(t, os.Mkdir(filepath.Join(o.Recordings, "lost+found"), 0o700))
	s, err := Open(t.Context(), o)
	ok(t, err)
	ok(t, s.Close())
}

// brokenDisk is a disk that cannot be locked.
type brokenDisk struct {
	disk.Folder
	err error
}

func (d brokenDisk) Lock(string) (io.Closer, error) { return nil, d.err }

func TestADiskThatCannotBeWrittenIsRefused(t *testing.T) {
	for text, err := range map[string]error{"read-only": syscall.EROFS, "may not be written": syscall.EACCES, "full": syscall.ENOSPC} {
		c := &clock{now: epoch}
		o := testOptions(t, c)
		_, got := open(t.Context(), o, func(name string) (disk.Folder, error) {
			d, openErr := disk.Open(name)
			return brokenDisk{d, err}, openErr
		})
		wantErr(t, got, ErrRefused)
		if !strings.Contains(got.Error(), text) || !strings.Contains(got.Error(), o.Recordings) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestAFullDiskIsRefusedUnlessThereIsFootageToDelete(t *testing.T) {
	c := &clock{now: epoch}
	o := testOptions(t, c)
	o.MinFree = MinFree{Percent: 1, Bytes: 1 << 30}
	x := &faults{free: 1 << 20}
	_, err := openFaulty(t, c, o, x)
	wantErr(t, err, ErrRefused)
	for _, word := range []string{o.Recordings, "1.0 MB free", "needs"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the refusal does not say %q: %v", word, err)
		}
	}
	x.free = 1 << 40
	k, err := openFaulty(t, c, o, x)
	ok(t, err)
	k.enrol("front-door")
	k.record(k.ids["front-door"], film{start: epoch, seconds: 4})
	ok(t, k.Store.Close())
	x.free = 1 << 20
	k, err = openFaulty(t, c, o, x)
	ok(t, err)
	ok(t, k.Store.Close())
}

func TestACameraKeepsItsIdentityAndNobodyInheritsIt(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, garage := k.ids["front-door"], k.ids["garage"]
	folder := "front-door-" + id.String()[:8]
	b, err := os.ReadFile(filepath.Join(k.o.Recordings, folder, ManifestName))
	ok(t, err)
	var c manifest
	ok(t, json.Unmarshal(b, &c))
	if c.Camera != id.String() || c.Name != "front-door" || c.Label != "Label of front-door" || !c.Created.Equal(epoch) || !c.Retired.IsZero() {
		t.Errorf("card %s", b)
	}
	_, fragments := k.record(id, film{start: epoch, seconds: 10})
	k.reopen()
	k.enrol("front-door", "garage")
	if k.ids["front-door"] != id || k.ids["garage"] != garage {
		t.Fatalf("identities changed: %v", k.ids)
	}
	k.enrol("garage")
	k.clock.set(epoch.Add(time.Minute))
	k.enrol("front-door", "garage")
	again := k.ids["front-door"]
	if again == id || k.ids["garage"] != garage {
		t.Fatalf("the name came back with identities %v", k.ids)
	}
	if tl := k.timeline(again, epoch, epoch.Add(2*time.Minute)); len(tl.Spans) != 0 {
		t.Errorf("the new camera inherited %+v", tl)
	}
	tl := k.timeline(id, epoch, epoch.Add(time.Minute))
	if len(tl.Spans) != 1 || tl.Gaps[len(tl.Gaps)-1].Reason != ReasonRetired {
		t.Errorf("the retired camera: %+v", tl)
	}
	run, _ := k.fragments(id, film{start: epoch.Add(time.Minute), seconds: 4})
	_, err = k.Begin(t.Context(), run)
	wantErr(t, err, ErrUnknownCamera)
	wantErr(t, k.SetGap(t.Context(), run.Stream, epoch, "x"), ErrUnknownCamera)
	c2, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, fragments[3].End()})
	all(t, c2, err)
	k.reopen()
	k.clock.set(epoch.Add(10 * time.Minute))
	tl = k.timeline(id, epoch, epoch.Add(time.Hour))
	if got := tl.Gaps[len(tl.Gaps)-2].Reason; got != ReasonRetired {
		t.Errorf("after a restart the retired camera's time is called %q", got)
	}
	for _, bad := range []string{"", "Front", "../x", "a/b", "-a", "a b", ".", strings.Repeat("a", 64)} {
		if _, err := k.Enrol(t.Context(), []CameraSpec{{Name: bad}}); err == nil {
			t.Errorf("%q was enrolled", bad)
		}
	}
	if _, err := k.Enrol(t.Context(), []CameraSpec{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("one name was enrolled twice")
	}
}

func TestFoldersExchangedBetweenCamerasAreRefused(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	a := filepath.Join(k.o.Recordings, k.cameras[k.ids["front-door"]].folder)
	b := filepath.Join(k.o.Recordings, k.cameras[k.ids["garage"]].folder)
	ok(t, k.Store.Close())
	ok(t, os.Rename(a, a+"-x"))
	ok(t, os.Rename(b, a))
	ok(t, os.Rename(a+"-x", b))
	refused(t, k.o, k.ids["front-door"].String(), k.ids["garage"].String())
}

func TestASymbolicLinkLeadsNowhere(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 4})
	path := k.path(id, index.SegmentName(media.Main, index.Micros(epoch)))
	outside := filepath.Join(t.TempDir(), "outside.mp4")
	ok(t, os.Rename(path, outside))
	ok(t, os.Symlink(outside, path))
	if c, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, epoch.Add(time.Second)}); err == nil {
		t.Errorf("a clip of %d bytes through a link out of the camera's folder", c.Size())
	}
}
