package testcam

import (
	"time"

	"keepwatch.internal/internal/media"
)

// studio makes the sources of a server's cameras. Those that look at the same scene share it, since drawing one takes
// tens of milliseconds.
type studio struct {
	sceneries map[sceneKey]*scenery
}

type sceneKey struct {
	scene         Scene
	width, height int
}

func (s *studio) source(c *Camera, q media.Quality, location *time.Location) (source, error) {
	v := c.video(q)
	key := sceneKey{c.Scene, v.Width, v.Height}
	set := s.sceneries[key]
	if set == nil {
		set = c.Scene.draw(v.Width, v.Height)
		s.sceneries[key] = set
	}
	return newDrawn(c, q, set, location), nil
}
