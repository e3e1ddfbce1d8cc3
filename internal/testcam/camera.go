package testcam

import (
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
)

// Options configures Start.
type Options struct {
	Cameras  []Camera
	Host     string         // where to listen; default 127.0.0.1
	Run      uint32         // number of the run in all marks; default 1
	Location *time.Location // time zone of the clocks in the video; default UTC
}

// Camera describes a simulated camera. Only Name is needed.
type Camera struct {
	Name  string // unique among the cameras of a server
	Label string // text in the video; default: Name with spaces for dashes
	Code  uint32 // names the camera in all marks; unique, at most MaxCode; default CodeOf(Name)
	Port  int    // default: a free one
	Scene Scene  // what it shows; default: by name

	Main, Sub         Video
	MainPath, SubPath string // where they are; default /main and /sub. Any other path is 404
	NoSub             bool   // there is no sub stream: 404
	Audio             AudioKind
	Packets           *Packets // of the AudioKind Packed

	// File replaces the drawn video of main. It plays in a loop with continuous timestamps. It is an unfragmented MP4 with
	// H.264 or H.265 and optional AAC, or an elementary stream named *.h264 or *.h265 at Main.FPS, without reordered frames, or AV1 in
	// a *.ivf, or JPEG files one after another in a *.mjpeg (at most 2040 pixels wide, with the usual Huffman tables: RFC 2435).
	// SubFile is the same for sub. Such a stream has no marks.
	File, SubFile string
	// Midway sends a new viewer of main's File the next frame, as restreamers and many cameras do, and waits for no key frame.
	Midway bool

	Username, Password string // default: no login; for Basic, no colon
	Auth               Auth
	Realm              string // of the password prompt; default "ipcam"
	Title              string // of its session descriptions; default none
	TLS                bool   // rtsps:// with a new certificate
	OldTLS             bool   // rtsps:// as in 2010: TLS 1.0, RSA key exchange, and a certificate that has expired, of a key of 1024 bits
	NoUDP              bool   // offer RTP over the RTSP connection only
	NonceOnce          bool   // digest: each nonce is good for one request
	RefuseSound        bool   // 461 at SETUP of the audio
	Viewers            Viewers
	LoseUDP            int // of so many RTP packets over UDP one is lost; 0: none
}

// Video describes drawn video. The defaults are 640×360 (main) or 320×180 (sub), 15 frames a second, and a key frame every two
// seconds.
type Video struct {
	Width, Height int // even; Width at least 160
	FPS           int // 1 to 120
	GOP           time.Duration
}

// AudioKind is the codec of a camera's audio.
type AudioKind uint8

// The kinds of audio. Each camera plays its own melody.
const (
	NoAudio AudioKind = iota
	AAC               // AAC-LC, 16 kHz, mono
	PCMU              // G.711 µ-law, 8 kHz, mono
	PCMA              // G.711 A-law, 8 kHz, mono
	Packed            // whatever Packets says
)

// Auth is the login method of a camera.
type Auth uint8

// The login methods. AnyAuth offers both Basic and DigestMD5.
const (
	AnyAuth Auth = iota
	Basic
	DigestMD5
	DigestSHA256
)

// withDefaults fills in the defaults and checks the rest.
func (c Camera) withDefaults() (Camera, error) {
	if c.Name == "" {
		return c, fmt.Errorf("a simulated camera has no name")
	}
	c.TLS = c.TLS || c.OldTLS
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
	if c.MainPath == "" {
		c.MainPath = "/" + media.Main.String()
	}
	if c.SubPath == "" {
		c.SubPath = "/" + media.Sub.String()
	}
	if (c.Audio == Packed) != (c.Packets != nil && len(c.Packets.Payloads) > 0) {
		return c, fmt.Errorf("camera %s: packets of sound without the AudioKind Packed, or the reverse", c.Name)
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

func (c *Camera) path(q media.Quality) string {
	if q == media.Sub {
		return c.SubPath
	}
	return c.MainPath
}

// at returns which stream is at a path, or zero.
func (c *Camera) at(path string) media.Quality {
	for _, q := range []media.Quality{media.Main, media.Sub} {
		if strings.Trim(path, "/") == strings.Trim(c.path(q), "/") {
			return q
		}
	}
	return 0
}
