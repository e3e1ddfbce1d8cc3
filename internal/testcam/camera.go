package testcam

import (
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
)

// Options are what Start needs.
type Options struct {
	Cameras  []Camera
	Host     string         // where to listen; default 127.0.0.1
	Run      uint32         // number of the run in all marks; default 1
	Location *time.Location // of the clocks in the pictures; default UTC
}

// Camera describes a simulated camera. Only Name is needed.
type Camera struct {
	Name  string // unique among the cameras of a server
	Label string // what stands in the picture; default: Name with spaces for dashes
	Code  uint32 // names the camera in all marks; unique, at most MaxCode; default CodeOf(Name)
	Port  int    // default: a free one
	Scene Scene  // what it looks at; default: by name

	Main, Sub Video
	NoSub     bool // there is no /sub: 404
	Audio     AudioKind

	// File is served as main instead of the drawn picture, over and over, with timestamps that go on: an MP4 (not a
	// fragmented one) with H.264 or H.265 and, if it has any, AAC; or an elementary stream named *.h264 or *.h265, at
	// Main.FPS and without reordered pictures. SubFile is the same for sub. Such a stream has no marks.
	File, SubFile string

	Username, Password string // default: no login; for Basic, no colon
	Auth               Auth
	Realm              string // at the password prompt; default "ipcam"
	Title              string // of its session descriptions; default none
	TLS                bool   // rtsps:// with a certificate made for the occasion
	NoUDP              bool   // offer RTP over the RTSP connection only
}

// Video describes a drawn picture. Zero values stand for 640×360 (main) or 320×180 (sub), 15 frames a second, and a key
// frame every two seconds.
type Video struct {
	Width, Height int // even; Width at least 160
	FPS           int // 1 to 120
	GOP           time.Duration
}

// AudioKind is what a camera's sound is coded in.
type AudioKind uint8

// The kinds of sound. Each camera plays a melody of its own.
const (
	NoAudio AudioKind = iota
	AAC               // AAC-LC, 16 kHz, mono
	PCMU              // G.711 µ-law, 8 kHz, mono
)

// Auth is how a camera wants to be logged in to.
type Auth uint8

// The methods of login. AnyAuth offers both Basic and DigestMD5.
const (
	AnyAuth Auth = iota
	Basic
	DigestMD5
	DigestSHA256
)

// withDefaults fills in what was left out and checks the rest.
func (c Camera) withDefaults() (Camera, error) {
	if c.Name == "" {
		return c, fmt.Errorf("a simulated camera has no name")
	}
	if c.Label == "" {
		c.Label = strings.ReplaceAll(c.Name, "-", " ")
	}
	if c.Realm == "" {
		c.Realm = "ipcam"
	}
	if c.Code == 0 {
		c.Code = CodeOf(c.Name)
	}
	if c.Code > MaxCode {
		return c, fmt.Errorf("camera %s: code %x has more than 24 bits", c.Name, c.Code)
	}
	c.Main.setDefaults(640, 360)
	c.Sub.setDefaults(320, 180)
	for _, v := range []Video{c.Main, c.Sub} {
		if v.Width < 160 || v.Width%2 != 0 || v.Height%2 != 0 || v.Height < v.Width/4 || v.FPS < 1 || v.FPS > 120 {
			return c, fmt.Errorf("camera %s: cannot draw %d×%d at %d frames a second", c.Name, v.Width, v.Height, v.FPS)
		}
	}
	return c, nil
}

func (v *Video) setDefaults(w, h int) {
	if v.Width == 0 {
		v.Width, v.Height = w, h
	}
	if v.FPS == 0 {
		v.FPS = 15
	}
	if v.GOP == 0 {
		v.GOP = 2 * time.Second
	}
}

func (c *Camera) video(q media.Quality) Video {
	if q == media.Sub {
		return c.Sub
	}
	return c.Main
}

func (c *Camera) file(q media.Quality) string {
	if q == media.Sub {
		return c.SubFile
	}
	return c.File
}
