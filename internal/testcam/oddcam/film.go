package oddcam

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Film is what a camera sends: media in RTP packets, made by ffmpeg from a file.
type Film struct {
	Media  []Medium
	Length time.Duration
}

// Medium is the pictures or the sound of a film.
type Medium struct {
	Lines   string // its part of the session description (RFC 8866 section 5.14): lines that end with CR LF, without a=control
	Clock   int    // ticks a second of the packets' stamps
	Packets []Packet
}

// Packet is an RTP packet (RFC 3550 section 5.1) without what depends on the session.
type Packet struct {
	At      time.Duration // when a camera sends it: pictures in decoding order, as soon as they are encoded
	Stamp   uint32        // ticks since the start of the film
	Marker  bool
	Payload []byte
}

// Pictures reports whether the medium is video.
func (m *Medium) Pictures() bool { return strings.HasPrefix(m.Lines, "m=video") }

// NewFilm takes a film from a program that publishes it, such as ffmpeg (RFC 2326 sections 10.3 and 10.11): its RTP packets as they are.
// The program is told an address, publishes there over TCP, and ends. starts says when each medium begins, in seconds.
func NewFilm(ctx context.Context, starts []float64, publish func(ctx context.Context, url string) error) (*Film, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	published := make(chan error, 1)
	go func() {
		published <- publish(ctx, "rtsp://"+l.Addr().String()+"/film")
		_ = l.Close() // nobody else comes
	}()
	f, err := takeFilm(ctx, l)
	if err := errors.Join(err, <-published); err != nil {
		return nil, fmt.Errorf("take a film: %w", err)
	}
	if err := f.align(starts); err != nil {
		return nil, err
	}
	f.schedule()
	return f, nil
}

// takeFilm takes what is published to the listener.
func takeFilm(ctx context.Context, l net.Listener) (*Film, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	r, f := bufio.NewReaderSize(c, 1<<17), &Film{}
	for {
		first, err := r.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return nil, err
		case first[0] == '$':
			if err := f.takePacket(r); err != nil {
				return nil, err
			}
			continue
		}
		req, err := readRequest(r)
		if err != nil {
			return nil, err
		}
		if req.Method == "ANNOUNCE" {
			f.announced(string(req.Body))
		}
		if _, err := c.Write(req.answer("200 OK", "Session: 1\r\n"+transportLine(req), "")); err != nil {
			return nil, err
		}
		if req.Method == "TEARDOWN" {
			return f, nil
		}
	}
}

// transportLine returns the Transport header field of an answer, as asked for.
func transportLine(req *Request) string {
	if t := req.Header("Transport"); t != "" {
		return "Transport: " + t + "\r\n"
	}
	return ""
}

// announced takes the media from a session description.
func (f *Film) announced(sdp string) {
	for i, part := range strings.Split("\r\n"+strings.TrimSpace(sdp)+"\r\n", "\r\nm=") {
		if i == 0 {
			continue
		}
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSpace("m="+part), "\r\n") {
			if !strings.HasPrefix(line, "a=control") {
				lines = append(lines, line)
			}
		}
		m := Medium{Lines: strings.Join(lines, "\r\n") + "\r\n", Clock: 8000}
		if found := clockOf.FindStringSubmatch(m.Lines); found != nil {
			m.Clock, _ = strconv.Atoi(found[1])
		} else if m.Pictures() {
			m.Clock = 90000
		}
		f.Media = append(f.Media, m)
	}
}

// clockOf matches the clock rate of an rtpmap (RFC 8866 section 6.6).
var clockOf = regexp.MustCompile(`a=rtpmap:\d+ [^/]+/(\d+)`)

// takePacket takes one interleaved packet (RFC 2326 section 10.12).
func (f *Film) takePacket(r *bufio.Reader) error {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return err
	}
	p := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if _, err := io.ReadFull(r, p); err != nil {
		return err
	}
	if i := int(head[1]) / 2; head[1]%2 == 0 && len(p) > rtpHead && i < len(f.Media) {
		m := &f.Media[i]
		m.Packets = append(m.Packets, Packet{Stamp: binary.BigEndian.Uint32(p[4:]), Marker: p[1]&0x80 != 0, Payload: p[rtpHead:]})
	}
	return nil
}

// align counts the stamps of each medium from the start of the film. ffmpeg begins each with a random one.
func (f *Film) align(starts []float64) error {
	if len(f.Media) == 0 || len(f.Media) != len(starts) {
		return fmt.Errorf("the film has %d media of %d", len(f.Media), len(starts))
	}
	for i := range f.Media {
		m := &f.Media[i]
		if len(m.Packets) == 0 {
			return fmt.Errorf("no packets of %s", m.Lines)
		}
		first, least := m.Packets[0].Stamp, int32(0)
		for _, p := range m.Packets {
			least = min(least, int32(p.Stamp-first))
		}
		zero := first + uint32(least) - uint32(starts[i]*float64(m.Clock)+0.5)
		for j := range m.Packets {
			m.Packets[j].Stamp -= zero
		}
	}
	return nil
}

// aacFrame is the length of a frame of AAC, in ticks (ISO/IEC 14496-3 section 4.5.1.1).
const aacFrame = 1024

// schedule decides when each packet is sent, as servers that play a file do: pictures at an even pace in decoding order, none later than
// it is shown.
func (f *Film) schedule() {
	for i := range f.Media {
		m := &f.Media[i]
		var shown []uint32
		for _, p := range m.Packets {
			shown = append(shown, p.Stamp)
		}
		slices.Sort(shown)
		shown = slices.Compact(shown)
		early, n := uint32(0), -1 // by how much pictures are decoded before the time in which as many were shown
		order := make([]uint32, len(m.Packets))
		for j, p := range m.Packets {
			if j == 0 || p.Stamp != m.Packets[j-1].Stamp {
				n++
			}
			order[j] = shown[min(n, len(shown)-1)]
			early = max(early, order[j]-min(order[j], p.Stamp))
		}
		for j := range m.Packets {
			at := order[j] - min(order[j], early)
			if j+1 < len(order) && strings.Contains(m.Lines, "AAC-hbr") { // several frames in a packet, which is sent when it has the last one
				at = max(at, order[j+1]-min(order[j+1], aacFrame))
			}
			m.Packets[j].At = time.Duration(at) * time.Second / time.Duration(m.Clock)
		}
		f.Length = max(f.Length, m.Packets[len(m.Packets)-1].At)
	}
}
