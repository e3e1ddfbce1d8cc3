package camera

import (
	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"keepwatch.internal/internal/media"
)

// maxSliceHead is how many bytes of an H.264 slice hold what sliceHead takes: five numbers of at most 32 bits, coded with up to 63
// bits each, and one with as many bits as it has.
const maxSliceHead = 48

// sliceHead is the beginning of an H.264 slice header (ITU-T H.264 7.3.3).
type sliceHead struct {
	idr           bool
	number        uint64 // frame_num
	field, bottom bool   // one field of a frame, and which one
	order         uint64 // pic_order_cnt_lsb
}

// parseSlice parses the beginning of the slice nalu, whose sequence parameter set is sps.
func parseSlice(nalu []byte, sps *h264.SPS) (s sliceHead, err error) {
	b := h264.EmulationPreventionRemove(nalu[1:min(len(nalu), maxSliceHead)])
	s.idr = h264.NALUType(nalu[0]&0x1f) == h264.NALUTypeIDR
	pos := 0
	for range 3 { // first_mb_in_slice, slice_type, pic_parameter_set_id
		if _, err := bits.ReadGolombUnsigned(b, &pos); err != nil {
			return s, err
		}
	}
	if sps.SeparateColourPlaneFlag {
		pos += 2
	}
	if s.number, err = bits.ReadBits(b, &pos, int(sps.Log2MaxFrameNumMinus4+4)); err != nil {
		return s, err
	}
	if !sps.FrameMbsOnlyFlag {
		if s.field, err = bits.ReadFlag(b, &pos); err != nil {
			return s, err
		}
		if s.field {
			if s.bottom, err = bits.ReadFlag(b, &pos); err != nil {
				return s, err
			}
		}
	}
	if s.idr {
		if _, err := bits.ReadGolombUnsigned(b, &pos); err != nil { // idr_pic_id
			return s, err
		}
	}
	if sps.PicOrderCntType == 0 {
		s.order, err = bits.ReadBits(b, &pos, int(sps.Log2MaxPicOrderCntLsbMinus4+4))
	}
	return s, err
}

// coded reports whether a NAL unit is a slice, and whether it is the first of a picture: its first macroblock has number 0 (H.264
// 7.4.3), or its flag says so (H.265 7.4.7.1).
func (v *video) coded(nalu []byte) (slice, first bool) {
	if v.codec == media.H265 {
		return nalu[0]>>1&0x3f < 32, len(nalu) > 2 && nalu[2]&0x80 != 0
	}
	kind := h264.NALUType(nalu[0] & 0x1f)
	return kind >= h264.NALUTypeNonIDR && kind <= h264.NALUTypeIDR, len(nalu) > 1 && nalu[1]&0x80 != 0 && kind != h264.NALUTypeDataPartitionB && kind != h264.NALUTypeDataPartitionC
}

// precedes reports whether a NAL unit comes before the first slice of a picture (H.264 7.4.1.2.3, H.265 7.4.2.4.4).
func (v *video) precedes(nalu []byte) bool {
	if v.codec == media.H265 {
		switch h265.NALUType(nalu[0] >> 1 & 0x3f) {
		case h265.NALUType_VPS_NUT, h265.NALUType_SPS_NUT, h265.NALUType_PPS_NUT, h265.NALUType_AUD_NUT, h265.NALUType_PREFIX_SEI_NUT:
			return true
		}
		return false
	}
	switch h264.NALUType(nalu[0] & 0x1f) {
	case h264.NALUTypeSEI, h264.NALUTypeSPS, h264.NALUTypePPS, h264.NALUTypeAccessUnitDelimiter:
		return true
	}
	return false
}

// sameFrame reports whether two first slices are the two fields of one frame (H.264 7.4.1.2.4).
func (v *video) sameFrame(a, b []byte) bool {
	var sps h264.SPS
	if v.codec != media.H264 || sps.Unmarshal(v.sps) != nil || sps.FrameMbsOnlyFlag {
		return false
	}
	x, errX := parseSlice(a, &sps)
	y, errY := parseSlice(b, &sps)
	return errX == nil && errY == nil && x.field && y.field && x.bottom != y.bottom && x.number == y.number
}
