package camera

import (
	"math"
	"time"

	"keepwatch.internal/internal/media"
)

// decodingTimes computes the decoding time of each frame. RTP contains only the presentation time. If the order cannot be read
// from the frames, they get the frame interval of the previous ones until the next key frame: a slightly wrong time is better than
// a lost frame.
type decodingTimes struct {
	codec  media.Codec
	stamps stamps
	last   int64 // decoding time of the previous frame; math.MinInt64 before the first
	step   int64 // recent interval between frames
	order  interface {
		Extract(au [][]byte, pts int64) (int64, error)
	} // nil while the order cannot be read
}

// begun reports whether there was a frame already.
func (d *decodingTimes) begun() bool { return d.last != math.MinInt64 }

// of returns the times of the unit that the camera stamped pts. Decoding times increase with each unit.
func (d *decodingTimes) of(au [][]byte, stamped int64, now time.Time) (pts, dts int64) {
	pts = d.stamps.correct(stamped, now, d.last)
	if d.order == nil {
		d.reset()
	}
	dts, err := d.order.Extract(au, pts)
	if err != nil {
		d.order = nil
		dts = pts
		if d.begun() {
			dts = min(pts, d.last+d.step)
		}
	}
	if d.begun() {
		dts = max(dts, d.last+1)
		if step := dts - d.last; step > 1 && step < media.VideoTimescale {
			d.step = step
		}
	}
	d.last = dts
	return pts, dts
}

func (d *decodingTimes) reset() {
	if d.codec == media.H265 {
		d.order = newH265Order()
		return
	}
	d.order = newH264Order()
}
