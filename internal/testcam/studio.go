package testcam

import (
	"time"

	"keepwatch.internal/internal/media"
)

// studio makes the sources of a server's cameras. Cameras with the same scene share its drawing, which takes tens of
// milliseconds.
type studio struct {
	sceneries map[sceneKey]*scenery
	clips     map[clipKey]*clip
}

func newStudio() *studio {
	return &studio{sceneries: map[sceneKey]*scenery{}, clips: map[clipKey]*clip{}}
}

type clipKey struct {
	path string
	fps  int
}

type sceneKey struct {
	scene         Scene
	width, height int
}

func (s *studio) source(c *Camera, q media.Quality, location *time.Location) (source, error) {
	v := c.video(q)
	if path := c.file(q); path != "" {
		key := clipKey{path, v.FPS}
		if s.clips[key] == nil {
			clip, err := readClip(path, v.FPS)
			if err != nil {
				return nil, err
			}
			s.clips[key] = clip
		}
		return &filmed{clip: s.clips[key], midway: c.Midway && q == media.Main}, nil
	}
	scene := c.Scene
	if scene == AnyScene {
		scene = sceneOf(c.Name, c.Code)
	}
	key := sceneKey{scene, v.Width, v.Height}
	set := s.sceneries[key]
	if set == nil {
		set = scene.draw(v.Width, v.Height)
		s.sceneries[key] = set
	}
	return newDrawn(c, q, set, location), nil
}
