package camera

import (
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
)

func TestParameterSetsAreFoundAmongGarbage(t *testing.T) {
	const sps, pps = "Z0LADJoLE34mQ4A=", "aM48gA=="
	for name, list := range map[string]string{
		"as they should be":  sps + "," + pps,
		"after garbage":      "!!!!," + sps + "," + pps,
		"in the wrong order": pps + "," + sps,
		"without padding":    strings.TrimRight(sps, "=") + "," + strings.TrimRight(pps, "="),
		"with start codes":   "AAAAAWdCwAyaCxN+JkOA,AAAAAWjOPIA=",
		"with an empty one":  sps + ",," + pps + ",",
		"with others":        "BgEC," + sps + "," + sps + "," + pps,
	} {
		text, _ := repairDescription([]byte(sdpHead + strings.Replace(sdpVideo, sps+","+pps, list, 1)))
		f, ok := described(t, string(text)).Medias[0].Formats[0].(*format.H264)
		if !ok || len(f.SPS) != 11 || f.SPS[0] != 0x67 || len(f.PPS) != 4 || f.PPS[0] != 0x68 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
