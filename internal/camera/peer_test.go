package camera_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostile is an RTSP server that answers each request with whatever bytes a test wants.
type hostile struct {
	t        *testing.T
	listener net.Listener
	answer   func(h *hostile, c net.Conn, method, head string)
	wait     sync.WaitGroup

	mu      sync.Mutex
	conns   []net.Conn
	methods []string
}

// newHostile starts a server whose answers come from answer; without one it answers as a camera should.
func newHostile(t *testing.T, answer func(h *hostile, c net.Conn, method, head string)) *hostile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{t: t, listener: l, answer: answer}
	h.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			h.conns = append(h.conns, c)
			h.mu.Unlock()
			h.wait.Go(func() { h.serve(c) })
		}
	})
	return h
}

// close ends the server and waits for all it started.
func (h *hostile) close() {
	h.listener.Close()
	h.mu.Lock()
	for _, c := range h.conns {
		c.Close()
	}
	h.mu.Unlock()
	h.wait.Wait()
}

func (h *hostile) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		first, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if first[0] == '$' { // RTCP of ours, which is of no interest
			return
		}
		var head strings.Builder
		for line := first; strings.TrimSpace(line) != ""; {
			head.WriteString(line)
			if line, err = r.ReadString('\n'); err != nil {
				return
			}
		}
		method, _, _ := strings.Cut(first, " ")
		h.mu.Lock()
		h.methods = append(h.methods, method)
		h.mu.Unlock()
		h.answer(h, c, method, head.String())
	}
}

func (h *hostile) count(method string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, m := range h.methods {
		if m == method {
			n++
		}
	}
	return n
}

// field returns the value of a header field of a request.
func field(head, name string) string {
	for line := range strings.Lines(head) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// sdp describes a camera with H.264 video whose control attribute is given.
func sdp(control string) string {
	return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n" +
		"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:" + control + "\r\n"
}

// say answers a request with a status, header lines and a body.
func say(c net.Conn, head, status, lines, body string) {
	fmt.Fprintf(c, "RTSP/1.0 %s\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s", status, field(head, "CSeq"), lines, len(body), body)
}

// proper answers as a camera should.
func proper(_ *hostile, c net.Conn, method, head string) {
	switch method {
	case "DESCRIBE":
		say(c, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("track1"))
	case "SETUP":
		say(c, head, "200 OK", "Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "")
	default:
		say(c, head, "200 OK", "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", "")
	}
}

// at makes an answer that is proper up to the request of the given method, and then what else does.
func at(method string, what func(c net.Conn, head string)) func(*hostile, net.Conn, string, string) {
	return func(h *hostile, c net.Conn, m, head string) {
		if m == method {
			what(c, head)
			return
		}
		proper(h, c, m, head)
	}
}

// drip sends a byte every few milliseconds until the connection ends.
func drip(c net.Conn, text string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
			return
		}
		<-tick.C
	}
}

func flood(c net.Conn, block []byte) {
	for {
		if _, err := c.Write(block); err != nil {
			return
		}
	}
}
