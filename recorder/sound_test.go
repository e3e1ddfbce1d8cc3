package recorder_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/sound"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
)

// ffmpeg has ffmpeg turn its standard input into output.
func ffmpeg(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error"}, args...)...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	return out
}

// chirp is two seconds of sound in which no tenth of a second equals another, in 16 bits, low byte first.
func chirp(rate, channels int) []byte {
	var b []byte
	for i := range 2 * rate * channels {
		at := float64(i/channels) / float64(rate)
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(9000*math.Sin(2*math.Pi*(300+600*at)*at)+float64(i*7919%97))))
	}
	return b
}

// coded returns packets of size bytes that hold the chirp in a codec of ffmpeg.
func coded(t *testing.T, rate, size int, args ...string) (payloads [][]byte) {
	t.Helper()
	all := ffmpeg(t, chirp(rate, 1), append([]string{"-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "-"}, args...)...)
	for ; len(all) >= size; all = all[size:] {
		payloads = append(payloads, all[:size])
	}
	return payloads
}

// clip writes what was recorded in the last seconds to a file, and returns its name.
func (r *rig) clip(name string, span storage.Span) string {
	r.t.Helper()
	clip, err := r.store.OpenClip(r.t.Context(), permit(r.t, r.ids[name], access.Export), media.Main, span)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := io.ReadAll(clip)
	if err := errors.Join(err, clip.Close()); err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(r.t.TempDir(), "clip.mp4")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return file
}

// recordedFor waits until d was recorded without a gap, and returns the span.
func (r *rig) recordedFor(name string, d time.Duration) storage.Span {
	r.t.Helper()
	line := r.timeline(name, "recorded for "+d.String(), func(line storage.Timeline) bool {
		n := len(line.Spans)
		return n > 0 && line.Spans[n-1].To.Sub(line.Spans[n-1].From) > d
	})
	last := line.Spans[len(line.Spans)-1]
	return storage.Span{From: last.From, To: last.From.Add(d)}
}

func TestEverySoundIsRecordedAsTheCameraSendsIt(t *testing.T) {
	t.Parallel()
	g726 := func(kbits int, name, of string) *testcam.Packets {
		return &testcam.Packets{Type: 97, RTPMap: name + strconv.Itoa(kbits) + "/8000", Clock: 8000, Ticks: 160,
			Payloads: coded(t, 8000, 20*kbits/8, "-c:a", of, "-b:a", strconv.Itoa(kbits)+"k", "-f", of, "-")}
	}
	type codec struct {
		packets *testcam.Packets
		name    string
		rate    int
		decode  func() func([]byte) []int16 // nil: no samples to compare with
	}
	bigEndian := func() func(b []byte) []int16 {
		return func(b []byte) (samples []int16) {
			for i := 0; i+1 < len(b); i += 2 {
				samples = append(samples, int16(binary.BigEndian.Uint16(b[i:])))
			}
			return samples
		}
	}
	viaFFmpeg := func(of string) func() func([]byte) []int16 {
		return func() func([]byte) []int16 {
			return func(b []byte) []int16 {
				return samplesOf(ffmpeg(t, b, "-f", of, "-ar", "8000", "-ac", "1", "-i", "-", "-f", "s16le", "-"))
			}
		}
	}
	codecs := map[string]codec{
		"alaw": {&testcam.Packets{Type: 8, RTPMap: "PCMA/8000", Clock: 8000, Ticks: 320, Payloads: coded(t, 8000, 320, "-f", "alaw", "-")}, "G.711 A-law", 8000, viaFFmpeg("alaw")},
		"ulaw": {&testcam.Packets{Type: 0, RTPMap: "PCMU/8000", Clock: 8000, Ticks: 160, Payloads: coded(t, 8000, 160, "-f", "mulaw", "-")}, "G.711 µ-law", 8000, viaFFmpeg("mulaw")},
		"l16":  {&testcam.Packets{Type: 98, RTPMap: "L16/16000", Clock: 16000, Ticks: 320, Payloads: coded(t, 16000, 640, "-f", "s16be", "-")}, "PCM, 16 bits", 16000, bigEndian},
		"g722": {&testcam.Packets{Type: 9, RTPMap: "G722/8000", Clock: 8000, Ticks: 160, Payloads: coded(t, 16000, 160, "-c:a", "g722", "-f", "g722", "-")}, "G.722", 16000,
			func() func([]byte) []int16 { return sound.NewG722().Decode }},
		"g726": {g726(32, "G726-", "g726le"), "G.726, 32 kbit/s", 8000, func() func([]byte) []int16 { return sound.NewG726(32, false).Decode }},
		"aal2": {g726(24, "AAL2-G726-", "g726"), "G.726, 24 kbit/s", 8000, func() func([]byte) []int16 { return sound.NewG726(24, true).Decode }},
		"opus": {camtest.Opus(t, chirp(48000, 1), 48000), "Opus", 48000, nil},
	}
	var cams []testcam.Camera
	for name, c := range codecs {
		cams = append(cams, testcam.Camera{Name: name, Audio: testcam.Packed, Packets: c.packets, Main: testcam.Video{Width: 160, Height: 90, FPS: 5, GOP: time.Second}})
	}
	r := newRig(t, cams...)
	for name, c := range codecs {
		span := r.recordedFor(name, 6*time.Second)
		if s := r.recorders[name].Status().Health.Sound; s.Codec != c.name || !s.Recorded || s.Why != "" {
			t.Errorf("%s: told as %+v", name, s)
		}
		file := r.clip(name, span)
		if n := mediatest.Decode(t, file); n < 25 {
			t.Errorf("%s: %d pictures", name, n)
		}
		got := samplesOf(ffmpeg(t, nil, "-i", file, "-f", "s16le", "-ac", "1", "-ar", strconv.Itoa(c.rate), "-"))
		if len(got) < 4*c.rate {
			t.Errorf("%s: %d samples", name, len(got))
			continue
		}
		if c.decode == nil {
			continue
		}
		at, ok := within(got, c.packets.Payloads, c.decode)
		if !ok {
			t.Errorf("%s: the samples are not those of the camera", name)
			continue
		}
		if off := outOfStep(t, file, float64(at)/float64(c.rate)); math.Abs(off) > 0.04 {
			t.Errorf("%s: sound is heard %.0f ms off its pictures", name, 1000*off)
		}
	}
}

// outOfStep returns by how many seconds sound comes too early. heard is when the first of it was made, after the first picture of the camera.
// All sound repeats after two seconds.
func outOfStep(t *testing.T, file string, heard float64) float64 {
	t.Helper()
	began := float64(camtest.Marks(t, file)[0].Frame-1) / 5
	off := heard - began - firstTime(t, file, "a") + firstTime(t, file, "v")
	return off - 2*math.Round(off/2)
}

// samplesOf returns samples of 16 bits, low byte first.
func samplesOf(b []byte) []int16 {
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return samples
}

// firstTime returns when a track of a file begins, in seconds.
func firstTime(t *testing.T, file, track string) float64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", track, "-show_entries", "stream=start_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	at, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// within reports whether the samples are a part of what a decoder makes of packets that are sent over and over, wherever it begins, and
// which sample of all packets the first one is.
func within(got []int16, payloads [][]byte, decoder func() func([]byte) []int16) (at int, ok bool) {
	text := func(samples []int16) []byte {
		var b []byte
		for _, x := range samples {
			b = binary.LittleEndian.AppendUint16(b, uint16(x))
		}
		return b
	}
	want := text(got)
	for first := range payloads {
		round := append(bytes.Join(payloads[first:], nil), bytes.Join(payloads[:first], nil)...)
		all := decoder()(bytes.Repeat(round, 12))
		if i := bytes.Index(text(all), want); i >= 0 {
			return first*len(all)/12/len(payloads) + i/2, true
		}
	}
	return 0, false
}

func TestSoundThatComesAndGoesCostsNoPictureAndNoGap(t *testing.T) {
	t.Parallel()
	small := testcam.Video{Width: 160, Height: 90, FPS: 15, GOP: time.Second}
	cams := []testcam.Camera{{Name: "aac", Audio: testcam.AAC, Main: small}, {Name: "alaw", Audio: testcam.PCMA, Main: small},
		{Name: "opus", Audio: testcam.Packed, Main: small, Packets: camtest.Opus(t, chirp(48000, 1), 48000)}}
	r := newRig(t, cams...)
	for _, c := range cams {
		r.cams.Camera(c.Name).Mute(true)
	}
	silent := func(s recorder.Status) bool { return strings.Contains(s.Health.Sound.Why, "silence is recorded") }
	for _, muted := range []bool{true, false, true, false} {
		for _, c := range cams {
			r.cams.Camera(c.Name).Mute(muted)
			r.until(c.Name, "told as silent, or no longer", func(s recorder.Status) bool { return recording(s) && s.Health.Sound.Recorded && silent(s) == muted })
			r.frames(c.Name, 20)
		}
	}
	for _, c := range cams {
		r.recordedNow(c.Name)
		line := r.timeline(c.Name, "recorded", func(line storage.Timeline) bool { return len(line.Spans) > 0 })
		if len(line.Spans) != 1 {
			t.Errorf("%s: %d runs", c.Name, len(line.Spans))
		}
		span := storage.Span{From: line.Spans[0].From, To: line.Spans[len(line.Spans)-1].To}
		soundReaches(t, c.Name, r.clip(c.Name, span))
	}
	r.close()
	for _, c := range cams {
		marks := r.marks(c.Name)
		if span := marks[len(marks)-1].Frame - marks[0].Frame + 1; span != uint64(len(marks)) {
			t.Errorf("%s: %d of %d frames are in the files", c.Name, len(marks), span)
		}
	}
}

// soundReaches fails if the sound of a clip has holes or ends long before its pictures, or if none of it or all of it is silent.
func soundReaches(t *testing.T, name, file string) {
	t.Helper()
	mediatest.Decode(t, file)
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	end := 0.0
	for line := range strings.Lines(string(out)) {
		at, lasts, _ := strings.Cut(strings.TrimRight(strings.TrimSpace(line), ","), ",")
		pts, err := strconv.ParseFloat(at, 64)
		duration, err2 := strconv.ParseFloat(lasts, 64)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if end > 0 && math.Abs(pts-end) > 0.001 || duration > 0.25 {
			t.Errorf("%s: sound at %.3f s for %.3f s, after sound up to %.3f s", name, pts, duration, end)
		}
		end = pts + duration
	}
	pictures := mediatest.Pictures(t, file)
	if last, err := strconv.ParseFloat(pictures[len(pictures)-1], 64); err != nil || last-end > 2.5 || end < 8 {
		t.Errorf("%s: sound ends at %.1f s, pictures at %v", name, end, pictures[len(pictures)-1])
	}
	quiet, loud := 0, 0
	samples := samplesOf(ffmpeg(t, nil, "-i", file, "-f", "s16le", "-ac", "1", "-ar", "8000", "-"))
	for len(samples) >= 400 {
		most := int16(0)
		for _, x := range samples[:400] {
			most = max(most, x)
		}
		if samples = samples[400:]; most < 100 {
			quiet++
		} else {
			loud++
		}
	}
	if quiet < 40 || loud < 40 {
		t.Errorf("%s: of pieces of 50 ms, %d are silent and %d are not", name, quiet, loud)
	}
}
