package testcam

import (
	"fmt"
	"image"
)

// ReadPixels reads the code word in the luma plane of a decoded frame of size w×h; stride is the length of a row. It returns
// ErrNoMark if there is none, or if its checksum is wrong.
func ReadPixels(luma []byte, stride, w, h int) (Mark, error) {
	if w < ribbonCols || h < w/ribbonCols*ribbonRows || stride < w || len(luma) < stride*(h-1)+w {
		return Mark{}, fmt.Errorf("%w: a picture of %d×%d in %d bytes", ErrNoMark, w, h, len(luma))
	}
	cell := float64(w) / ribbonCols
	top := float64(h) - ribbonRows*cell
	var word [wordBytes]byte
	for i := range 2 * ribbonData {
		x := int((float64(ribbonFirst+i%ribbonData) + 0.5) * cell)
		y := int(top + (float64(1+i/ribbonData)+0.5)*cell)
		if luma[y*stride+x] > 126 {
			word[i/8] |= 1 << (7 - i%8)
		}
	}
	return parseWord(word)
}

// ReadImage finds the ribbon in a screenshot of a frame at 2.5 or more screen pixels a cell (a frame 200 pixels wide), and reads
// its code word. With several frames it returns the first readable mark.
func ReadImage(img image.Image) (Mark, error) {
	marks := ReadImages(img)
	if len(marks) == 0 {
		return Mark{}, fmt.Errorf("%w in a screenshot of %v", ErrNoMark, img.Bounds().Size())
	}
	return marks[0].Mark, nil
}

// Seen is a mark from a screenshot, with the position of its ribbon.
type Seen struct {
	Mark  Mark
	Where image.Rectangle
}

// ReadImages reads the code words of all simulated cameras in a screenshot, from top to bottom, left to right.
func ReadImages(img image.Image) []Seen {
	lefts, rights := findEnds(img)
	var seen []Seen
	for _, l := range lefts {
		for _, r := range rights {
			if r.Min.X < l.Max.X || abs(int32(l.Min.Y-r.Min.Y)) > 3 || abs(int32(l.Max.Y-r.Max.Y)) > 3 {
				continue
			}
			if m, err := readBetween(img, l, r); err == nil {
				seen = append(seen, Seen{m, l.Union(r)})
				break
			}
		}
	}
	return seen
}

// endKind is one of the two coloured ends of a ribbon: magenta on the left, cyan on the right.
type endKind uint8

const (
	noEnd endKind = iota
	leftEnd
	rightEnd
)

// endOf reports whether a colour belongs to an end. Scaling mixes colours at the edges, and players render video colours
// differently, so the bounds are wide.
func endOf(img image.Image, x, y int) endKind {
	r, g, b, _ := img.At(x, y).RGBA()
	r, g, b = r>>8, g>>8, b>>8
	switch {
	case r > 130 && b > 130 && g+70 < min(r, b):
		return leftEnd
	case g > 110 && b > 110 && r+70 < min(g, b):
		return rightEnd
	}
	return noEnd
}

// findEnds returns the bounds of all patches of either colour that could be an end: roughly square ones.
func findEnds(img image.Image) (lefts, rights []image.Rectangle) {
	b := img.Bounds()
	kinds := make([]endKind, b.Dx()*b.Dy())
	for y := range b.Dy() {
		for x := range b.Dx() {
			kinds[y*b.Dx()+x] = endOf(img, b.Min.X+x, b.Min.Y+y)
		}
	}
	for i, kind := range kinds {
		if kind == noEnd {
			continue
		}
		box := flood(kinds, b.Dx(), i)
		if box.Dx() < 3 || box.Dy() < 3 || box.Dx() > 2*box.Dy() || box.Dy() > 2*box.Dx() {
			continue
		}
		if kind == leftEnd {
			lefts = append(lefts, box.Add(b.Min))
		} else {
			rights = append(rights, box.Add(b.Min))
		}
	}
	return lefts, rights
}

// flood clears the patch that holds place i and returns its bounds.
func flood(kinds []endKind, stride, i int) image.Rectangle {
	kind := kinds[i]
	box := image.Rectangle{}
	kinds[i] = noEnd
	for todo := []int{i}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		x, y := at%stride, at/stride
		box = box.Union(image.Rect(x, y, x+1, y+1))
		for _, next := range [4]struct {
			ok bool
			at int
		}{{x > 0, at - 1}, {x+1 < stride, at + 1}, {y > 0, at - stride}, {at+stride < len(kinds), at + stride}} {
			if next.ok && kinds[next.at] == kind {
				kinds[next.at] = noEnd
				todo = append(todo, next.at)
			}
		}
	}
	return box
}

// readBetween reads the word between a left and a right end. Their edges are known to about a pixel only, so it tries
// positions around the likeliest until the checksum is right.
func readBetween(img image.Image, l, r image.Rectangle) (Mark, error) {
	// The ends cover columns 1 to 3 and 77 to 79, rows 1 to 3.
	first := float64(l.Min.X+l.Max.X)/2 - 0.5
	last := float64(r.Min.X+r.Max.X)/2 - 0.5
	cell := (last - first) / (ribbonCols - 4)
	middle := float64(l.Min.Y+l.Max.Y+r.Min.Y+r.Max.Y)/4 - 0.5
	for _, dy := range []float64{0, 0.15, -0.15, 0.3, -0.3} {
		for _, dx := range []float64{0, 0.2, -0.2, 0.35, -0.35} {
			for _, ds := range []float64{0, 0.3, -0.3, 0.6, -0.6} {
				c := cell + ds*cell/(ribbonCols-4)
				// The centre of the left end is the border of columns 1 and 2.
				if m, err := readGrid(img, first+dx*cell-2*c, middle+dy*cell-2*c, c); err == nil {
					return m, nil
				}
			}
		}
	}
	return Mark{}, ErrNoMark
}

// readGrid reads the word of a ribbon whose upper left corner and cell size are given, in pixel centres.
func readGrid(img image.Image, left, top, cell float64) (Mark, error) {
	var word [wordBytes]byte
	for i := range 2 * ribbonData {
		x := left + (float64(ribbonFirst+i%ribbonData)+0.5)*cell
		y := top + (float64(1+i/ribbonData)+0.5)*cell
		if brightness(img, x, y) > 128 {
			word[i/8] |= 1 << (7 - i%8)
		}
	}
	return parseWord(word)
}

// brightness returns the bilinear luma from 0 to 255 at a position between pixel centres.
func brightness(img image.Image, x, y float64) float64 {
	x0, y0 := int(x), int(y)
	fx, fy := x-float64(x0), y-float64(y0)
	at := func(x, y int) float64 {
		r, g, b, _ := img.At(x, y).RGBA()
		return (0.2126*float64(r) + 0.7152*float64(g) + 0.0722*float64(b)) / 257
	}
	return (at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy
}
