package storage

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// indexFile returns the path of the index or one of its companion files.
func (k *kit) indexFile(suffix string) string { return filepath.Join(k.o.Data, index.FileName+suffix) }

// rewrite changes a file.
func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.WriteFile(path, change(b), 0o600))
}

// alarmed fails unless exactly these alarms are raised.
func (k *kit) alarmed(codes ...string) {
	k.Helper()
	var got []string
	for _, a := range k.Alarms(k.Context()) {
		if len(a.Text) < 40 || a.Since.IsZero() {
			k.Errorf("alarm %+v", a)
		}
		got = append(got, a.Code)
	}
	slices.Sort(got)
	if !slices.Equal(got, codes) {
		k.Errorf("alarms %v, want %v", k.Alarms(k.Context()), codes)
	}
}

// TestADamagedIndexIsPutAsideAndMadeAgain damages the index in many ways. All segments must come back.
func TestADamagedIndexIsPutAsideAndMadeAgain(t *testing.T) {
	for name, damage := range map[string]func(*kit){
		"a garbage header": func(k *kit) {
			rewrite(k, k.indexFile(""), func(b []byte) []byte { return append([]byte("not a database!!"), b[16:]...) })
		},
		"half of it is gone": func(k *kit) { rewrite(k, k.indexFile(""), func(b []byte) []byte { return b[:len(b)/2] }) },
		"noise": func(k *kit) {
			rewrite(k, k.indexFile(""), func(b []byte) []byte { return bytes.Repeat([]byte("noise "), len(b)/6) })
		},
		"a bent page": func(k *kit) {
			rewrite(k, k.indexFile(""), func(b []byte) []byte {
				for at := 4096; at < len(b); at += 4096 { // the headers of all pages but the first
					copy(b[at:], "\xff\xff\xff\xff\xff\xff\xff\xff")
				}
				return b
			})
		},
		"the log of another database": func(k *kit) { k.foreignLog() },
		"another program's database": func(k *kit) {
			rewrite(k, k.indexFile(""), func(b []byte) []byte { copy(b[68:72], "MINE"); return b })
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, "front-door")
			_, fragments := k.record(k.ids["front-door"], film{start: epoch, seconds: 35})
			ok(t, k.Store.Close())
			damage(k)
			k.openAgain()
			k.enrol("front-door")
			k.alarmed(AlarmIndexRebuilt)
			ok(t, k.Reconcile(t.Context()))
			checkBack(k, fragments)
			kept, err := filepath.Glob(k.indexFile(".damaged-*"))
			ok(t, err)
			if len(kept) == 0 || !strings.Contains(k.Alarms(t.Context())[0].Text, kept[0]) {
				t.Errorf("kept %v, said %q", kept, k.Alarms(t.Context())[0].Text)
			}
			k.reopen()
			k.alarmed()
		})
	}
}

// foreignLog puts the log of another database next to the index.
func (k *kit) foreignLog() {
	path := filepath.Join(k.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)")
	ok(k, err)
	defer db.Close()
	_, err = db.Exec("CREATE TABLE t (x TEXT); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT hex(randomblob(40)) FROM n")
	ok(k, err)
	log, err := os.ReadFile(path + "-wal")
	ok(k, err)
	ok(k, os.WriteFile(k.indexFile("-wal"), log, 0o600))
}

// checkBack fails unless front-door has all of the fragments, in as many segments as there are files.
func checkBack(k *kit, fragments []*media.Fragment) {
	k.Helper()
	id := k.ids["front-door"]
	for _, r := range k.rowsOf(id) {
		checkSegment(k, id, r)
	}
	tl := k.timeline(id, epoch.Add(-time.Minute), k.clock.Now().Add(time.Minute))
	for _, f := range fragments {
		if !within(tl, index.Micros(f.Start), index.Micros(f.End())) {
			k.Fatalf("fragment %d at %v is lost: %+v", f.Seq, f.Start, tl)
		}
	}
	c, err := k.OpenClip(k.Context(), k.permit(id, access.Export), media.Main, Span{fragments[0].Start, fragments[len(fragments)-1].End()})
	all(k, c, err)
}

func TestAnEmptyIndexIsMadeAgain(t *testing.T) {
	k := newKit(t, "front-door")
	_, fragments := k.record(k.ids["front-door"], film{start: epoch, seconds: 35})
	ok(t, k.Store.Close())
	ok(t, os.Truncate(k.indexFile(""), 0))
	k.openAgain()
	k.enrol("front-door")
	k.alarmed(AlarmIndexRebuilt)
	ok(t, k.Reconcile(t.Context()))
	checkBack(k, fragments)
}

// TestDamageMetWhileRunningEndsRun damages the index of an open store.
func TestDamageMetWhileRunningEndsRun(t *testing.T) {
	k := newKit(t, "front-door")
	_, fragments := k.record(k.ids["front-door"], film{start: epoch, seconds: 35})
	k.reopen()
	done := make(chan error)
	go func() { done <- k.Run(t.Context()) }()
	f, err := os.OpenFile(k.indexFile(""), os.O_RDWR, 0)
	ok(t, err)
	info, err := f.Stat()
	ok(t, err)
	for at := int64(4096); at < info.Size(); at += 4096 {
		_, err := f.WriteAt([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), at)
		ok(t, err)
	}
	ok(t, f.Close())
	if err := k.suspect(k.index.Examine(t.Context())); err == nil {
		t.Error("nothing was found")
	}
	wantErr(t, <-done, ErrIndexDamaged)
	_ = k.Store.Close() // it has nowhere to write
	k.openAgain()
	k.enrol("front-door")
	k.alarmed(AlarmIndexRebuilt)
	ok(t, k.Reconcile(t.Context()))
	checkBack(k, fragments)
	if _, err := os.Stat(k.indexFile(".suspect")); err == nil {
		t.Error("the suspicion outlived the index")
	}
}

func TestOnlyTheNewestDamagedIndexesAreKept(t *testing.T) {
	k := newKit(t, "front-door")
	for n := range keptDamaged + 2 {
		ok(t, k.Store.Close())
		rewrite(t, k.indexFile(""), func(b []byte) []byte { return append([]byte("not a database!!"), b[16:]...) })
		k.clock.set(epoch.Add(time.Duration(n/2) * time.Second)) // two in the same second
		k.openAgain()
	}
	kept, err := filepath.Glob(k.indexFile(".damaged-*"))
	ok(t, err)
	if len(kept) != keptDamaged {
		t.Errorf("kept %v", kept)
	}
}

func TestAnIndexOfANewerProgramIsRefused(t *testing.T) {
	k := newKit(t, "front-door")
	k.record(k.ids["front-door"], film{start: epoch, seconds: 4})
	indextest.Exec(t, k.indexFile(""), "PRAGMA user_version = 999")
	ok(t, k.Store.Close())
	before, err := os.ReadFile(k.indexFile(""))
	ok(t, err)
	refused(t, k.o, k.indexFile(""), "newer nvr", "999", "aside")
	after, err := os.ReadFile(k.indexFile(""))
	ok(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the refused index was changed")
	}
}

// TestAnOldIndexThatWasPutBackCatchesUp restores a copy of the index after two more hours with recordings, a deletion, and a camera
// that was replaced by another of the same name.
func TestAnOldIndexThatWasPutBackCatchesUp(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, garage := k.ids["front-door"], k.ids["garage"]
	k.record(id, film{start: epoch, seconds: 25})
	k.record(garage, film{start: epoch, seconds: 5})
	k.reopen()
	ok(t, k.Store.Close())
	copied, err := os.ReadFile(k.indexFile(""))
	ok(t, err)
	k.openAgain()
	k.enrol("front-door", "garage")
	_, fragments := k.record(id, film{start: epoch.Add(2 * time.Hour), seconds: 35})
	_, _, err = k.deleteOldest(t.Context(), k.cameras[id], media.Main, index.Forever, 1)
	ok(t, err)
	k.enrol("front-door")
	k.enrol("front-door", "garage")
	if k.ids["garage"] == garage {
		t.Fatal("the garage was not replaced")
	}
	ok(t, k.Store.Close())
	ok(t, os.WriteFile(k.indexFile(""), copied, 0o600))

	k.openAgain()
	end, err := k.EndOfFootage(t.Context(), media.StreamID{Camera: id, Quality: media.Main})
	ok(t, err)
	if want := fragments[len(fragments)-1].End(); !end.Equal(want) {
		t.Errorf("before the walk over the files footage ends at %v, want %v", end, want)
	}
	replacement := k.ids["garage"]
	k.enrol("front-door", "garage")
	if k.ids["front-door"] != id || k.ids["garage"] != replacement {
		t.Errorf("cameras are %v now", k.ids)
	}
	k.alarmed(AlarmIndexOld)
	ok(t, k.Reconcile(t.Context()))
	checkBack(k, fragments)
	if n := len(k.rowsOf(id)); n != 2+4 {
		t.Errorf("%d segments, want two of the three old ones and four new ones", n)
	}
	k.clock.set(epoch.Add(3 * time.Hour))
	tl := k.timeline(id, epoch, epoch.Add(3*time.Hour))
	if tl.Gaps[0].Reason != ReasonRebuilt || len(tl.Spans) != 2 {
		t.Errorf("%+v", tl)
	}
}

// TestAStreamGoesOnBeforeItsLastSegmentIsRecovered appends to a stream with an open segment of a killed process.
func TestAStreamGoesOnBeforeItsLastSegmentIsRecovered(t *testing.T) {
	for name, torn := range map[string]int64{"whole": 0, "torn": 7} {
		t.Run(name, func(t *testing.T) {
			k, path, fragments := crashed(t)
			info, err := os.Stat(path)
			ok(t, err)
			ok(t, os.Truncate(path, info.Size()-torn))
			k.openAgain()
			id := k.ids["front-door"]
			if rows := k.rowsOf(id); len(rows) != 1 || rows[0].State != index.StateOpen {
				t.Fatalf("rows after opening: %+v", rows)
			}
			end, err := k.EndOfFootage(t.Context(), media.StreamID{Camera: id, Quality: media.Main})
			ok(t, err)
			if want := fragments[len(fragments)-1].End(); end.Before(want) {
				t.Errorf("footage ends at %v, but the file may reach until %v", end, want)
			}
			early, _ := k.fragments(id, film{start: end.Add(-time.Second), seconds: 1})
			_, err = k.Begin(t.Context(), early)
			wantErr(t, err, ErrOverlap)
			run, more := k.fragments(id, film{start: end, seconds: 15})
			w := k.begin(run)
			k.append(w, more[:25])
			ok(t, k.Reconcile(t.Context()))
			k.append(w, more[25:])
			ok(t, w.End(t.Context(), "over"))
			kept := fragments
			if torn > 0 {
				kept = fragments[:len(fragments)-1]
			}
			checkWhole(k, append(slices.Clone(kept), more...))
		})
	}
}

// TestTheEndOfAnUnreadableSegmentIsTakenToBeNow makes the open segment of a killed process unreadable.
func TestOneUnreadableFileKeepsNoOtherFromBeingRecovered(t *testing.T) {
	k, path, fragments := crashed(t)
	ok(t, os.Rename(path, path+".away"))
	ok(t, os.Mkdir(path, 0o750)) // a folder cannot be read as a file
	k.openAgain()
	ok(t, k.Reconcile(t.Context()))
	k.alarmed(AlarmNotExamined)
	ok(t, os.Remove(path))
	ok(t, os.Rename(path+".away", path))
	k.reopen()
	k.alarmed()
	checkWhole(k, fragments)
}
