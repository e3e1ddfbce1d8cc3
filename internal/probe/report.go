package probe

import (
	"fmt"
	"math"
	"strings"
	"time"

	"keepwatch.internal/internal/advice"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
)

// Report is what was seen of one stream.
type Report struct {
	Address       string // of the stream, without user and password
	Codec         string // as people write it: "H.264"
	CodecString   string // RFC 6381: "avc1.42c01f"
	Width, Height int    // pixels
	FPS           float64
	BitsPerSecond int64
	Frames        int            // that were seen
	KeyFrames     int            // of them
	GOP           time.Duration  // the longest between key frames; zero if only one came
	GOPAtLeast    bool           // it may be longer
	GOPFrames     int            // pictures in it; zero if it is not known to its end
	ShortestGOP   time.Duration  // if key frames come irregularly
	Refresh       int            // pictures are exact so many frames after a key frame (intra refresh); 0 if at once
	Delay         time.Duration  // by how much pictures are shown later than decoded; zero without B-frames
	Sounds        []camera.Sound // what the camera offers to hear; at most one is recorded
	Sound         *Sound         // as it is recorded; nil if none is
	Clock         time.Duration  // how far the camera's clock is ahead of this computer's
	ClockKnown    bool
	UDP           bool // media came over UDP
	Buffer        int  // receive buffer of its UDP ports, bytes; 0 if unknown
	Secure        bool // rtsps
	TLS           camera.TLS
	Realm         string // "digest NAME" or "basic NAME", "none" without a password
	Lost          uint64 // packets
	Damaged       int    // pictures
	Changed       bool   // size or codec changed while watching
	Watched       time.Duration
	Ended         string // why the camera ended the stream early; empty if it did not

	// Picture is a key frame as an MP4 of one picture, or a JPEG; nil if none came whole. PictureMIME is its type.
	Picture     []byte
	PictureMIME string

	track *media.VideoTrack
}

// Sound is the sound of a stream as it is recorded.
type Sound struct {
	Codec      string
	SampleRate int // Hz
	Channels   int
}

// Fact is one line of a report for people.
type Fact struct{ Label, Value string }

// Facts returns the report for people, in the order in which it is shown.
func (r *Report) Facts() []Fact {
	all := []Fact{
		{"Picture", fmt.Sprintf("%d×%d", r.Width, r.Height)},
		{"Codec", strings.TrimSuffix(fmt.Sprintf("%s (%s)", r.Codec, r.CodecString), " ()")},
	}
	if r.FPS > 0 {
		all = append(all, Fact{"Frame rate", fmt.Sprintf("%.3g frames/s", r.FPS)}, Fact{"Bit rate", format.Rate(r.BitsPerSecond)})
	}
	all = append(all, Fact{"Key frames", r.gopText()})
	if r.Delay > 0 {
		all = append(all, Fact{"B-frames", fmt.Sprintf("yes, live video comes %d ms later", r.Delay.Milliseconds())})
	} else {
		all = append(all, Fact{"B-frames", "no"})
	}
	if r.Refresh > 0 {
		all = append(all, Fact{"Intra refresh", fmt.Sprintf("yes, a picture is complete %d pictures after a key frame", r.Refresh)})
	}
	all = append(all, Fact{"Sound", r.soundText()}, Fact{"Camera clock", r.clockText()}, Fact{"Connection", r.connectionText()}, Fact{"Login", r.loginText()})
	if r.Lost > 0 || r.Damaged > 0 {
		all = append(all, Fact{"Loss", fmt.Sprintf("%d packets lost, %d of %d pictures damaged", r.Lost, r.Damaged, r.Frames)})
	}
	if r.Changed {
		all = append(all, Fact{"Format", "changed while watching"})
	}
	if r.Ended != "" {
		all = append(all, Fact{"Ended early", r.Ended})
	}
	return append(all, Fact{"Watched for", format.Duration(r.Watched)})
}

func (r *Report) gopText() string {
	switch {
	case r.track != nil && r.track.Codec == media.JPEG:
		return "every picture"
	case r.ShortestGOP > 0:
		return fmt.Sprintf("irregular, %s to %s apart", format.Duration(r.ShortestGOP), format.Duration(r.GOP))
	case r.GOP == 0:
		return "one only"
	case r.GOPAtLeast:
		return "at least " + format.Duration(r.GOP) + " apart"
	case r.GOPFrames > 0:
		return fmt.Sprintf("every %s (%d pictures)", format.Duration(r.GOP), r.GOPFrames)
	}
	return "every " + format.Duration(r.GOP)
}

func (r *Report) soundText() string {
	var all []string
	for _, sound := range r.Sounds {
		switch {
		case sound.Recorded && r.Sound != nil:
			channels := map[int]string{1: "mono", 2: "stereo"}[r.Sound.Channels]
			if channels == "" {
				channels = fmt.Sprintf("%d channels", r.Sound.Channels)
			}
			as := ""
			if r.Sound.Codec != sound.Codec {
				as = " as " + r.Sound.Codec
			}
			all = append(all, fmt.Sprintf("%s, %.3g kHz, %s, recorded%s", sound.Codec, float64(r.Sound.SampleRate)/1000, channels, as))
		case !sound.Recorded:
			all = append(all, sound.Codec+", not recorded: "+sound.Why)
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, "; ")
}

func (r *Report) clockText() string {
	off := time.Duration(math.Abs(float64(r.Clock)))
	switch {
	case !r.ClockKnown:
		return "unknown: the camera sent no report of its time"
	case off < time.Second:
		return "agrees with this computer's"
	case r.Clock > 0:
		return off.Round(time.Second).String() + " ahead of this computer's"
	}
	return off.Round(time.Second).String() + " behind this computer's"
}

func (r *Report) connectionText() string {
	transport := "TCP"
	if r.UDP {
		transport = "UDP"
	}
	if !r.Secure {
		return transport + ", not encrypted"
	}
	text := transport + ", encrypted with " + r.TLS.Version
	if r.TLS.Weak != "" {
		text += " (" + r.TLS.Weak + ")"
	}
	return text
}

func (r *Report) loginText() string {
	switch method, _, _ := strings.Cut(r.Realm, " "); method {
	case "digest":
		return "digest"
	case "basic":
		return "basic"
	case "none":
		return "none: anybody in its network can watch"
	}
	return "unknown"
}

// Advice returns what should be changed in the camera's settings. Each sentence begins with name, which is empty or like
// "sub stream: ".
func (r *Report) Advice(name string) []string {
	s := advice.Stream{GOP: r.GOP, ShortestGOP: r.ShortestGOP, Refresh: r.Refresh, Delay: r.Delay, LostPackets: r.Lost, UDP: r.UDP, Buffer: r.Buffer,
		ClearPassword: !r.Secure && strings.HasPrefix(r.Realm, "basic ")}
	s.JPEG = r.track != nil && r.track.Codec == media.JPEG
	if r.TLS.Weak != "" {
		s.WeakTLS = r.TLS.Version + ": " + r.TLS.Weak
	}
	if sound := camera.SoundOf(r.Sounds); sound.Codec != "" && !sound.Recorded && !sound.Off {
		s.Unheard = sound.Why
	}
	if r.ClockKnown {
		s.Clock = r.Clock
	}
	return advice.ForStream(name, s)
}
