package camera_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

var errNotMine = &camera.Failure{Kind: camera.UnexpectedDevice, Reason: "not mine", Err: errors.New("not mine")}

// refusing returns options whose Admit refuses an identity with the given evidence, and the identity it saw last.
func refusing(t *testing.T, address string, when func(camera.Identity) bool) (camera.Options, *atomic.Pointer[camera.Identity]) {
	shown := &atomic.Pointer[camera.Identity]{}
	o := options(t, address)
	o.Admit = func(id camera.Identity) error {
		if shown.Store(&id); when(id) {
			return errNotMine
		}
		return nil
	}
	return o, shown
}

func TestANewDeviceIsNotGivenThePassword(t *testing.T) {
	for _, challenge := range []string{`Basic realm="AXIS_ACCC8E012345"`, `Digest realm="AXIS_ACCC8E012345", nonce="1"`} {
		var told atomic.Int32
		h := newHostile(t, func(h *hostile, c net.Conn, method, head string) {
			if strings.Contains(head, "Authorization:") {
				told.Add(1)
			}
			if method == "DESCRIBE" && field(head, "Authorization") == "" {
				say(c, head, "401 Unauthorized", "WWW-Authenticate: "+challenge+"\r\n", "")
				return
			}
			proper(h, c, method, head)
		})
		o, shown := refusing(t, "rtsp://u:secret@"+h.listener.Addr().String()+"/", func(id camera.Identity) bool { return id.Realm != "" })
		s, err := camera.Open(t.Context(), o)
		if s != nil || !errors.Is(err, errNotMine) {
			t.Errorf("%s: %v, %v", challenge, s, err)
		}
		h.close()
		if told.Load() > 0 {
			t.Errorf("%s: the other device was sent the login", challenge)
		}
		if want := strings.ToLower(challenge[:strings.Index(challenge, " ")]) + " AXIS_ACCC8E012345"; shown.Load().Realm != want {
			t.Errorf("%s was seen as %q", challenge, shown.Load().Realm)
		}
	}
}

func TestANewDevicesKeyEndsTheConnectionBeforeAnythingIsSaid(t *testing.T) {
	h := start(t, testcam.Camera{TLS: true, Username: "u", Password: "p"})
	o, shown := refusing(t, h.URL(media.Main), func(id camera.Identity) bool { return id.Key != "" })
	if s, err := camera.Open(t.Context(), o); s != nil || !errors.Is(err, errNotMine) {
		t.Fatalf("%v, %v", s, err)
	}
	if id := *shown.Load(); id.Realm != "" || len(id.Key) != 64 {
		t.Errorf("seen: %+v", id)
	}
	if h.Connections() != 1 {
		t.Errorf("%d connections", h.Connections())
	}
}

func TestASessionKnowsAllThatIdentifiesItsCamera(t *testing.T) {
	h := start(t, testcam.Camera{TLS: true, Username: "u", Password: "p", Realm: "IP Camera(12345)", Title: "Media Presentation"})
	o := options(t, h.URL(media.Main))
	o.Neighbour = func(ip netip.Addr) string { return "9c:8e:cd:00:00:01 of " + ip.String() }
	identify := func() camera.Identity {
		s := open(t, o)
		return s.Identity(video(t, s, 1)[0].Video)
	}
	first := identify()
	if first.MAC != "9c:8e:cd:00:00:01 of 127.0.0.1" || first.Realm != "digest IP Camera(12345)" || first.Title != "Media Presentation" ||
		!strings.HasPrefix(first.Media, "video H264/90000 ") || !strings.HasPrefix(first.Picture, "H.264 640×360 ") || len(first.Key) != 64 {
		t.Errorf("%+v", first)
	}
	h.Reboot()
	if again := identify(); again != first {
		t.Errorf("after a reboot it is %+v, before %+v", again, first)
	}
	o.URL.User = nil
	open := start(t, testcam.Camera{Name: "open"})
	o.URL = options(t, open.URL(media.Main)).URL
	if id := identify(); id.Realm != "none" || id.Key != "" {
		t.Errorf("a camera without password: %+v", id)
	}
}
