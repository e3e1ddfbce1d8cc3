package testcam

// picture is a 4:2:0 picture in limited-range BT.709. Its sides are multiples of 16.
type picture struct {
	w, h      int // in luma samples
	y, cb, cr []uint8
}

func newPicture(w, h int) *picture {
	return &picture{w: w, h: h, y: make([]uint8, w*h), cb: make([]uint8, w*h/4), cr: make([]uint8, w*h/4)}
}

func (p *picture) clone() *picture {
	c := newPicture(p.w, p.h)
	c.copyFrom(p)
	return c
}

func (p *picture) copyFrom(o *picture) {
	copy(p.y, o.y)
	copy(p.cb, o.cb)
	copy(p.cr, o.cr)
}

// copyBlock copies the macroblock at column x, row y from o.
func (p *picture) copyBlock(o *picture, x, y int) {
	for row := range 16 {
		at := (16*y+row)*p.w + 16*x
		copy(p.y[at:at+16], o.y[at:at+16])
	}
	for row := range 8 {
		at := (8*y+row)*p.w/2 + 8*x
		copy(p.cb[at:at+8], o.cb[at:at+8])
		copy(p.cr[at:at+8], o.cr[at:at+8])
	}
}

// sameBlock reports whether the macroblock at column x, row y is the same in both.
func (p *picture) sameBlock(o *picture, x, y int) bool {
	for row := range 16 {
		at := (16*y+row)*p.w + 16*x
		if [16]uint8(p.y[at:at+16]) != [16]uint8(o.y[at:at+16]) {
			return false
		}
	}
	for row := range 8 {
		at := (8*y+row)*p.w/2 + 8*x
		if [8]uint8(p.cb[at:at+8]) != [8]uint8(o.cb[at:at+8]) || [8]uint8(p.cr[at:at+8]) != [8]uint8(o.cr[at:at+8]) {
			return false
		}
	}
	return true
}
