package testcam

import (
	"math"
	"strings"
	"unicode"
)

// letterShapes holds the strokes of each letter. Pairs of digits are column (0 to 4) and row (0, the top, to 6); a space lifts
// the pen. The pen is round, so that text is sharp at any size.
var letterShapes = [...]struct {
	letter rune
	shape  string
}{
	{'A', "0602204246 0444"}, {'B', "0030414233033344453606 0006"}, {'C', "4130100105163645"},
	{'D', "002042442606 0006"}, {'E', "40000646 0333"}, {'F', "400006 0333"}, {'G', "41301001051636454323"},
	{'H', "0006 4046 0343"}, {'I', "0006"}, {'J', "4045361605"}, {'K', "0006 4003 1346"}, {'L', "000646"},
	{'M', "0600234046"}, {'N', "06004640"}, {'O', "103041453616050110"}, {'P', "06003041423303"},
	{'Q', "103041453616050110 3446"}, {'R', "06003041423303 2346"}, {'S', "413010010213334445361605"},
	{'T', "0040 2026"}, {'U', "000516364540"}, {'V', "002640"}, {'W', "0016233640"}, {'X', "0046 4006"},
	{'Y', "002340 2326"}, {'Z', "00400646"}, {'0', "103041453616050110"}, {'1', "112026 1636"}, {'2', "01103041420646"},
	{'3', "01103041423313 334445361605"}, {'4', "300444 3036"}, {'5', "400003334445361605"},
	{'6', "3010010516364544331304"}, {'7', "00404216"}, {'8', "103041423313020110 1304051636454433"},
	{'9', "1636454130100102133342"}, {'-', "0333"}, {':', "0202 0505"}, {'.', "0606"}, {'/', "4006"},
	{'?', "0110304142332324 2626"}, {'\'', "0001"}, {'#', "1016 3036 0242 0444"}, {'+', "0343 2125"}, {',', "1607"},
	{'(', "10020416"}, {')', "00121406"},
}

// shapeOf returns the strokes of a letter, and whether the letter has a shape.
func shapeOf(letter rune) (string, bool) {
	for _, s := range letterShapes {
		if s.letter == letter {
			return s.shape, true
		}
	}
	return "", false
}

// strokes returns the lines of one letter and its width in columns.
func strokes(letter rune) ([][]point, float64) {
	if letter == ' ' {
		return nil, 2
	}
	shape, ok := shapeOf(unicode.ToUpper(letter))
	if !ok {
		shape, _ = shapeOf('?')
	}
	var lines [][]point
	width := 0.0
	for stroke := range strings.FieldsSeq(shape) {
		var line []point
		for i := 0; i+1 < len(stroke); i += 2 {
			p := point{float64(stroke[i] - '0'), float64(stroke[i+1] - '0')}
			line = append(line, p)
			width = max(width, p.x)
		}
		lines = append(lines, line)
	}
	return lines, width
}

// letter is a letter drawn at one size: for each pixel the coverage by the pen and by the dark edge around it, from 0 to 255.
type letter struct {
	w, h      int
	dx, dy    int // of the upper left pixel from the pen's origin
	advance   float64
	pen, edge []uint8
}

// drawLetter draws a letter whose capitals are height pixels high.
func drawLetter(r rune, height float64) letter {
	lines, width := strokes(r)
	unit := height / 6
	pen, edge := 0.5*unit, max(0.45*unit, 1.2)
	margin := int(math.Ceil(pen+edge)) + 1
	l := letter{
		w: int(width*unit) + 2*margin + 1, h: int(7*unit) + 2*margin + 1, dx: -margin, dy: -margin,
		advance: (width + 1.9) * unit,
	}
	l.pen, l.edge = make([]uint8, l.w*l.h), make([]uint8, l.w*l.h)
	for i := range l.pen {
		at := point{float64(i%l.w+l.dx) + 0.5, float64(i/l.w+l.dy) + 0.5}
		d := math.Inf(1)
		for _, line := range lines {
			for j := range max(1, len(line)-1) {
				d = min(d, distance(at, line[j], line[min(j+1, len(line)-1)], unit))
			}
		}
		l.pen[i] = uint8(255 * min(max(pen-d+0.5, 0), 1))
		l.edge[i] = uint8(150 * min(max((pen+edge-d)/edge, 0), 1))
	}
	return l
}

// distance returns the distance of a pixel from the line between two points of the letter's grid.
func distance(at, a, b point, unit float64) float64 {
	ax, ay := a.x*unit, a.y*unit
	bx, by := b.x*unit-ax, b.y*unit-ay
	px, py := at.x-ax, at.y-ay
	t := 0.0
	if length := bx*bx + by*by; length > 0 {
		t = min(max((px*bx+py*by)/length, 0), 1)
	}
	return math.Hypot(px-t*bx, py-t*by)
}

// typeface caches the letters of one size.
type typeface struct {
	height  float64
	letters map[rune]letter
}

func newTypeface(height float64) *typeface {
	return &typeface{height: height, letters: map[rune]letter{}}
}

func (f *typeface) letter(r rune) letter {
	l, ok := f.letters[r]
	if !ok {
		l = drawLetter(r, f.height)
		if unicode.IsDigit(r) { // digits have the same width, so that clocks do not jitter
			l.advance = 5.9 * f.height / 6
		}
		f.letters[r] = l
	}
	return l
}

// width returns how far the pen moves over a text, in pixels.
func (f *typeface) width(text string) float64 {
	w := 0.0
	for _, r := range text {
		w += f.letter(r).advance
	}
	return w
}

// write puts a text in white with a dark edge on p; x, y is the upper left corner of its first capital.
func (f *typeface) write(p *picture, x, y float64, text string) {
	for _, edge := range []bool{true, false} {
		at := x
		for _, r := range text {
			l := f.letter(r)
			l.stamp(p, int(at+0.5), int(y+0.5), edge)
			at += l.advance
		}
	}
}

// stamp blends the edge, in black, or the pen, in white.
func (l *letter) stamp(p *picture, x, y int, edge bool) {
	mask, luma := l.pen, int32(235)
	if edge {
		mask, luma = l.edge, 20
	}
	for j := range l.h {
		py := y + l.dy + j
		if py < 0 || py >= p.h {
			continue
		}
		for i := range l.w {
			px, a := x+l.dx+i, int32(mask[j*l.w+i])
			if a == 0 || px < 0 || px >= p.w {
				continue
			}
			at := py*p.w + px
			p.y[at] = blend8(p.y[at], luma, a)
			if px%2 == 0 && py%2 == 0 {
				at := py/2*p.w/2 + px/2
				p.cb[at], p.cr[at] = blend8(p.cb[at], 128, a), blend8(p.cr[at], 128, a)
			}
		}
	}
}

// blend8 returns the value a/255 of the way from v to to.
func blend8(v uint8, to, a int32) uint8 { return uint8(int32(v) + ((to-int32(v))*a+127)/255) }
