package media_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

var (
	master = [32]byte{1, 2, 3}
	camera = media.CameraID{0: 0xca, 15: 1}
	key    = media.DeriveLabelKey(master, camera)
	stream = media.StreamID{Camera: camera, Quality: media.Main}
	start  = time.Date(2026, 11, 22, 13, 5, 20, 123000, time.UTC)
)

// record turns a source into a run and its fragments.
func record(t testing.TB, src mediatest.Source) (*media.Run, []*media.Fragment) {
	t.Helper()
	run, err := media.NewRun(stream, start, src.Video, src.Audio, key)
	if err != nil {
		t.Fatal(err)
	}
	m := media.NewMuxer(run, key)
	var fragments []*media.Fragment
	keep := func(f *media.Fragment, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			fragments = append(fragments, f)
		}
	}
	early := src.Units[0].Arrived.Sub(start)
	for _, u := range src.Units {
		now := *u
		now.Arrived = u.Arrived.Add(-early) // at the time under which it is filed
		keep(m.Write(&now))
	}
	keep(m.Flush())
	return run, fragments
}

// segment returns a run and its fragments as a closed segment file.
func segment(t testing.TB, run *media.Run, fragments []*media.Fragment) ([]byte, *media.Table) {
	t.Helper()
	b := bytes.Clone(run.Init)
	table := &media.Table{}
	for _, f := range fragments {
		if err := table.Append(int64(len(b)), f.Bytes); err != nil {
			t.Fatal(err)
		}
		b = append(b, f.Bytes...)
	}
	return append(b, table.Box(run, key)...), table
}

func write(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pictures(src mediatest.Source) int {
	n := 0
	for _, u := range src.Units {
		if u.Kind == media.Video {
			n++
		}
	}
	return n
}

var encoders = []struct {
	name, codec string
	options     []string
}{
	{"H.264 with B-frames", "libx264", []string{"-g", "50", "-bf", "3"}},
	{"H.264 without", "libx264", []string{"-g", "25", "-bf", "0", "-profile:v", "baseline"}},
	{"H.265 with B-frames", "libx265", []string{"-g", "50", "-x265-params", "log-level=none:bframes=3"}},
}

func TestSegmentsAndClipsOfRealEncodersDecodeWithoutError(t *testing.T) {
	for _, e := range encoders {
		for _, audio := range []bool{true, false} {
			src := mediatest.Clip(t, "6", e.codec, audio, e.options...)
			run, fragments := record(t, src)
			file, table := segment(t, run, fragments)
			if n := mediatest.Decode(t, write(t, file)); n != pictures(src) {
				t.Errorf("%s, audio %v: segment of %d pictures decodes to %d", e.name, audio, pictures(src), n)
			}
			open := len(file) / 2
			for i := range table.Entries { // as it is on disk while it is being written
				if end := table.Entries[i].Offset + int64(table.Entries[i].Size); end <= int64(open) && i+1 < len(table.Entries) {
					mediatest.Decode(t, write(t, file[:end]))
				}
			}
			for _, sound := range []bool{true, false} {
				clip := progressive(t, run, table.Entries, file, sound)
				if n := mediatest.Decode(t, write(t, clip)); n != pictures(src) {
					t.Errorf("%s, audio %v: clip of %d pictures decodes to %d", e.name, audio, pictures(src), n)
				}
			}
			still, err := media.KeyFrameFile(run, key, fragments[len(fragments)/2*0].Bytes)
			if err != nil {
				t.Fatal(err)
			}
			if n := mediatest.Decode(t, write(t, still)); n != 1 {
				t.Errorf("%s: key frame decodes to %d pictures", e.name, n)
			}
		}
	}
}

func progressive(t testing.TB, run *media.Run, entries []media.Entry, file []byte, sound bool) []byte {
	t.Helper()
	clip, err := media.ProgressiveHeader(run, entries, sound)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		payload := file[e.Offset+int64(e.Payload):]
		n := e.VideoBytes()
		if sound {
			n += e.AudioBytes()
		}
		clip = append(clip, payload[:n]...)
	}
	return clip
}

func TestPresentationTimesSurviveInSegmentAndClip(t *testing.T) {
	src := mediatest.Clip(t, "4", "libx264", true, "-g", "50", "-bf", "3")
	run, fragments := record(t, src)
	file, table := segment(t, run, fragments)
	inSegment := mediatest.Pictures(t, write(t, file))
	inClip := mediatest.Pictures(t, write(t, progressive(t, run, table.Entries, file, true)))
	if len(inSegment) != pictures(src) || len(inClip) != pictures(src) {
		t.Fatalf("%d and %d pictures of %d", len(inSegment), len(inClip), pictures(src))
	}
	if inClip[0] != "0.000000" || inClip[len(inClip)-1] != "3.960000" {
		t.Errorf("clip runs from %s to %s, want 0 to 3.96", inClip[0], inClip[len(inClip)-1])
	}
}

func TestFragmentsAreShortAndFollowEachOther(t *testing.T) {
	src := mediatest.Clip(t, "6", "libx264", true, "-g", "50", "-bf", "0")
	_, fragments := record(t, src)
	at := start
	for i, f := range fragments {
		if f.Seq != uint64(i+1) || !f.Start.Equal(at) || f.Duration <= 0 || f.Duration > 500*time.Millisecond+time.Microsecond {
			t.Fatalf("fragment %d: seq %d, start %v, want %v, lasts %v", i, f.Seq, f.Start, at, f.Duration)
		}
		label, err := key.VerifyFragment(camera, f.Bytes)
		if err != nil || !label.Start.Equal(f.Start) || label.Duration != f.Duration || label.Seq != f.Seq || label.Random != f.Random {
			t.Fatalf("fragment %d: label %+v, %v", i, label, err)
		}
		at = f.End()
	}
	if got := at.Sub(start).Round(time.Millisecond); got != 6*time.Second {
		t.Errorf("fragments cover %v of 6 s", got)
	}
}

func TestRunReadFromItsInitIsTheSameRun(t *testing.T) {
	for _, e := range encoders {
		src := mediatest.Clip(t, "1", e.codec, true, e.options...)
		run, _ := record(t, src)
		got, err := media.OpenRun(run.Init, camera, key)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != run.ID || got.Stream != run.Stream || !got.Start.Equal(run.Start) || !got.SameCoding(run) || got.MIME() != run.MIME() ||
			got.Video.Width != 320 || got.Video.Height != 240 {
			t.Errorf("%s: wrote %+v, read %+v", e.name, run, got)
		}
		if _, err := media.OpenRun(run.SilentInit(key), camera, key); err != nil {
			t.Errorf("%s: silent init: %v", e.name, err)
		}
	}
}

func TestSilentFragmentsHoldNoSound(t *testing.T) {
	src := mediatest.Clip(t, "2", "libx264", true)
	run, fragments := record(t, src)
	file := run.SilentInit(key)
	for _, f := range fragments {
		silent, err := media.SilentFragment(key, f.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.VerifyFragment(camera, silent); err != nil {
			t.Fatal(err)
		}
		for _, u := range src.Units {
			if u.Kind == media.Audio && len(u.Data[0]) > 32 && bytes.Contains(silent, u.Data[0]) {
				t.Fatal("a silent fragment holds a frame of sound")
			}
		}
		file = append(file, silent...)
	}
	if n := mediatest.Decode(t, write(t, file)); n != pictures(src) {
		t.Errorf("%d pictures of %d", n, pictures(src))
	}
}
