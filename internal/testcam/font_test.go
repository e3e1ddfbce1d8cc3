package testcam

import (
	"strings"
	"testing"

	"keepwatch.internal/internal/media"
)

func TestLettersDifferAndHaveWholeStrokes(t *testing.T) {
	seen := map[string]rune{}
	nought, _ := shapeOf('0')
	for _, s := range letterShapes {
		r, shape := s.letter, s.shape
		for stroke := range strings.FieldsSeq(shape) {
			if len(stroke)%2 != 0 || strings.Trim(stroke, "01234567") != "" {
				t.Errorf("%q has a stroke %q", r, stroke)
			}
		}
		if other, ok := seen[shape]; ok && shape != nought { // a zero looks like an O
			t.Errorf("%q looks like %q", r, other)
		}
		seen[shape] = r
	}
	for _, r := range "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:." {
		if _, ok := shapeOf(r); !ok {
			t.Errorf("no %q", r)
		}
		ink := 0
		for _, v := range drawLetter(r, 22).pen {
			ink += int(v)
		}
		if ink == 0 {
			t.Errorf("%q is blank", r)
		}
	}
}

func TestALongNameIsMadeToFit(t *testing.T) {
	name := strings.Repeat("very long name ", 6)
	d := drawnAt(t, Camera{Name: "garage", Label: name}, media.Main)
	plain := drawnAt(t, Camera{Name: "garage", Label: "-"}, media.Main)
	for y := range 60 {
		for x := 630; x < 640; x++ {
			if d.painter.background.y[y*640+x] != plain.painter.background.y[y*640+x] {
				t.Fatalf("the name reaches %d, %d", x, y)
			}
		}
	}
}
