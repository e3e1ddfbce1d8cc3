package recorder

import (
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func TestBFramesAreMeasured(t *testing.T) {
	const frame = media.VideoTimescale / 25
	for name, c := range map[string]struct {
		shown []int64 // presentation times of frames that are decoded one after the other, in frames
		want  time.Duration
	}{
		"in order":              {[]int64{0, 1, 2, 3, 4, 5}, 0},
		"all shown later":       {[]int64{2, 3, 4, 5, 6, 7}, 0},
		"reordered":             {[]int64{1, 4, 2, 3, 7, 5, 6}, 2 * 40 * time.Millisecond},
		"reordered until a cut": {[]int64{1, 4, 2, 3, 4004, 4005}, 0},
	} {
		var m meter
		for i, at := range c.shown {
			dts := int64(i)
			if at > 4000 {
				dts += 4000
			}
			m.add(&media.Unit{Kind: media.Video, PTS: 1000*frame + at*frame, DTS: 1000*frame + dts*frame, Arrived: time.Unix(0, 0).Add(time.Duration(i) * 40 * time.Millisecond)})
		}
		if m.health.Delay != c.want {
			t.Errorf("%s: %v, not %v", name, m.health.Delay, c.want)
		}
	}
}
