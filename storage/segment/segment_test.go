package segment

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// film is a written and closed segment.
type film struct {
	testing.TB
	path  string // of the file
	owner Owner
	run   *media.Run
	Contents
}

const name = "main/2026-11-22/12-00-00.000Z.mp4"

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shoot writes a segment of the given length, with a key frame every two seconds and a fragment every half second.
func shoot(t testing.TB, seconds int) *film {
	t.Helper()
	base := t.TempDir()
	folder, err := disk.Open(base)
	ok(t, err)
	t.Cleanup(func() { _ = folder.Close() })
	camera := media.NewCameraID()
	x := &film{TB: t, path: filepath.Join(base, name), owner: Owner{folder, camera, media.DeriveLabelKey([32]byte{1}, camera)}}
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	video := media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb, 0x83, 0xcb}}
	x.run, err = media.NewRun(media.StreamID{Camera: camera, Quality: media.Main}, start, video, nil, x.owner.Key)
	ok(t, err)
	ok(t, folder.Mkdir(filepath.Dir(name)))
	g := New(name, start.UnixMicro(), func(err error) { t.Errorf("sync: %v", err) })
	_, err = g.Create(folder, x.run.Init)
	ok(t, err)
	add := func(f *media.Fragment) {
		var table media.Table
		ok(t, table.Append(0, f.Bytes))
		ok(t, g.Append(f.Bytes, table.Entries[0]))
	}
	m := media.NewMuxer(x.run, x.owner.Key)
	for n := range seconds * 4 {
		at := start.Add(time.Duration(n) * time.Second / 4)
		ticks := int64(n) * media.VideoTimescale / 4
		f, err := m.Write(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: at, Random: n%8 == 0, Data: [][]byte{bytes.Repeat([]byte{byte(n)}, 64)}})
		ok(t, err)
		if f != nil {
			add(f)
		}
	}
	f, err := m.Flush()
	ok(t, err)
	add(f)
	x.Contents, err = g.Close(x.owner, x.run)
	ok(t, err)
	return x
}

func (x *film) expected() Expected {
	return Expected{Stream: x.run.Stream, Key: x.owner.Key, Run: x.run.ID, Start: x.Start().UnixMicro(), End: x.End().UnixMicro(), Size: x.Size, Init: x.Init}
}

// verify reads every fragment and returns the fault it finds, or 0.
func (x *film) verify(e Expected) Fault {
	x.Helper()
	entries, flaw, err := Verify(x.Context(), x.owner.Folder, name, e, Verification{Fragments: true, Pace: &disk.Pace{}})
	ok(x, err)
	if flaw != nil {
		return flaw.Fault
	}
	if len(entries) != len(x.Entries) {
		x.Errorf("%d entries, want %d", len(entries), len(x.Entries))
	}
	return 0
}

// change rewrites the file.
func (x *film) change(f func(b []byte) []byte) {
	x.Helper()
	b, err := os.ReadFile(x.path)
	ok(x, err)
	ok(x, os.WriteFile(x.path, f(b), 0o640))
}

func TestWhatWasSealedVerifies(t *testing.T) {
	x := shoot(t, 6)
	if fault := x.verify(x.expected()); fault != 0 {
		t.Errorf("fault %d", fault)
	}
	if c, sure := Trust(x.owner, name); !sure || c.Size != x.Size || len(c.Entries) != len(x.Entries) {
		t.Errorf("%v: %d bytes, %d entries", sure, c.Size, len(c.Entries))
	}
}

func TestVerifyingFindsWhatIsWrong(t *testing.T) {
	for want, harm := range map[Fault]func(*film, *Expected){
		Damaged: func(x *film, _ *Expected) {
			x.change(func(b []byte) []byte { b[x.Entries[3].Offset+int64(x.Entries[3].Size)-1] ^= 1; return b })
		},
		Short:   func(x *film, _ *Expected) { x.change(func(b []byte) []byte { return b[:len(b)-1] }) },
		Missing: func(x *film, _ *Expected) { ok(x, os.Remove(x.path)) },
	} {
		x := shoot(t, 6)
		e := x.expected()
		harm(x, &e)
		if got := x.verify(e); got != want {
			t.Errorf("fault %d, want %d", got, want)
		}
	}
}

func TestAnotherRunOrStreamIsDamage(t *testing.T) {
	x := shoot(t, 2)
	for _, other := range []func(*Expected){
		func(e *Expected) { e.Run[0] ^= 1 },
		func(e *Expected) { e.Stream.Quality = media.Sub },
		func(e *Expected) { e.Stream.Camera[0] ^= 1 },
		func(e *Expected) { e.Start++ },
		func(e *Expected) { e.End-- },
	} {
		e := x.expected()
		other(&e)
		if got := x.verify(e); got != Damaged {
			t.Errorf("%+v: fault %d", e, got)
		}
	}
	f, err := x.owner.Folder.Open(name)
	ok(t, err)
	defer f.Close()
	p := PlaceOf(&x.Entries[1])
	p.At++
	if _, _, err := x.expected().Fragment(f, p, nil); !IsDamage(err) {
		t.Errorf("a fragment of another time: %v", err)
	}
}

func TestATornEndIsCutAndSealed(t *testing.T) {
	x := shoot(t, 6)
	last := x.Entries[len(x.Entries)-1]
	x.change(func(b []byte) []byte { return b[:last.Offset+10] })
	c, err := Repair(x.owner, name)
	ok(t, err)
	if len(c.Entries) != len(x.Entries)-1 || !c.End().Equal(last.Start) {
		t.Errorf("%d of %d fragments, until %v", len(c.Entries), len(x.Entries), c.End())
	}
	x.Contents = c
	if fault := x.verify(x.expected()); fault != 0 {
		t.Errorf("fault %d", fault)
	}
}

func TestGoodFootageBehindABadPlaceIsNotCut(t *testing.T) {
	x := shoot(t, 6)
	x.change(func(b []byte) []byte { b[x.Entries[1].Offset+int64(x.Entries[1].Size)-1] ^= 1; return b })
	before, err := os.ReadFile(x.path)
	ok(t, err)
	if _, err := Repair(x.owner, name); !IsDamage(err) {
		t.Errorf("repaired: %v", err)
	}
	after, err := os.ReadFile(x.path)
	ok(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	f, err := x.owner.Folder.Open(name)
	ok(t, err)
	defer f.Close()
	s, err := Salvage(x.owner, f, int64(len(after)), nil)
	ok(t, err)
	if s.Whole || len(s.Stretches) != 2 {
		t.Fatalf("whole %v, %d stretches", s.Whole, len(s.Stretches))
	}
	const piece = "main/2026-11-22/12-00-02.000Z.mp4"
	ok(t, s.WritePiece(x.owner, &s.Stretches[1], piece))
	c, sure := Trust(x.owner, piece)
	if !sure || !c.End().Equal(x.End()) || !c.Entries[0].Random {
		t.Errorf("%v, until %v", sure, c.End())
	}
}

func TestAFileWithoutFragmentsIsToldFromOneThatIsGone(t *testing.T) {
	x := shoot(t, 2)
	x.change(func(b []byte) []byte { return b[:x.Init] })
	if _, err := Repair(x.owner, name); !errors.Is(err, ErrNoFragments) {
		t.Errorf("%v", err)
	}
	ok(t, os.Remove(x.path))
	if _, err := Repair(x.owner, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestALayoutHasThePiecesOneBehindTheOther(t *testing.T) {
	x := shoot(t, 4)
	parts := []Part{{x.run, x.Entries}}
	plain, err := Progressive(parts, true)
	ok(t, err)
	for what, l := range map[string]Layout{"progressive": plain, "fragmented": Fragmented(parts, true, x.owner.Key)} {
		at := int64(len(l.Head))
		for _, p := range l.Pieces {
			if p.At != at {
				t.Errorf("%s: a piece at %d, want %d", what, p.At, at)
			}
			at += int64(p.Keep)
		}
		if at != l.Size || len(l.Pieces) != len(x.Entries) || !l.Start.Equal(x.Start()) || !l.End.Equal(x.End()) {
			t.Errorf("%s: %+v", what, l)
		}
	}
}
