package camera_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
)

const canary = "s3cret-canary"

// prompt is longer than anything takes that ends by itself, on a busy computer too, and shorter than the ten seconds after which
// reads and writes give up.
const prompt = 8 * time.Second

func hostileOptions(h *hostile, log io.Writer) camera.Options {
	u := &url.URL{Scheme: "rtsp", User: url.UserPassword("admin", canary), Host: h.listener.Addr().String(), Path: "/x"}
	return camera.Options{URL: u, Audio: true, OpenTimeout: 20 * time.Second, FrameTimeout: 800 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(log, nil))}
}

// settle waits until no more goroutines run than before.
func settle(t *testing.T, before int) {
	t.Helper()
	deadline, tick := time.After(5*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-deadline:
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines run, %d ran before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// untold fails the test if the password is in a failure or in the log.
func untold(t *testing.T, f *camera.Failure, log string) {
	t.Helper()
	for _, text := range []string{f.Reason, fmt.Sprintf("%v %+v", f.Err, f.Err), log} {
		if strings.Contains(text, canary) || strings.Contains(text, url.QueryEscape(canary)) {
			t.Errorf("the password is told: %s", text)
		}
	}
}

// noAnswer is a part of the reason when a handshake takes too long.
const noAnswer = "does not answer"

// handshake is one way to break a handshake, and the expected reason.
type handshake struct {
	name   string
	answer func(*hostile, net.Conn, string, string)
	say    string
}

func handshakes() []handshake {
	nothing := func(net.Conn, string) {}
	long := strings.Repeat("a", 60<<10)
	return []handshake{
		{"says nothing", at("OPTIONS", nothing), noAnswer},
		{"answers OPTIONS only", at("DESCRIBE", nothing), noAnswer},
		{"answers all but SETUP", at("SETUP", nothing), noAnswer},
		{"answers all but PLAY", at("PLAY", nothing), noAnswer},
		{"hangs up at once", at("OPTIONS", func(c net.Conn, _ string) { c.Close() }), "closed the connection"},
		{"hangs up at DESCRIBE", at("DESCRIBE", func(c net.Conn, _ string) { c.Close() }), "closed the connection"},
		{"body never ends", at("DESCRIBE", func(c net.Conn, head string) {
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nContent-Type: application/sdp\r\nContent-Length: 9999\r\n\r\nv=0", field(head, "CSeq"))
		}), noAnswer},
		{"drips", at("DESCRIBE", func(c net.Conn, _ string) { drip(c, "RTSP/1.0 200 OK\r\nX: ") }), ""},
		{"drips junk", at("OPTIONS", func(c net.Conn, _ string) { drip(c, "x") }), noAnswer},
		{"floods junk", at("OPTIONS", func(c net.Conn, _ string) { flood(c, []byte(long)) }), noAnswer},
		{"huge length", at("DESCRIBE", func(c net.Conn, head string) {
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nContent-Type: application/sdp\r\nContent-Length: 99999999999\r\n\r\n", field(head, "CSeq"))
		}), "makes no sense"},
		{"huge SDP", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("x")+"a="+strings.Repeat(long, 3))
		}), "makes no sense"},
		{"endless header lines", at("OPTIONS", func(c net.Conn, _ string) {
			fmt.Fprint(c, "RTSP/1.0 200 OK\r\n")
			flood(c, []byte("X-A: b\r\n"))
		}), "makes no sense"},
		{"endless header line", at("OPTIONS", func(c net.Conn, _ string) {
			fmt.Fprint(c, "RTSP/1.0 200 OK\r\nX: ")
			flood(c, []byte(long))
		}), "makes no sense"},
		{"asks for ever", at("OPTIONS", func(c net.Conn, _ string) { flood(c, []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")) }), noAnswer},
		{"pictures before their time", at("DESCRIBE", func(c net.Conn, _ string) { flood(c, make4k('$')) }), noAnswer},
		{"control that is no address", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("%zz"))
		}), "SDP"},
		{"control of another kind", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("rtsp://[::1%zz]/"))
		}), "SDP"},
		{"refuses with markup", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "499 <script>"+canary+"</script>", "", "")
		}), "the camera answered 499"},
		{"password wrong", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", "")
		}), "wrong user name or password"},
		{"login of an unknown kind", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "401 Unauthorized", "WWW-Authenticate: Kerberos realm=\"x\"\r\n", "")
		}), "set its RTSP authentication to digest"},
		{"login always stale", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"x\", nonce=\"1\", stale=TRUE\r\n", "")
		}), "stale nonce"},
		{"access denied", at("DESCRIBE", func(c net.Conn, head string) { say(c, head, "403 Forbidden", "", "") }), "denies access"},
		{"redirects in a circle", at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "302 Found", "Location: rtsp://"+c.LocalAddr().String()+"/x\r\n", "")
		}), "in a circle"},
	}
}

func TestAHandshakeThatGoesWrongEndsInTimeWithAReason(t *testing.T) {
	for _, c := range handshakes() {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			h := newHostile(t, c.answer)
			var log bytes.Buffer
			o := hostileOptions(h, &log)
			if c.say == noAnswer || c.say == "" {
				o.OpenTimeout = 900 * time.Millisecond
			}
			began := time.Now()
			_, err := camera.Open(t.Context(), o)
			if took := time.Since(began); took > prompt {
				t.Errorf("took %v", took)
			}
			f := failure(t, err)
			if !strings.Contains(f.Reason, c.say) || f.Reason == "" || strings.ContainsAny(f.Reason, "<>") {
				t.Errorf("reason %q, want %q (%v)", f.Reason, c.say, f.Err)
			}
			if c.name != "refuses with markup" {
				untold(t, f, log.String())
			}
			if n := h.count("DESCRIBE"); n > 5 {
				t.Errorf("%d descriptions were asked for", n)
			}
			h.close()
			settle(t, before)
		})
	}
}

// make4k returns four thousand bytes of interleaved frames of channel 0 that hold nothing.
func make4k(first byte) []byte { return bytes.Repeat([]byte{first, 0, 0, 0}, 1000) }

func TestASessionWithAHostileCameraEndsAndLeavesNothing(t *testing.T) {
	frame := func(channel byte, n int) []byte {
		return append([]byte{'$', channel, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{0xff}, n)...)
	}
	play := func(then func(c net.Conn)) func(*hostile, net.Conn, string, string) {
		return at("PLAY", func(c net.Conn, head string) {
			say(c, head, "200 OK", "Session: 1\r\n", "")
			then(c)
		})
	}
	var wait sync.WaitGroup
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, heap := runtime.NumGoroutine(), m.HeapAlloc
	for _, c := range []struct {
		name   string
		answer func(*hostile, net.Conn, string, string)
		kind   camera.Kind
	}{
		{"silent", play(func(net.Conn) {}), camera.Frozen},
		{"giant frames", play(func(c net.Conn) { flood(c, frame(0, 65535)) }), camera.Frozen},
		{"broken RTCP", play(func(c net.Conn) { flood(c, frame(1, 900)) }), camera.Frozen},
		{"unknown channels", play(func(c net.Conn) { flood(c, frame(77, 900)) }), camera.Frozen},
		{"requests of its own", play(func(c net.Conn) { fmt.Fprint(c, "TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n") }), camera.Broken},
		{"frame that never ends", play(func(c net.Conn) { _, _ = c.Write(frame(0, 65535)[:100]) }), camera.Frozen},
		{"key frames without end", play(func(c net.Conn) { flood(c, packets(0x67, 0x68, 0x65)) }), camera.Broken},
		{"packet that is no RTP", play(func(c net.Conn) { flood(c, frame(0, 3)) }), camera.Frozen},
		{"hangs up", play(func(c net.Conn) { c.Close() }), camera.Unreachable},
	} {
		wait.Go(func() {
			h := newHostile(t, c.answer)
			var log bytes.Buffer
			s, err := camera.Open(t.Context(), hostileOptions(h, &log))
			if err != nil {
				t.Errorf("%s: %v (%v)", c.name, err, errors.Unwrap(err))
				return
			}
			f := untilFailure(t, s)
			if f.Kind != c.kind {
				t.Errorf("%s: kind %d, %q (%v)", c.name, f.Kind, f.Reason, f.Err)
			}
			untold(t, f, log.String())
			began := time.Now()
			s.Close()
			if took := time.Since(began); took > prompt {
				t.Errorf("%s: closing took %v", c.name, took)
			}
			h.close()
		})
	}
	wait.Wait()
	settle(t, before)
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > heap+8<<20 {
		t.Errorf("%d MB are left behind", (m.HeapAlloc-heap)>>20)
	}
}

// packets returns interleaved RTP packets of payload type 96, each with one NAL unit of two bytes, the last with the marker.
func packets(nalus ...byte) []byte {
	var b []byte
	for i, n := range nalus {
		marker := byte(0)
		if i == len(nalus)-1 {
			marker = 0x80
		}
		b = append(b, '$', 0, 0, 14, 0x80, 96|marker, 0, byte(i), 0, 0, 0, 0, 0, 0, 0, 1, n, 0x80)
	}
	return b
}

func TestACameraThatNeverReadsCannotHoldUpTheGoodbye(t *testing.T) {
	before := runtime.NumGoroutine()
	block := make(chan struct{})
	h := newHostile(t, at("PLAY", func(c net.Conn, head string) {
		say(c, head, "200 OK", "Session: 1\r\n", "")
		<-block
	}))
	s, err := camera.Open(t.Context(), hostileOptions(h, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > prompt {
		t.Errorf("closing took %v", took)
	}
	close(block)
	h.close()
	settle(t, before)
}

func TestACameraIsNotFollowedToAnotherHost(t *testing.T) {
	elsewhere, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	reached := make(chan struct{}, 1)
	go func() {
		if c, err := elsewhere.Accept(); err == nil {
			c.Close()
			reached <- struct{}{}
		}
	}()
	other := "rtsp://" + elsewhere.Addr().String() + "/y/"
	describe := func(lines, body string) func(*hostile, net.Conn, string, string) {
		return at("DESCRIBE", func(c net.Conn, head string) {
			say(c, head, "200 OK", "Content-Type: application/sdp\r\n"+lines, body)
		})
	}
	for _, c := range []struct {
		name   string
		answer func(*hostile, net.Conn, string, string)
		opens  bool
	}{
		{"redirect", at("DESCRIBE", func(c net.Conn, head string) { say(c, head, "302 Found", "Location: "+other+"\r\n", "") }), false},
		{"Content-Base", describe("Content-Base: "+other+"\r\n", sdp("track1")), true},
		{"control of the session", describe("", strings.Replace(sdp("track1"), "t=0 0\r\n", "t=0 0\r\na=control:"+other+"\r\n", 1)), true},
		{"control of the medium", describe("", sdp(other+"track1")), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHostile(t, c.answer)
			defer h.close()
			s, err := camera.Open(t.Context(), hostileOptions(h, io.Discard))
			if (err == nil) != c.opens {
				t.Fatalf("%v (%v)", err, errors.Unwrap(err))
			}
			if err == nil {
				s.Close()
				return
			}
			if f := failure(t, err); !strings.Contains(f.Reason, "another host") {
				t.Errorf("%q", f.Reason)
			}
		})
	}
	select {
	case <-reached:
		t.Error("another host was connected to")
	default:
	}
}

func TestUDPIsSentToTheCameraOnly(t *testing.T) {
	victim, err := net.ListenPacket("udp", "127.0.0.3:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	port := victim.LocalAddr().(*net.UDPAddr).Port
	for _, source := range []string{"127.0.0.3", "victim.invalid"} {
		h := newHostile(t, at("SETUP", func(c net.Conn, head string) {
			say(c, head, "200 OK", fmt.Sprintf("Session: 1\r\nTransport: %s;source=%s;server_port=%d-%d\r\n", field(head, "Transport"), source, port, port+1), "")
		}))
		o := hostileOptions(h, io.Discard)
		o.Transport = camera.UDP
		_, err = camera.Open(t.Context(), o)
		if f := failure(t, err); !strings.Contains(f.Reason, "another host") {
			t.Errorf("source %s: %q (%v)", source, f.Reason, f.Err)
		}
		h.close()
	}
	if err := victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := victim.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes were sent to a host that is no camera of ours", n)
	}
}

func TestATLSHandshakeThatStallsEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	h := newHostile(t, proper)
	o := hostileOptions(h, io.Discard)
	o.URL.Scheme, o.OpenTimeout = "rtsps", 900*time.Millisecond
	_, err := camera.Open(t.Context(), o)
	if f := failure(t, err); !strings.Contains(f.Reason, "TLS") {
		t.Errorf("%q (%v)", f.Reason, f.Err)
	}
	h.close()
	settle(t, before)
}

func TestACameraThatHangsWhenAskedForItsSoundIsRecordedWithout(t *testing.T) {
	for _, hang := range []bool{true, false} {
		h := newHostile(t, func(h *hostile, c net.Conn, method, head string) {
			switch {
			case method == "DESCRIBE":
				say(c, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("track1")+sdpSound)
			case strings.Contains(head, "track2") && hang:
			case strings.Contains(head, "track2"):
				c.Close()
			default:
				proper(h, c, method, head)
			}
		})
		o := hostileOptions(h, io.Discard)
		if hang {
			o.OpenTimeout = 3 * time.Second
		}
		s, err := camera.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("hangs %v: %v (%v)", hang, err, errors.Unwrap(err))
		}
		if s.Audio() != nil {
			t.Errorf("hangs %v: sound is promised", hang)
		}
		if want := map[bool]string{true: "did not answer", false: "closed the connection"}[hang]; !strings.Contains(s.SoundRefused(), want) {
			t.Errorf("%q does not say %q", s.SoundRefused(), want)
		}
		s.Close()
		h.close()
	}
}
