package testcam

import (
	"image"
	"math"
	"strings"
	"time"
)

// painter draws the frames of one stream: the scene, moving figures, name, clock, and the ribbon with the mark. It is not
// safe for concurrent use.
type painter struct {
	w, h       int
	scale      float64 // pixels a unit; a picture is 640 units wide
	background *picture
	now        *picture
	figures    []figure
	clock      *typeface
	small      *typeface
	location   *time.Location
	stale      []image.Rectangle // areas that differ from the background
	drawn      bool
	word       [wordBytes]byte
}

// figure is something that moves across the scene.
type figure struct {
	poses []sprite
	path  func(seconds float64) (x, y float64, pose int) // upper left corner, in units
}

// newPainter returns a painter of the scene. The background is shared and never written to.
func newPainter(w, h int, s *scenery, label string, location *time.Location) *painter {
	scale := float64(w) / 640
	p := &painter{
		w: w, h: h, scale: scale, background: s.background.clone(), figures: s.figures,
		clock: newTypeface(22 * scale), small: newTypeface(13 * scale), location: location,
	}
	label = strings.ToUpper(label)
	name := newTypeface(30 * scale)
	if room := 596 * scale; name.width(label) > room {
		name = newTypeface(30 * scale * room / name.width(label))
	}
	name.write(p.background, 22*scale, 22*scale, label)
	p.ribbonFrame()
	p.now = p.background.clone()
	return p
}

// cell returns the rectangle of a cell of the ribbon, in pixels.
func (p *painter) cell(col, row int) image.Rectangle {
	cell := float64(p.w) / ribbonCols
	top := float64(p.h) - ribbonRows*cell
	at := func(v float64) int { return int(v + 0.5) }
	return image.Rect(at(float64(col)*cell), at(top+float64(row)*cell), at(float64(col+1)*cell), at(top+float64(row+1)*cell))
}

// floor is the row at which the ribbon begins, made even.
func (p *painter) floor() int { return p.cell(0, 0).Min.Y &^ 1 }

// The colours of the ribbon.
const (
	lumaDark  = 24
	lumaLight = 230
)

// ribbonFrame draws the constant parts of the ribbon: the dark background and the coloured ends.
func (p *painter) ribbonFrame() {
	ground := p.cell(0, 0)
	ground.Max = image.Pt(p.background.w, p.background.h)
	p.background.flat(ground, lumaDark, 132, 126)
	y, cb, cr := rgb{255, 0, 255}.yuv()
	p.background.flat(p.cell(1, 1).Union(p.cell(2, 2)), y, cb, cr)
	y, cb, cr = rgb{0, 255, 255}.yuv()
	p.background.flat(p.cell(ribbonCols-3, 1).Union(p.cell(ribbonCols-2, 2)), y, cb, cr)
}

// exact reports whether a macroblock contains cells of the code word, and so must be bit-exact.
func (p *painter) exact(mx, my int) bool {
	data := p.cell(ribbonFirst, 1).Union(p.cell(ribbonFirst+ribbonData-1, 2))
	return image.Rect(16*mx, 16*my, 16*mx+16, 16*my+16).Overlaps(data)
}

// paint draws the frame with a mark. The result belongs to the painter and changes with the next call.
func (p *painter) paint(m Mark) *picture {
	for _, r := range p.stale {
		p.now.copyRect(p.background, r)
	}
	p.stale = p.stale[:0]
	seconds := float64(m.Time.UnixMilli()%86_400_000) / 1000
	for _, f := range p.figures {
		x, y, pose := f.path(seconds)
		r := f.poses[pose%len(f.poses)].stamp(p.now, int(math.Round(x*p.scale))&^1, int(math.Round(y*p.scale))&^1, p.floor())
		if !r.Empty() {
			p.stale = append(p.stale, r)
		}
	}
	at := m.Time.In(p.location)
	x, y := 22*p.scale, 66*p.scale
	text := at.Format("15:04:05.0")
	p.clock.write(p.now, x, y, text)
	p.small.write(p.now, x+p.clock.width(text)+4*p.scale, y+9*p.scale, at.Format("2006-01-02"))
	p.stale = append(p.stale, image.Rect(0, int(y-8*p.scale), int(400*p.scale), int(y+40*p.scale)))
	p.ribbon(m.word())
	return p.now
}

// ribbon draws the cells that changed.
func (p *painter) ribbon(word [wordBytes]byte) {
	for i := range 2 * ribbonData {
		set := bit(&word, i)
		if p.drawn && set == bit(&p.word, i) {
			continue
		}
		luma := uint8(lumaDark)
		if set {
			luma = lumaLight
		}
		p.now.flat(p.cell(ribbonFirst+i%ribbonData, 1+i/ribbonData), luma, 128, 128)
	}
	p.word, p.drawn = word, true
}

// sprite is a small picture with an opacity for each pixel; its sides are even.
type sprite struct {
	picture
	alpha  []uint8 // of luma
	chroma []uint8 // opacity of the chroma samples
}

// newSprite converts a canvas that has alpha.
func newSprite(c *canvas) sprite {
	w, h := c.w, c.h
	s := sprite{picture: *newPicture(w, h), alpha: c.alpha, chroma: make([]uint8, w*h/4)}
	for i, pixel := range c.pix {
		s.y[i], _, _ = pixel.yuv()
	}
	for i := range s.chroma {
		x, y := i%(w/2)*2, i/(w/2)*2
		var r, g, b, a int
		for _, at := range [4]int{y*w + x, y*w + x + 1, (y+1)*w + x, (y+1)*w + x + 1} {
			weight := int(c.alpha[at])
			r, g, b = r+weight*int(c.pix[at].r), g+weight*int(c.pix[at].g), b+weight*int(c.pix[at].b)
			a += weight
		}
		s.chroma[i] = uint8(a / 4)
		if a > 0 {
			_, s.cb[i], s.cr[i] = rgb{uint8(r / a), uint8(g / a), uint8(b / a)}.yuv()
		}
	}
	return s
}

// stamp draws the sprite on p, above floor, and returns the area that it covers. x, y and floor are even.
func (s *sprite) stamp(p *picture, x, y, floor int) image.Rectangle {
	r := image.Rect(x, y, x+s.w, y+s.h).Intersect(image.Rect(0, 0, p.w, floor))
	for py := r.Min.Y; py < r.Max.Y; py++ {
		for px := r.Min.X; px < r.Max.X; px++ {
			from := (py-y)*s.w + px - x
			if a := int32(s.alpha[from]); a > 0 {
				at := py*p.w + px
				p.y[at] = blend8(p.y[at], int32(s.y[from]), a)
			}
		}
	}
	for py := r.Min.Y / 2; py < r.Max.Y/2; py++ {
		for px := r.Min.X / 2; px < r.Max.X/2; px++ {
			from := (py-y/2)*s.w/2 + px - x/2
			if a := int32(s.chroma[from]); a > 0 {
				at := py*p.w/2 + px
				p.cb[at] = blend8(p.cb[at], int32(s.cb[from]), a)
				p.cr[at] = blend8(p.cr[at], int32(s.cr[from]), a)
			}
		}
	}
	return r
}

// flat fills a rectangle with one colour.
func (p *picture) flat(r image.Rectangle, y, cb, cr uint8) {
	r = r.Intersect(image.Rect(0, 0, p.w, p.h))
	for py := r.Min.Y; py < r.Max.Y; py++ {
		fill8(p.y[py*p.w+r.Min.X:py*p.w+r.Max.X], y)
	}
	for py := (r.Min.Y + 1) / 2; py < (r.Max.Y+1)/2; py++ {
		at, n := py*p.w/2+(r.Min.X+1)/2, (r.Max.X+1)/2-(r.Min.X+1)/2
		fill8(p.cb[at:at+n], cb)
		fill8(p.cr[at:at+n], cr)
	}
}

func fill8(b []uint8, v uint8) {
	for i := range b {
		b[i] = v
	}
}

// copyRect copies a rectangle, widened to even sides, from o.
func (p *picture) copyRect(o *picture, r image.Rectangle) {
	r = image.Rect(r.Min.X&^1, r.Min.Y&^1, (r.Max.X+1)&^1, (r.Max.Y+1)&^1).Intersect(image.Rect(0, 0, p.w, p.h))
	for py := r.Min.Y; py < r.Max.Y; py++ {
		copy(p.y[py*p.w+r.Min.X:py*p.w+r.Max.X], o.y[py*p.w+r.Min.X:])
	}
	for py := r.Min.Y / 2; py < r.Max.Y/2; py++ {
		at, end := py*p.w/2+r.Min.X/2, py*p.w/2+r.Max.X/2
		copy(p.cb[at:end], o.cb[at:end])
		copy(p.cr[at:end], o.cr[at:end])
	}
}
