package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// bitReader reads bits, the highest first.
type bitReader struct {
	b  []byte
	at int
}

func (r *bitReader) take(n int) (v uint64) {
	for range n {
		v = v<<1 | uint64(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// unframe reads a frame as RFC 9639 section 9 says.
func unframe(t *testing.T, b []byte) (samples []int16, channels, rate int) {
	t.Helper()
	if crc16(b) != 0 { // of a frame with its checksum
		t.Fatalf("wrong checksum of %x", b)
	}
	r := &bitReader{b: b}
	if head := r.take(16); head != 0xfff9 {
		t.Fatalf("frame begins with %x", head)
	}
	if r.take(4) != 7 || r.take(4) != 13 { // 16 bits of block size and of rate
		t.Fatal("another form of header")
	}
	if channels = int(r.take(4)) + 1; r.take(4) != 0b1000 {
		t.Fatal("not 16 bits a sample")
	}
	for more := r.take(8); more&0xc0 == 0xc0; more = more << 1 & 0xff {
		r.take(8)
	}
	size := int(r.take(16)) + 1
	rate = int(r.take(16))
	if crc8(b[:r.at/8+1]) != 0 {
		t.Fatal("wrong checksum of the header")
	}
	r.take(8)
	samples = make([]int16, size*channels)
	for c := range channels {
		kind, wasted := r.take(7), 0
		if r.take(1) == 1 {
			for wasted = 1; r.take(1) == 0; wasted++ {
			}
		}
		last := uint64(0)
		for i := range size {
			switch {
			case kind == 1 || i == 0:
				last = r.take(16-wasted) << wasted
			case kind != 0:
				t.Fatalf("subframe of kind %b", kind)
			}
			samples[i*channels+c] = int16(last)
		}
	}
	if rest := len(b)*8 - 16 - r.at; rest < 0 || rest > 7 {
		t.Fatalf("%d bits before the checksum", rest)
	}
	return samples, channels, rate
}

// FuzzFrame reads back what it wrote.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{}, uint8(1), uint16(8000), uint64(0))
	f.Add(bytes.Repeat([]byte{0}, 320), uint8(1), uint16(8000), uint64(1<<36-1))
	f.Add(bytes.Repeat([]byte{0x80, 0, 0x7f, 0xf8}, 333), uint8(2), uint16(48000), uint64(0x7ff))
	f.Add(bytes.Repeat([]byte{0x12, 0x34, 0xff}, 444), uint8(8), uint16(65535), uint64(1<<31))
	f.Fuzz(func(t *testing.T, b []byte, channels uint8, rate uint16, number uint64) {
		samples := fromBytes(b)
		frame, err := Frame(samples, int(channels), int(rate), number)
		if err != nil {
			return
		}
		got, gotChannels, gotRate := unframe(t, frame)
		if !slices.Equal(got, samples) || gotChannels != int(channels) || gotRate != int(rate) {
			t.Fatalf("%d channels of %d Hz, %v became %d of %d, %v", channels, rate, samples, gotChannels, gotRate, got)
		}
	})
}
