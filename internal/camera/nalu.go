package camera

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"keepwatch.internal/internal/media"
)

// accessUnit is a parsed access unit.
type accessUnit struct {
	data    [][]byte // NAL units to record
	changed [][]byte // picture parameter sets that differ from the current ones
	key     bool     // H.264 IDR, H.265 IRAP
	random  bool     // decoding can start here: such a frame, or a recovery point
	open    bool     // frames may follow that are shown before it and refer to earlier ones
	refresh int      // with how many more frames decoding is exact that starts here
	picture bool     // contains a frame
	leading bool     // may refer to frames before the key frame that it follows (H.265 RASL)
}

// sortOut parses an access unit and stores its parameter sets. If several picture parameter sets are in use, the first after a
// sequence parameter set goes into the header, and the others stay with the frame.
func (v *video) sortOut(au [][]byte) (a accessUnit) {
	fresh := v.parameterSet(v.pps) < 0
	for _, nalu := range au {
		set, key, coded := v.sort(nalu)
		switch {
		case set == nil:
			a.data = append(a.data, nalu)
		case set == &v.pps && !fresh && v.parameterSet(nalu) != v.parameterSet(v.pps):
			a.data = append(a.data, nalu)
		default:
			*set = bytes.Clone(nalu)
			fresh = set == &v.sps || fresh && set != &v.pps
			if set == &v.pps && v.track != nil && !bytes.Equal(nalu, v.track.PPS) {
				a.changed = append(a.changed, *set)
			}
		}
		if p := v.recoveryIn(nalu); p.known {
			v.point = p
		}
		if coded && !a.picture && !key && v.point.known && (v.point.pictures > 0 || v.onlyIntra(nalu)) && v.canBegin(nalu) {
			a.random, a.open, a.refresh = true, true, v.point.pictures
		}
		a.key, a.picture = a.key || key, a.picture || coded
		if v.codec == media.H265 && coded {
			a.leading, a.open = a.leading || isLeading(nalu), a.open || isOpen(nalu)
		}
	}
	if a.random = a.random || a.key; a.picture {
		v.point = recovery{}
	}
	return a
}

// headerSize is the length of a NAL unit header: H.264 7.3.1, H.265 7.3.1.2.
func (v *video) headerSize() int {
	if v.codec == media.H265 {
		return 2
	}
	return 1
}

func isLeading(nalu []byte) bool {
	kind := h265.NALUType(nalu[0] >> 1 & 0x3f)
	return kind == h265.NALUType_RASL_N || kind == h265.NALUType_RASL_R
}

// parameterSet returns the number of a picture parameter set (H.264 7.3.2.2, H.265 7.3.2.3), or -1 if it has none.
func (v *video) parameterSet(pps []byte) int {
	if len(pps) <= v.headerSize() {
		return -1
	}
	pos := 0
	id, err := bits.ReadGolombUnsigned(pps[v.headerSize():], &pos)
	if err != nil {
		return -1
	}
	return int(id)
}

// sort classifies a NAL unit. For a parameter set it returns where to store it. Otherwise it returns whether decoding can start
// at it and whether it is part of a frame (H.264 table 7-1, H.265 table 7-1).
func (v *video) sort(nalu []byte) (set *[]byte, key, coded bool) {
	if v.codec == media.H264 {
		switch kind := h264.NALUType(nalu[0] & 0x1f); kind {
		case h264.NALUTypeSPS:
			return &v.sps, false, false
		case h264.NALUTypePPS:
			return &v.pps, false, false
		default:
			return nil, kind == h264.NALUTypeIDR, kind >= h264.NALUTypeNonIDR && kind <= h264.NALUTypeIDR
		}
	}
	switch kind := h265.NALUType(nalu[0] >> 1 & 0x3f); kind {
	case h265.NALUType_VPS_NUT:
		return &v.vps, false, false
	case h265.NALUType_SPS_NUT:
		return &v.sps, false, false
	case h265.NALUType_PPS_NUT:
		return &v.pps, false, false
	default:
		return nil, kind >= h265.NALUType_BLA_W_LP && kind <= h265.NALUType_CRA_NUT, kind < 32
	}
}
