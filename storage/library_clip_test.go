package storage

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// encoded records the output of ffmpeg as fragments of one run that begins at start.
func (k *kit) encoded(id media.CameraID, src mediatest.Source, start time.Time) (*media.Run, []*media.Fragment) {
	k.Helper()
	key := k.LabelKey(id)
	run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, start, src.Video, src.Audio, key)
	ok(k, err)
	m := media.NewMuxer(run, key)
	var out []*media.Fragment
	zero := src.Units[0].Arrived
	for _, u := range src.Units {
		moved := *u
		moved.Arrived = start.Add(u.Arrived.Sub(zero))
		f, err := m.Write(&moved)
		ok(k, err)
		if f != nil {
			out = append(out, f)
		}
	}
	f, err := m.Flush()
	ok(k, err)
	return run, append(out, f)
}

func (k *kit) decode(b []byte) int {
	k.Helper()
	path := filepath.Join(k.TempDir(), "clip.mp4")
	ok(k, os.WriteFile(path, b, 0o600))
	return mediatest.Decode(k, path)
}

// TestWhatIsRecordedPlays has ffmpeg decode segments, including an open one, clips of one and two runs, spans for the browser, and
// key frames. The video is from a real encoder, with reordering and audio.
func TestWhatIsRecordedPlays(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	src := mediatest.Clip(t, "25", "libx264", true, "-g", "50", "-bf", "2", "-preset", "ultrafast")
	_, first := k.encoded(id, src, epoch)
	second, rest := k.encoded(id, src, epoch.Add(time.Minute))
	w := k.begin(first[0].Run)
	k.append(w, first)
	ok(t, w.End(t.Context(), "the camera went away"))
	w = k.begin(second)
	k.append(w, rest)
	n := 0
	rows := k.rowsOf(id)
	if len(rows) != 6 {
		t.Errorf("%d segments of 10 s for two runs of 25 s", len(rows))
	}
	for _, r := range rows {
		n += mediatest.Decode(t, k.path(id, r.Name())) // the last one is open
	}
	if n != 2*25*25 {
		t.Errorf("the files hold %d pictures, %d were recorded", n, 2*25*25)
	}
	p := k.permit(id, access.Export)
	c, err := k.OpenClip(t.Context(), p, media.Main, Span{epoch, epoch.Add(2 * time.Minute)})
	if n := k.decode(all(t, c, err)); n != 2*25*25 {
		t.Errorf("the clip over both runs has %d pictures", n)
	}
	c, err = k.OpenClip(t.Context(), k.deaf(id, access.Export), media.Main, Span{epoch, epoch.Add(2 * time.Minute)})
	if b := all(t, c, err); k.decode(b) != 2*25*25 || bytes.Contains(b, []byte("soun")) {
		t.Error("the clip for who may not hear")
	}
	span := Span{epoch.Add(5500 * time.Millisecond), epoch.Add(17 * time.Second)}
	c, err = k.OpenClip(t.Context(), p, media.Main, span)
	ok(t, err)
	if !c.Start().Equal(epoch.Add(4*time.Second)) || c.End().Before(span.To) || c.End().After(span.To.Add(time.Second)) {
		t.Errorf("clip of %v goes from %v to %v", span, c.Start(), c.End())
	}
	// A frame displayed after the end of the frames decoded before it is left out.
	if n, want := k.decode(all(t, c, nil)), int(c.End().Sub(c.Start())/(40*time.Millisecond)); n != want && n != want-1 {
		t.Errorf("%d pictures, want %d", n, want)
	}
	for _, p := range []access.Permit{p, k.deaf(id, access.Playback)} {
		c, err = k.OpenSegments(t.Context(), p, media.Main, Span{span.From, epoch.Add(2 * time.Minute)})
		ok(t, err)
		if c.Run() != first[0].Run.ID || !c.End().Equal(first[len(first)-1].End()) {
			t.Errorf("fragments of run %v until %v", c.Run(), c.End())
		}
		if b := all(t, c, nil); k.decode(b) != 25*21 || bytes.Contains(b, []byte("soun")) != p.Audio() {
			t.Errorf("fragments, sound %v", p.Audio())
		}
	}
	c, err = k.OpenKeyFrame(t.Context(), p, media.Main, epoch.Add(5*time.Second))
	if n := k.decode(all(t, c, err)); n != 1 || !c.Start().Equal(epoch.Add(4*time.Second)) {
		t.Errorf("key frame file with %d pictures at %v", n, c.Start())
	}
}

func TestH265Plays(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	src := mediatest.Clip(t, "6", "libx265", false, "-x265-params", "keyint=25:log-level=error", "-preset", "ultrafast")
	run, fragments := k.encoded(id, src, epoch)
	w := k.begin(run)
	k.append(w, fragments)
	ok(t, w.End(t.Context(), "over"))
	c, err := k.OpenClip(t.Context(), k.permit(id, access.Playback), media.Main, Span{epoch, epoch.Add(time.Minute)})
	if n := k.decode(all(t, c, err)); n != 6*25 {
		t.Errorf("%d pictures", n)
	}
}

// TestRangesOfAClipAreTheWhole reads clips in random pieces.
func TestRangesOfAClipAreTheWhole(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 30, audio: &plainAudio, size: 500})
	k.record(id, film{start: epoch.Add(time.Minute), seconds: 10, audio: &plainAudio})
	rng := rand.New(rand.NewPCG(3, 4))
	span := Span{epoch.Add(3 * time.Second), epoch.Add(80 * time.Second)}
	for _, open := range []func() (*Clip, error){
		func() (*Clip, error) { return k.OpenClip(t.Context(), k.permit(id, access.Export), media.Main, span) },
		func() (*Clip, error) { return k.OpenClip(t.Context(), k.deaf(id, access.Export), media.Main, span) },
		func() (*Clip, error) {
			return k.OpenSegments(t.Context(), k.permit(id, access.Export), media.Main, span)
		},
		func() (*Clip, error) { return k.OpenSegments(t.Context(), k.deaf(id, access.Export), media.Main, span) },
	} {
		c, err := open()
		whole := all(t, c, err)
		c, err = open()
		ok(t, err)
		for range 300 {
			from := rng.Int64N(c.Size())
			n := rng.Int64N(min(c.Size()-from, 5000)) + 1
			at, err := c.Seek(from-c.Size(), io.SeekEnd)
			ok(t, err)
			got := make([]byte, n)
			_, err = io.ReadFull(c, got)
			ok(t, err)
			if at != from || !bytes.Equal(got, whole[from:from+n]) {
				t.Fatalf("bytes %d to %d differ", from, from+n)
			}
		}
		_, err = c.Seek(0, io.SeekEnd)
		ok(t, err)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		if _, err := c.Seek(-1, io.SeekStart); err == nil {
			t.Error("seek before the start")
		}
		ok(t, c.Close())
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("read after close")
		}
	}
}

func TestAChangeOfCodingIsToldWithItsParts(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	other := plainVideo
	other.PPS = []byte{0x68, 1, 2, 3}
	k.record(id, film{start: epoch, seconds: 20})
	k.record(id, film{start: epoch.Add(20 * time.Second), seconds: 10})
	k.record(id, film{start: epoch.Add(time.Minute), seconds: 20, video: other})
	p := k.permit(id, access.Export)
	_, err := k.OpenClip(t.Context(), p, media.Main, Span{epoch.Add(time.Second), epoch.Add(70 * time.Second)})
	wantErr(t, err, ErrFormatChanged)
	var change *FormatChangedError
	if !errors.As(err, &change) || len(change.Parts) != 2 ||
		change.Parts[0] != (Span{epoch.Add(time.Second), epoch.Add(30 * time.Second)}) ||
		change.Parts[1] != (Span{epoch.Add(time.Minute), epoch.Add(70 * time.Second)}) {
		t.Fatalf("%+v", err)
	}
	for _, part := range change.Parts {
		c, err := k.OpenClip(t.Context(), p, media.Main, part)
		all(t, c, err)
	}
	if n := len(k.holds.open); n != 0 {
		t.Errorf("%d holds are left", n)
	}
}

func TestSpansWithoutFootageAndWrongSpans(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	p := k.permit(id, access.Playback)
	_, err := k.OpenKeyFrame(t.Context(), p, media.Main, epoch)
	wantErr(t, err, ErrNoFootage)
	k.record(id, film{start: epoch, seconds: 10})
	k.record(id, film{start: epoch.Add(time.Minute), seconds: 10})
	p = k.permit(id, access.Playback)
	after, before := epoch.Add(10*time.Second), epoch.Add(59*time.Second)
	for _, open := range []func(Span) (*Clip, error){
		func(sp Span) (*Clip, error) { return k.OpenClip(t.Context(), p, media.Main, sp) },
		func(sp Span) (*Clip, error) { return k.OpenSegments(t.Context(), p, media.Main, sp) },
	} {
		for _, x := range []struct {
			span Span
			want error
		}{
			{Span{after, before}, ErrNoFootage},
			{Span{epoch.Add(-time.Hour), epoch}, ErrNoFootage},
			{Span{epoch.Add(time.Hour), epoch.Add(2 * time.Hour)}, ErrNoFootage},
			{Span{epoch, epoch}, ErrSpan},
			{Span{epoch.Add(time.Second), epoch}, ErrSpan},
			{Span{epoch, epoch.Add(MaxClip + time.Second)}, ErrTooLong},
		} {
			_, err := open(x.span)
			wantErr(t, err, x.want)
		}
		c, err := open(Span{after, after.Add(time.Hour)})
		ok(t, err)
		if !c.Start().Equal(epoch.Add(time.Minute)) {
			t.Errorf("from a gap the clip begins at %v", c.Start())
		}
		ok(t, c.Close())
		ok(t, c.Close())
	}
	_, err = k.OpenKeyFrame(t.Context(), p, media.Main, epoch.Add(-time.Microsecond))
	wantErr(t, err, ErrNoFootage)
	_, err = k.OpenKeyFrame(t.Context(), p, media.Sub, epoch.Add(time.Second))
	wantErr(t, err, ErrNoFootage)
	c, err := k.OpenKeyFrame(t.Context(), p, media.Main, before)
	ok(t, err)
	if !c.Start().Equal(epoch.Add(8 * time.Second)) {
		t.Errorf("the key frame before a gap is at %v", c.Start())
	}
}

func TestSilentSizeIsWhatSilentFragmentMakes(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	for _, audio := range []*media.AudioTrack{nil, &plainAudio} {
		_, fragments := k.fragments(id, film{start: epoch, seconds: 6, audio: audio})
		for _, f := range fragments {
			var table media.Table
			ok(t, table.Append(0, f.Bytes))
			silent, err := media.SilentFragment(k.LabelKey(id), f.Bytes)
			ok(t, err)
			if got := media.SilentSize(&table.Entries[0]); got != int64(len(silent)) {
				t.Fatalf("SilentSize %d, the fragment has %d", got, len(silent))
			}
		}
	}
}
