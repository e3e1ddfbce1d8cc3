package storage

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
	"keepwatch.internal/storage/segment"
)

// check checks the kit's store like nvr check: from outside, whether the store is open or not.
func (k *kit) check(readData, repair bool) *report {
	k.Helper()
	r, err := runCheck(k.Context(), CheckCall{ReadData: readData, Repair: repair, Store: k.o})
	ok(k, err)
	return r
}

// kinds lists the kinds of findings, sorted.
func kinds(list []problem) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, f.Kind)
	}
	slices.Sort(out)
	return out
}

// clean fails the test unless a check finds nothing, with and without reading data.
func (k *kit) clean() {
	k.Helper()
	for _, deep := range []bool{false, true} {
		if r := k.check(deep, false); len(r.Errors) != 0 {
			k.Fatalf("read-data %v: %+v", deep, r.Errors)
		}
	}
}

// serve resolves integrity issues like a running server, but more often, until the test is over.
func (k *kit) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := k.resolveAfter(ctx, 0, &disk.Pace{}); err != nil && ctx.Err() == nil {
				k.Error(err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	k.Cleanup(func() { cancel(); group.Wait() })
}

// footage adds up the footage on the main stream's timeline.
func (k *kit) footage(camera media.CameraID) (sum time.Duration) {
	k.Helper()
	for _, s := range k.timeline(camera, epoch.Add(-time.Hour), epoch.Add(2*time.Hour)).Spans {
		sum += s.To.Sub(s.From)
	}
	return sum
}

// playable reads all footage of the main stream.
func (k *kit) playable(camera media.CameraID) {
	k.Helper()
	for _, s := range k.timeline(camera, epoch.Add(-time.Hour), epoch.Add(2*time.Hour)).Spans {
		c, err := k.OpenClip(k.Context(), k.permit(camera, access.Export), media.Main, Span{s.From, s.To})
		all(k, c, err)
	}
}

func TestAStoreInOrderHasNoFindings(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	for _, id := range k.ids {
		k.record(id, film{start: epoch, seconds: 25, audio: &plainAudio})
		k.record(id, film{start: epoch, seconds: 25, quality: media.Sub})
	}
	run, fragments := k.fragments(k.ids["garage"], film{start: epoch.Add(time.Minute), seconds: 9})
	w := k.begin(run)
	k.append(w, fragments)
	k.clean()
	r := k.check(true, false)
	if r.Cameras != 2 || r.Segments != 13 || r.Bytes == 0 || r.Read < r.Bytes || fmt.Sprint(kinds(r.Warnings)) != "[segment-open]" {
		t.Errorf("%+v", r)
	}
	k.kill() // and what a crash leaves is resolved by the next start, not a finding
	if r := k.check(true, false); len(r.Errors) != 0 || fmt.Sprint(kinds(r.Warnings)) != "[segment-open]" {
		t.Errorf("after a crash: %+v", r)
	}
}

// TestEveryFlippedBitIsFoundAndNeverServed flips bits all over a segment. Invariant I6.
func TestEveryFlippedBitIsFoundAndNeverServed(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 9, audio: &plainAudio})
	r := k.rowsOf(id)[0]
	path := k.path(id, r.Name())
	good, err := os.ReadFile(path)
	ok(t, err)
	p, span := k.permit(id, access.Export), Span{epoch, epoch.Add(time.Minute)}
	clip, err := k.OpenClip(t.Context(), p, media.Main, span)
	want := all(t, clip, err)
	bad := bytes.Clone(good)
	n := 0
	for at := 0; at < len(good); at += 1 + (at*7)%41 {
		bad[at] ^= 1 << (at % 8)
		ok(t, os.WriteFile(path, bad, 0o640))
		if _, flaw, err := k.cameras[id].verify(t.Context(), r, &disk.Pace{}); err != nil || flaw == nil || flaw.Fault != segment.Damaged {
			t.Fatalf("byte %d of %d: %+v, %v", at, len(good), flaw, err)
		}
		if n++; n%8 == 0 {
			if c, err := k.OpenClip(t.Context(), p, media.Main, span); err == nil {
				var got bytes.Buffer
				_, err = got.ReadFrom(c)
				if err == nil && !bytes.Equal(got.Bytes(), want) || !bytes.HasPrefix(want, got.Bytes()) && len(got.Bytes()) > len(c.layout.Head) {
					t.Fatalf("byte %d: something else was served", at)
				}
				ok(t, c.Close())
			}
			indextest.Exec(t, k.indexFile(""), "UPDATE segment SET state = 2; DELETE FROM doubt")
		}
		bad[at] = good[at]
	}
	if n < 300 {
		t.Errorf("only %d flips", n)
	}
}

// harmed is a way to damage the second of three segments of ten seconds.
type harmed struct {
	do    func(k *kit, path string, b []byte) error
	quick []string // what a check finds without reading data
	deep  []string
	least time.Duration // footage left after the repair
	aside bool          // the file is in quarantine then, unchanged
}

func harms() map[string]harmed {
	flip := func(at func(int) int) func(*kit, string, []byte) error {
		return func(_ *kit, path string, b []byte) error {
			b[at(len(b))] ^= 4
			return os.WriteFile(path, b, 0o640)
		}
	}
	one := func(kind string) []string { return []string{kind} }
	return map[string]harmed{
		"missing":     {func(_ *kit, path string, b []byte) error { return os.Remove(path) }, one(ErrorMissing), one(ErrorMissing), 20 * time.Second, false},
		"truncated":   {func(_ *kit, path string, b []byte) error { return os.Truncate(path, int64(len(b)/2)) }, one(ErrorShort), one(ErrorShort), 23 * time.Second, false},
		"zero length": {func(_ *kit, path string, b []byte) error { return os.Truncate(path, 0) }, one(ErrorShort), one(ErrorShort), 20 * time.Second, true},
		"foreign": {func(_ *kit, path string, b []byte) error {
			return os.WriteFile(path, bytes.Repeat([]byte("not footage "), len(b)/10), 0o640)
		},
			one(ErrorDamaged), one(ErrorDamaged), 20 * time.Second, true},
		"overwritten with zeros": {func(_ *kit, path string, b []byte) error { return os.WriteFile(path, make([]byte, len(b)), 0o640) },
			one(ErrorDamaged), one(ErrorDamaged), 20 * time.Second, true},
		"zeros in the middle": {func(_ *kit, path string, b []byte) error {
			clear(b[len(b)/2 : len(b)/2+400])
			return os.WriteFile(path, b, 0o640)
		}, nil, one(ErrorDamaged), 26 * time.Second, true},
		"bit flipped in a fragment": {flip(func(n int) int { return n / 3 }), nil, one(ErrorDamaged), 27 * time.Second, true},
		"bit flipped in the header": {flip(func(int) int { return 90 }), one(ErrorDamaged), one(ErrorDamaged), 30 * time.Second, true},
		"bit flipped in the table":  {flip(func(n int) int { return n - 40 }), one(ErrorDamaged), one(ErrorDamaged), 30 * time.Second, true},
		"renamed": {func(_ *kit, path string, b []byte) error {
			return os.Rename(path, filepath.Join(filepath.Dir(path), "13-59-59.000Z.mp4"))
		},
			[]string{ErrorMissing, ErrorForeign}, []string{ErrorMissing, ErrorForeign}, 30 * time.Second, false},
		"moved to another camera's folder": {func(k *kit, path string, b []byte) error {
			to := k.path(k.ids["garage"], strings.TrimPrefix(path, k.path(k.ids["front-door"], ".")+"/"))
			return os.Rename(path, to)
		}, []string{ErrorMissing, ErrorForeign}, []string{ErrorMissing, ErrorForeign}, 30 * time.Second, false},
		"grown": {func(_ *kit, path string, b []byte) error { return os.WriteFile(path, append(b, "more"...), 0o640) }, nil, nil, 30 * time.Second, false},
	}
}

// TestWhateverIsDoneToASegmentIsFoundAndRepaired damages a segment in every way, with and without a running server.
func TestWhateverIsDoneToASegmentIsFoundAndRepaired(t *testing.T) {
	for name, x := range harms() {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, server %v", name, running), func(t *testing.T) { harmSegment(t, x, running) })
		}
	}
}

func harmSegment(t *testing.T, x harmed, running bool) {
	k := newKit(t, "front-door", "garage")
	id := k.ids["front-door"]
	k.record(k.ids["garage"], film{start: epoch.Add(time.Hour), seconds: 4})
	k.record(id, film{start: epoch, seconds: 30})
	path := k.path(id, k.rowsOf(id)[1].Name())
	b, err := os.ReadFile(path)
	ok(t, err)
	ok(t, x.do(k, path, b))
	spoiled, _ := os.ReadFile(path) // not there when it was moved
	if running {
		k.serve()
	} else {
		ok(t, k.Store.Close())
	}
	slices.Sort(x.quick)
	slices.Sort(x.deep)
	if r := k.check(false, false); !slices.Equal(kinds(r.Errors), x.quick) {
		t.Errorf("quick: %+v", r.Errors)
	}
	for _, f := range k.check(true, false).Errors {
		if f.Camera == "" || f.File == "" || f.Text == "" || f.Remedy == "" || f.Done != "" {
			t.Errorf("a finding that does not say enough: %+v", f)
		}
	}
	r := k.check(true, true)
	if !slices.Equal(kinds(r.Errors), x.deep) {
		t.Errorf("read-data: %+v", r.Errors)
	}
	for _, f := range r.Errors {
		if f.Done == "" {
			t.Errorf("not settled: %+v", f)
		}
	}
	if !running {
		k.openAgain()
	}
	k.clean()
	if got := k.footage(id); got < x.least {
		t.Errorf("%v of footage is left, want %v: %+v\n%+v", got, x.least, k.timeline(id, epoch, epoch.Add(time.Minute)), r)
	}
	k.playable(id)
	if x.aside {
		aside, err := os.ReadFile(k.aside(id, strings.TrimPrefix(path, k.path(id, ".")+"/")))
		if err != nil || !bytes.Equal(aside, spoiled) {
			t.Errorf("the damaged file is not in quarantine as it was: %v", err)
		}
	}
}

func TestForeignFilesAreNotedAndLeftAlone(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 4})
	folder := k.cameras[id].folder
	foreign := []string{"photos/cat.jpg", "readme.txt", folder + "/notes.txt", folder + "/main/x.mp4", folder + "/main/2026-11-22/notes.txt", folder + "/extra/1.mp4"}
	for _, name := range append(foreign, folder+"/kept/0190.json", ".Trash-1000/x") {
		path := filepath.Join(k.o.Recordings, name)
		ok(t, os.MkdirAll(filepath.Dir(path), 0o750))
		ok(t, os.WriteFile(path, []byte("mine"), 0o640))
	}
	ok(t, os.Symlink("/etc/passwd", k.path(id, "main/2026-11-22/13-00-00.000Z.mp4")))
	for _, repair := range []bool{false, true} {
		r := k.check(true, repair)
		if len(r.Errors) != 0 || len(r.Warnings) != len(foreign)+1 {
			t.Errorf("repair %v: %+v", repair, r)
		}
	}
	ok(t, k.Reconcile(t.Context()))
	for _, name := range foreign {
		if b, err := os.ReadFile(filepath.Join(k.o.Recordings, name)); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

// TestWhatTheIndexSaysOfItselfIsMadeRight edits totals, ledger, key frames and a manifest.
func TestWhatTheIndexSaysOfItselfIsMadeRight(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30})
	rows := k.rowsOf(id)
	edit := func(f func(ctx context.Context, tx *index.Tx) error) func() {
		return func() { ok(t, k.index.Write(t.Context(), func(tx *index.Tx) error { return f(t.Context(), tx) })) }
	}
	statement := func(query string, args ...any) func() {
		return func() { indextest.Exec(t, k.indexFile(""), query, args...) }
	}
	k.serve()
	for kind, spoil := range map[string]func(){
		ErrorSums: statement("UPDATE stream SET segments = segments + 1, size_bytes = 5 WHERE quality = 1"),
		ErrorLedger: edit(func(ctx context.Context, tx *index.Tx) error {
			st := rows[0].Stream
			ok(t, tx.Enter(ctx, st, rows[1].Start, rows[1].End, gap("gone")))
			return tx.Enter(ctx, st, index.Micros(epoch.Add(time.Hour)), index.Micros(epoch.Add(2*time.Hour)), index.Footage(rows[0].Run))
		}),
		ErrorKeys:     statement("UPDATE segment SET key_frames = x'010101' WHERE start_us = ?", rows[2].Start),
		ErrorSetAside: edit(func(ctx context.Context, tx *index.Tx) error { return withdraw(ctx, tx, rows[0]) }),
		ErrorManifest: func() { ok(t, os.Remove(k.path(id, ManifestName))) },
	} {
		before := k.footage(id)
		spoil()
		r := k.check(false, true)
		for _, f := range r.Errors {
			if f.Kind != kind || f.Done == "" {
				t.Errorf("%s: %+v", kind, f)
			}
		}
		if len(r.Errors) == 0 {
			t.Errorf("%s was not found", kind)
		}
		k.clean()
		if after := k.footage(id); after != before {
			t.Errorf("%s: %v of footage before, %v after", kind, before, after)
		}
	}
}

func TestAWrongStoreIsNotChecked(t *testing.T) {
	k := newKit(t, "front-door")
	other := newKit(t, "front-door")
	for _, o := range []Options{
		{Recordings: k.o.Recordings, Data: other.o.Data, MasterKey: k.o.MasterKey},
		{Recordings: k.o.Recordings, Data: k.o.Data, MasterKey: [32]byte{9}},
		{Recordings: t.TempDir(), Data: k.o.Data, MasterKey: k.o.MasterKey},
		{Recordings: t.TempDir(), Data: t.TempDir(), MasterKey: k.o.MasterKey},
	} {
		if _, err := runCheck(t.Context(), CheckCall{Store: o}); err == nil {
			t.Errorf("checked %+v", o)
		} else {
			wantErr(t, err, ErrRefused)
		}
		entries, err := os.ReadDir(o.Recordings)
		ok(t, err)
		if o.Recordings != k.o.Recordings && len(entries) != 0 {
			t.Errorf("made %v", entries)
		}
	}
}

func TestALostOrDamagedIndexIsFoundAndMadeAgain(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"lost":        os.Remove,
		"overwritten": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("junk"), 9000), 0o600) },
	} {
		k := newKit(t, "front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 30})
		ok(t, k.Store.Close())
		ok(t, spoil(filepath.Join(k.o.Data, index.FileName)))
		if r := k.check(false, false); !slices.Equal(kinds(r.Errors), []string{ErrorIndex}) {
			t.Errorf("%s: %+v", name, r.Errors)
		}
		if r := k.check(false, true); r.Errors[0].Done == "" {
			t.Errorf("%s: %+v", name, r.Errors)
		}
		k.openAgain()
		k.clean()
		if got := k.footage(id); got != 30*time.Second {
			t.Errorf("%s: %v of footage", name, got)
		}
	}
}

// TestAServerThatSettlesNothingIsNotWaitedForForEver repairs while a store is open whose Run is not running.
func TestAServerThatSettlesNothingIsNotWaitedForForEver(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	ok(t, os.Remove(k.path(id, k.rowsOf(id)[0].Name())))
	r, err := runCheck(t.Context(), CheckCall{Repair: true,
		Patience: 300 * time.Millisecond, Store: k.o})
	if err == nil || !strings.Contains(err.Error(), "its log says why") || len(r.Errors) != 1 {
		t.Errorf("%v, %+v", err, r.Errors)
	}
	if r := k.check(false, false); !slices.Contains(kinds(r.Warnings), WarningIssue) {
		t.Errorf("the issue is not noted: %+v", r.Warnings)
	}
	k.serve()
	k.check(false, true)
	k.clean()
}

// TestOpeningAndCheckingRefuseAStoreInTheSameWords tries both with the wrong disk, an empty one, and the wrong key.
func TestOpeningAndCheckingRefuseAStoreInTheSameWords(t *testing.T) {
	k, elsewhere := newKit(t, "front-door"), newKit(t, "garage")
	ok(t, k.Store.Close())
	ok(t, elsewhere.Store.Close())
	for what, change := range map[string]func(*Options){
		"another store's disk": func(o *Options) { o.Recordings = elsewhere.o.Recordings },
		"an empty disk":        func(o *Options) { o.Recordings = t.TempDir() },
		"another key":          func(o *Options) { o.MasterKey = [32]byte{9} },
	} {
		o := k.o
		change(&o)
		_, opened := Open(t.Context(), o)
		wantErr(t, opened, ErrRefused)
		_, checked := runCheck(t.Context(), CheckCall{Store: o})
		wantErr(t, checked, ErrRefused)
		if opened.Error() != checked.Error() {
			t.Errorf("%s:\n%v\n%v", what, opened, checked)
		}
	}
}
