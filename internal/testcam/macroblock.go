package testcam

// Intra_16x16 macroblocks (H.264 clauses 7.3.5, 8.3.3, 8.3.4): prediction from the neighbours above and to the left, and
// what is left of the difference, transformed.

// Prediction modes of Intra_16x16, table 8-4.
const (
	predictVertical   = 0
	predictHorizontal = 1
	predictDC         = 2
)

// block is the data of one macroblock.
type block struct {
	mode     int           // of luma
	dc       [16]int32     // luma, in scanning order
	ac       [16][15]int32 // luma, by place row by row
	chromaDC [2][4]int32
	chromaAC [2][4][15]int32
	hasAC    bool
	chroma   int // coded_block_pattern of chroma: 0 nothing, 1 DC, 2 DC and AC
}

// blockOrder is the order in which the sixteen 4×4 blocks, numbered row by row, are coded: figure 6-10.
var blockOrder = [16]int{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}

// luma predicts and transforms the luma of the macroblock at (mx, my) of src, and updates the reconstruction to what a
// decoder will see.
func (e *encoder) luma(b *block, src *picture, mx, my int) {
	w := e.recon.w
	at := 16*my*w + 16*mx
	var predicted [256]int32
	b.mode = e.predictLuma(&predicted, src, mx, my)
	var coeffs [16][16]int32
	var quiet [16]bool
	q := &e.quantiser
	for i := range 16 {
		c := &coeffs[i]
		x, y := i%4*4, i/4*4
		for j := range 16 {
			px, py := x+j%4, y+j/4
			c[j] = int32(src.y[at+py*w+px]) - predicted[py*16+px]
		}
		quiet[i] = q.transform(c)
		b.dc[i] = c[0]
	}
	hadamard4(&b.dc)
	var quantised [16]int32
	for i, v := range b.dc {
		quantised[i] = q.quantise(v/2, 0, 1)
	}
	for i, pos := range zigzag {
		b.dc[i] = quantised[pos]
	}
	hadamard4(&quantised)
	b.hasAC = false
	for i := range 16 {
		if quiet[i] {
			b.ac[i] = [15]int32{}
		} else if e.quantiseAC(&coeffs[i], &b.ac[i]) {
			b.hasAC = true
		}
	}
	for i := range 16 {
		c := &coeffs[i]
		c[0] = quantised[i] * q.inverse[0] << q.shift >> 2
		if quiet[i] {
			*c = flat4(c[0])
		} else {
			inverse4(c)
		}
		x, y := i%4*4, i/4*4
		for j := range 16 {
			px, py := x+j%4, y+j/4
			e.recon.y[at+py*w+px] = clip8(predicted[py*16+px] + c[j])
		}
	}
}

// flat4 is inverse4 for a block with only its first coefficient.
func flat4(dc int32) (b [16]int32) {
	for i := range b {
		b[i] = (dc + 32) >> 6
	}
	return b
}

// quantiseAC quantises all but the first coefficient into out, in scanning order, and sets c to the values that a decoder will
// restore. It reports whether any coefficient is not zero.
func (e *encoder) quantiseAC(c *[16]int32, out *[15]int32) bool {
	q, any := &e.quantiser, false
	for i, pos := range zigzag[1:] {
		v := q.quantise(c[pos], class[pos], 0)
		out[i] = v
		c[pos] = v * q.inverse[class[pos]] << q.shift
		any = any || v != 0
	}
	return any
}

// predictLuma fills predicted with the best prediction that the neighbours allow, and returns its mode.
func (e *encoder) predictLuma(predicted *[256]int32, src *picture, mx, my int) int {
	w := e.recon.w
	at := 16*my*w + 16*mx
	var top, left [16]int32
	sum, n := int32(0), int32(0)
	if my > 0 {
		for i := range top {
			top[i] = int32(e.recon.y[at-w+i])
			sum += top[i]
		}
		n += 16
	}
	if mx > 0 {
		for i := range left {
			left[i] = int32(e.recon.y[at+i*w-1])
			sum += left[i]
		}
		n += 16
	}
	dc := int32(128)
	if n > 0 {
		dc = (sum + n/2) / n
	}
	var costs [3]int32
	for y := range 16 {
		row := src.y[at+y*w : at+y*w+16]
		for x, v := range row {
			s := int32(v)
			costs[predictVertical] += abs(s - top[x])
			costs[predictHorizontal] += abs(s - left[y])
			costs[predictDC] += abs(s - dc)
		}
	}
	mode := predictDC
	if my > 0 && costs[predictVertical] < costs[mode] {
		mode = predictVertical
	}
	if mx > 0 && costs[predictHorizontal] < costs[mode] {
		mode = predictHorizontal
	}
	for i := range predicted {
		switch mode {
		case predictVertical:
			predicted[i] = top[i%16]
		case predictHorizontal:
			predicted[i] = left[i/16]
		default:
			predicted[i] = dc
		}
	}
	return mode
}

// chroma does the same as luma for both chroma planes, always with the DC prediction.
func (e *encoder) chroma(b *block, src *picture, mx, my int) {
	w := e.recon.w / 2
	at := 8*my*w + 8*mx
	q := &e.quantiser
	b.chroma = 0
	planes := [2][2][]uint8{{src.cb, e.recon.cb}, {src.cr, e.recon.cr}}
	var coeffs [2][4][16]int32
	var predicted [2][4]int32
	var quiet [2][4]bool
	for p, plane := range planes {
		from, recon := plane[0], plane[1]
		predicted[p] = predictChroma(recon, w, mx, my)
		dc := &b.chromaDC[p]
		for i := range 4 {
			c := &coeffs[p][i]
			from := from[at+i/2*4*w+i%2*4:]
			for j := range 16 {
				c[j] = int32(from[j/4*w+j%4]) - predicted[p][i]
			}
			quiet[p][i] = q.transform(c)
			dc[i] = c[0]
		}
		hadamard2(dc)
		for i := range dc {
			dc[i] = q.quantise(dc[i], 0, 1)
			if dc[i] != 0 {
				b.chroma = max(b.chroma, 1)
			}
		}
		for i := range 4 {
			if quiet[p][i] {
				b.chromaAC[p][i] = [15]int32{}
			} else if e.quantiseAC(&coeffs[p][i], &b.chromaAC[p][i]) {
				b.chroma = 2
			}
		}
	}
	for p, plane := range planes {
		recon := plane[1]
		dc := b.chromaDC[p]
		hadamard2(&dc)
		for i := range 4 {
			c := &coeffs[p][i]
			c[0] = dc[i] * q.inverse[0] << q.shift >> 1
			if quiet[p][i] {
				*c = flat4(c[0])
			} else {
				inverse4(c)
			}
			recon := recon[at+i/2*4*w+i%2*4:]
			for j := range 16 {
				recon[j/4*w+j%4] = clip8(predicted[p][i] + c[j])
			}
		}
	}
}

// predictChroma returns the DC prediction of the four 4×4 blocks of one plane, clause 8.3.4.1.
func predictChroma(recon []uint8, w, mx, my int) [4]int32 {
	at := 8*my*w + 8*mx
	var top, left [2]int32
	for i := range 8 {
		if my > 0 {
			top[i/4] += int32(recon[at-w+i])
		}
		if mx > 0 {
			left[i/4] += int32(recon[at+i*w-1])
		}
	}
	var out [4]int32
	for i := range out {
		x, y := i%2, i/2
		switch {
		case mx > 0 && my > 0 && x == y:
			out[i] = (top[x] + left[y] + 4) >> 3
		case my > 0 && (mx == 0 || x > y || x == y):
			out[i] = (top[x] + 2) >> 2
		case mx > 0:
			out[i] = (left[y] + 2) >> 2
		default:
			out[i] = 128
		}
	}
	return out
}

func abs(v int32) int32 { return max(v, -v) }

func clip8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
