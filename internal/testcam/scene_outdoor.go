package testcam

import "math"

func drawFrontDoor(c *canvas) []figure {
	wall := rgb{206, 176, 148}
	c.rect(down(0, 300, mix(wall, rgb{120, 90, 90}, 0.45), wall), 0, 0, 640, 360)
	for row := range 19 { // courses of stone
		y := float64(row) * 16
		c.rect(glass(rgb{90, 60, 50}, 0.13), 0, y, 640, 1.2)
		for col := range 18 {
			c.rect(glass(rgb{90, 60, 50}, 0.11), float64(col)*38+float64(row%2)*19, y, 1.2, 16)
		}
	}
	c.rect(plain(rgb{120, 112, 108}), 0, 268, 640, 14)
	c.rect(down(282, 360, rgb{152, 146, 138}, rgb{112, 108, 104}), 0, 282, 640, 80)
	for i := range 9 { // paving
		x := 320 + (float64(i)-4)*60
		c.line(glass(rgb{70, 66, 62}, 0.5), point{x, 282}, point{320 + (x-320)*1.7, 360}, 1.6)
	}
	c.rect(glass(rgb{70, 66, 62}, 0.5), 0, 304, 640, 1.6)
	c.window(area{78, 138, 126, 92}, rgb{238, 234, 226}, down(138, 230, rgb{255, 214, 140}, rgb{236, 160, 86}))
	c.fill(glass(rgb{250, 244, 236}, 0.75), point{78, 138}, point{112, 138}, point{92, 190}, point{78, 230})
	c.fill(glass(rgb{250, 244, 236}, 0.75), point{204, 138}, point{170, 138}, point{190, 190}, point{204, 230})
	drawDoor(c, 352, 106)
	c.circle(glow(508, 128, 130, rgb{255, 226, 160}, 0.75), 508, 128, 130)
	c.round(plain(rgb{52, 46, 44}), area{498, 104, 20, 6}, 2)
	c.fill(plain(rgb{255, 236, 186}), point{500, 110}, point{516, 110}, point{512, 140}, point{504, 140})
	c.rect(plain(rgb{52, 46, 44}), 503, 140, 10, 4)
	for _, x := range []float64{308, 506} {
		c.bush(x-8, 256, 36, 26, rgb{92, 138, 82})
		c.fill(plain(rgb{186, 92, 62}), point{x - 16, 250}, point{x + 36, 250}, point{x + 28, 290}, point{x - 8, 290})
		c.rect(plain(rgb{206, 112, 78}), x-19, 246, 58, 9)
	}
	return []figure{{poses: c.sprites(4, 64, 44, drawCat(rgb{62, 58, 66})), path: crossing(280, 36, 64, 0, 6)}}
}

// drawDoor draws a panelled door with a fanlight, three steps and a mat.
func drawDoor(c *canvas, x, y float64) {
	door, frame := rgb{44, 92, 108}, rgb{240, 236, 228}
	c.round(glass(rgb{60, 40, 40}, 0.35), area{x - 16, y - 12, 144, 178}, 6)
	c.round(plain(frame), area{x - 14, y - 16, 128, 180}, 6)
	c.rect(down(y, y+160, mix(door, rgb{255, 255, 255}, 0.1), door), x, y, 100, 160)
	c.fill(down(y, y+36, rgb{255, 222, 150}, rgb{240, 176, 100}), point{x + 12, y + 36}, point{x + 14, y + 20},
		point{x + 30, y + 8}, point{x + 50, y + 4}, point{x + 70, y + 8}, point{x + 86, y + 20}, point{x + 88, y + 36})
	for _, dx := range []float64{12, 56} {
		for _, panel := range []struct{ y, h float64 }{{48, 42}, {102, 44}} {
			c.round(plain(mix(door, rgb{0, 0, 0}, 0.3)), area{x + dx, y + panel.y, 32, panel.h}, 3)
			c.round(plain(mix(door, rgb{255, 255, 255}, 0.14)), area{x + dx + 2, y + panel.y + 3, 30, panel.h - 3}, 3)
			c.round(plain(door), area{x + dx + 5, y + panel.y + 6, 24, panel.h - 10}, 2)
		}
	}
	c.circle(plain(rgb{228, 190, 96}), x+90, y+96, 4.5)
	c.circle(plain(rgb{255, 236, 170}), x+89, y+95, 1.8)
	for i := range 3 {
		d := float64(i)
		c.rect(plain(rgb{178 - uint8(22*i), 172 - uint8(22*i), 164 - uint8(22*i)}), x-24-14*d, y+160+8*d, 148+28*d, 8)
		c.rect(glass(rgb{255, 255, 255}, 0.25), x-24-14*d, y+160+8*d, 148+28*d, 2)
	}
	c.round(plain(rgb{96, 62, 52}), area{x + 14, y + 156, 72, 8}, 2)
}

func drawGarden(c *canvas) []figure {
	c.rect(down(0, 210, rgb{84, 158, 222}, rgb{214, 234, 240}), 0, 0, 640, 360)
	c.circle(glow(520, 66, 150, rgb{255, 246, 200}, 0.9), 520, 66, 150)
	c.circle(plain(rgb{255, 244, 196}), 520, 66, 26)
	c.hills(190, 26, 0.9, rgb{142, 182, 178})
	c.hills(212, 18, 2.4, rgb{112, 164, 132})
	c.rect(down(218, 330, rgb{126, 182, 92}, rgb{72, 134, 66}), 0, 218, 640, 150)
	for i := range 6 { // mown stripes, to a vanishing point
		x := -260 + float64(i)*230
		c.fill(glass(rgb{200, 236, 150}, 0.16), point{280 + (x-280)*0.3, 218}, point{280 + (x+115-280)*0.3, 218},
			point{x + 115, 360}, point{x, 360})
	}
	for i := range 33 { // fence
		x := float64(i) * 20
		c.fill(plain(rgb{236, 230, 218}), point{x + 2, 236}, point{x + 2, 200}, point{x + 8, 192}, point{x + 14, 200}, point{x + 14, 236})
		c.rect(glass(rgb{120, 110, 96}, 0.3), x+11, 200, 3, 36)
	}
	c.rect(plain(rgb{222, 214, 200}), 0, 206, 640, 5)
	c.rect(plain(rgb{222, 214, 200}), 0, 224, 640, 5)
	c.tree(96, 262, 130, rgb{86, 146, 78})
	c.tree(226, 240, 92, rgb{116, 164, 80})
	drawShed(c, 424, 150)
	for i := range 26 { // flowers
		x, y := 300+float64(i)*13.6, 286+6*math.Sin(float64(i)*1.9)
		c.bush(x-4, y+14, 8, 8, rgb{70, 122, 62})
		c.circle(plain([]rgb{{236, 88, 96}, {250, 206, 92}, {240, 240, 250}, {196, 118, 214}}[i%4]), x, y, 5)
		c.circle(plain(rgb{250, 226, 140}), x, y, 1.8)
	}
	return []figure{
		{poses: c.sprites(1, 120, 52, func(c *canvas, _ int) { c.cloud(24, 32, 84, rgb{255, 255, 255}, 0.85) }), path: crossing(112, -9, 120, 300, 0)},
		{poses: c.sprites(4, 36, 26, drawBird), path: func(s float64) (float64, float64, int) {
			x, _, pose := crossing(0, 58, 36, 200, 9)(s)
			return x, 128 + 18*math.Sin(s*1.1), pose
		}},
	}
}

// hills is a soft line of hills down to the lower edge.
func (c *canvas) hills(y, height, phase float64, colour rgb) {
	polygon := []point{{0, 360}}
	for x := 0.0; x <= 640; x += 8 {
		polygon = append(polygon, point{x, y - height*(math.Sin(x/90+phase)+0.5*math.Sin(x/37+2*phase))})
	}
	c.fill(plain(colour), append(polygon, point{640, 360})...)
}

func drawShed(c *canvas, x, y float64) {
	c.rect(plain(rgb{150, 92, 70}), x, y+30, 130, 84)
	for i := range 9 {
		c.rect(glass(rgb{70, 36, 30}, 0.3), x+float64(i)*15, y+30, 1.6, 84)
	}
	c.fill(plain(rgb{86, 74, 78}), point{x - 14, y + 34}, point{x + 65, y - 12}, point{x + 144, y + 34})
	c.fill(plain(rgb{112, 98, 100}), point{x - 14, y + 34}, point{x + 65, y - 12}, point{x + 65, y - 4}, point{x + 2, y + 34})
	c.rect(plain(rgb{98, 58, 48}), x+76, y+50, 38, 64)
	c.circle(plain(rgb{230, 200, 120}), x+82, y+84, 2.6)
	c.window(area{x + 16, y + 52, 40, 32}, rgb{240, 234, 224}, down(y+52, y+84, rgb{170, 206, 220}, rgb{120, 164, 186}))
}

func drawStreet(c *canvas) []figure {
	c.rect(down(0, 220, rgb{255, 176, 128}, rgb{255, 226, 178}), 0, 0, 640, 360)
	c.rect(down(0, 150, rgb{110, 104, 168}, rgb{255, 170, 130}), 0, 0, 640, 150)
	c.circle(glow(470, 176, 140, rgb{255, 240, 190}, 0.9), 470, 176, 140)
	c.circle(plain(rgb{255, 238, 190}), 470, 176, 24)
	heights := []float64{60, 96, 74, 120, 84, 66, 108, 90, 58, 100, 78, 112, 70}
	for i, h := range heights { // far houses
		c.rect(plain(rgb{176, 122, 132}), float64(i)*52-10, 222-h, 50, h+20)
	}
	walls := []rgb{{122, 78, 98}, {98, 72, 104}, {140, 86, 92}, {104, 80, 112}, {128, 76, 88}}
	for i, wall := range walls { // near houses with gables
		x, h := float64(i)*134-18, 70+16*math.Sin(float64(i)*2.3)
		c.rect(plain(wall), x, 246-h, 116, h)
		c.fill(plain(mix(wall, rgb{40, 24, 50}, 0.5)), point{x - 8, 246 - h}, point{x + 58, 206 - h}, point{x + 124, 246 - h})
		for j := range 6 {
			light := rgb{255, 214, 130}
			if (i*5+j*3)%4 == 0 {
				light = mix(wall, rgb{30, 20, 50}, 0.45)
			}
			c.rect(plain(light), x+14+float64(j%3)*34, 258-h+float64(j/3)*30, 18, 18)
		}
	}
	c.rect(plain(rgb{146, 130, 136}), 0, 246, 640, 16)
	c.rect(plain(rgb{112, 100, 110}), 0, 260, 640, 4)
	c.rect(down(264, 330, rgb{74, 70, 86}, rgb{56, 54, 70}), 0, 264, 640, 100)
	for i := range 9 {
		c.rect(plain(rgb{226, 214, 190}), float64(i)*80+10, 294, 40, 4)
	}
	for _, x := range []float64{86, 356, 600} { // lamps
		c.rect(plain(rgb{48, 42, 58}), x, 150, 5, 104)
		c.round(plain(rgb{48, 42, 58}), area{x - 20, 148, 26, 5}, 2)
		c.circle(glow(x-16, 158, 44, rgb{255, 232, 170}, 0.8), x-16, 158, 44)
		c.round(plain(rgb{255, 246, 210}), area{x - 22, 152, 12, 6}, 3)
	}
	return []figure{
		{poses: c.sprites(1, 104, 46, drawCar(rgb{222, 98, 84}, false)), path: crossing(248, -58, 104, 120, 0)},
		{poses: c.sprites(1, 104, 46, drawCar(rgb{86, 150, 196}, true)), path: crossing(280, 82, 104, 420, 0)},
	}
}
