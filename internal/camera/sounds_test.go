package camera_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

// soundOf returns the description of a sound medium with the control attribute track.
func soundOf(track, format, rtpmap, fmtp string) string {
	text := "m=audio 0 RTP/AVP " + format + "\r\n"
	if rtpmap != "" {
		text += "a=rtpmap:" + format + " " + rtpmap + "\r\n"
	}
	if fmtp != "" {
		text += "a=fmtp:" + format + " " + fmtp + "\r\n"
	}
	return text + "a=control:" + track + "\r\n"
}

func TestTheFirstSoundThatPlaysIsRecordedAndTheRestIsTold(t *testing.T) {
	const another = "only one sound of a camera is recorded"
	aac := strings.Replace(sdpSound, "track2", "track3", 1)
	for name, c := range map[string]struct {
		offered string
		off     bool   // sound is not wanted
		refuse  string // control attribute of a medium whose SETUP is refused
		codec   media.Codec
		want    []camera.Sound
	}{
		"two that play": {offered: soundOf("track2", "8", "PCMA/8000", "") + aac, codec: media.FLAC,
			want: []camera.Sound{{Codec: "G.711 A-law", Recorded: true}, {Codec: "AAC", Why: another}}},
		"the first is unknown": {offered: soundOf("track2", "98", "ATRAC3/90000", "") + aac, codec: media.AAC,
			want: []camera.Sound{{Codec: "ATRAC3", Why: "Keepwatch does not decode ATRAC3; set the camera to AAC or G.711"}, {Codec: "AAC", Recorded: true}}},
		"the first is refused": {offered: soundOf("track2", "0", "PCMU/8000", "") + aac, refuse: "track2", codec: media.AAC,
			want: []camera.Sound{{Codec: "G.711 µ-law", Why: "the camera refused its sound: 461 Unsupported Transport"}, {Codec: "AAC", Recorded: true}}},
		"the first cannot be read": {offered: soundOf("track2", "98", "MP4A-LATM/16000/1", "cpresent=0;config=") + aac, codec: media.AAC,
			want: []camera.Sound{{Codec: "AAC", Recorded: true}, {Codec: "MP4A-LATM", Why: "the camera's description of its sound cannot be read; set the camera to AAC or G.711"}}},
		"MPEG audio alone": {offered: soundOf("track2", "14", "", ""),
			want: []camera.Sound{{Codec: "MPEG audio (MP2, MP3)", Why: "browsers do not play MP2 and MP3 from MP4; set the camera to AAC or G.711"}}},
		"a static type": {offered: soundOf("track2", "18", "", ""),
			want: []camera.Sound{{Codec: "G.729", Why: "Keepwatch does not decode G.729; set the camera to AAC or G.711"}}},
		"not wanted": {offered: soundOf("track2", "9", "G722/8000", ""), off: true,
			want: []camera.Sound{{Codec: "G.722", Off: true, Why: "sound is switched off in the configuration; set audio: true to record it"}}},
		"comfort noise beside": {offered: strings.Replace(soundOf("track2", "0", "PCMU/8000", ""), "AVP 0", "AVP 0 13", 1), codec: media.FLAC,
			want: []camera.Sound{{Codec: "G.711 µ-law", Recorded: true}}},
		"none": {},
		"G.726 of the static type": {offered: soundOf("track2", "2", "", ""), codec: media.FLAC,
			want: []camera.Sound{{Codec: "G.726, 32 kbit/s", Recorded: true}}},
		"G.722 of a dynamic type": {offered: soundOf("track2", "99", "G722/8000/1", ""), codec: media.FLAC,
			want: []camera.Sound{{Codec: "G.722", Recorded: true}}},
		"G.726 of AAL2": {offered: soundOf("track2", "99", "AAL2-G726-40/8000", ""), codec: media.FLAC,
			want: []camera.Sound{{Codec: "G.726, 40 kbit/s", Recorded: true}}},
		"PCM": {offered: soundOf("track2", "99", "L16/16000/2", ""), codec: media.FLAC,
			want: []camera.Sound{{Codec: "PCM, 16 bits", Recorded: true}}},
		"Opus": {offered: soundOf("track2", "99", "opus/48000/2", ""), codec: media.Opus,
			want: []camera.Sound{{Codec: "Opus", Recorded: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlayer(t)
			h := newHostile(t, func(h *hostile, conn net.Conn, method, head string) {
				request, _, _ := strings.Cut(head, "\r\n")
				switch {
				case method == "DESCRIBE":
					say(conn, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("track1")+c.offered)
				case c.refuse != "" && strings.Contains(request, c.refuse):
					say(conn, head, "461 No", "", "")
				case method == "SETUP" && !strings.Contains(request, "track1"):
					say(conn, head, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n", "")
				default:
					oddServer{}.serve(p)(h, conn, method, head)
				}
			})
			t.Cleanup(h.close)
			o := options(t, "rtsp://"+h.listener.Addr().String()+"/x")
			o.Audio = !c.off
			s := open(t, o)
			video(t, s, 3)
			if got := s.Sounds(); !slices.Equal(got, c.want) {
				t.Errorf("offered: %+v\nwant:    %+v", got, c.want)
			}
			if a := s.Audio(); (a == nil) != (c.codec == 0) || a != nil && a.Codec != c.codec {
				t.Errorf("recorded: %+v", a)
			}
			s.Close()
		})
	}
}
