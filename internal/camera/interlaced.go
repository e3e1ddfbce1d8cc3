package camera

import (
	"bytes"
	"errors"
	"math/bits"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// h264Order computes decoding times of H.264. Where there may be fields, the library takes the presentation time for the decoding time,
// which is wrong with B-frames, and it begins at IDR pictures only. In both cases it is given what it needs of each picture, its number
// and its order, as if it was a whole frame and the first one IDR.
type h264Order struct {
	frames h264.DTSExtractor
	raw    []byte   // the sequence parameter set that sps was parsed from
	sps    h264.SPS // as the camera sends it
	whole  []byte   // the same for whole frames
	begun  bool
	joined bool   // it began at another picture than IDR
	base   uint64 // order of that picture, until an IDR picture comes
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
			if plainly := x.sps.FrameMbsOnlyFlag && !x.joined; err != nil && plainly {
				return x.frames.Extract(au, pts)
			} else if err != nil {
				return 0, err
			}
			header := nalu[0]
			switch {
			case s.idr:
				x.base = 0
			case !x.begun && len(plain) > 0: // with parameter sets: decoding can begin here
				x.joined, x.base, s.idr = true, s.order, true
				header = header&^0x1f | byte(h264.NALUTypeIDR)
			}
			if x.begun = x.begun || s.idr; x.sps.FrameMbsOnlyFlag && !x.joined {
				return x.frames.Extract(au, pts)
			}
			return x.frames.Extract(append(plain, x.slice(header, s)), pts)
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
	x.raw, x.sps, x.begun, x.joined, x.base = bytes.Clone(raw), sps, false, false, 0
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
		order := s.order - x.base                // the library takes as many bits as there are
		if !s.field && !x.sps.FrameMbsOnlyFlag { // that of its top field, which may be the second one: the library takes odd numbers for fields
			order &^= 1
		}
		w.put(order, int(x.sps.Log2MaxPicOrderCntLsbMinus4+4))
	}
	w.put(1, 1)
	return w.nalu(header)
}

// h265Order computes decoding times of H.265. The library begins at IRAP pictures only, so it takes a recovery point for one.
type h265Order struct {
	h265.DTSExtractor
	begun bool
}

func newH265Order() *h265Order {
	x := &h265Order{}
	x.Initialize()
	return x
}

// Extract implements the library's extractor.
func (x *h265Order) Extract(au [][]byte, pts int64) (int64, error) {
	if !x.begun && len(au) > 3 && h265.NALUType(au[0][0]>>1&0x3f) == h265.NALUType_VPS_NUT { // decoding can begin here
		x.begun = true
		if !slices.ContainsFunc(au, begins) {
			return x.DTSExtractor.Extract(append(slices.Clone(au[:3]), []byte{byte(h265.NALUType_IDR_W_RADL) << 1, 1, 0x80}), pts)
		}
	}
	return x.DTSExtractor.Extract(au, pts)
}

// begins reports whether the library begins at a picture.
func begins(nalu []byte) bool {
	kind := h265.NALUType(nalu[0] >> 1 & 0x3f)
	return kind == h265.NALUType_IDR_W_RADL || kind == h265.NALUType_IDR_N_LP || kind == h265.NALUType_CRA_NUT
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
