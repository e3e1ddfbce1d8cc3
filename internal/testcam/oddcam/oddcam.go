// Package oddcam is a camera on a raw socket: an RTSP server (RFC 2326) of which every byte can be changed. It plays a film that a real
// encoder made, on a clock of its own: a viewer that comes later joins in the middle. Tests and the matrix of cameras use it.
//
// Unlike package testcam it checks nothing, knows no other transport than the RTSP connection, and says what it is told to say.
package oddcam

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// Options says what a camera plays and in which ways it is odd. A nil function changes nothing.
type Options struct {
	Film *Film
	// Skip is how much of the film has passed when the first viewer comes.
	Skip time.Duration
	// Describe changes the session description.
	Describe func(sdp string) string
	// Answer changes the answer to a request, of all bytes. The count of requests of this connection begins with 1. What the usual answer
	// to SETUP and PLAY says happens only if the returned one begins with the usual status line.
	Answer func(req *Request, count int, usual []byte) []byte
	// Send changes one RTP packet: it returns what is sent for it on the connection, each with its channel before it.
	Send func(p Outgoing) [][]byte
	// When changes when a packet is sent. Packets never overtake earlier ones.
	When func(at time.Duration) time.Duration
	// Reports is how often sender reports (RFC 3550 section 6.4.1) are sent. They say Clock of the moment. Zero sends none.
	Reports time.Duration
	// Clock is the camera's clock at a moment. Nil is the right one.
	Clock func(time.Time) time.Time
	// Shift is added to the sending times of sound: a microphone behind a slow encoder. Its stamps say when it was heard.
	Shift time.Duration
	// Pace is how much faster the camera's stamps run than they say. Zero is 1.
	Pace float64
	// Addr is where to listen. The default is a free port of 127.0.0.1.
	Addr string
}

// Outgoing is a packet about to be sent.
type Outgoing struct {
	Packet
	Medium   int // index in the film
	Pictures bool
	Number   int    // of the packet in the medium, from 0
	Sequence uint16 // of RTP
	Type     byte   // payload type
	Time     uint32 // timestamp of RTP
	Source   uint32 // SSRC
	Channel  byte
}

// Marshal returns the packet as it goes over the connection (RFC 2326 section 10.12, RFC 3550 section 5.1).
func (o *Outgoing) Marshal() []byte {
	kind := o.Type
	if o.Marker {
		kind |= 0x80
	}
	n := rtpHead + len(o.Payload)
	b := make([]byte, 0, 4+n)
	b = append(b, '$', o.Channel, byte(n>>8), byte(n), 0x80, kind, byte(o.Sequence>>8), byte(o.Sequence))
	b = append(b, byte(o.Time>>24), byte(o.Time>>16), byte(o.Time>>8), byte(o.Time))
	b = append(b, byte(o.Source>>24), byte(o.Source>>16), byte(o.Source>>8), byte(o.Source))
	return append(b, o.Payload...)
}

// Camera is a running camera.
type Camera struct {
	o        Options
	listener net.Listener
	wait     sync.WaitGroup
	cancel   context.CancelFunc
	ctx      context.Context

	mu      sync.Mutex
	began   time.Time // when the first viewer saw the beginning of the film
	viewers int
	ended   chan struct{} // closed when a viewer has got all of the film
	open    map[net.Conn]bool
}

// Start starts a camera. Close must be called.
func Start(ctx context.Context, o Options) (*Camera, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	c := &Camera{o: o, listener: l, open: map[net.Conn]bool{}, ended: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.wait.Go(c.accept)
	return c, nil
}

// URL returns the address of the stream.
func (c *Camera) URL() string { return "rtsp://" + c.listener.Addr().String() + "/film" }

// Began returns when the film began, or zero if nobody has watched yet.
func (c *Camera) Began() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began
}

// Viewers returns how many times the stream was played.
func (c *Camera) Viewers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.viewers
}

// Ended returns a channel that is closed when the end of the film was sent.
func (c *Camera) Ended() <-chan struct{} { return c.ended }

// end notes that the end of the film was sent.
func (c *Camera) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.ended:
	default:
		close(c.ended)
	}
}

// Close stops the camera.
func (c *Camera) Close() {
	c.cancel()
	_ = c.listener.Close()
	c.mu.Lock()
	for conn := range c.open {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.wait.Wait()
}

func (c *Camera) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.open[conn] = true
		c.mu.Unlock()
		if c.ctx.Err() != nil {
			_ = conn.Close()
		}
		c.wait.Go(func() {
			v := &viewer{camera: c, conn: conn}
			v.serve()
			_ = conn.Close()
			v.wait.Wait()
			c.mu.Lock()
			delete(c.open, conn)
			c.mu.Unlock()
		})
	}
}

// joined notes a viewer and returns when the film began.
func (c *Camera) joined() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.viewers++; c.began.IsZero() {
		c.began = time.Now().Add(-c.o.Skip)
	}
	return c.began
}

// viewer is one connection.
type viewer struct {
	camera   *Camera
	conn     net.Conn
	count    int
	channels []byte // of the media that were set up, by their index; 255 for none
	wait     sync.WaitGroup
	writing  sync.Mutex
}

const noChannel = 255

func (v *viewer) write(b []byte) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	_, err := v.conn.Write(b)
	return err
}

// serve answers requests until the connection ends.
func (v *viewer) serve() {
	r := bufio.NewReaderSize(v.conn, 1<<16)
	for range v.camera.o.Film.Media {
		v.channels = append(v.channels, noChannel)
	}
	for {
		req, err := readRequest(r)
		if err != nil {
			return
		}
		v.count++
		answer := v.usual(req)
		if v.camera.o.Answer != nil {
			answer = v.camera.o.Answer(req, v.count, answer)
		}
		agreed := bytes.HasPrefix(answer, []byte("RTSP/1.0 200"))
		if v.write(answer) != nil || agreed && req.Method == "TEARDOWN" {
			return
		}
		if agreed && req.Method == "PLAY" {
			began := v.camera.joined()
			v.wait.Go(func() { v.play(began) })
		}
	}
}

// usual is the answer of a camera that is not odd.
func (v *viewer) usual(req *Request) []byte {
	const session = "Session: 12345678;timeout=60\r\n"
	switch req.Method {
	case "OPTIONS":
		return req.answer("200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n", "")
	case "DESCRIBE":
		return req.answer("200 OK", "Content-Base: "+req.URL+"/\r\nContent-Type: application/sdp\r\n", v.camera.description())
	case "SETUP":
		medium, channel := -1, -1
		if i := strings.LastIndex(req.URL, "trackID="); i >= 0 {
			_, _ = fmt.Sscanf(req.URL[i:], "trackID=%d", &medium)
		}
		if i := strings.Index(req.Header("Transport"), "interleaved="); i >= 0 {
			_, _ = fmt.Sscanf(req.Header("Transport")[i:], "interleaved=%d", &channel)
		}
		switch {
		case channel < 0 || channel >= noChannel:
			return req.answer("461 Unsupported Transport", "", "")
		case medium < 0 || medium >= len(v.channels):
			return req.answer("404 Not Found", "", "")
		}
		v.channels[medium] = byte(channel)
		return req.answer("200 OK", session+fmt.Sprintf("Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\n", channel, channel+1), "")
	}
	return req.answer("200 OK", session, "")
}

// description returns the session description.
func (c *Camera) description() string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=film\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n")
	for i, m := range c.o.Film.Media {
		fmt.Fprintf(&b, "%sa=control:trackID=%d\r\n", m.Lines, i)
	}
	if c.o.Describe != nil {
		return c.o.Describe(b.String())
	}
	return b.String()
}
