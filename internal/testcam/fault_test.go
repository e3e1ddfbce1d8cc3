package testcam

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"

	"keepwatch.internal/internal/media"
)

func TestDropEndsSessionsAndLetsThemComeBack(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		v, err := tryWatch(t, h.URL(media.Main), protocol)
		if err != nil {
			t.Fatal(err)
		}
		before := v.next(t)
		h.Drop()
		v.end(t)
		again := watch(t, h.URL(media.Main))
		after := again.next(t)
		if after.mark.Frame <= before.mark.Frame || after.mark.Run != before.mark.Run {
			t.Errorf("%v follows %v", after.mark, before.mark)
		}
		if !after.key && !again.next(t).key && !again.next(t).key {
			t.Error("no key frame is among the first three")
		}
	}
	if n := h.Connections(); n != 4 {
		t.Errorf("%d connections were counted, not 4", n)
	}
}

func TestAFrozenCameraAnswersButSendsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	v := watch(t, h.URL(media.Main))
	v.next(t)
	h.Freeze(true)
	frozen := h.LastFrame(media.Main)
	pass(t, h, 10)
	if err := describe(t, h.URL(media.Main)); err != nil {
		t.Errorf("it does not answer: %v", err)
	}
	resumed := h.LastFrame(media.Main)
	h.Freeze(false)
	for {
		f := v.next(t)
		if f.mark.Frame > frozen {
			if f.mark.Frame <= resumed || !f.key {
				t.Errorf("frame %d came, frozen from %d to %d; key frame: %v", f.mark.Frame, frozen, resumed, f.key)
			}
			return
		}
	}
}

func TestARefusingCameraIsRefusedByTheSystemUntilItComesBack(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"}, Camera{Name: "y"})
	h := s.Camera("x")
	v, neighbour := watch(t, h.URL(media.Main)), watch(t, s.URL("y", media.Main))
	v.next(t)
	url := h.URL(media.Main)
	if err := h.Refuse(true); err != nil {
		t.Fatal(err)
	}
	v.end(t)
	if err := describe(t, url); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting gives %v", err)
	}
	for range 5 {
		neighbour.next(t)
	}
	if err := h.ComeBack(); err != nil {
		t.Fatal(err)
	}
	if h.URL(media.Main) != url {
		t.Error("it came back elsewhere")
	}
	watch(t, url).next(t)
}

func TestAHangingCameraIsSilentAndCutWhenItEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	v := watch(t, h.URL(media.Main))
	v.next(t)
	h.Hang(true)
	for len(v.frames) > 0 {
		<-v.frames
	}
	conn, err := net.Dial("tcp", h.gate().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\n", h.URL(media.Main)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 99)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a request is answered with %d bytes, %v", n, err)
	}
	if err := h.ComeBack(); err != nil {
		t.Fatal(err)
	}
	v.end(t)
	watch(t, h.URL(media.Main)).next(t)
}

func TestRejectAnswersWithItsStatus(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"}, Camera{Name: "locked", Username: "u", Password: "p"})
	for _, name := range []string{"x", "locked"} {
		h := s.Camera(name)
		playing := watch(t, h.URL(media.Main))
		for status, text := range map[int]string{401: "401", 404: "404", 453: "453", 503: "503"} {
			h.Reject(status)
			_, err := tryWatch(t, h.URL(media.Main), gortsplib.ProtocolTCP)
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s with %d is answered %v", name, status, err)
			}
			playing.next(t)
		}
		h.Reject(0)
		watch(t, h.URL(media.Main)).next(t)
	}
}

func TestPathsThatAreNotThereAreNotFound(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x", NoSub: true})
	h := s.Camera("x")
	for _, path := range []string{"/sub", "/", "/other", "/main/main"} {
		err := describe(t, strings.Replace(h.URL(media.Main), "/main", path, 1))
		if err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("%s is answered %v", path, err)
		}
	}
}

func TestFaultyDescriptionsFailWithTheClient(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	for _, sdp := range []SDP{GarbageSDP, EmptySDP, UnsupportedSDP, AudioOnlySDP} {
		h.Describe(sdp)
		if _, err := tryWatch(t, h.URL(media.Main), gortsplib.ProtocolTCP); err == nil {
			t.Errorf("description %d is accepted", sdp)
		}
	}
	h.Describe(GoodSDP)
	watch(t, h.URL(media.Main)).next(t)
}

func TestARebootBeginsAnotherRun(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"})
	h := s.Camera("x")
	pass(t, h, 20)
	v := watch(t, h.URL(media.Main))
	v.next(t)
	h.Reboot()
	v.end(t)
	f := watch(t, h.URL(media.Main)).next(t)
	if f.mark.Run != 2 || f.mark.Frame > 20 || h.Run() != 2 {
		t.Errorf("after a reboot comes %v", f.mark)
	}
}

func TestSwappedCamerasAnswerAtEachOthersAddress(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"}, Camera{Name: "y"})
	x, y := s.URL("x", media.Main), s.URL("y", media.Main)
	v := watch(t, x)
	v.next(t)
	for range 3 {
		if err := s.Swap("x", "y"); err != nil {
			t.Fatal(err)
		}
	}
	v.end(t)
	if f := watch(t, x).next(t); f.mark.Camera != CodeOf("y") {
		t.Errorf("at the address of x: %v", f.mark)
	}
	if f := watch(t, y).next(t); f.mark.Camera != CodeOf("x") {
		t.Errorf("at the address of y: %v", f.mark)
	}
	if s.URL("x", media.Main) != y {
		t.Error("x does not know where it is")
	}
}

func TestCloseEndsSessionsAndFreesPorts(t *testing.T) {
	t.Parallel()
	s := serve(t, Camera{Name: "x"}, Camera{Name: "hangs"})
	url := s.URL("x", media.Main)
	v := watch(t, url)
	v.next(t)
	s.Camera("hangs").Hang(true)
	s.Close()
	v.end(t)
	if err := describe(t, url); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting gives %v", err)
	}
	s.Close()
}
