package testcam

import "math"

// sprites draws a figure of w×h units in a number of poses, at the scale of the canvas.
func (c *canvas) sprites(poses int, w, h float64, draw func(c *canvas, pose int)) []sprite {
	var out []sprite
	for pose := range poses {
		pw, ph := (int(w*c.scale)+2)&^1, (int(h*c.scale)+2)&^1
		s := newCanvas(pw, ph, c.scale)
		s.alpha = make([]uint8, pw*ph)
		draw(s, pose)
		out = append(out, newSprite(s))
	}
	return out
}

// drawCat returns a drawing of a walking cat of 64×44 units that looks right.
func drawCat(coat rgb) func(*canvas, int) {
	dark := mix(coat, rgb{20, 16, 20}, 0.4)
	return func(c *canvas, pose int) {
		swing := func(phase float64) float64 { return 6 * math.Sin((float64(pose)+phase)*math.Pi/2) }
		c.ellipse(glass(rgb{10, 10, 20}, 0.3), 31, 41, 24, 2.6)
		for i, x := range []float64{18, 40} { // far legs
			c.line(plain(dark), point{x + 3, 26}, point{x + 3 + swing(float64(i)*2+2), 40}, 4.5)
		}
		c.line(plain(dark), point{12, 22}, point{5, 14}, 4)
		c.line(plain(dark), point{5.5, 15}, point{4 + swing(0)/3, 5}, 3.6)
		c.ellipse(plain(coat), 28, 23, 19, 8.5)
		for i, x := range []float64{14, 42} { // near legs
			c.line(plain(coat), point{x, 26}, point{x + swing(float64(i)*2), 41}, 5)
		}
		c.circle(plain(coat), 50, 16, 8)
		c.fill(plain(coat), point{43, 12}, point{44.5, 3}, point{50, 9})
		c.fill(plain(coat), point{50, 9}, point{56, 3}, point{57, 12})
		c.circle(plain(rgb{230, 226, 120}), 53, 15, 1.6)
		c.circle(plain(rgb{240, 200, 190}), 57.5, 17.5, 1.2)
	}
}

// drawBird draws a bird of 36×26 units that flies in four poses; it is the same from both sides.
func drawBird(c *canvas, pose int) {
	lift := []float64{-10, -2, 7, -2}[pose]
	body := rgb{48, 52, 66}
	c.ellipse(plain(body), 18, 13, 7, 2.6)
	for _, side := range []float64{-1, 1} {
		c.fill(plain(body), point{18 + side*2, 11.5}, point{18 + side*9, 11 + lift*0.75}, point{18 + side*16, 13 + lift*0.5},
			point{18 + side*8, 14 + lift*0.35}, point{18 + side*2, 15})
	}
}

// drawCar returns a drawing of a car of 104×46 units that drives to the right or to the left.
func drawCar(paint rgb, right bool) func(*canvas, int) {
	return func(c *canvas, _ int) {
		x := func(v float64) float64 {
			if right {
				return v
			}
			return 104 - v
		}
		at := func(px, py float64) point { return point{x(px), py} }
		c.ellipse(glass(rgb{10, 10, 20}, 0.45), 52, 41, 48, 4)
		c.fill(plain(paint), at(4, 24), at(10, 20), at(26, 18), at(36, 6), at(66, 5), at(80, 18), at(96, 21), at(101, 27), at(101, 36), at(4, 36))
		c.fill(plain(rgb{60, 76, 98}), at(31, 18), at(39, 9), at(51, 8.5), at(51, 18))
		c.fill(plain(rgb{60, 76, 98}), at(54, 18), at(54, 8.5), at(65, 8.5), at(75, 18))
		c.fill(glass(rgb{255, 255, 255}, 0.28), at(34, 18), at(42, 9), at(46, 9), at(38, 18))
		c.fill(plain(mix(paint, rgb{20, 10, 30}, 0.4)), at(4, 31), at(101, 31), at(101, 36), at(4, 36))
		c.circle(plain(rgb{255, 244, 200}), x(98), 26, 3)
		c.circle(glow(x(100), 27, 14, rgb{255, 244, 200}, 0.7), x(98), 27, 14)
		c.circle(plain(rgb{240, 70, 60}), x(6), 26, 2.4)
		for _, wheel := range []float64{24, 80} {
			c.circle(plain(rgb{28, 26, 34}), x(wheel), 36, 8.5)
			c.circle(plain(rgb{170, 172, 184}), x(wheel), 36, 4.2)
		}
	}
}

// drawRobot draws a vacuum cleaner of 60×28 units; its lamp blinks.
func drawRobot(c *canvas, pose int) {
	c.ellipse(glass(rgb{30, 16, 10}, 0.4), 30, 23, 28, 4)
	c.ellipse(plain(rgb{56, 58, 66}), 30, 18, 26, 7)
	c.ellipse(plain(rgb{92, 96, 106}), 30, 13, 26, 7)
	c.ellipse(plain(rgb{128, 132, 142}), 30, 12, 18, 4.6)
	c.ellipse(plain(rgb{70, 74, 84}), 30, 11, 7, 2.4)
	lamp := rgb{70, 220, 150}
	if pose == 1 {
		lamp = rgb{40, 110, 84}
	}
	c.circle(plain(lamp), 48, 17, 2.2)
}
