package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// decode has ffmpeg decode frames, and returns the samples.
func decode(t *testing.T, rate, channels int, frames ...[]byte) []int16 {
	t.Helper()
	file := append([]byte("fLaC\x80\x00\x00\x22"), StreamInfo(rate, channels)...)
	path := filepath.Join(t.TempDir(), "x.flac")
	if err := os.WriteFile(path, append(file, bytes.Join(frames, nil)...), 0o600); err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-xerror", "-err_detect", "crccheck+bitstream+explode", "-i", path, "-f", "s16le", "-ar", strconv.Itoa(rate), "-")
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	samples := make([]int16, len(out)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(out[2*i:]))
	}
	return samples
}

func TestFramesDecodeToTheirSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name           string
		rate, channels int
		sample         func(i int) int16
	}{
		{"noise", 8000, 1, func(int) int16 { return int16(rng.IntN(1<<16) - 1<<15) }},
		{"noise of two channels", 48000, 2, func(int) int16 { return int16(rng.IntN(1<<16) - 1<<15) }},
		{"silence", 8000, 1, func(int) int16 { return 0 }},
		{"one value", 16000, 1, func(int) int16 { return -12345 }},
		{"13 bits, like A-law", 8000, 1, func(int) int16 { return int16(rng.IntN(1<<13)-1<<12) << 3 }},
		{"a tone", 44100, 2, func(i int) int16 { return int16(20000 * math.Sin(float64(i/2)/20)) }},
		{"the extremes", 8000, 1, func(i int) int16 { return []int16{math.MinInt16, math.MaxInt16}[i%2] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []int16
			var frames [][]byte
			number := uint64(0)
			for _, size := range []int{160, 16, 1000, 4096, 20, 65535, 333} {
				samples := make([]int16, size*c.channels)
				for i := range samples {
					samples[i] = c.sample(len(all) + i)
				}
				f, err := Frame(samples, c.channels, c.rate, number)
				if err != nil {
					t.Fatal(err)
				}
				frames, all, number = append(frames, f), append(all, samples...), number+uint64(size)
			}
			got := decode(t, c.rate, c.channels, frames...)
			if len(got) != len(all) {
				t.Fatalf("%d samples of %d", len(got), len(all))
			}
			for i, x := range got {
				if x != all[i] {
					t.Fatalf("sample %d is %d, want %d", i, x, all[i])
				}
			}
		})
	}
}

func TestALateFrameIsNumberedWithSevenBytes(t *testing.T) {
	for _, c := range []struct {
		number uint64
		want   []byte
	}{{0, []byte{0}}, {0x7f, []byte{0x7f}}, {0x80, []byte{0xc2, 0x80}}, {0x7ff, []byte{0xdf, 0xbf}}, {0x800, []byte{0xe0, 0xa0, 0x80}},
		{0xffff, []byte{0xef, 0xbf, 0xbf}}, {1<<31 - 1, []byte{0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf}}, {1 << 31, []byte{0xfe, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80}},
		{1<<36 - 1, []byte{0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf}}} {
		if got := appendNumber(nil, c.number); !bytes.Equal(got, c.want) {
			t.Errorf("%d becomes %x, want %x", c.number, got, c.want)
		}
	}
}

func TestWhatNoFrameHoldsIsRefused(t *testing.T) {
	for _, c := range []struct {
		samples, channels, rate int
		number                  uint64
	}{{0, 1, 8000, 0}, {3, 2, 8000, 0}, {65536, 1, 8000, 0}, {16, 9, 8000, 0}, {16, 1, 96000, 0}, {16, 1, 8000, 1 << 36}} {
		if _, err := Frame(make([]int16, c.samples), c.channels, c.rate, c.number); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
