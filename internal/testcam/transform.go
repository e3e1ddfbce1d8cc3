package testcam

// The 4×4 integer transform of H.264 (clause 8.5) and its quantisation, for one quantiser.

// quantiser holds the factors of one QP, by the class of a coefficient's position: 0 where both coordinates are even, 1
// where both are odd, 2 elsewhere.
type quantiser struct {
	forward [3]int32
	inverse [3]int32
	shift   uint // QP/6
	// quiet is the largest sum of absolute differences for which a 4×4 block surely has no coefficient but the first.
	quiet int32
}

// newQuantiser returns the factors of a QP from 12 to 29: within that range luma and chroma share one QP.
func newQuantiser(qp int) quantiser {
	forward := [6][3]int32{
		{13107, 5243, 8066}, {11916, 4660, 7490}, {10082, 4194, 6554},
		{9362, 3647, 5825}, {8192, 3355, 5243}, {7282, 2893, 4559},
	}
	inverse := [6][3]int32{{10, 16, 13}, {11, 18, 14}, {13, 20, 16}, {14, 23, 18}, {16, 25, 20}, {18, 29, 23}}
	q := quantiser{forward: forward[qp%6], inverse: inverse[qp%6], shift: uint(qp / 6)}
	// A coefficient is at most that sum times the greatest weight of its class, 1, 4 or 2, and vanishes below 2/3 of a step.
	limit := int32(1) << (15 + q.shift) / 3 * 2
	q.quiet = min(limit/q.forward[0], limit/q.forward[1]/4, limit/q.forward[2]/2) - 1
	return q
}

// zigzag is the scanning order of a 4×4 block: positions row by row.
var zigzag = [16]int{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}

// class is the class of each position of a 4×4 block.
var class = [16]uint8{0, 2, 0, 2, 2, 1, 2, 1, 0, 2, 0, 2, 2, 1, 2, 1}

// quantise scales a coefficient down; extra is 1 for DC coefficients that went through a second transform.
func (q *quantiser) quantise(v int32, class uint8, extra uint) int32 {
	bits := 15 + q.shift + extra
	round := int64(1) << bits / 3
	if v < 0 {
		return -int32((int64(-v)*int64(q.forward[class]) + round) >> bits)
	}
	return int32((int64(v)*int64(q.forward[class]) + round) >> bits)
}

// forward4 transforms a 4×4 block of differences in place.
func forward4(b *[16]int32) {
	for i := 0; i < 16; i += 4 {
		s, t := b[i]+b[i+3], b[i]-b[i+3]
		u, v := b[i+1]+b[i+2], b[i+1]-b[i+2]
		b[i], b[i+1], b[i+2], b[i+3] = s+u, 2*t+v, s-u, t-2*v
	}
	for i := range 4 {
		s, t := b[i]+b[i+12], b[i]-b[i+12]
		u, v := b[i+4]+b[i+8], b[i+4]-b[i+8]
		b[i], b[i+4], b[i+8], b[i+12] = s+u, 2*t+v, s-u, t-2*v
	}
}

// transform transforms a block of differences. It reports whether the block was quiet, and then needs only its sum.
func (q *quantiser) transform(b *[16]int32) (quiet bool) {
	sum, size := int32(0), int32(0)
	for _, v := range b {
		sum += v
		size += abs(v)
	}
	if size > q.quiet {
		forward4(b)
		return false
	}
	*b = [16]int32{sum}
	return true
}

// inverse4 transforms scaled coefficients back to differences in place, clause 8.5.12.2.
func inverse4(b *[16]int32) {
	for i := 0; i < 16; i += 4 {
		e, f := b[i]+b[i+2], b[i]-b[i+2]
		g, h := b[i+1]>>1-b[i+3], b[i+1]+b[i+3]>>1
		b[i], b[i+1], b[i+2], b[i+3] = e+h, f+g, f-g, e-h
	}
	for i := range 4 {
		e, f := b[i]+b[i+8], b[i]-b[i+8]
		g, h := b[i+4]>>1-b[i+12], b[i+4]+b[i+12]>>1
		b[i], b[i+4] = (e+h+32)>>6, (f+g+32)>>6
		b[i+8], b[i+12] = (f-g+32)>>6, (e-h+32)>>6
	}
}

// hadamard4 is the second transform of the 16 luma DC coefficients. Apart from scale it is its own inverse.
func hadamard4(b *[16]int32) {
	for i := 0; i < 16; i += 4 {
		s, t, u, v := b[i]+b[i+1], b[i]-b[i+1], b[i+2]+b[i+3], b[i+2]-b[i+3]
		b[i], b[i+1], b[i+2], b[i+3] = s+u, s-u, t-v, t+v
	}
	for i := range 4 {
		s, t, u, v := b[i]+b[i+4], b[i]-b[i+4], b[i+8]+b[i+12], b[i+8]-b[i+12]
		b[i], b[i+4], b[i+8], b[i+12] = s+u, s-u, t-v, t+v
	}
}

// hadamard2 is the second transform of the four chroma DC coefficients of a plane.
func hadamard2(b *[4]int32) {
	s, t, u, v := b[0]+b[1], b[0]-b[1], b[2]+b[3], b[2]-b[3]
	b[0], b[1], b[2], b[3] = s+u, t+v, s-u, t-v
}
