package camera

import (
	"math"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// RTP names presentation times only. The decoding times that come out must be those of the encoder, but for a constant.
func TestDecodingTimesOfAnyOrderOfPictures(t *testing.T) {
	for name, options := range map[string][]string{
		"no B-frames":              {"-bf", "0"},
		"B-frames":                 {"-bf", "3"},
		"B-frames that refer":      {"-bf", "5", "-x264-params", "b-pyramid=normal:b-adapt=0"},
		"interlaced":               {"-flags", "+ildct+ilme", "-x264-params", "interlaced=1:bframes=0"},
		"interlaced, B-frames":     {"-flags", "+ildct+ilme", "-x264-params", "interlaced=1:bframes=3:b-adapt=0"},
		"interlaced, bottom first": {"-flags", "+ildct+ilme", "-x264-params", "bff=1:bframes=2:b-adapt=0"},
	} {
		t.Run(name, func(t *testing.T) {
			src := mediatest.Clip(t, "4", "libx264", false, append([]string{"-g", "25"}, options...)...)
			d := decodingTimes{codec: media.H264, stamps: stamps{rate: media.VideoTimescale}, last: math.MinInt64}
			now, wrong := time.Now(), 0
			var last int64
			for i, u := range src.Units {
				au := u.Data
				if u.Random {
					au = append([][]byte{src.Video.SPS, src.Video.PPS}, au...)
				}
				pts, dts := d.of(au, u.PTS, now.Add(time.Duration(i)*40*time.Millisecond))
				if pts != u.PTS || dts > pts || i > 0 && dts <= last {
					t.Fatalf("picture %d: shown at %d, decoded at %d, after %d", i, pts, dts, last)
				}
				if i > 25 && dts-last != 3600 { // in the first second the order is learned
					wrong++
				}
				last = dts
			}
			if wrong > 0 {
				t.Errorf("%d of %d pictures are not evenly decoded", wrong, len(src.Units))
			}
		})
	}
}
