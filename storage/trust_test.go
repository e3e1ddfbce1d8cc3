package storage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// reads lists all ways to read footage.
func (k *kit) reads(ctx context.Context, p access.Permit, span Span) map[string]func() ([]byte, error) {
	read := func(c *Clip, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return io.ReadAll(c)
	}
	return map[string]func() ([]byte, error){
		"clip":      func() ([]byte, error) { return read(k.OpenClip(ctx, p, media.Main, span)) },
		"segments":  func() ([]byte, error) { return read(k.OpenSegments(ctx, p, media.Main, span)) },
		"key frame": func() ([]byte, error) { return read(k.OpenKeyFrame(ctx, p, media.Main, span.From)) },
		"timeline": func() ([]byte, error) {
			tl, err := k.Timeline(ctx, p, media.Main, span)
			return fmt.Append(nil, tl.Spans), err
		},
		"days": func() ([]byte, error) {
			days, err := k.Days(ctx, p, media.Main, time.UTC)
			return fmt.Append(nil, days), err
		},
	}
}

// TestNoPermitNoFootage tries every way with invalid permits. Invariant I6.
func TestNoPermitNoFootage(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	span := Span{epoch, epoch.Add(10 * time.Second)}
	now := k.clock.Now()
	make := func(c access.Camera, a access.Action, until time.Time) access.Permit {
		p, err := access.Decide(viewer, c, access.Grant{Rights: access.Owned}, a, until)
		ok(t, err)
		return p
	}
	for name, x := range map[string]struct {
		p    access.Permit
		want error
	}{
		"zero":           {access.Permit{}, access.ErrDenied},
		"expired":        {make(id, access.Playback, now), access.ErrDenied},
		"live":           {make(id, access.Live, now.Add(time.Second)), access.ErrDenied},
		"manage":         {make(id, access.Manage, now.Add(time.Second)), access.ErrDenied},
		"audio":          {make(id, access.Audio, now.Add(time.Second)), access.ErrDenied},
		"unknown camera": {make(media.NewCameraID(), access.Playback, now.Add(time.Second)), ErrUnknownCamera},
	} {
		for way, read := range k.reads(t.Context(), x.p, span) {
			if b, err := read(); len(b) > 2 {
				t.Errorf("%s, %s: %d bytes", name, way, len(b))
			} else {
				wantErr(t, err, x.want)
			}
		}
	}
	for way, read := range k.reads(t.Context(), k.permit(id, access.Playback), span) {
		if b, err := read(); err != nil || len(b) <= 2 {
			t.Errorf("%s with a permit: %d bytes, %v", way, len(b), err)
		}
	}
}

func TestAClipStopsWhenItsPermitExpires(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30, audio: &plainAudio})
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, Span{epoch, epoch.Add(30 * time.Second)})
	ok(t, err)
	defer c.Close()
	var whole bytes.Buffer
	_, err = io.CopyN(&whole, c, c.Size()/2)
	ok(t, err)
	k.clock.set(k.clock.Now().Add(time.Minute))
	for range 2 {
		if n, err := c.Read(make([]byte, 100)); n != 0 || err != access.ErrDenied {
			t.Fatalf("after the permit expired: %d bytes, %v", n, err)
		}
	}
	other, err := access.Decide(access.Viewer{Kind: access.AccountView, AccountID: 2, GrantID: 2}, id, access.Grant{Rights: access.Owned}, access.Playback, k.clock.Now().Add(time.Minute))
	ok(t, err)
	for name, p := range map[string]access.Permit{
		"another viewer": other, "another camera": k.permit(media.NewCameraID(), access.Playback),
		"another action": k.permit(id, access.Export), "no sound": k.deaf(id, access.Playback), "none": {},
	} {
		if err := c.Renew(p); err != access.ErrDenied {
			t.Errorf("renewed with %s: %v", name, err)
		}
	}
	ok(t, c.Renew(k.permit(id, access.Playback)))
	_, err = io.Copy(&whole, c)
	ok(t, err)
	if int64(whole.Len()) != c.Size() {
		t.Errorf("%d bytes of %d", whole.Len(), c.Size())
	}
}

// TestSwappedFilesAreNeverServed swaps the files of two cameras.
func TestSwappedFilesAreNeverServed(t *testing.T) {
	span := Span{epoch, epoch.Add(10 * time.Second)}
	for _, way := range []string{"clip", "segments", "key frame"} {
		k := newKit(t, "front-door", "garage")
		var paths [2]string
		for i, name := range []string{"front-door", "garage"} {
			k.record(k.ids[name], film{start: epoch, seconds: 10})
			paths[i] = k.path(k.ids[name], index.SegmentName(media.Main, index.Micros(epoch)))
		}
		a, err := os.ReadFile(paths[0])
		ok(t, err)
		b, err := os.ReadFile(paths[1])
		ok(t, err)
		ok(t, os.WriteFile(paths[0], b, 0o640))
		ok(t, os.WriteFile(paths[1], a, 0o640))
		for _, id := range k.ids {
			got, err := k.reads(t.Context(), k.permit(id, access.Playback), span)[way]()
			wantErr(t, err, ErrQuarantined)
			if len(got) != 0 {
				t.Errorf("%s: %d bytes of another camera", way, len(got))
			}
			for other, read := range k.reads(t.Context(), k.permit(id, access.Playback), span) {
				if other != "timeline" && other != "days" {
					_, err := read()
					wantErr(t, err, ErrNoFootage)
				}
			}
			tl := k.timeline(id, span.From, span.To)
			if len(tl.Spans) != 0 || len(tl.Gaps) != 1 || tl.Gaps[0].Reason != ReasonQuarantined {
				t.Errorf("%+v", tl)
			}
		}
	}
}

// TestABentFragmentStopsAClipBeforeIt damages a byte of each fragment in turn after a clip was opened.
func TestABentFragmentStopsAClipBeforeIt(t *testing.T) {
	for n := range 20 {
		k := newKit(t, "front-door")
		id := k.ids["front-door"]
		k.record(id, film{start: epoch, seconds: 10})
		p := k.permit(id, access.Export)
		span := Span{epoch, epoch.Add(10 * time.Second)}
		c, err := k.OpenClip(t.Context(), p, media.Main, span)
		whole := all(t, c, err)
		c, err = k.OpenClip(t.Context(), p, media.Main, span)
		ok(t, err)
		piece := c.layout.Pieces[n]
		path := k.path(id, index.SegmentName(media.Main, index.Micros(epoch)))
		b, err := os.ReadFile(path)
		ok(t, err)
		b[piece.Offset+int64(piece.Skip)+int64(n)] ^= 0x10
		ok(t, os.WriteFile(path, b, 0o640))
		got, err := io.ReadAll(c)
		wantErr(t, err, ErrQuarantined)
		if !bytes.Equal(got, whole[:piece.At]) {
			t.Errorf("fragment %d is bent: %d bytes were sent, %d stand before it", n, len(got), piece.At)
		}
		if _, err := c.Seek(0, io.SeekStart); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != ErrQuarantined {
			t.Errorf("the clip goes on: %v", err)
		}
		ok(t, c.Close())
		_, err = k.OpenClip(t.Context(), p, media.Main, span)
		wantErr(t, err, ErrNoFootage)
	}
}

// TestFragmentsOfTheSameCameraCannotStandInForEachOther copies a fragment over another of the same size.
func TestFragmentsOfTheSameCameraCannotStandInForEachOther(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 10})
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, Span{epoch, epoch.Add(10 * time.Second)})
	ok(t, err)
	defer c.Close()
	x, y := c.layout.Pieces[5], c.layout.Pieces[9]
	if x.Size != y.Size {
		t.Fatalf("sizes %d and %d", x.Size, y.Size)
	}
	path := k.path(id, index.SegmentName(media.Main, index.Micros(epoch)))
	b, err := os.ReadFile(path)
	ok(t, err)
	copy(b[x.Offset:x.Offset+int64(x.Size)], b[y.Offset:])
	ok(t, os.WriteFile(path, b, 0o640))
	got, err := io.ReadAll(c)
	wantErr(t, err, ErrQuarantined)
	if int64(len(got)) != x.At {
		t.Errorf("%d bytes were sent, %d stand before the wrong fragment", len(got), x.At)
	}
}

// TestEditedRowsAreRefused edits the index so that it points elsewhere.
func TestEditedRowsAreRefused(t *testing.T) {
	k := newKit(t, "front-door", "garage")
	id, other := k.ids["front-door"], k.ids["garage"]
	k.record(id, film{start: epoch, seconds: 10})
	k.record(other, film{start: epoch.Add(time.Minute), seconds: 10})
	edit := func(query string, args ...any) error {
		return indextest.TryExec(t, k.indexFile(""), query, args...)
	}
	a, b := k.cameras[id].row, k.cameras[other].row // as the index numbers them
	for _, query := range []string{
		"UPDATE segment SET camera = ?1 WHERE camera = ?2", "UPDATE run SET camera = ?1 WHERE camera = ?2",
		"UPDATE camera SET uuid = randomblob(16) WHERE id IN (?1, ?2)", "UPDATE camera SET folder = 'x' WHERE id IN (?1, ?2)",
		"DELETE FROM camera WHERE id IN (?1, ?2)", "UPDATE segment SET run = 77 WHERE camera IN (?1, ?2)",
	} {
		if err := edit(query, a, b); err == nil {
			t.Errorf("%s: done", query)
		}
	}
	// Without the triggers a row can be created for the other camera's time, but its file does not exist.
	ok(t, edit("DROP TRIGGER segment_keeps_camera"))
	ok(t, edit("DROP TRIGGER run_keeps_camera"))
	for _, query := range []string{
		"UPDATE run SET id = 50 WHERE camera = ?1 AND NOT EXISTS (SELECT 1 FROM segment)",
		"INSERT INTO run (camera, quality, id, uuid, start_us, end_reason) SELECT ?1, quality, 9, uuid, start_us, end_reason FROM run WHERE camera = ?2",
		"UPDATE segment SET camera = ?1, run = 9 WHERE camera = ?2",
	} {
		ok(t, edit(query, a, b))
	}
	span := Span{epoch.Add(30 * time.Second), epoch.Add(2 * time.Minute)}
	p := k.permit(id, access.Playback)
	_, err := k.OpenKeyFrame(t.Context(), p, media.Main, span.To)
	if err == nil {
		t.Error("a key frame of another camera's row")
	}
	ok(t, edit("INSERT INTO run (camera, quality, id, uuid, start_us, end_reason) SELECT ?1, quality, 9, uuid, start_us, end_reason FROM run WHERE camera = ?2", a, b))
	// With the file copied to where the row points, the label reveals it.
	theirs, err := os.ReadFile(k.path(other, index.SegmentName(media.Main, index.Micros(epoch.Add(time.Minute)))))
	ok(t, err)
	ok(t, os.WriteFile(k.path(id, index.SegmentName(media.Main, index.Micros(epoch.Add(time.Minute)))), theirs, 0o640))
	ok(t, edit(`INSERT INTO segment SELECT camera, quality, ?2, ?2 + 10000000, 9, 2, ?3, init_bytes, key_frames FROM segment WHERE camera = ?1`,
		a, index.Micros(epoch.Add(time.Minute)), len(theirs)))
	_, err = k.OpenClip(t.Context(), p, media.Main, span)
	wantErr(t, err, ErrQuarantined)
}

// TestAnEditedTableOfKeyFramesChangesNothing points the index's key frames elsewhere. The file's own table counts.
func TestAnEditedTableOfKeyFramesChangesNothing(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	_, fragments := k.record(id, film{start: epoch, seconds: 10})
	at := epoch.Add(5 * time.Second)
	c, err := k.OpenKeyFrame(t.Context(), k.permit(id, access.Playback), media.Main, at)
	want := all(t, c, err)
	first, later := int64(len(fragments[0].Run.Init)), index.Micros(epoch.Add(4*time.Second))
	for _, packed := range [][]byte{
		index.PackKeys(index.Micros(epoch), []index.KeyFrame{{At: later, Offset: first, Size: uint32(len(fragments[0].Bytes))}}),
		index.PackKeys(index.Micros(epoch), []index.KeyFrame{{At: later, Offset: first + 1, Size: 700}}), index.PackKeys(index.Micros(epoch), []index.KeyFrame{{At: later, Offset: 0, Size: 90}}),
		index.PackKeys(index.Micros(epoch), []index.KeyFrame{{At: later, Offset: 1 << 40, Size: 1 << 31}}), index.PackKeys(index.Micros(epoch), []index.KeyFrame{{At: later, Offset: 1 << 40, Size: 100}}), {0xff},
	} {
		indextest.Exec(t, k.indexFile(""), "UPDATE segment SET key_frames = ?", packed)
		c, err := k.OpenKeyFrame(t.Context(), k.permit(id, access.Playback), media.Main, at)
		if got := all(t, c, err); !bytes.Equal(got, want) {
			t.Errorf("another key frame from %x", packed)
		}
	}
}

func TestAMissingFileFailsOneRequestAndIsAGapThen(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30})
	ok(t, os.Remove(k.path(id, k.rowsOf(id)[1].Name())))
	p, span := k.permit(id, access.Playback), Span{epoch, epoch.Add(30 * time.Second)}
	_, err := k.OpenClip(t.Context(), p, media.Main, span)
	wantErr(t, err, ErrGone)
	c, err := k.OpenClip(t.Context(), p, media.Main, span)
	all(t, c, err)
	if tl := k.timeline(id, span.From, span.To); len(tl.Spans) != 2 || len(tl.Gaps) != 1 || tl.Gaps[0].Reason != ReasonMissing {
		t.Errorf("%+v", tl)
	}
}

// TestAHeaderOfAnotherRunIsRefused puts the header of one run of the camera before the fragments of another.
func TestAHeaderOfAnotherRunIsRefused(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 4})
	other, _ := k.record(id, film{start: epoch.Add(time.Minute), seconds: 4})
	path := k.path(id, index.SegmentName(media.Main, index.Micros(epoch)))
	b, err := os.ReadFile(path)
	ok(t, err)
	copy(b, other.Init)
	ok(t, os.WriteFile(path, b, 0o640))
	_, err = k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, Span{epoch, epoch.Add(time.Second)})
	wantErr(t, err, ErrQuarantined)
}
