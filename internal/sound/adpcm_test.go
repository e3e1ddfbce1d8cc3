package sound

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"testing"
)

// speech returns seconds of mono sound with all that makes a predictor adapt: silence, tones that end suddenly, a sweep, noise and the extremes.
func speech(rate, seconds int) []int16 {
	rng := rand.New(rand.NewPCG(7, 8))
	samples := make([]int16, rate*seconds)
	for i := range samples {
		at := float64(i) / float64(rate)
		switch part := i * 16 / len(samples); part % 8 {
		case 0: // silence
		case 1:
			samples[i] = int16(12000 * math.Sin(2*math.Pi*440*at))
		case 2:
			samples[i] = int16(30000 * math.Sin(2*math.Pi*(200+1500*at)*at))
		case 3:
			samples[i] = int16(rng.IntN(1<<16) - 1<<15)
		case 4:
			samples[i] = int16(rng.IntN(64) - 32)
		case 5:
			samples[i] = []int16{math.MinInt16, math.MaxInt16}[i/20%2]
		case 6:
			samples[i] = int16(8000*math.Sin(2*math.Pi*1000*at) + 8000*math.Sin(2*math.Pi*1633*at))
		default:
			samples[i] = int16(float64(rng.IntN(20000)-10000) * math.Exp(-float64(i%(rate/4))/float64(rate)*12))
		}
	}
	return samples
}

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

func toBytes(samples []int16) []byte {
	b := make([]byte, 0, 2*len(samples))
	for _, x := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b
}

func fromBytes(b []byte) []int16 {
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return samples
}

// sameSamples fails if the samples that a decoder made, packet by packet, are not those of ffmpeg.
func sameSamples(t *testing.T, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, ffmpeg makes %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d is %d, for ffmpeg %d", i, got[i], want[i])
		}
	}
}

func TestG722IsDecodedAsByFFmpeg(t *testing.T) {
	coded := ffmpeg(t, toBytes(speech(G722Rate, 8)), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
	random := make([]byte, 40000) // no encoder makes these
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	for name, coded := range map[string][]byte{"speech": coded, "nonsense": random} {
		t.Run(name, func(t *testing.T) {
			want := fromBytes(ffmpeg(t, coded, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
			g := NewG722()
			var got []int16
			for at := 0; at < len(coded); at += 160 {
				got = append(got, g.Decode(coded[at:min(at+160, len(coded))])...)
			}
			sameSamples(t, got, want)
		})
	}
}

// sampleOfFFmpeg decodes a code with the two departures of FFmpeg from the Recommendation: its scale factor (MIX) is rounded otherwise, and
// zeros leak as fast at 40 kbit/s as at the other rates (UPB). There is a third: it overflows where samples have to be clipped.
func (g *G726) sampleOfFFmpeg(code int) int16 {
	zeros := g.b
	x := g.sample(code, (g.slow+(g.fast-g.slow>>6)*min(g.speed>>2, 64))>>6)
	if g.size == 5 && g.b != [6]int{} {
		for i, b := range zeros {
			g.b[i] += b>>9 - b>>8
		}
	}
	return x
}

// codesOf unpacks codes of size bits.
func codesOf(b []byte, size int, highFirst bool) []int {
	codes := make([]int, 8*len(b)/size)
	for i := range codes {
		for k := range size {
			at := i*size + k
			if highFirst {
				codes[i] = codes[i]<<1 | int(b[at/8]>>(7-at%8)&1)
			} else {
				codes[i] |= int(b[at/8]>>(at%8)&1) << k
			}
		}
	}
	return codes
}

func TestG726IsDecodedAsByFFmpeg(t *testing.T) {
	quiet := speech(G726Rate, 8)
	for i := range quiet {
		quiet[i] /= 4
	}
	for _, kbits := range []int{16, 24, 32, 40} {
		for name, highFirst := range map[string]bool{"g726": true, "g726le": false} {
			t.Run(name+" "+strconv.Itoa(kbits), func(t *testing.T) {
				coded := ffmpeg(t, toBytes(quiet), "-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "-",
					"-c:a", name, "-b:a", strconv.Itoa(kbits)+"k", "-f", name, "-")
				want := fromBytes(ffmpeg(t, coded, "-f", name, "-ar", "8000", "-code_size", strconv.Itoa(kbits/8), "-i", "-", "-f", "s16le", "-"))
				g := NewG726(kbits, highFirst)
				for i, code := range codesOf(coded, kbits/8, highFirst) {
					if got := g.sampleOfFFmpeg(code); got != want[i] {
						t.Fatalf("sample %d is %d, for ffmpeg %d", i, got, want[i])
					}
				}
			})
		}
	}
}

// What is decoded from any bytes was compared with libsndfile 1.2.0, whose G.72x decoders have their own rounding of products (FMULT) only.
func TestG726DecodesToTheSameSamplesForEver(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	coded := make([]byte, 18000)
	for i := range coded {
		coded[i] = byte(rng.Uint32())
	}
	for kbits, want := range map[int]string{16: "0bbac39fbc4c01f9", 24: "7230b9354cee586c", 32: "d47c1b773ef382c1", 40: "fad4b26cdfddff9a"} {
		if got := fmt.Sprintf("%x", sha256.Sum256(toBytes(NewG726(kbits, false).Decode(coded))))[:16]; got != want {
			t.Errorf("%d kbit/s: %s, want %s", kbits, got, want)
		}
	}
	if NewG726(64, false) != nil {
		t.Error("64 kbit/s is taken")
	}
}

// FuzzADPCM decodes any bytes in any portions. Whatever they are, there are as many samples as codes, and a packet's size does not matter.
func FuzzADPCM(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Add([]byte{0xff, 0x00, 0x80, 0x7f, 0x55, 0xaa, 1, 2, 3, 4}, 3)
	f.Add(bytes.Repeat([]byte{0xff}, 400), 160)
	f.Add(bytes.Repeat([]byte{0x11, 0xee}, 400), 20)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		if size < 1 || size > 1<<16 || len(b) > 1<<16 {
			return
		}
		decoders := map[string]func() func([]byte) []int16{"G.722": func() func([]byte) []int16 { return NewG722().Decode }}
		for _, kbits := range []int{16, 24, 32, 40} {
			for _, highFirst := range []bool{false, true} {
				decoders[fmt.Sprintf("G.726 %d %t", kbits, highFirst)] = func() func([]byte) []int16 { return NewG726(kbits, highFirst).Decode }
			}
		}
		for name, make := range decoders {
			whole, part := make()(b), []int16(nil)
			step := size
			if name != "G.722" {
				step = 15 * size // whole groups of codes at all rates
			}
			decode := make()
			for at := 0; at < len(b); at += step {
				part = append(part, decode(b[at:min(at+step, len(b))])...)
			}
			if !slices.Equal(whole, part) {
				t.Fatalf("%s: %d samples at once, %d in portions of %d bytes, or others", name, len(whole), len(part), step)
			}
		}
	})
}
