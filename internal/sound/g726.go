package sound

import "math/bits"

// G726Rate is the number of samples a second of G.726.
const G726Rate = 8000

// G726 decodes ITU-T G.726 at 16, 24, 32 or 40 kbit/s. Its predictors adapt to what was decoded before, so each stream needs its own.
// Make it with NewG726. The names in comments are those of clause 4.2 of the Recommendation.
type G726 struct {
	size      int // bits of a code
	highFirst bool
	tables    g726Tables

	fast, slow int      // YU and YL: scale factors
	short      int      // DMS: short-term average of the codes' energy
	long       int      // DML: long-term average
	speed      int      // AP: how fast the scale adapts
	tone       bool     // TD: the signal is narrow
	a          [2]int   // poles of the predictor
	b          [6]int   // zeros of the predictor
	sr         [2]float // SR: newest reconstructed signals
	dq         [6]float // DQ: newest differences
	negative   [2]bool  // PK: signs of the newest partially reconstructed signals
}

// g726Tables are those of a rate, for codes whose sign bit is zero.
type g726Tables struct {
	level  []int // DQLN: logarithm of the difference
	weight []int // W: how the code changes the scale
	energy []int // F
}

// NewG726 returns the decoder of a stream, or nil for another rate. kbits is the rate in kbit/s. highFirst says that the first code of a
// byte is in its highest bits, as in AAL2; otherwise it is in the lowest (RFC 3551 section 4.5.4).
func NewG726(kbits int, highFirst bool) *G726 {
	g := &G726{size: kbits / 8, highFirst: highFirst, fast: 544, slow: 34816}
	switch kbits {
	case 16:
		g.tables = g726Tables{[]int{116, 365}, []int{-22, 439}, []int{0, 7}}
	case 24:
		g.tables = g726Tables{[]int{-2048, 135, 273, 373}, []int{-4, 30, 137, 582}, []int{0, 1, 2, 7}}
	case 32:
		g.tables = g726Tables{[]int{-2048, 4, 135, 213, 273, 323, 373, 425}, []int{-12, 18, 41, 64, 112, 198, 355, 1122}, []int{0, 0, 0, 1, 1, 1, 3, 7}}
	case 40:
		g.tables = g726Tables{[]int{-2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566},
			[]int{14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696}, []int{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6}}
	default:
		return nil
	}
	zero := float{mantissa: 32}
	g.sr = [2]float{zero, zero}
	g.dq = [6]float{zero, zero, zero, zero, zero, zero}
	return g
}

// Decode returns one sample for each code. Bits that fill no code at the end are left out: a packet holds whole groups of eight codes.
func (g *G726) Decode(b []byte) []int16 {
	samples := make([]int16, 0, 8*len(b)/g.size)
	open, n := 0, 0
	for _, x := range b {
		if g.highFirst {
			open, n = open<<8|int(x), n+8
		} else {
			open, n = open|int(x)<<n, n+8
		}
		for n >= g.size {
			code := 0
			n -= g.size
			if g.highFirst {
				code = open >> n
				open &= 1<<n - 1
			} else {
				code = open & (1<<g.size - 1)
				open >>= g.size
			}
			samples = append(samples, g.sample(code, g.scale()))
		}
	}
	return samples
}

// sample decodes one code with the scale factor y.
func (g *G726) sample(code, y int) int16 {
	negative := code>>(g.size-1) != 0
	if negative {
		code ^= 1<<g.size - 1
	}
	zeros := 0
	for i, b := range g.b {
		zeros += multiply(b>>2, g.dq[i])
	}
	signal := zeros
	for i, a := range g.a {
		signal += multiply(a>>2, g.sr[i])
	}
	zeros, signal = int(int16(zeros))>>1, int(int16(signal))>>1
	magnitude := 0 // RECONST, ADDA and ANTILOG
	if log := g.tables.level[code] + y>>2; log >= 0 {
		magnitude = (128 + log&127) << 7 >> (14 - log>>7&15)
	}
	difference := magnitude
	if negative {
		difference = -magnitude
	}
	out := int(int16(signal + difference))
	g.update(decoded{y, code, magnitude, negative, out, zeros + difference})
	return int16(saturated(out << 2))
}

// scale returns the scale factor: LIMA and MIX.
func (g *G726) scale() int {
	slow := g.slow >> 6
	more := (g.fast - slow) * min(g.speed>>2, 64)
	if more < 0 {
		return slow - -more>>6
	}
	return slow + more>>6
}

// decoded is what is known of a sample.
type decoded struct {
	y         int // scale factor
	code      int // without its sign
	magnitude int // of the difference from what was predicted
	negative  bool
	out       int // the sample
	zeros     int // the difference plus what the zeros predicted
}

// update adapts everything to a decoded sample.
func (g *G726) update(x decoded) {
	whole, part := g.slow>>15, g.slow>>10&31
	threshold := (32 + part) << whole
	if whole > 9 {
		threshold = 31 << 10
	}
	transition := g.tone && x.magnitude > (threshold+threshold>>1)>>1     // TRANS
	g.fast = min(max(x.y+(g.tables.weight[x.code]<<5-x.y)>>5, 544), 5120) // FUNCTW, FILTD and LIMB
	g.slow += g.fast + -g.slow>>6                                         // FILTE
	if transition {
		g.a, g.b = [2]int{}, [6]int{}
	} else {
		g.adaptPoles(x.zeros)
		g.adaptZeros(x.magnitude, x.negative)
	}
	copy(g.dq[1:], g.dq[:])
	g.dq[0] = floatOf(x.magnitude, x.negative)
	g.sr[1] = g.sr[0]
	if x.out < 0 {
		g.sr[0] = floatOf(-x.out&0x7fff, true)
	} else {
		g.sr[0] = floatOf(x.out, false)
	}
	g.negative = [2]bool{x.zeros < 0, g.negative[0]}
	g.tone = !transition && g.a[1] < -11776 // TONE
	g.adaptSpeed(x.y, g.tables.energy[x.code], transition)
}

// adaptPoles adapts the poles of the predictor: UPA2, LIMC, UPA1 and LIMD.
func (g *G726) adaptPoles(zeros int) {
	first, second := g.a[0]-g.a[0]>>8, g.a[1]-g.a[1]>>7
	if zeros != 0 {
		same := [2]bool{zeros < 0 == g.negative[0], zeros < 0 == g.negative[1]}
		second += min(max(signed(g.a[0], !same[0])>>5, -256), 255) + signed(128, same[1])
		first += signed(192, same[0])
	}
	g.a[1] = min(max(second, -12288), 12288)
	g.a[0] = min(max(first, g.a[1]-15360), 15360-g.a[1])
}

// adaptZeros adapts the zeros of the predictor: XOR and UPB.
func (g *G726) adaptZeros(magnitude int, negative bool) {
	leak := 8
	if g.size == 5 {
		leak = 9
	}
	for i := range g.b {
		g.b[i] -= g.b[i] >> leak
		if magnitude != 0 {
			g.b[i] += signed(128, negative == g.dq[i].negative)
		}
	}
}

// adaptSpeed adapts how fast the scale adapts: FILTA, FILTB, SUBTC, FILTC and TRIGA.
func (g *G726) adaptSpeed(y, energy int, transition bool) {
	g.short += (energy<<9 - g.short) >> 5
	g.long += (energy<<11 - g.long) >> 7
	apart := g.short<<2 - g.long
	switch {
	case transition:
		g.speed = 256
	case y < 1536 || g.tone || max(apart, -apart) >= g.long>>3:
		g.speed += (512 - g.speed) >> 4
	default:
		g.speed += -g.speed >> 4
	}
}

// float is a number with a mantissa of six bits, of which the highest is set.
type float struct {
	negative           bool
	exponent, mantissa int
}

// floatOf is FLOATA and FLOATB.
func floatOf(magnitude int, negative bool) float {
	if magnitude == 0 {
		return float{negative: negative, mantissa: 32}
	}
	e := bits.Len(uint(magnitude))
	return float{negative, e, magnitude << 6 >> e}
}

// multiply is FMULT: the product of a coefficient and a signal.
func multiply(c int, f float) int {
	magnitude := c
	if c < 0 {
		magnitude = -c & 0x1fff
	}
	k := floatOf(magnitude, c < 0)
	product := (k.mantissa*f.mantissa + 48) >> 4
	if e := k.exponent + f.exponent - 19; e >= 0 {
		product = product << e & 0x7fff
	} else {
		product >>= -e
	}
	return signed(product, k.negative == f.negative)
}
