package camera

import (
	"bytes"
	"errors"
	"math/bits"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// h264Order computes decoding times of H.264. Where there may be fields, the library takes the presentation time for the decoding time,
// which is wrong with B-frames. It is then given what it needs of each picture, its number and its order, as if it was a whole frame.
type h264Order struct {
	frames h264.DTSExtractor
	raw    []byte   // the sequence parameter set that sps was parsed from
	sps    h264.SPS // as the camera sends it
	whole  []byte   // the same for whole frames; nil if there are no others
}

func newH264Order() *h264Order {
	x := &h264Order{}
	x.frames.Initialize()
	return x
}

var errNoSlice = errors.New("picture without a slice that can be read")

// Extract implements the library's extractor.
func (x *h264Order) Extract(au [][]byte, pts int64) (int64, error) {
	var plain [][]byte
	for _, nalu := range au {
		switch h264.NALUType(nalu[0] & 0x1f) {
		case h264.NALUTypeSPS:
			if err := x.parameters(nalu); err != nil {
				return 0, err
			}
			plain = append(plain, x.whole)
		case h264.NALUTypeNonIDR, h264.NALUTypeIDR:
			if x.whole == nil {
				return x.frames.Extract(au, pts)
			}
			s, err := parseSlice(nalu, &x.sps)
			if err != nil {
				return 0, err
			}
			return x.frames.Extract(append(plain, x.slice(nalu[0], s)), pts)
		}
	}
	return 0, errNoSlice
}

// parameters takes a sequence parameter set.
func (x *h264Order) parameters(raw []byte) error {
	if bytes.Equal(raw, x.raw) {
		return nil
	}
	var sps h264.SPS
	if err := sps.Unmarshal(raw); err != nil {
		return err
	}
	if x.raw, x.sps, x.whole = bytes.Clone(raw), sps, nil; sps.FrameMbsOnlyFlag {
		return nil
	}
	w := &bitString{}
	w.golomb(0) // its number
	w.golomb(uint64(sps.Log2MaxFrameNumMinus4))
	w.golomb(uint64(sps.PicOrderCntType))
	if sps.PicOrderCntType == 0 {
		w.golomb(uint64(sps.Log2MaxPicOrderCntLsbMinus4))
	}
	w.golomb(uint64(sps.MaxNumRefFrames))
	w.put(0, 1) // no gaps in frame_num
	w.golomb(0) // a macroblock wide and high
	w.golomb(0)
	w.put(1, 1)     // frame_mbs_only_flag
	w.put(0b000, 3) // no direct_8x8_inference, cropping or VUI
	w.put(1, 1)     // stop bit
	x.whole = w.nalu(0x67, 66, 0, 30)
	return nil
}

// slice returns the beginning of a slice of a whole frame with the number and the order of the given one.
func (x *h264Order) slice(header byte, s sliceHead) []byte {
	w := &bitString{}
	w.golomb(0) // first_mb_in_slice
	w.golomb(7) // slice_type
	w.golomb(0) // pic_parameter_set_id
	w.put(s.number, int(x.sps.Log2MaxFrameNumMinus4+4))
	if s.idr {
		w.golomb(0) // idr_pic_id
	}
	if x.sps.PicOrderCntType == 0 {
		order := s.order
		if !s.field { // that of its top field, which may be the second one: the library takes odd numbers for fields
			order &^= 1
		}
		w.put(order, int(x.sps.Log2MaxPicOrderCntLsbMinus4+4))
	}
	w.put(1, 1)
	return w.nalu(header)
}

// bitString is a string of bits.
type bitString struct {
	b []byte
	n int // bits
}

func (s *bitString) put(v uint64, n int) {
	for n--; n >= 0; n-- {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[s.n/8] |= byte(v>>n&1) << (7 - s.n%8)
		s.n++
	}
}

// golomb writes an unsigned Exp-Golomb code (H.264 9.1).
func (s *bitString) golomb(v uint64) {
	n := bits.Len64(v + 1)
	s.put(0, n-1)
	s.put(v+1, n)
}

// nalu returns the bits as a NAL unit that begins with the given bytes, with emulation prevention (H.264 7.4.1).
func (s *bitString) nalu(head ...byte) []byte {
	out, zeros := head, 0
	for _, x := range s.b {
		if zeros == 2 && x <= 3 {
			out, zeros = append(out, 3), 0
		}
		if out = append(out, x); x == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}
