package camera

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// repairSets makes the parameters with parameter sets readable (RFC 6184 section 8.1, RFC 7798 section 7.1): what is not a set of the
// right kind is left out, and those of H.264 are put in order. A parameter without any is left out whole: the sets come with the pictures
// too, and the library would give up.
func repairSets(parameters []string) []string {
	kept := parameters[:0:0]
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		var sets []string
		switch strings.ToLower(name) {
		case "sprop-parameter-sets":
			sets = []string{setOf(value, isH264(h264.NALUTypeSPS)), setOf(value, isH264(h264.NALUTypePPS))}
		case "sprop-vps":
			sets = []string{setOf(value, isH265(h265.NALUType_VPS_NUT))}
		case "sprop-sps":
			sets = []string{setOf(value, isH265(h265.NALUType_SPS_NUT))}
		case "sprop-pps":
			sets = []string{setOf(value, isH265(h265.NALUType_PPS_NUT))}
		default:
			kept = append(kept, p)
			continue
		}
		if sets[0] != "" && sets[len(sets)-1] != "" {
			kept = append(kept, name+"="+strings.Join(sets, ","))
		}
	}
	return kept
}

func isH264(kind h264.NALUType) func(nalu []byte) bool {
	return func(nalu []byte) bool { return len(nalu) > 1 && h264.NALUType(nalu[0]&0x1f) == kind }
}

func isH265(kind h265.NALUType) func(nalu []byte) bool {
	return func(nalu []byte) bool { return len(nalu) > 2 && h265.NALUType(nalu[0]>>1&0x3f) == kind }
}

// setOf returns the first set of a kind in a list, in base64, or "". Some cameras put start codes before it (ITU-T H.264 annex B), or
// leave out the padding.
func setOf(list string, kind func([]byte) bool) string {
	for text := range strings.SplitSeq(list, ",") {
		nalu, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
		if err != nil {
			continue
		}
		nalu = bytes.TrimPrefix(bytes.TrimPrefix(nalu, []byte{0}), []byte{0, 0, 1})
		if kind(nalu) {
			return base64.StdEncoding.EncodeToString(nalu)
		}
	}
	return ""
}
