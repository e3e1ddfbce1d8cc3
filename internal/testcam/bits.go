package testcam

import (
	"errors"
	"math/bits"
)

// bitWriter gathers bits, most significant first. The zero value is an empty writer.
type bitWriter struct {
	buf   []byte
	cache uint64
	n     int // bits in cache, below 8 between calls
}

// put appends the low length bits of v; length is at most 32.
func (w *bitWriter) put(v uint32, length int) {
	w.cache = w.cache<<length | uint64(v)&(1<<length-1)
	w.n += length
	for w.n >= 8 {
		w.n -= 8
		w.buf = append(w.buf, byte(w.cache>>w.n))
	}
}

func (w *bitWriter) code(c code) { w.put(c.bits, c.length) }

// ue writes an unsigned Exp-Golomb code, H.264 clause 9.1.
func (w *bitWriter) ue(v uint32) {
	length := bits.Len32(v + 1)
	w.put(0, length-1)
	w.put(v+1, length)
}

// se writes a signed Exp-Golomb code.
func (w *bitWriter) se(v int32) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
		return
	}
	w.ue(uint32(-2 * v))
}

// align fills the last byte with zero bits.
func (w *bitWriter) align() {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
}

// bytes appends whole bytes; the writer must be aligned.
func (w *bitWriter) bytes(b []byte) { w.buf = append(w.buf, b...) }

// trailing writes rbsp_trailing_bits and returns the bytes.
func (w *bitWriter) trailing() []byte {
	w.put(1, 1)
	w.align()
	return w.buf
}

func (w *bitWriter) reset() { w.buf, w.cache, w.n = w.buf[:0], 0, 0 }

// nalUnit puts a NAL unit header before rbsp and the emulation prevention bytes into it, H.264 clause 7.3.1.
func nalUnit(header byte, rbsp []byte) []byte {
	out := make([]byte, 1, len(rbsp)+len(rbsp)/64+8)
	out[0] = header
	zeros := 0
	for _, b := range rbsp {
		if zeros >= 2 && b <= 3 {
			out = append(out, 3)
			zeros = 0
		}
		out = append(out, b)
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// rbspOf takes the emulation prevention bytes out of the NAL unit's payload.
func rbspOf(nalu []byte) []byte {
	if len(nalu) == 0 {
		return nil
	}
	out := make([]byte, 0, len(nalu)-1)
	zeros := 0
	for _, b := range nalu[1:] {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		out = append(out, b)
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

var errShort = errors.New("ends early")

// bitReader takes bits, most significant first. Reading past the end sets err and gives zeros.
type bitReader struct {
	buf []byte
	pos int // in bits
	err error
}

func (r *bitReader) get(length int) uint32 {
	if r.pos+length > 8*len(r.buf) {
		r.err = errShort
		return 0
	}
	var v uint32
	for range length {
		v = v<<1 | uint32(r.buf[r.pos/8]>>(7-r.pos%8)&1)
		r.pos++
	}
	return v
}

// code reads one word of rows and returns its place, rows laid end to end.
func (r *bitReader) code(rows [][]code) int {
	var v uint32
	for length := 1; length <= 16 && r.err == nil; length++ {
		v = v<<1 | r.get(1)
		i := 0
		for _, row := range rows {
			for _, c := range row {
				if c.length == length && c.bits == v {
					return i
				}
				i++
			}
		}
	}
	if r.err == nil {
		r.err = errors.New("unknown code word")
	}
	return 0
}
