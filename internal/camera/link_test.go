package camera_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// sdpSound describes sound in AAC, as a second medium.
const sdpSound = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n" +
	"a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\na=control:track2\r\n"

func TestSoundThatTheCameraRefusesCostsNoVideoAndIsTold(t *testing.T) {
	const channels = "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=2-3\r\n"
	for _, c := range []struct {
		name    string
		answers []string // to SETUP of the sound
		lose    bool     // it forgets the session at the refusal
		asked   int64
		say     string
	}{
		{"always", []string{"461 No"}, false, 2, "the camera refused its sound: 461 Unsupported Transport"},
		{"session not found", []string{"454 No"}, false, 2, "refused its sound: 454"},
		{"with a status of its own", []string{"599 <b>"}, false, 2, "the camera refused its sound: 599"},
		{"once", []string{"500 No", "200 OK"}, false, 2, ""},
		{"never", []string{"200 OK"}, false, 1, ""},
		{"and forgets the session", []string{"400 No"}, true, 2, "refused its sound: 400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			var lost atomic.Bool
			p := newPlayer(t)
			h := newHostile(t, func(h *hostile, conn net.Conn, method, head string) {
				switch {
				case method == "DESCRIBE":
					lost.Store(false)
					say(conn, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("track1")+sdpSound)
				case strings.Contains(head, "track2"):
					n := min(int(asked.Add(1)), len(c.answers)) - 1
					lost.Store(c.lose)
					say(conn, head, c.answers[n], channels, "")
				case method == "PLAY" && lost.Load():
					say(conn, head, "454 Session Not Found", "", "")
				default:
					oddServer{}.serve(p)(h, conn, method, head)
				}
			})
			t.Cleanup(h.close)
			s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
			video(t, s, 5)
			if got := s.SoundRefused(); !strings.Contains(got, c.say) || (got == "") != (c.say == "") || (s.Audio() == nil) != (c.say != "") {
				t.Errorf("it says %q, sound %v", got, s.Audio())
			}
			if asked.Load() != c.asked {
				t.Errorf("asked %d times", asked.Load())
			}
			s.Close()
		})
	}
}

func TestALinkOverUDPSaysWhatBufferWasGranted(t *testing.T) {
	o := options(t, start(t, testcam.Camera{}).URL(media.Main))
	o.Transport = camera.UDP
	s := open(t, o)
	video(t, s, 3)
	if l := s.Link(); l.Transport != camera.UDP || l.Buffer <= 0 || l.Buffer > camera.UDPBuffer {
		t.Errorf("%+v", l)
	}
}
