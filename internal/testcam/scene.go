package testcam

// Scene is what a camera looks at.
type Scene int

// The scenes. With AnyScene the camera's name decides, or else its code.
const (
	AnyScene Scene = iota
	FrontDoor
	Garden
	Street
)

// scenery is a scene drawn at one size. It is shared and never written to.
type scenery struct {
	background *picture
	figures    []figure
}

// draw makes the scenery of a scene.
func (s Scene) draw(w, h int) *scenery {
	c := newCanvas(w, h, float64(w)/640)
	c.rect(down(0, 360, rgb{110, 160, 210}, rgb{230, 220, 200}), 0, 0, 640, 360)
	c.rect(down(240, 360, rgb{110, 150, 90}, rgb{70, 110, 60}), 0, 240, 640, 120)
	return &scenery{background: c.picture()}
}
