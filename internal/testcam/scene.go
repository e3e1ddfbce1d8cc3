package testcam

import (
	"math"
	"strings"
)

// Scene is what a camera shows.
type Scene int

// The scenes. AnyScene chooses by the camera's name, or else its code.
const (
	AnyScene Scene = iota
	FrontDoor
	Garden
	Street
	Garage
	LivingRoom
	Yard // by night
	sceneCount
)

// sceneOf returns the scene of a camera with AnyScene.
func sceneOf(name string, code uint32) Scene {
	words := []struct {
		word  string
		scene Scene
	}{
		{"door", FrontDoor}, {"porch", FrontDoor}, {"entr", FrontDoor}, {"garden", Garden}, {"lawn", Garden},
		{"street", Street}, {"road", Street}, {"gate", Street}, {"garage", Garage}, {"drive", Garage}, {"carport", Garage},
		{"living", LivingRoom}, {"hall", LivingRoom}, {"kitchen", LivingRoom}, {"office", LivingRoom},
		{"yard", Yard}, {"back", Yard}, {"night", Yard},
	}
	for _, w := range words {
		if strings.Contains(strings.ToLower(name), w.word) {
			return w.scene
		}
	}
	return 1 + Scene(code%uint32(sceneCount-1))
}

// scenery is a scene drawn at one size. It is shared and never written to.
type scenery struct {
	background *picture
	figures    []figure
}

// draw draws the scenery of a scene, in units of 1/640 of the width. In a 16:9 frame the ribbon hides everything below 328.
// Name and clock are in the upper left.
func (s Scene) draw(w, h int) *scenery {
	c := newCanvas(w, h, float64(w)/640)
	drawings := [...]func(*canvas) []figure{
		FrontDoor: drawFrontDoor, Garden: drawGarden, Street: drawStreet, Garage: drawGarage, LivingRoom: drawLivingRoom,
		Yard: drawYard,
	}
	figures := drawings[s](c)
	for y := int(360 * c.scale); y < h; y++ { // a frame taller than 16:9 shows more ground
		copy(c.pix[y*w:(y+1)*w], c.pix[(y-1)*w:y*w])
	}
	return &scenery{background: c.picture(), figures: figures}
}

// crossing is a path from one side to the other at a height. speed is in units a second; negative is to the left. Poses
// change rate times a second.
func crossing(y, speed, width, offset, rate float64) func(float64) (float64, float64, int) {
	span := 640 + 2*width + 120
	return func(seconds float64) (float64, float64, int) {
		at := math.Mod(seconds*math.Abs(speed)+offset, span) - width
		if speed < 0 {
			at = 640 - width - at
		}
		return at, y, int(seconds * rate)
	}
}

// tree is a round crown on a trunk at x, y.
func (c *canvas) tree(x, y, size float64, crown rgb) {
	c.rect(plain(rgb{94, 68, 50}), x-size*0.06, y-size*0.5, size*0.12, size*0.5)
	dark := mix(crown, rgb{10, 30, 30}, 0.25)
	c.circle(plain(dark), x+size*0.04, y-size*0.72, size*0.34)
	c.circle(plain(crown), x-size*0.14, y-size*0.66, size*0.27)
	c.circle(plain(crown), x+size*0.1, y-size*0.86, size*0.25)
	c.circle(glass(mix(crown, rgb{255, 255, 220}, 0.35), 0.7), x-size*0.1, y-size*0.82, size*0.15)
}

// bush is a row of round leaves on the ground.
func (c *canvas) bush(x, y, w, h float64, leaf rgb) {
	for i := range 5 {
		t := float64(i) / 4
		r := h * (0.62 + 0.25*math.Sin(float64(i)*2.1+x))
		c.circle(plain(mix(leaf, rgb{20, 40, 30}, 0.3-0.3*t*(1-t)*2)), x+t*w, y-r*0.6, r)
	}
	c.rect(plain(mix(leaf, rgb{20, 40, 30}, 0.25)), x-h*0.4, y-h*0.35, w+h*0.8, h*0.35)
}

// window is a frame with panes, lit in the colour light.
func (c *canvas) window(a area, frame rgb, light paint) {
	x, y, w, h := a.x, a.y, a.w, a.h
	c.rect(plain(mix(frame, rgb{0, 0, 0}, 0.25)), x-4, y-2, w+8, h+8)
	c.rect(plain(frame), x-4, y-4, w+8, h+8)
	c.rect(light, x, y, w, h)
	c.fill(glass(rgb{255, 255, 255}, 0.16), point{x, y}, point{x + w*0.55, y}, point{x + w*0.15, y + h}, point{x, y + h})
	c.rect(plain(frame), x+w/2-1.5, y, 3, h)
	c.rect(plain(frame), x, y+h*0.42, w, 3)
	c.rect(plain(mix(frame, rgb{255, 255, 255}, 0.3)), x-8, y+h+4, w+16, 5)
}

// cloud is a heap of circles.
func (c *canvas) cloud(x, y, size float64, colour rgb, alpha float64) {
	for _, p := range []struct{ x, y, r float64 }{{0, 0, 0.22}, {0.28, -0.12, 0.3}, {0.62, -0.04, 0.24}, {0.85, 0.03, 0.16}} {
		c.circle(glass(colour, alpha), x+p.x*size, y+p.y*size, p.r*size)
	}
	c.round(glass(colour, alpha), area{x - 0.2*size, y - 0.02*size, 1.2 * size, 0.22 * size}, 0.11*size)
}
