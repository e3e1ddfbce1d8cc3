package testcam

import (
	"math"
	"slices"
)

// rgb is a colour in sRGB.
type rgb struct{ r, g, b uint8 }

// mix returns the colour that lies t (0 to 1) of the way from a to b.
func mix(a, b rgb, t float64) rgb {
	part := func(a, b uint8) uint8 { return uint8(float64(a) + (float64(b)-float64(a))*t + 0.5) }
	return rgb{part(a.r, b.r), part(a.g, b.g), part(a.b, b.b)}
}

// yuv returns the colour in limited-range BT.709.
func (c rgb) yuv() (y, cb, cr uint8) {
	r, g, b := float64(c.r)/255, float64(c.g)/255, float64(c.b)/255
	l := 0.2126*r + 0.7152*g + 0.0722*b
	return uint8(16.5 + 219*l), uint8(128.5 + 224*(b-l)/1.8556), uint8(128.5 + 224*(r-l)/1.5748)
}

// point is a position on a canvas, in its units.
type point struct{ x, y float64 }

// canvas is an antialiased drawing surface for scenes and figures. Its unit is 1/640 of the width of a frame, whatever its
// size in pixels.
type canvas struct {
	w, h  int
	scale float64 // pixels a unit
	pix   []rgb
	alpha []uint8 // coverage so far; nil for an opaque canvas
	cover []float32
}

func newCanvas(w, h int, scale float64) *canvas {
	return &canvas{w: w, h: h, scale: scale, pix: make([]rgb, w*h), cover: make([]float32, w+1)}
}

// paint returns the colour and opacity (0 to 1) at a position.
type paint func(x, y float64) (rgb, float64)

func plain(c rgb) paint { return func(_, _ float64) (rgb, float64) { return c, 1 } }

func glass(c rgb, alpha float64) paint { return func(_, _ float64) (rgb, float64) { return c, alpha } }

// down is a gradient from a at height y0 to b at y1.
func down(y0, y1 float64, a, b rgb) paint {
	return func(_, y float64) (rgb, float64) { return mix(a, b, min(max((y-y0)/(y1-y0), 0), 1)), 1 }
}

// glow is a light that fades from the middle to radius r.
func glow(x, y, r float64, c rgb, alpha float64) paint {
	return func(px, py float64) (rgb, float64) {
		t := max(0, 1-math.Hypot(px-x, py-y)/r)
		return c, alpha * t * t
	}
}

// subRows is the number of samples per pixel row.
const subRows = 4

// fill paints the inside of a closed polygon, by the even-odd rule.
func (c *canvas) fill(p paint, polygon ...point) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, q := range polygon {
		low, high = min(low, q.y*c.scale), max(high, q.y*c.scale)
	}
	var xs []float64
	for y := max(0, int(low)); y < min(c.h, int(high)+1); y++ {
		first, last := c.w, 0
		for sub := range subRows {
			line := float64(y) + (float64(sub)+0.5)/subRows
			xs = crossings(xs[:0], polygon, line, c.scale)
			for i := 0; i+1 < len(xs); i += 2 {
				a, b := max(xs[i], 0), min(xs[i+1], float64(c.w))
				if a < b {
					c.span(a, b)
					first, last = min(first, int(a)), max(last, min(int(b)+1, c.w))
				}
			}
		}
		c.blend(p, y, first, last)
	}
}

// crossings appends where a line crosses the polygon's sides, sorted, in pixels.
func crossings(xs []float64, polygon []point, line, scale float64) []float64 {
	for i, a := range polygon {
		b := polygon[(i+1)%len(polygon)]
		ay, by := a.y*scale, b.y*scale
		if (ay <= line) != (by <= line) {
			xs = append(xs, scale*(a.x+(b.x-a.x)*(line-ay)/(by-ay)))
		}
	}
	slices.Sort(xs)
	return xs
}

// span adds the range from a to b to the row's coverage.
func (c *canvas) span(a, b float64) {
	for x := int(a); float64(x) < b; x++ {
		c.cover[x] += float32(min(b, float64(x+1))-max(a, float64(x))) / subRows
	}
}

// blend paints a row from first to last by its coverage, and clears that.
func (c *canvas) blend(p paint, y, first, last int) {
	for x := first; x < last; x++ {
		cover := float64(c.cover[x])
		c.cover[x] = 0
		if cover <= 0 {
			continue
		}
		colour, alpha := p((float64(x)+0.5)/c.scale, (float64(y)+0.5)/c.scale)
		alpha *= min(cover, 1)
		at := y*c.w + x
		if c.alpha == nil {
			c.pix[at] = mix(c.pix[at], colour, alpha)
			continue
		}
		under := float64(c.alpha[at]) / 255
		total := alpha + under*(1-alpha)
		if total > 0 {
			c.pix[at] = mix(c.pix[at], colour, alpha/total)
			c.alpha[at] = uint8(255*total + 0.5)
		}
	}
}

func (c *canvas) rect(p paint, x, y, w, h float64) {
	c.fill(p, point{x, y}, point{x + w, y}, point{x + w, y + h}, point{x, y + h})
}

// area is an upright rectangle.
type area struct{ x, y, w, h float64 }

// round is a rectangle with corners rounded to the radius r.
func (c *canvas) round(p paint, a area, r float64) {
	var polygon []point
	for i := range 32 {
		angle := (float64(i) + 0.5) / 32 * 2 * math.Pi
		cx, cy := a.x+r, a.y+r
		if math.Cos(angle) > 0 {
			cx = a.x + a.w - r
		}
		if math.Sin(angle) > 0 {
			cy = a.y + a.h - r
		}
		polygon = append(polygon, point{cx + r*math.Cos(angle), cy + r*math.Sin(angle)})
	}
	c.fill(p, polygon...)
}

func (c *canvas) ellipse(p paint, x, y, rx, ry float64) {
	var polygon []point
	for i := range 48 {
		angle := float64(i) / 48 * 2 * math.Pi
		polygon = append(polygon, point{x + rx*math.Cos(angle), y + ry*math.Sin(angle)})
	}
	c.fill(p, polygon...)
}

func (c *canvas) circle(p paint, x, y, r float64) { c.ellipse(p, x, y, r, r) }

// line is a stroke of a width with square ends.
func (c *canvas) line(p paint, a, b point, width float64) {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	nx, ny := (b.y-a.y)/length*width/2, -(b.x-a.x)/length*width/2
	c.fill(p, point{a.x + nx, a.y + ny}, point{b.x + nx, b.y + ny}, point{b.x - nx, b.y - ny}, point{a.x - nx, a.y - ny})
}

// picture converts an opaque canvas. Rows and columns beyond it repeat its edge.
func (c *canvas) picture() *picture {
	p := newPicture((c.w+15)&^15, (c.h+15)&^15)
	for y := range p.h {
		for x := range p.w {
			p.y[y*p.w+x], _, _ = c.pix[min(y, c.h-1)*c.w+min(x, c.w-1)].yuv()
		}
	}
	for y := range p.h / 2 {
		for x := range p.w / 2 {
			var r, g, b int
			for i := range 4 {
				q := c.pix[min(2*y+i/2, c.h-1)*c.w+min(2*x+i%2, c.w-1)]
				r, g, b = r+int(q.r), g+int(q.g), b+int(q.b)
			}
			_, p.cb[y*p.w/2+x], p.cr[y*p.w/2+x] = rgb{uint8(r / 4), uint8(g / 4), uint8(b / 4)}.yuv()
		}
	}
	return p
}
