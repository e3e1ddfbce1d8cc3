// Package sound turns the sound of cameras into what browsers play from MP4 without loss: linear samples become FLAC (RFC 9639).
// Browsers play neither G.711 nor linear samples from MP4.
//
// It knows samples only. Packets and their times belong to camera, boxes to media.
package sound

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	// maxBlock is the largest number of samples a channel in a FLAC frame (RFC 9639 section 9.1.1).
	maxBlock = 65535
	// minBlock is the smallest that StreamInfo may name. Only the last frame of a stream may be shorter.
	minBlock = 16
	// depth is the number of bits in a sample.
	depth = 16
)

// ErrBlock is returned for a block of samples that no FLAC frame can hold.
var ErrBlock = errors.New("block of samples that does not fit into a FLAC frame")

// StreamInfo returns the description of a stream for its decoder (RFC 9639 section 8.2): 34 bytes. rate is in hertz.
func StreamInfo(rate, channels int) []byte {
	b := make([]byte, 34)
	binary.BigEndian.PutUint16(b, minBlock)
	binary.BigEndian.PutUint16(b[2:], maxBlock)
	// Sizes of frames, the number of samples and the checksum of all samples are unknown: zero.
	binary.BigEndian.PutUint64(b[10:], uint64(rate)<<44|uint64(channels-1)<<41|uint64(depth-1)<<36)
	return b
}

// Frame returns one FLAC frame with the given samples of 16 bits, interleaved by channel. number is that of its first sample in the
// stream. The samples are stored as they are: the bits of G.711 that say nothing are left out, and a channel in which all are equal
// takes one. It returns ErrBlock if the samples do not fill the channels, or are too many.
func Frame(samples []int16, channels, rate int, number uint64) ([]byte, error) {
	if channels < 1 || channels > 8 || len(samples) == 0 || len(samples)%channels != 0 || len(samples)/channels > maxBlock || rate < 1 || rate > 65535 ||
		number >= 1<<36 {
		return nil, ErrBlock
	}
	size := len(samples) / channels
	w := &bitWriter{b: make([]byte, 0, 32+2*len(samples))}
	w.put(0b111111111111100_1, 16) // sync code, and blocks of varying size
	w.put(0b0111_1101, 8)          // block size and sample rate follow in 16 bits each
	w.put(uint64(channels-1)<<4|0b100_0, 8)
	w.b = appendNumber(w.b, number)
	w.put(uint64(size-1), 16)
	w.put(uint64(rate), 16)
	w.b = append(w.b, crc8(w.b))
	for c := range channels {
		w.subframe(samples[c:], channels, size)
	}
	w.align()
	return binary.BigEndian.AppendUint16(w.b, crc16(w.b)), nil
}

// subframe writes the samples of a channel (RFC 9639 section 9.2), which are step apart.
func (w *bitWriter) subframe(samples []int16, step, n int) {
	all, same := uint16(0), true
	for i := range n {
		all |= uint16(samples[i*step])
		same = same && samples[i*step] == samples[0]
	}
	if same {
		w.put(0, 8) // constant
		w.put(uint64(uint16(samples[0])), depth)
		return
	}
	wasted := bits.TrailingZeros16(all)
	w.put(0b0000001, 7) // verbatim
	if wasted == 0 {
		w.put(0, 1)
	} else {
		w.put(1, 1)
		w.put(1, wasted) // unary: zeros, then a one
	}
	for i := range n {
		w.put(uint64(uint16(samples[i*step]))>>wasted, depth-wasted)
	}
}

// appendNumber appends a sample number, coded like UTF-8 with up to seven bytes (RFC 9639 section 9.1.5).
func appendNumber(b []byte, n uint64) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	more := 1
	for n>>(6*more+6-more) != 0 {
		more++
	}
	b = append(b, byte(0xff<<(7-more))|byte(n>>(6*more)))
	for more--; more >= 0; more-- {
		b = append(b, 0x80|byte(n>>(6*more))&0x3f)
	}
	return b
}

// bitWriter appends bits, the highest first.
type bitWriter struct {
	b    []byte
	open uint64 // bits that do not fill a byte
	n    int    // their number
}

func (w *bitWriter) put(v uint64, n int) {
	w.open, w.n = w.open<<n|v&(1<<n-1), w.n+n
	for ; w.n >= 8; w.n -= 8 {
		w.b = append(w.b, byte(w.open>>(w.n-8)))
	}
}

func (w *bitWriter) align() {
	if w.n > 0 {
		w.put(0, 8-w.n)
	}
}

// crc8 is the checksum of a frame header (RFC 9639 section 9.1.8).
func crc8(b []byte) (sum byte) {
	for _, x := range b {
		sum ^= x
		for range 8 {
			if sum&0x80 != 0 {
				sum = sum<<1 ^ 0x07
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// crc16 is the checksum of a frame (RFC 9639 section 9.3).
func crc16(b []byte) (sum uint16) {
	for _, x := range b {
		sum = sum<<8 ^ crc16Table[byte(sum>>8)^x]
	}
	return sum
}

// crc16Table is the table of the polynomial 0x8005.
var crc16Table = func() (table [256]uint16) {
	for i := range table {
		sum := uint16(i) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x8005
			} else {
				sum <<= 1
			}
		}
		table[i] = sum
	}
	return table
}()
