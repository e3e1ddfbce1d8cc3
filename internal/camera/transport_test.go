package camera_test

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

func TestATransportThatTheCameraDoesNotOfferSaysWhatToDo(t *testing.T) {
	tcp, udp := "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "Transport: RTP/AVP;unicast;server_port=4000-4001\r\n"
	multicast := "Transport: RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=1\r\n"
	group := strings.Replace(sdp("track1"), "t=0 0", "c=IN IP4 239.1.2.3/127\r\nt=0 0", 1)
	for _, c := range []struct {
		name      string
		transport camera.Transport
		status    string
		lines     string
		sdp       string
		say       string
	}{
		{"UDP wanted, refused", camera.UDP, "461 No", "", sdp("track1"), "(461): use transport: auto"},
		{"UDP wanted, TCP given", camera.UDP, "200 OK", tcp, sdp("track1"), "not send this stream over UDP: use transport: auto"},
		{"TCP wanted, refused", camera.TCP, "461 No", "", sdp("track1"), "not send this stream over TCP (461): use transport: auto"},
		{"TCP wanted, UDP given", camera.TCP, "200 OK", udp, sdp("track1"), "not send this stream over TCP: use transport: auto"},
		{"neither", camera.Auto, "461 No", "", sdp("track1"), "neither over TCP nor over UDP (461)"},
		{"multicast given", camera.Auto, "200 OK", multicast, sdp("track1"), "by multicast only, which is not recorded: turn on unicast"},
		{"multicast described", camera.Auto, "461 No", "", group, "by multicast only (461), which"},
		{"multicast given, TCP wanted", camera.TCP, "200 OK", multicast, sdp("track1"), "over TCP: use transport: auto"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHostile(t, func(h *hostile, conn net.Conn, method, head string) {
				switch method {
				case "DESCRIBE":
					say(conn, head, "200 OK", "Content-Type: application/sdp\r\n", c.sdp)
				case "SETUP":
					say(conn, head, c.status, "Session: 1\r\n"+c.lines, "")
				default:
					proper(h, conn, method, head)
				}
			})
			t.Cleanup(h.close)
			o := options(t, "rtsp://"+h.listener.Addr().String()+"/x")
			o.Transport = c.transport
			_, err := camera.Open(t.Context(), o)
			if f := failure(t, err); !strings.Contains(f.Reason, c.say) || f.Kind != camera.Unsupported {
				t.Errorf("%q does not say %q (%v)", f.Reason, c.say, f.Err)
			}
		})
	}
	o := options(t, start(t, testcam.Camera{NoUDP: true}).URL(media.Main))
	o.Transport = camera.UDP
	_, err := camera.Open(t.Context(), o)
	if f := failure(t, err); !strings.Contains(f.Reason, "use transport: auto") {
		t.Errorf("a server for TCP: %q (%v)", f.Reason, f.Err)
	}
}

func TestUDPThatDoesNotArriveIsToldFromACameraThatIsFrozen(t *testing.T) {
	h := newHostile(t, at("SETUP", func(c net.Conn, head string) {
		say(c, head, "200 OK", "Session: 1\r\nTransport: RTP/AVP;unicast;server_port=4000-4001\r\n", "")
	}))
	t.Cleanup(h.close)
	o := options(t, "rtsp://"+h.listener.Addr().String()+"/x")
	o.Transport, o.FrameTimeout = camera.UDP, 500*time.Millisecond
	s := open(t, o)
	if f := untilFailure(t, s); !strings.Contains(f.Reason, "nothing of it arrives over UDP") {
		t.Errorf("%q (%v)", f.Reason, f.Err)
	}
	s.Close()
}

// clientPort matches the port that RTP is wanted at (RFC 2326 section 12.39).
var clientPort = regexp.MustCompile(`client_port=(\d+)`)

func TestUDPFromAPortThatTheCameraDidNotNameIsRecorded(t *testing.T) {
	p := newPlayer(t)
	ports := make(chan string, 1)
	h := newHostile(t, func(h *hostile, c net.Conn, method, head string) {
		switch method {
		case "SETUP":
			ports <- clientPort.FindStringSubmatch(head)[1]
			say(c, head, "200 OK", "Session: 1\r\nTransport: RTP/AVP;unicast\r\n", "")
		case "PLAY":
			say(c, head, "200 OK", "Session: 1\r\n", "")
			h.wait.Go(func() { p.playUDP(<-ports, 100) })
		default:
			proper(h, c, method, head)
		}
	})
	t.Cleanup(h.close)
	o := options(t, "rtsp://"+h.listener.Addr().String()+"/x")
	o.Transport = camera.UDP
	s := open(t, o)
	video(t, s, 10)
	s.Close()
}

// playUDP sends so many pictures to a port.
func (p *player) playUDP(port string, pictures int) {
	c, err := net.Dial("udp", "127.0.0.1:"+port)
	if err != nil {
		panic(fmt.Sprintf("send to a local port: %v", err))
	}
	defer c.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := range pictures {
		for rest := p.picture(0, 7, n); len(rest) > 0; {
			size := 4 + int(rest[2])<<8 + int(rest[3])
			_, _ = c.Write(rest[4:size]) // nobody may listen any more
			rest = rest[size:]
		}
		<-tick.C
	}
}

func TestKeyFramesThatAreAllTornByLossesSaySo(t *testing.T) {
	t.Parallel()
	o := options(t, start(t, testcam.Camera{LoseUDP: 4, Main: testcam.Video{Width: 1280, Height: 720, GOP: time.Second}}).URL(media.Main))
	o.Transport, o.FrameTimeout = camera.UDP, time.Second
	if f := untilFailure(t, open(t, o)); !strings.Contains(f.Reason, "packets were lost over UDP: use transport: tcp") {
		t.Errorf("%q (%v)", f.Reason, f.Err)
	}
}
