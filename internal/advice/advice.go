// Package advice is what people are advised to change in the settings of their cameras. It is the only list of such sentences: pages,
// the API and "nvr camera probe" show the same.
//
// Each sentence follows from a measurement that the caller passes. A value that was not measured is zero and gives no advice. What
// does not belong here: measuring, and reasons why a camera is not recorded.
package advice

import (
	"fmt"
	"time"

	"keepwatch.internal/internal/format"
)

const (
	// goodGOP is the longest key frame interval at which seeking feels immediate.
	goodGOP = 4 * time.Second
	// goodClock is how far a camera's clock may be off before the owner is told.
	goodClock = 30 * time.Second
	// goodLoss is the number of lost packets in a session before the owner is told.
	goodLoss = 100
	// small is the largest width, in pixels, of a picture that needs no smaller stream beside it.
	small = 1280
)

// Stream is what was measured of one stream of a camera.
type Stream struct {
	GOP           time.Duration // the longest measured between key frames
	ShortestGOP   time.Duration // if they come irregularly: the shortest measured
	JPEG          bool          // it sends JPEG pictures
	Refresh       int           // pictures are exact so many frames after a key frame
	Delay         time.Duration // by how much B-frames delay live video; zero without
	Clock         time.Duration // how far the camera's own clock is ahead of this computer's
	Shift         time.Duration // how much later footage is filed than it happens, since existing footage reaches beyond this computer's clock
	SetBack       bool          // this computer's clock was seen to be set back, which is why
	LostPackets   uint64
	UDP           bool   // RTP comes over UDP
	Buffer        int    // receive buffer that the system granted to its UDP ports, bytes; 0 if unknown
	ClearPassword bool   // the camera wants the password in a form that the network can read
	Unheard       string // why the camera's sound is not recorded, and what to do
	WeakTLS       string // in which way its secure connection is weak, for example "TLS 1.0"
}

// ForStream returns the advice for a stream. Each sentence begins with name, which is empty or like "sub stream: ".
func ForStream(name string, s Stream) []string {
	var all []string
	say := func(text string, values ...any) { all = append(all, name+fmt.Sprintf(text, values...)) }
	switch {
	case s.ShortestGOP > 0 && s.GOP > goodGOP:
		say("key frames come irregularly, %s to %s apart, as with a smart codec (H.264+, H.265+): seeking will be slow; turn it off and set the camera's key frame (I-frame) interval to 2 s",
			format.Duration(s.ShortestGOP), format.Duration(s.GOP))
	case s.GOP > goodGOP:
		say("key frame every %.0f s: seeking will be slow; set the camera's key frame (I-frame) interval to 2 s", s.GOP.Seconds())
	}
	if s.JPEG {
		say("the camera sends JPEG pictures, which take many times the space of H.264: choose H.264 or H.265 in the camera if it has that")
	}
	if s.Refresh > 0 {
		say("the camera uses intra refresh: after a key frame %d more pictures are needed until the picture is complete, so that some players show grey at first and seeking is slower; switch intra refresh off", s.Refresh)
	}
	if s.Delay > 0 {
		say("the camera uses B-frames: live video comes %d ms later than without; turn B-frames off, or choose the baseline profile", s.Delay.Milliseconds())
	}
	if off := s.Clock.Round(time.Second); off > goodClock || off < -goodClock {
		side := "ahead"
		if off < 0 {
			off, side = -off, "behind"
		}
		say("the camera's own clock is %v %s: recordings use this computer's clock, but a time shown in the picture is wrong; set a time server (NTP) in the camera", off, side)
	}
	if s.Shift > 0 {
		cause := "existing footage is dated later than this computer's clock"
		if s.SetBack {
			cause = "this computer's clock was set back"
		}
		say("%s: until it has caught up, footage is stored %v later than it happened, so that nothing is overwritten", cause, s.Shift.Round(time.Second))
	}
	if s.LostPackets > goodLoss {
		all = append(all, aboutLoss(name, s)...)
	}
	if s.Unheard != "" {
		say("sound is not recorded: %s", s.Unheard)
	}
	if s.ClearPassword {
		say("the password crosses the network in clear (Basic): set the camera's RTSP authentication to digest, or use rtsps://")
	}
	if s.WeakTLS != "" {
		say("the secure connection is weak (%s): update the camera's firmware, and keep it in a network of its own", s.WeakTLS)
	}
	return all
}

// goodBuffer is the receive buffer of a UDP port, in bytes, that holds the key frame of a 4K camera.
const goodBuffer = 4 << 20

// aboutLoss returns the advice for a stream that loses packets. TCP loses none: then it was the camera that left them out.
func aboutLoss(name string, s Stream) []string {
	if !s.UDP {
		return []string{fmt.Sprintf("%s%d packets are missing, although the stream comes over TCP: the camera, or its network, is too slow for this bit rate; lower it in the camera, or check its cable or Wi-Fi",
			name, s.LostPackets)}
	}
	all := []string{fmt.Sprintf("%s%d packets were lost on the network: set transport: tcp, or check the camera's cable or Wi-Fi", name, s.LostPackets)}
	if s.Buffer > 0 && s.Buffer < goodBuffer {
		all = append(all, fmt.Sprintf("%sthis computer grants UDP a receive buffer of %s only, and large key frames do not fit: allow 4 MB with sysctl -w net.core.rmem_max=%d (to keep it, write net.core.rmem_max=%d to /etc/sysctl.d/keepwatch.conf)",
			name, format.Size(int64(s.Buffer)), goodBuffer, goodBuffer))
	}
	return all
}

// NoSub returns the advice for a camera without a sub stream, by the width of its main stream in pixels.
func NoSub(width int) []string {
	if width <= small {
		return nil
	}
	return []string{fmt.Sprintf("no sub stream: pages with several cameras load the main stream, %d pixels wide; turn on the camera's second stream and add it as sub", width)}
}
