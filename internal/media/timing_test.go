package media_test

import (
	"errors"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// soundRun is a run with 16 kHz audio whose content cannot be decoded.
func soundRun(t testing.TB) *media.Run {
	t.Helper()
	video := media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 1}, PPS: []byte{0x68, 1}}
	audio := &media.AudioTrack{Codec: media.AAC, Config: []byte{0x14, 0x08}, SampleRate: 16000, Channels: 1}
	run, err := media.NewRun(stream, start, video, audio, key)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func picture(dts int64, random bool) *media.Unit {
	at := start.Add(time.Duration(dts) * time.Second / media.VideoTimescale)
	return &media.Unit{Kind: media.Video, DTS: dts, PTS: dts, Random: random, Arrived: at, Data: [][]byte{{1, 2, 3}}}
}

func sound(dts int64) *media.Unit {
	return &media.Unit{Kind: media.Audio, DTS: dts, PTS: dts, Random: true, Arrived: start, Data: [][]byte{{9}}}
}

// mux writes the units and returns the fragments as entries of a table.
func mux(t testing.TB, run *media.Run, units []*media.Unit) []media.Entry {
	t.Helper()
	m := media.NewMuxer(run, key)
	table, at := &media.Table{}, int64(0)
	keep := func(f *media.Fragment, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			return
		}
		if err := table.Append(at, f.Bytes); err != nil {
			t.Fatal(err)
		}
		at += int64(len(f.Bytes))
	}
	for _, u := range units {
		keep(m.Write(u))
	}
	keep(m.Flush())
	return table.Entries
}

func TestSoundThatIsFarFromThePicturesIsLeftOut(t *testing.T) {
	for _, off := range []int64{5 * 3600 * 16000, -5 * 3600 * 16000, math.MaxInt64 / 4, math.MinInt64 / 4} {
		var units []*media.Unit
		for i := range int64(60) {
			units = append(units, picture(i*6000, i%30 == 0), sound(i*1024))
			if i > 20 && i < 30 {
				units = append(units, sound(i*1024+off))
			}
		}
		n, end := 0, uint64(0)
		for _, e := range mux(t, soundRun(t), units) {
			for _, s := range e.Audio {
				if n++; s.Duration != 1024 {
					t.Errorf("off by %d: a frame of sound lasts %d samples", off, s.Duration)
				}
			}
			if len(e.Audio) > 0 && (e.AudioBase > 60*1024 || e.AudioBase < end) {
				t.Errorf("off by %d: sound at %d after %d", off, e.AudioBase, end)
			}
			if len(e.Audio) > 0 {
				end = e.AudioBase + uint64(len(e.Audio))*1024
			}
		}
		if n != 60 {
			t.Errorf("off by %d: %d frames of sound of 60", off, n)
		}
	}
}

func TestAPauseInTheSoundIsNotAVeryLongFrame(t *testing.T) {
	var units []*media.Unit
	for i := range int64(60) {
		units = append(units, picture(i*6000, i == 0))
		if i < 20 || i > 23 {
			units = append(units, sound(i*1024))
		}
	}
	for _, e := range mux(t, soundRun(t), units) {
		for _, s := range e.Audio {
			if s.Duration > 16000/2 {
				t.Errorf("a frame of sound lasts %d samples", s.Duration)
			}
		}
	}
}

func TestPresentationFarFromDecodingIsBounded(t *testing.T) {
	for _, off := range []int64{math.MaxInt32 + 10, -math.MaxInt32 - 10, 1 << 50} {
		a, b := picture(0, true), picture(6000, false)
		b.PTS += off
		for _, e := range mux(t, soundRun(t), []*media.Unit{a, b}) {
			for _, s := range e.Video {
				if s.Offset > 10*media.VideoTimescale || s.Offset < -10*media.VideoTimescale {
					t.Errorf("off by %d: composition offset %d", off, s.Offset)
				}
			}
		}
	}
}

func TestTinyUnitsWithoutEndAreBoundedInMemory(t *testing.T) {
	m := media.NewMuxer(soundRun(t), key)
	for i := range int64(1 << 20) {
		u := sound(i)
		if i == 0 {
			u = picture(0, true)
		}
		if _, err := m.Write(u); errors.Is(err, media.ErrTooLarge) {
			return
		}
	}
	t.Error("a million frames of sound in one fragment")
}

func TestRatesFromOneToSixtyPicturesASecondAndLongGOPsKeepTheirTime(t *testing.T) {
	for _, c := range []struct {
		fps, gop, n int64
		size        int
	}{{1, 10, 130, 100}, {60, 3600, 7300, 100}, {25, 1500, 1600, 100}, {25, 50, 300, 125_000}} {
		run, _ := synthetic(t, stream, key, 1)
		m := media.NewMuxer(run, key)
		at, pictures, most := start, int64(0), 0
		check := func(f *media.Fragment, err error) {
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if f == nil {
				return
			}
			if !f.Start.Equal(at) || f.Duration > max(500*time.Millisecond, time.Second/time.Duration(c.fps))+2*time.Microsecond {
				t.Fatalf("%+v: fragment at %v lasts %v, the one before ended at %v", c, f.Start, f.Duration, at)
			}
			at, most = f.End(), max(most, len(f.Bytes))
		}
		for i := range c.n {
			u := picture(i*media.VideoTimescale/c.fps, i%c.gop == 0)
			u.Data = [][]byte{make([]byte, c.size)}
			check(m.Write(u))
			pictures++
		}
		check(m.Flush())
		if off := at.Sub(start) - time.Duration(c.n)*time.Second/time.Duration(c.fps); off > 20*time.Millisecond || off < -20*time.Millisecond {
			t.Errorf("%+v: fragments cover %v", c, at.Sub(start))
		}
		if most > 14*c.size+4096 && c.fps != 60 {
			t.Errorf("%+v: a fragment of %d bytes", c, most)
		}
	}
}

// bleeps has ffmpeg make six seconds of video. Each second begins with a white frame and a tone.
func bleeps(t *testing.T) mediatest.Source {
	t.Helper()
	path := t.TempDir() + "/bleeps.mp4"
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error",
		"-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=6,drawbox=color=white:t=fill:enable='lt(mod(t\\,1)\\,0.2)'",
		"-f", "lavfi", "-i", "aevalsrc='sin(2*PI*1000*t)*lt(mod(t\\,1)\\,0.2)':sample_rate=48000:duration=6",
		"-c:v", "libx264", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return mediatest.Open(t, path)
}

// onsets has ffmpeg decode the file and returns when the video turns white and when the tone begins, in seconds.
func onsets(t *testing.T, path string) (white, tone []float64) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "info", "-i", path, "-vf", "blackdetect=d=0.1:pix_th=0.3", "-af", "silencedetect=n=-30dB:d=0.1",
		"-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, word := range strings.FieldsFunc(string(out), func(r rune) bool { return strings.ContainsRune(" \n\r|", r) }) {
		if v, ok := strings.CutPrefix(word, "black_end:"); ok {
			at, _ := strconv.ParseFloat(v, 64)
			white = append(white, at)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(string(out), "\r", "\n")) {
		if _, v, ok := strings.Cut(line, "silence_end: "); ok {
			at, _ := strconv.ParseFloat(strings.Fields(v)[0], 64)
			tone = append(tone, at)
		}
	}
	return white, tone
}

// shifted returns the source from the given second on, with its audio late or early by lead.
func shifted(src mediatest.Source, from int64, lead time.Duration) mediatest.Source {
	out := mediatest.Source{Video: src.Video, Audio: src.Audio}
	// At time zero the file presents its first frame, which is decoded two frames earlier, and its audio without the
	// encoder's first frame. The units know nothing of that.
	const delay = 2*48000/25 - 1024
	begun := false
	for _, u := range src.Units {
		v := *u
		if u.Kind == media.Video {
			if begun = begun || u.Random && u.DTS >= from*media.VideoTimescale; begun {
				out.Units = append(out.Units, &v)
			}
			continue
		}
		v.DTS += delay
		if at := time.Duration(v.DTS) * time.Second / 48000; at >= time.Duration(from)*time.Second+lead {
			out.Units = append(out.Units, &v)
		}
	}
	return out
}

func TestSoundStaysWithThePicturesOverAClipOfThreeRuns(t *testing.T) {
	src := bleeps(t)
	var entries []media.Entry
	var file []byte
	var run *media.Run
	for i, part := range []mediatest.Source{shifted(src, 2, 400*time.Millisecond), shifted(src, 3, -100*time.Millisecond), shifted(src, 4, 900*time.Millisecond)} {
		r, fragments := record(t, part)
		if i == 0 {
			run = r
		}
		table := &media.Table{}
		for _, f := range fragments {
			if err := table.Append(int64(len(file)), f.Bytes); err != nil {
				t.Fatal(err)
			}
			file = append(file, f.Bytes...)
		}
		entries = append(entries, table.Entries...)
	}
	path := write(t, progressive(t, run, entries, file, true))
	mediatest.Decode(t, path)
	white, tone := onsets(t, path)
	matched := 0 // before the end, where the detectors report incomplete events
	for _, w := range white {
		for _, a := range tone {
			if off := a - w; w < 8.9 && off > -0.3 && off < 0.3 {
				matched++
				if off > 0.05 || off < -0.05 {
					t.Errorf("the picture turns white at %.3f s, the tone comes at %.3f s", w, a)
				}
			}
		}
	}
	if matched < 4 {
		t.Errorf("%d of the flashes at %v have a tone of %v", matched, white, tone)
	}
}

func TestTheHeaderOfADaysClipTakesLittleMemoryToMake(t *testing.T) {
	run, _ := synthetic(t, stream, key, 1)
	entries := make([]media.Entry, 24*3600*2)
	samples := make([]media.Sample, 13) // shared: what counts here is the header
	for k := range samples {
		samples[k] = media.Sample{Size: uint32(5000 + k), Duration: 3600, Random: k == 0}
	}
	for i := range entries {
		entries[i] = media.Entry{Start: start, Duration: 500 * time.Millisecond, Video: samples, Size: 65000}
	}
	size := 0
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			header, err := media.ProgressiveHeader(run, entries, false)
			if err != nil {
				b.Fatal(err)
			}
			size = len(header)
		}
	})
	if most := int64(4 * size); got.AllocedBytesPerOp() > most {
		t.Errorf("a header of %d bytes took %d bytes to make", size, got.AllocedBytesPerOp())
	}
}
