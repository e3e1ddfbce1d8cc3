package recorder

import "math"

const (
	// firstWidth and lastWidth are the shortest and longest window, in seconds. Each window keeps its smallest delay.
	firstWidth, lastWidth = 1, 8
	// mostPoints is the number of windows that are kept. A trend needs at least minPoints.
	mostPoints, minPoints = 64, 16
	// kink is how far, in seconds, a delay must be from the previous line to begin a new one.
	kink = 0.4
)

// delay is the network delay at a moment, both in seconds with an arbitrary origin.
type delay struct{ at, late float64 }

// trend finds how the delay of arrivals changes over time. A network can only delay, so the smallest delay of each window is
// the reliable one. Windows grow: 16 seconds detect an error of a sixth, eight minutes one of a thousandth.
type trend struct {
	points []delay // the least delayed of each window
	open   delay   // smallest delay in the current window
	from   float64 // start of the current window
	width  float64 // its length; 0 before the first
	strays int     // number of consecutive windows off the line
	before line    // the line without those
}

// add adds one arrival and reports whether a window ended before it.
func (t *trend) add(d delay) bool {
	switch {
	case t.width == 0:
		t.width = firstWidth
	case d.at-t.from < t.width:
		if d.late < t.open.late {
			t.open = d
		}
		return false
	default:
		t.close()
		t.from, t.open = d.at, d
		return true
	}
	t.from, t.open = d.at, d
	return false
}

// close adds the current window to the trend. An early arrival shows at once that the line has changed; a late one only if it
// lasts.
func (t *trend) close() {
	if t.strays == 0 {
		t.before = t.fit()
	}
	if t.before.known {
		off := t.open.late - t.before.at(t.open.at)
		if t.strays++; math.Abs(off) <= kink {
			t.strays = 0
		}
		if off < -kink || t.strays == 2 {
			*t = trend{width: firstWidth, open: t.open}
		}
	}
	t.points = append(t.points, t.open)
	if len(t.points) < mostPoints {
		return
	}
	if t.width == lastWidth {
		t.points = append(t.points[:0], t.points[mostPoints/2:]...)
		return
	}
	for i := range mostPoints / 2 {
		a, b := t.points[2*i], t.points[2*i+1]
		if b.late < a.late {
			a = b
		}
		t.points[i] = a
	}
	t.points, t.width = t.points[:mostPoints/2], 2*t.width
}

// line is a straight line fitted to the points of a trend.
type line struct {
	known         bool
	slope         float64 // seconds of delay a second
	middle, level float64 // a point of the line
	off           float64 // root mean square of the points' distances from the line
	span          float64 // from the first point to the last, seconds
}

func (l line) at(x float64) float64 { return l.level + l.slope*(x-l.middle) }

// fit returns the least-squares line.
func (t *trend) fit() line {
	n := float64(len(t.points))
	if n < minPoints {
		return line{}
	}
	l := line{known: true, span: t.points[len(t.points)-1].at - t.points[0].at}
	for _, p := range t.points {
		l.middle, l.level = l.middle+p.at/n, l.level+p.late/n
	}
	var xx, xy, yy float64
	for _, p := range t.points {
		x, y := p.at-l.middle, p.late-l.level
		xx, xy, yy = xx+x*x, xy+x*y, yy+y*y
	}
	l.slope = xy / xx
	l.off = math.Sqrt(max(0, yy-l.slope*xy) / n)
	return l
}
