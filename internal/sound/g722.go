package sound

import "math"

// G722Rate is the number of samples a second of G.722. Its packets count 8,000 ticks a second (RFC 3551 section 4.5.2).
const G722Rate = 16000

// G722 decodes ITU-T G.722 at 64 kbit/s. Its predictors adapt to what was decoded before, so each stream needs its own. Make it with
// NewG722.
type G722 struct {
	low, high g722Band
	history   [24]int // of the synthesis filter, newest last
}

// NewG722 returns the decoder of a stream.
func NewG722() *G722 {
	return &G722{low: g722Band{scale: 32}, high: g722Band{scale: 8}}
}

// Decode returns two samples for each byte.
func (g *G722) Decode(b []byte) []int16 {
	samples := make([]int16, 0, 2*len(b))
	for _, code := range b {
		low, high := g.low.lower(int(code&0x3f)), g.high.higher(int(code>>6))
		copy(g.history[:], g.history[2:])
		g.history[22], g.history[23] = low+high, low-high
		odd, even := 0, 0
		for i, c := range g722Filter {
			even += g.history[2*i] * c
			odd += g.history[2*i+1] * g722Filter[len(g722Filter)-1-i]
		}
		samples = append(samples, int16(saturated(odd>>11)), int16(saturated(even>>11)))
	}
	return samples
}

// g722Band is the decoder of one of the two bands. The names in comments are those of clause 6.2 of the Recommendation.
type g722Band struct {
	signal int    // S: predicted
	zero   int    // SZ: predicted from differences alone
	scale  int    // DET
	log    int    // NB: logarithm of the scale
	r      [2]int // RLT: newest reconstructed signals
	p      [2]int // PLT: newest partially reconstructed signals
	a      [2]int // AL: poles of the predictor
	b      [6]int // BL: zeros of the predictor
	d      [6]int // DLT: newest differences
}

// lower decodes six bits of the lower band.
func (g *g722Band) lower(code int) int {
	out := min(max(g.signal+g.scale*g722Levels6[code]>>15, -16384), 16383)
	short := code >> 2 // the predictor takes no part in the lowest two bits
	difference := g.scale * g722Levels4[short] >> 15
	g.adapt(g722LowSteps[short], 18432, 8)
	g.predict(difference)
	return out
}

// higher decodes two bits of the higher band.
func (g *g722Band) higher(code int) int {
	difference := g.scale * g722Levels2[code] >> 15
	out := min(max(g.signal+difference, -16384), 16383)
	g.adapt(g722HighSteps[code&1], 22528, 10)
	g.predict(difference)
	return out
}

// adapt changes the scale: LOGSC and SCALE.
func (g *g722Band) adapt(step, most, shift int) {
	g.log = min(max(g.log*127>>7+step, 0), most)
	mantissa := g722Scales[g.log>>6&31]
	if shift -= g.log >> 11; shift < 0 {
		g.scale = mantissa << -shift << 2
		return
	}
	g.scale = mantissa >> shift << 2
}

// predict takes a difference and predicts the next signal: block 4.
func (g *g722Band) predict(d int) {
	r, p := saturated(g.signal+d), saturated(g.zero+d)
	g.poles(p)
	step := 128
	if d == 0 {
		step = 0
	}
	for i := range g.b { // UPZERO
		g.b[i] = saturated(g.b[i]*32640>>15 + signed(step, (d < 0) == (g.d[i] < 0)))
	}
	copy(g.d[1:], g.d[:])
	g.d[0] = d
	g.r, g.p = [2]int{r, g.r[0]}, [2]int{p, g.p[0]}
	poles := saturated(g.a[0]*saturated(2*g.r[0])>>15 + g.a[1]*saturated(2*g.r[1])>>15) // FILTEP
	g.zero = 0
	for i := range g.b { // FILTEZ
		g.zero += g.b[i] * saturated(2*g.d[i]) >> 15
	}
	g.zero = saturated(g.zero)
	g.signal = saturated(poles + g.zero)
}

// poles adapts the poles of the predictor: UPPOL2 and UPPOL1.
func (g *g722Band) poles(p int) {
	same := [2]bool{(p < 0) == (g.p[0] < 0), (p < 0) == (g.p[1] < 0)}
	second := min(signed(saturated(4*g.a[0]), !same[0]), math.MaxInt16)>>7 + signed(128, same[1]) + g.a[1]*32512>>15
	g.a[1] = min(max(second, -12288), 12288)
	first := saturated(signed(192, same[0]) + g.a[0]*32640>>15)
	most := saturated(15360 - g.a[1])
	g.a[0] = min(max(first, -most), most)
}

// signed returns v, or -v if positive is false.
func signed(v int, positive bool) int {
	if positive {
		return v
	}
	return -v
}

func saturated(v int) int { return min(max(v, math.MinInt16), math.MaxInt16) }

// The tables of clause 6.2 of the Recommendation.
var (
	// g722Filter are the coefficients of the synthesis filter, the half of them that differ (table 11).
	g722Filter = [12]int{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
	// g722Scales are mantissas of the scale (table 15: ILB).
	g722Scales = [32]int{2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
		3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008}
	// g722LowSteps change the logarithm of the scale by the four higher bits of a code of the lower band (WL of RL42).
	g722LowSteps = [16]int{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	// g722HighSteps do so by the lower bit of a code of the higher band (WH of IH2).
	g722HighSteps = [2]int{798, -214}
	// g722Levels2, 4 and 6 are the outputs of the inverse quantizers (QM2, QM4 and QM6).
	g722Levels2 = [4]int{-7408, -1616, 7408, 1616}
	g722Levels4 = [16]int{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	g722Levels6 = [64]int{-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136}
)
