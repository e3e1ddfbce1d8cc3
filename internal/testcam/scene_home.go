package testcam

import "math"

func drawGarage(c *canvas) []figure {
	c.rect(down(0, 200, rgb{132, 178, 214}, rgb{226, 236, 236}), 0, 0, 640, 360)
	c.cloud(470, 62, 120, rgb{255, 255, 255}, 0.8)
	c.cloud(330, 40, 80, rgb{255, 255, 255}, 0.6)
	c.hills(214, 16, 1.2, rgb{126, 166, 128})
	c.tree(56, 258, 120, rgb{96, 140, 92})
	c.rect(down(246, 340, rgb{134, 172, 104}, rgb{92, 140, 82}), 0, 246, 640, 120)
	c.fill(down(252, 340, rgb{176, 172, 168}, rgb{140, 138, 138}), point{216, 252}, point{450, 252}, point{560, 360}, point{96, 360})
	for i := range 4 {
		y := 268 + float64(i*i)*5 + float64(i)*10
		c.rect(glass(rgb{90, 90, 92}, 0.35), 216-(y-252)*1.1, y, 234+(y-252)*2.12, 1.6)
	}
	wall := rgb{232, 224, 210}
	c.rect(down(110, 254, mix(wall, rgb{170, 150, 140}, 0.35), wall), 180, 120, 390, 134)
	c.fill(plain(rgb{92, 82, 92}), point{160, 124}, point{230, 78}, point{520, 78}, point{590, 124})
	c.fill(plain(rgb{112, 100, 110}), point{160, 124}, point{230, 78}, point{520, 78}, point{524, 84}, point{234, 84}, point{172, 124})
	c.round(plain(rgb{250, 248, 244}), area{212, 140, 244, 116}, 4)
	for row := range 4 {
		for col := range 4 {
			x, y := 220+float64(col)*57.5, 148+float64(row)*26
			c.round(plain(rgb{196, 194, 196}), area{x, y, 54, 22}, 2)
			c.round(plain(rgb{224, 222, 222}), area{x + 2, y + 2, 52, 20}, 2)
			if row == 0 {
				c.round(down(y, y+22, rgb{120, 160, 184}, rgb{168, 198, 210}), area{x + 6, y + 4, 42, 14}, 2)
			}
		}
	}
	c.rect(plain(rgb{176, 120, 86}), 490, 158, 50, 96)
	c.rect(plain(rgb{142, 92, 66}), 496, 166, 38, 40)
	c.circle(plain(rgb{236, 206, 120}), 532, 212, 3)
	c.circle(glow(334, 128, 60, rgb{255, 246, 206}, 0.7), 334, 128, 60)
	c.round(plain(rgb{66, 60, 64}), area{326, 122, 16, 8}, 2)
	c.bush(572, 262, 50, 26, rgb{92, 142, 88})
	c.round(plain(rgb{70, 92, 82}), area{150, 210, 30, 46}, 3)
	c.round(plain(rgb{92, 116, 102}), area{146, 204, 38, 9}, 3)
	return []figure{
		{poses: c.sprites(4, 64, 44, drawCat(rgb{214, 138, 72})), path: crossing(270, 30, 64, 100, 6)},
		{poses: c.sprites(4, 36, 26, drawBird), path: func(s float64) (float64, float64, int) {
			x, _, pose := crossing(0, -46, 36, 0, 8)(s)
			return x, 84 + 12*math.Sin(s*0.9), pose
		}},
	}
}

func drawLivingRoom(c *canvas) []figure {
	c.rect(down(0, 236, rgb{74, 98, 110}, rgb{108, 132, 138}), 0, 0, 640, 360)
	c.rect(plain(rgb{226, 218, 206}), 0, 232, 640, 8)
	c.rect(down(240, 330, rgb{182, 134, 96}, rgb{146, 102, 72}), 0, 240, 640, 120)
	for i := range 8 { // boards
		y := 240 + float64(i)*4 + float64(i*i)*1.6
		c.rect(glass(rgb{90, 56, 38}, 0.3), 0, y, 640, 1.4)
		for j := range 6 {
			c.rect(glass(rgb{90, 56, 38}, 0.25), float64(j)*118+float64(i%3)*43, y, 1.4, 8+3.2*float64(i))
		}
	}
	c.window(area{392, 52, 170, 116}, rgb{240, 236, 228}, down(52, 168, rgb{70, 76, 140}, rgb{250, 170, 130}))
	c.fill(glass(rgb{60, 52, 90}, 0.85), point{392, 168}, point{392, 148}, point{430, 132}, point{462, 150}, point{500, 126},
		point{540, 146}, point{562, 138}, point{562, 168})
	c.fill(plain(rgb{206, 152, 120}), point{366, 38}, point{408, 38}, point{398, 120}, point{380, 222}, point{360, 222})
	c.fill(plain(rgb{206, 152, 120}), point{588, 38}, point{546, 38}, point{556, 120}, point{574, 222}, point{594, 222})
	c.rect(plain(rgb{92, 70, 62}), 352, 34, 250, 5)
	c.ellipse(glass(rgb{226, 196, 160}, 0.9), 300, 300, 250, 26)
	c.ellipse(glass(rgb{176, 96, 84}, 0.9), 300, 300, 232, 22)
	drawSofa(c, 70, 176)
	for i, p := range []struct{ x, y, w, h float64 }{{86, 108, 44, 56}, {140, 116, 60, 42}, {210, 108, 40, 54}} {
		c.rect(plain(rgb{44, 40, 40}), p.x, p.y, p.w, p.h)
		c.rect(plain(rgb{240, 234, 222}), p.x+3, p.y+3, p.w-6, p.h-6)
		c.rect(plain([]rgb{{228, 162, 106}, {126, 172, 164}, {212, 112, 100}}[i]), p.x+8, p.y+8, p.w-16, p.h-16)
	}
	c.circle(glow(322, 150, 110, rgb{255, 222, 160}, 0.65), 322, 150, 110)
	c.rect(plain(rgb{54, 46, 44}), 320, 160, 4, 100)
	c.ellipse(plain(rgb{54, 46, 44}), 322, 260, 20, 4)
	c.fill(plain(rgb{255, 234, 190}), point{308, 126}, point{336, 126}, point{350, 164}, point{294, 164})
	for i := range 7 { // a plant
		angle := (float64(i) - 3) * 0.34
		c.line(plain(rgb{74, 132 + uint8(i*6), 88}), point{612, 226}, point{612 + 64*math.Sin(angle), 226 - 92*math.Cos(angle)}, 9)
	}
	c.fill(plain(rgb{222, 206, 190}), point{590, 222}, point{636, 222}, point{628, 266}, point{598, 266})
	return []figure{{poses: c.sprites(2, 60, 28, drawRobot), path: func(s float64) (float64, float64, int) {
		return 300 + 230*math.Sin(s/4.5), 286 + 8*math.Sin(s/2.1), int(s * 2)
	}}}
}

func drawSofa(c *canvas, x, y float64) {
	cloth := rgb{58, 110, 120}
	light, dark := mix(cloth, rgb{255, 255, 255}, 0.14), mix(cloth, rgb{0, 0, 0}, 0.3)
	c.ellipse(glass(rgb{50, 30, 20}, 0.35), x+105, y+98, 122, 9)
	c.round(plain(cloth), area{x, y, 210, 70}, 14)
	c.round(plain(light), area{x + 14, y + 36, 90, 34}, 8)
	c.round(plain(light), area{x + 106, y + 36, 90, 34}, 8)
	c.round(plain(dark), area{x + 4, y + 62, 202, 28}, 6)
	c.round(plain(light), area{x - 18, y + 26, 36, 64}, 12)
	c.round(plain(light), area{x + 192, y + 26, 36, 64}, 12)
	c.fill(plain(rgb{238, 186, 96}), point{x + 26, y + 26}, point{x + 62, y + 16}, point{x + 70, y + 48}, point{x + 34, y + 54})
	c.rect(plain(rgb{70, 48, 38}), x-8, y+88, 8, 10)
	c.rect(plain(rgb{70, 48, 38}), x+210, y+88, 8, 10)
}

func drawYard(c *canvas) []figure {
	c.rect(down(0, 240, rgb{16, 22, 48}, rgb{54, 72, 110}), 0, 0, 640, 360)
	for i := range 60 { // stars
		x, y := math.Mod(float64(i)*157.3, 640), math.Mod(float64(i)*61.7, 180)
		c.circle(glass(rgb{255, 255, 240}, 0.35+0.1*float64(i%5)), x, y, 0.8+0.25*float64(i%3))
	}
	c.circle(glow(556, 62, 120, rgb{220, 230, 255}, 0.55), 556, 62, 120)
	c.circle(plain(rgb{238, 240, 226}), 556, 62, 24)
	c.circle(plain(rgb{30, 40, 72}), 546, 56, 20)
	c.hills(206, 22, 0.4, rgb{30, 44, 70})
	c.hills(226, 14, 1.9, rgb{24, 38, 56})
	c.rect(down(232, 340, rgb{40, 66, 62}, rgb{22, 38, 40}), 0, 232, 640, 130)
	for i := range 22 { // boards of a fence
		x := float64(i) * 30
		c.rect(plain(mix(rgb{54, 56, 74}, rgb{40, 40, 58}, float64(i%3)/2)), x, 184, 27, 60)
	}
	c.rect(plain(rgb{66, 68, 86}), 0, 192, 640, 4)
	c.tree(74, 280, 150, rgb{34, 66, 64})
	c.rect(plain(rgb{46, 48, 70}), 250, 126, 190, 126)
	c.fill(plain(rgb{32, 32, 52}), point{234, 130}, point{345, 74}, point{456, 130})
	c.window(area{272, 150, 46, 42}, rgb{92, 92, 112}, down(150, 192, rgb{255, 220, 140}, rgb{244, 170, 90}))
	c.circle(glow(295, 176, 90, rgb{255, 210, 130}, 0.4), 295, 176, 90)
	c.rect(plain(rgb{28, 30, 46}), 366, 168, 46, 84)
	c.circle(glow(389, 158, 110, rgb{255, 230, 180}, 0.75), 389, 158, 110)
	c.round(plain(rgb{255, 246, 220}), area{382, 152, 14, 8}, 3)
	c.fill(glass(rgb{255, 226, 160}, 0.17), point{366, 252}, point{412, 252}, point{520, 340}, point{258, 340})
	c.fill(glass(rgb{255, 210, 130}, 0.14), point{272, 252}, point{318, 252}, point{330, 340}, point{180, 340})
	c.bush(486, 264, 90, 26, rgb{32, 66, 58})
	c.ellipse(plain(rgb{58, 62, 80}), 196, 292, 44, 9)
	c.ellipse(plain(rgb{40, 58, 88}), 196, 290, 38, 6)
	return []figure{{poses: c.sprites(4, 64, 44, drawCat(rgb{196, 108, 64})), path: crossing(268, -34, 64, 200, 6)}}
}
