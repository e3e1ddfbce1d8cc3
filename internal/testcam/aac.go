package testcam

import (
	"math"
	"math/bits"
	"time"
)

// An AAC-LC encoder (ISO/IEC 14496-3) for 16 kHz mono, just enough for notes. Every frame is a data stream element with the
// mark, which decoders skip, and a single channel element with one long window.

const (
	aacRate     = 16000
	aacSamples  = 1024
	pcmuRate    = 8000
	pcmuSamples = 160
)

// Syntactic elements, table 4.85.
const (
	elementSCE = 0
	elementDSE = 4
	elementEND = 7
)

// aacBands is how many scale factor bands are sent, and aacCoded how many of the 1024 lines those cover at 16 kHz, table
// 4.138: notes reach up to 2.6 kHz.
const (
	aacBands = 29
	aacCoded = 368
)

// spectrum7 is Huffman codebook 7, table 4.A.8: pairs of magnitudes from 0 to 7, one row a first magnitude.
var spectrum7 = vlcRows(`
0 101 110111 1110100 11110010 111101011 1111101101 11111110111
100 1100 110101 1110001 11101100 11101110 111101110 111110101
110110 110100 1110010 11101010 11110001 111101001 111110011 1111110101
1110011 1110000 11101011 11110000 111110001 111110000 1111101100 1111111010
11110011 11101101 111101000 111101111 1111101111 1111110001 1111111001 11111111011
111101101 11101111 111101010 111110010 1111110011 1111111000 11111111001 11111111100
1111101110 111101100 111110100 1111110100 1111110111 11111111000 111111111101 111111111110
11111110110 1111110000 1111110010 1111110110 11111111010 11111111101 111111111100 111111111111
`)

// aacCodebook is the number of that codebook.
const aacCodebook = 7

// sound makes the audio packets of a camera's melody.
type sound struct {
	kind    AudioKind
	rate    int
	samples int      // a packet
	loop    [][]byte // AAC: the channel elements of one round
	bytes   []byte   // PCMU, PCMA: one round
}

func newSound(kind AudioKind, code uint32) *sound {
	m := newMelody(code)
	if kind == PCMU || kind == PCMA {
		s := &sound{kind: kind, rate: pcmuRate, samples: pcmuSamples}
		for i := range melodyNotes * pcmuRate * 2 * aacSamples / aacRate {
			x := int(loudness * m.sample(float64(i)/pcmuRate))
			if kind == PCMU {
				s.bytes = append(s.bytes, muLaw(x))
			} else {
				s.bytes = append(s.bytes, aLaw(x))
			}
		}
		return s
	}
	return &sound{kind: kind, rate: aacRate, samples: aacSamples, loop: aacRound(m)}
}

// loudness is the amplitude of the notes in 16-bit samples.
const loudness = 7000

// due returns when a packet, counted from 1, is to be sent.
func (s *sound) due(packet uint64) time.Duration {
	return time.Duration(packet-1) * time.Duration(s.samples) * time.Second / time.Duration(s.rate)
}

// packet returns the packet whose number is the mark's frame number.
func (s *sound) packet(m Mark) []byte {
	switch s.kind {
	case Packed:
		return s.loop[(m.Frame-1)%uint64(len(s.loop))]
	case PCMU, PCMA:
		out := make([]byte, s.samples)
		at := int(m.Frame-1) * s.samples
		for i := range out {
			out[i] = s.bytes[(at+i)%len(s.bytes)]
		}
		return out
	}
	out := append(make([]byte, 0, 256), elementDSE<<5|1, markBytes) // with data_byte_align_flag
	out = m.append(out)
	return append(out, s.loop[(m.Frame-1)%uint64(len(s.loop))]...)
}

// aacRound encodes one round of a melody.
func aacRound(m melody) [][]byte {
	const n = 2 * melodyNotes
	samples := make([]float64, n*aacSamples)
	for i := range samples {
		samples[i] = loudness * m.sample(float64(i)/aacRate)
	}
	cosines := make([]float64, 8*aacSamples)
	for i := range cosines {
		cosines[i] = math.Cos(2 * math.Pi * float64(i) / float64(len(cosines)))
	}
	loop := make([][]byte, n)
	for frame := range loop {
		lines := make([]float64, aacCoded)
		notes := [2]int{m[frame/2], m[(frame+1)/2%melodyNotes]}
		for _, note := range notes {
			for k := max(0, pitchBin(note)-10); k < min(aacCoded, pitchBin(note)+11); k++ {
				lines[k] = mdct(samples, frame*aacSamples, k, cosines)
			}
		}
		loop[frame] = aacChannel(lines)
	}
	return loop
}

// mdct returns line k of the modified discrete cosine transform, clause 4.6.11, of the 2048 samples from at on, under a
// sine window; samples go round.
func mdct(samples []float64, at, k int, cosines []float64) float64 {
	const size = 2 * aacSamples
	sum := 0.0
	for i := range size {
		window := cosines[(3*2*aacSamples+2*i+1)%len(cosines)] // sin(π/2048·(i+½)) = cos(that - π/2)
		// cos(2π/2048·(i+½+512)·(k+½)), in steps of a quarter of 2π/2048.
		phase := (2*i + 1 + aacSamples) * (2*k + 1) % len(cosines)
		sum += samples[(at+i)%len(samples)] * window * cosines[phase]
	}
	return 2 * sum
}

// aacChannel writes a single_channel_element, table 4.4, and the end of the frame.
func aacChannel(lines []float64) []byte {
	most := 0.0
	for _, v := range lines {
		most = max(most, math.Abs(v))
	}
	// The largest line becomes 7: 7^(4/3)·2^((gain-100)/4).
	gain := 100 + int(math.Ceil(4*math.Log2(max(most, 1)/math.Pow(7.4, 4.0/3))))
	var w bitWriter
	w.put(elementSCE, 3)
	w.put(0, 4)
	w.put(uint32(gain), 8)
	w.put(0, 4) // ics_reserved_bit, window_sequence: only long, window_shape: sine
	w.put(aacBands, 6)
	w.put(0, 1) // predictor_data_present
	w.put(aacCodebook, 4)
	w.put(aacBands, 5)
	for range aacBands {
		w.put(0, 1) // scale factor: as global_gain
	}
	w.put(0, 3) // no pulses, no TNS, no gain control
	for i := 0; i < aacCoded; i += 2 {
		a, b := aacQuantise(lines[i], gain), aacQuantise(lines[i+1], gain)
		w.code(spectrum7[max(a, -a)][max(b, -b)])
		for _, v := range [2]int{a, b} {
			if v != 0 {
				w.put(uint32(v)>>31, 1)
			}
		}
	}
	w.put(elementEND, 3)
	w.align()
	return w.buf
}

func aacQuantise(v float64, gain int) int {
	q := int(math.Pow(math.Abs(v)*math.Exp2(float64(100-gain)/4), 0.75) + 0.4054)
	if v < 0 {
		return -min(q, 7)
	}
	return min(q, 7)
}

// aacLines reads the spectrum of a frame that packet wrote, in 16-bit samples.
func aacLines(frame []byte) ([]float64, error) {
	r := bitReader{buf: frame}
	if r.get(3) != elementDSE {
		return nil, errNotOurs
	}
	r.get(5)
	r.pos += 8 * int(r.get(8))
	element, _ := r.get(3), r.get(4)
	gain := int(r.get(8))
	shape := r.get(4)
	bands, _ := r.get(6), r.get(1)
	codebook, length := r.get(4), r.get(5)
	if r.err != nil || element != elementSCE || shape != 0 || bands != aacBands || codebook != aacCodebook || length != aacBands {
		return nil, errNotOurs
	}
	r.get(aacBands + 3)
	lines := make([]float64, aacCoded)
	for i := 0; i < aacCoded; i += 2 {
		pair := r.code(spectrum7)
		for j, v := range [2]int{pair / 8, pair % 8} {
			lines[i+j] = math.Pow(float64(v), 4.0/3) * math.Exp2(float64(gain-100)/4)
			if v != 0 && r.get(1) == 1 {
				lines[i+j] = -lines[i+j]
			}
		}
	}
	return lines, r.err
}

// muLaw encodes a 16-bit sample by ITU-T G.711 µ-law.
func muLaw(v int) byte {
	sign := byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, 32635) + 132
	exponent := 7
	for mask := 0x4000; exponent > 0 && v&mask == 0; mask >>= 1 {
		exponent--
	}
	return ^(sign | byte(exponent)<<4 | byte(v>>(exponent+3)&15))
}

// aLaw encodes a 16-bit sample by ITU-T G.711 A-law.
func aLaw(v int) byte {
	mask := byte(0xd5)
	if v < 0 {
		v, mask = -v-1, 0x55
	}
	v = min(v, 32767) >> 3
	segment := max(0, bits.Len(uint(v))-5)
	return (byte(segment)<<4 | byte(v>>max(1, segment)&15)) ^ mask
}
