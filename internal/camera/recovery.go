package camera

import (
	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"keepwatch.internal/internal/media"
)

const (
	// recoveryPoint is the payload type of the message (H.264 annex D.1, H.265 annex D.2.1).
	recoveryPoint = 6
	// maxSEI is how many bytes of a NAL unit with messages are read.
	maxSEI = 4 << 10
	// longestRefresh bounds how many pictures a refresh takes; larger numbers are nonsense.
	longestRefresh = 3000
)

// recovery is a recovery point message: with how many more pictures decoding is exact that starts with the picture that it precedes
// (H.264 D.2.8, H.265 D.3.8).
type recovery struct {
	known    bool
	pictures int
}

// recoveryIn finds the recovery point message in a NAL unit.
func (v *video) recoveryIn(nalu []byte) recovery {
	head := v.headerSize()
	if v.codec == media.H265 && h265.NALUType(nalu[0]>>1&0x3f) != h265.NALUType_PREFIX_SEI_NUT ||
		v.codec == media.H264 && h264.NALUType(nalu[0]&0x1f) != h264.NALUTypeSEI || len(nalu) <= head {
		return recovery{}
	}
	b := h264.EmulationPreventionRemove(nalu[head:min(len(nalu), maxSEI)]) // which is the same in H.265
	for len(b) > 2 {
		var kind, size int
		var ok bool
		if kind, b, ok = seiNumber(b); !ok {
			break
		}
		if size, b, ok = seiNumber(b); !ok || size > len(b) {
			break
		}
		if kind == recoveryPoint {
			return parseRecovery(b[:size], v.codec)
		}
		b = b[size:]
	}
	return recovery{}
}

// seiNumber reads the type or the size of a message: bytes 255, each counted, and a last one (H.264 7.3.2.3.1, H.265 7.3.5).
func seiNumber(b []byte) (n int, rest []byte, ok bool) {
	for i, x := range b {
		if n += int(x); x != 255 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// parseRecovery parses the content of the message. H.265 counts in the order of display, with a sign.
func parseRecovery(b []byte, codec media.Codec) recovery {
	pos := 0
	n, err := bits.ReadGolombUnsigned(b, &pos)
	if err != nil {
		return recovery{}
	}
	count := int64(n)
	if codec == media.H265 {
		if count = (count + 1) / 2; n%2 == 0 {
			count = 0 // behind it
		}
	}
	if count > longestRefresh {
		return recovery{}
	}
	return recovery{known: true, pictures: int(count)}
}

// canBegin reports whether decoders begin at a recovery point, given its first slice. Pictures of a refresh refer to earlier ones, which are
// missing then. Decoders of H.264 make those up, because there is a gap in frame_num (H.264 8.2.5.2). At number 0 there is none, and some
// give up. The next recovery point serves instead, unless that has number 0 too.
func (v *video) canBegin(slice []byte) bool {
	var sps h264.SPS
	if v.codec != media.H264 || v.point.pictures == 0 || sps.Unmarshal(v.sps) != nil {
		return true
	}
	head, err := parseSlice(slice, &sps)
	v.passedOver = err == nil && head.number == 0 && !v.passedOver
	return !v.passedOver
}

// onlyIntra reports whether the slice refers to no other picture. Some encoders say that each picture is a recovery point.
func (v *video) onlyIntra(slice []byte) bool {
	const enough = 32
	head := v.headerSize()
	b := h264.EmulationPreventionRemove(slice[head:min(len(slice), head+enough)])
	pos := 0
	if v.codec == media.H264 {
		_, err := bits.ReadGolombUnsigned(b, &pos) // first_mb_in_slice
		kind, err2 := bits.ReadGolombUnsigned(b, &pos)
		return err == nil && err2 == nil && (kind%5 == 2 || kind%5 == 4) // I and SI: table 7-6
	}
	first, err := bits.ReadFlag(b, &pos)
	if err != nil || !first {
		return false
	}
	if kind := slice[0] >> 1 & 0x3f; kind >= 16 && kind <= 23 {
		return true // IRAP
	}
	if _, err := bits.ReadGolombUnsigned(b, &pos); err != nil { // slice_pic_parameter_set_id
		return false
	}
	pos += v.extraSliceBits()
	kind, err := bits.ReadGolombUnsigned(b, &pos)
	return err == nil && kind == 2 // I: H.265 table 7-7
}

// extraSliceBits returns num_extra_slice_header_bits of the picture parameter set (H.265 7.3.2.3.1).
func (v *video) extraSliceBits() int {
	if len(v.pps) < 4 {
		return 0
	}
	b, pos := h264.EmulationPreventionRemove(v.pps[2:min(len(v.pps), 16)]), 0
	for range 2 { // its number and that of the sequence parameter set
		if _, err := bits.ReadGolombUnsigned(b, &pos); err != nil {
			return 0
		}
	}
	pos += 2 // dependent_slice_segments_enabled_flag, output_flag_present_flag
	n, err := bits.ReadBits(b, &pos, 3)
	if err != nil {
		return 0
	}
	return int(n)
}

// isOpen reports whether pictures may follow an IRAP picture that are shown before it and refer to earlier ones (H.265 table 7-1).
func isOpen(nalu []byte) bool {
	kind := h265.NALUType(nalu[0] >> 1 & 0x3f)
	return kind == h265.NALUType_CRA_NUT || kind == h265.NALUType_BLA_W_LP
}

// joined is where decoding began, if pictures may follow that refer to earlier ones.
type joined struct {
	open bool
	pts  int64
	left int // pictures that may still be left out by their time
}

// maxLeading bounds the pictures in a row that are shown before the recovery point that they follow.
const maxLeading = 16

// leaves reports whether a picture cannot be decoded, because it refers to pictures before the one at which decoding began.
func (j *joined) leaves(a accessUnit, pts int64) bool {
	if !j.open || a.leading {
		return j.open
	}
	if j.left--; j.left < 0 || pts >= j.pts {
		j.left = 0
		return false
	}
	return true
}

// begin notes a picture at which decoding can begin; first says that it does.
func (j *joined) begin(a accessUnit, pts int64, first bool) {
	*j = joined{open: first && a.open, pts: pts}
	if j.open && !a.key {
		j.left = maxLeading
	}
}
