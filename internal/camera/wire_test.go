package camera_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// player sends pictures of a real encoder over an RTSP connection, one packet for each NAL unit.
type player struct {
	nalus  [][]byte // of one key frame, with its parameter sets
	number uint16
}

func newPlayer(t *testing.T) *player {
	t.Helper()
	src := mediatest.Clip(t, "0.1", "libx264", false, "-g", "1", "-bf", "0", "-x264-params", "slice-max-size=1000")
	return &player{nalus: append([][]byte{src.Video.SPS, src.Video.PPS}, src.Units[0].Data...)}
}

// rtpPacket is a packet of RTP (RFC 3550 section 5.1).
type rtpPacket struct {
	source, stamp uint32
	number        uint16
	last          bool // of its picture
	payload       []byte
}

// on returns the packet as it goes over a channel (RFC 2326 section 10.12).
func (p rtpPacket) on(channel byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{'$', channel}, uint16(12+len(p.payload)))
	kind := byte(96)
	if p.last {
		kind |= 0x80
	}
	b = binary.BigEndian.AppendUint16(append(b, 0x80, kind), p.number)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, p.stamp), p.source)
	return append(b, p.payload...)
}

// picture returns the packets of picture n.
func (p *player) picture(channel byte, source uint32, n int) []byte {
	var b []byte
	for i, nalu := range p.nalus {
		b = append(b, rtpPacket{source, uint32(n * 3600), p.number, i == len(p.nalus)-1, nalu}.on(channel)...)
		p.number++
	}
	return b
}

// play sends pictures until the connection ends. Between sends what comes after each.
func (p *player) play(c net.Conn, channel byte, source uint32, between func(n int) []byte) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		if _, err := c.Write(append(p.picture(channel, source, n), between(n)...)); err != nil {
			return
		}
		<-tick.C
	}
}

func nothing(int) []byte { return nil }

// oddServer is a camera that answers one kind of request in its own way and then plays.
type oddServer struct {
	channel byte
	source  uint32
	between func(n int) []byte                // what it sends after each picture
	answers map[string]func(net.Conn, string) // by method
	play    func(c net.Conn, head string)     // what it does instead of answering PLAY
}

func (o oddServer) serve(p *player) func(*hostile, net.Conn, string, string) {
	if o.between == nil {
		o.between = nothing
	}
	return func(h *hostile, c net.Conn, method, head string) {
		switch {
		case o.answers[method] != nil:
			o.answers[method](c, head)
		case method == "PLAY":
			if o.play != nil {
				o.play(c, head)
			} else {
				say(c, head, "200 OK", "Session: 1\r\n", "")
			}
			h.wait.Go(func() { p.play(c, o.channel, o.source, o.between) })
		default:
			proper(h, c, method, head)
		}
	}
}

// answering returns the answers of one method.
func answering(method, status, lines, body string) map[string]func(net.Conn, string) {
	return map[string]func(net.Conn, string){method: func(c net.Conn, head string) { say(c, head, status, lines, body) }}
}

func oddServers() map[string]oddServer {
	raw := func(method, text string) map[string]func(net.Conn, string) {
		return map[string]func(net.Conn, string){method: func(c net.Conn, head string) {
			fmt.Fprint(c, strings.ReplaceAll(text, "CSEQ", field(head, "CSeq")))
		}}
	}
	const session = "Session: 1\r\n"
	return map[string]oddServer{
		"SETUP without Transport":   {answers: answering("SETUP", "200 OK", session, "")},
		"SETUP without interleaved": {answers: answering("SETUP", "200 OK", session+"Transport: RTP/AVP/TCP;unicast\r\n", "")},
		"one channel only":          {answers: answering("SETUP", "200 OK", session+"Transport: RTP/AVP/TCP;unicast;interleaved=0\r\n", "")},
		"channels of its choice":    {channel: 4, answers: answering("SETUP", "200 OK", session+"Transport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n", "")},
		"odd source":                {answers: answering("SETUP", "200 OK", session+"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=121.254;mode=\"X\"\r\n", "")},
		"session with a tail":       {answers: answering("SETUP", "200 OK", "Session: a+b ; timeout=60 \r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "")},
		"session without timeout":   {answers: answering("SETUP", "200 OK", "Session: 1;timeout=x\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "")},
		"description without type":  {answers: answering("DESCRIBE", "200 OK", "", sdp("track1"))},
		"description of text":       {answers: answering("DESCRIBE", "200 OK", "Content-Type: text/plain\r\n", sdp("track1"))},
		"base that is no address":   {answers: answering("DESCRIBE", "200 OK", "Content-Base: [:x\r\nContent-Type: application/sdp\r\n", sdp("track1"))},
		"OPTIONS not found":         {answers: answering("OPTIONS", "404 Not Found", "", "")},
		"OPTIONS not implemented":   {answers: answering("OPTIONS", "501 Not Implemented", "", "")},
		"OPTIONS without answer":    {answers: map[string]func(net.Conn, string){"OPTIONS": func(net.Conn, string) {}}},
		"no number":                 {answers: raw("DESCRIBE", "RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: "+fmt.Sprint(len(sdp("x")))+"\r\n\r\n"+sdp("x"))},
		"number 0":                  {answers: raw("SETUP", "RTSP/1.0 200 OK\r\nCSeq: 0\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"no words after the status": {answers: raw("SETUP", "RTSP/1.0 200\r\nCSeq: CSEQ\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"empty header fields":       {answers: raw("SETUP", "RTSP/1.0 200 OK\r\nCache-Control:\r\nX: \r\nnonsense\r\nCSeq: CSEQ\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"line feeds alone":          {answers: raw("SETUP", "RTSP/1.0 200 OK\nCSeq: CSEQ\nSession: 1\nTransport: RTP/AVP/TCP;interleaved=0-1\n\n")},
		"pictures before PLAY": {answers: map[string]func(net.Conn, string){"SETUP": func(c net.Conn, head string) {
			c.Write(rtpPacket{9, 1, 1, true, []byte{0x65, 1, 2, 3}}.on(0))
			say(c, head, "200 OK", session+"Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "")
		}}},
		"the same number for ever": {answers: map[string]func(net.Conn, string){"DESCRIBE": func(c net.Conn, _ string) {
			say(c, "CSeq: 1\r\n\r\n", "200 OK", "Content-Type: application/sdp\r\n", sdp("track1"))
		}, "SETUP": func(c net.Conn, _ string) {
			say(c, "CSeq: 1\r\n\r\n", "200 OK", session+"Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "")
		}, "PLAY": nil}, play: func(c net.Conn, _ string) { say(c, "CSeq: 1\r\n\r\n", "200 OK", session, "") }},
		"description without a length":     {answers: raw("DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nContent-Type: application/sdp\r\n\r\n"+sdp("track1"))},
		"description without a last break": {answers: raw("DESCRIBE", "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nContent-Type: application/sdp\r\n\r\n"+strings.TrimSpace(sdp("track1")))},
		"answers twice": {answers: map[string]func(net.Conn, string){"OPTIONS": func(c net.Conn, head string) {
			say(c, head, "200 OK", "", "")
			say(c, head, "200 OK", "", "")
		}}},
		"says that it will answer": {answers: map[string]func(net.Conn, string){"SETUP": func(c net.Conn, head string) {
			say(c, head, "100 Continue", "", "")
			say(c, head, "200 OK", session+"Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "")
		}}},
		"little storage":      {answers: answering("SETUP", "250 Low on Storage Space", session+"Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "")},
		"names in lower case": {answers: raw("SETUP", "RTSP/1.0 200 OK\r\ncseq: CSEQ\r\nsession: 1\r\ntransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"empty lines before":  {answers: raw("SETUP", "\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"no methods":          {answers: answering("OPTIONS", "200 OK", "", "")},
		"another version":     {answers: raw("SETUP", "RTSP/2.0 200 OK\r\nCSeq: CSEQ\r\nSession: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")},
		"no session":          {answers: answering("SETUP", "200 OK", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n", "")},
		"RTP-Info of nothing": {play: func(c net.Conn, head string) { say(c, head, "200 OK", session+"RTP-Info: url=,seq=,rtptime=;\r\n", "") }},
		"channels of others":  {between: func(n int) []byte { return rtpPacket{3, 7, uint16(n), true, make([]byte, 100)}.on(9) }},
		"asks whether anybody is there": {between: func(n int) []byte {
			if n == 3 {
				return []byte("GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 7\r\n\r\n")
			}
			return nil
		}},
	}
}

func TestAnOddHandshakeCostsNoVideo(t *testing.T) {
	for name, odd := range oddServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, odd.serve(newPlayer(t)))
			t.Cleanup(h.close)
			s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
			for i, it := range video(t, s, 10) {
				if !it.Unit.Random || it.Unit.Damaged {
					t.Errorf("picture %d: random %v, damaged %v", i, it.Unit.Random, it.Unit.Damaged)
				}
			}
			if n := s.Lost(); n > 0 {
				t.Errorf("%d packets were lost", n)
			}
			s.Close()
		})
	}
}

func TestBytesThatBelongToNothingCostNoConnection(t *testing.T) {
	p := newPlayer(t)
	junk := append([]byte("\x00\x17garbage $in the $\x00middle\r\n of it$"), bytes.Repeat([]byte{0xd2, '$'}, 30)...)
	h := newHostile(t, oddServer{between: func(n int) []byte {
		if n%5 == 4 {
			return junk
		}
		return nil
	}}.serve(p))
	t.Cleanup(h.close)
	s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
	video(t, s, 40)
	if n := h.count("PLAY"); n != 1 || s.Lost() > 0 {
		t.Errorf("%d connections, %d packets lost", n, s.Lost())
	}
	s.Close()
}

// together is a connection that keeps what is written to it, to be sent in one go.
type together struct {
	net.Conn
	bytes []byte
}

func (t *together) Write(p []byte) (int, error) {
	t.bytes = append(t.bytes, p...)
	return len(p), nil
}

func TestAnotherSourceOnTheSameChannelIsLeftOut(t *testing.T) {
	for name, odd := range map[string]oddServer{
		"after ours": {source: 5},
		"before ours, which is named": {source: 0xab, answers: answering("SETUP", "200 OK",
			"Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=000000AB\r\n", "")},
		"before PLAY already": {source: 5, answers: map[string]func(net.Conn, string){"PLAY": nil, "SETUP": func(c net.Conn, head string) {
			both := &together{Conn: c}
			say(both, head, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "")
			both.Write(rtpPacket{0x9999, 1, 1, true, []byte{0x65, 1, 2, 3}}.on(0))
			c.Write(both.bytes)
		}}, play: func(c net.Conn, head string) {
			c.Write(rtpPacket{0x9999, 1, 2, true, []byte{0x65, 1, 2, 3}}.on(0))
			say(c, head, "200 OK", "Session: 1\r\n", "")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			foreign := uint16(50000)
			odd.between = func(n int) []byte {
				foreign += 7
				return rtpPacket{0x9999, uint32(n) * 777, foreign, true, []byte{0x65, 1, 2, 3, 4}}.on(0)
			}
			if odd.source == 0xab {
				odd.play = func(c net.Conn, head string) {
					say(c, head, "200 OK", "Session: 1\r\n", "")
					c.Write(odd.between(0))
				}
			}
			h := newHostile(t, odd.serve(newPlayer(t)))
			t.Cleanup(h.close)
			s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
			items := video(t, s, 20)
			for i, it := range items[1:] {
				if it.Unit.DTS-items[i].Unit.DTS != 3600 && i > 0 {
					t.Errorf("picture %d is %d ticks after the one before", i+1, it.Unit.DTS-items[i].Unit.DTS)
				}
			}
			if n := s.Lost(); n > 1 {
				t.Errorf("%d packets were lost", n)
			}
			s.Close()
		})
	}
}

func TestASourceThatTakesOverIsOneLossOnly(t *testing.T) {
	p := newPlayer(t)
	h := newHostile(t, oddServer{play: func(c net.Conn, head string) {
		say(c, head, "200 OK", "Session: 1\r\n", "")
		for n := range 5 {
			c.Write(p.picture(0, 77, n))
		}
		p.number = 40000
	}}.serve(p))
	t.Cleanup(h.close)
	s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
	video(t, s, 5)
	video(t, s, 5) // of the next source, once the first has been silent for a while
	if n := s.Lost(); n != 1 {
		t.Errorf("%d packets were lost", n)
	}
	s.Close()
}

func TestMediaOnTheWrongChannelAreToldByTheirPayloadTypes(t *testing.T) {
	const one, other = "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n"
	for _, c := range []struct {
		name           string
		setups         [2]string
		pictures, tone byte // their channels
	}{
		{"as they were set up", [2]string{one, other}, 0, 2},
		{"all on one", [2]string{one, one}, 0, 0},
		{"exchanged", [2]string{one, other}, 2, 0},
		{"pictures on that of sound", [2]string{one, other}, 2, 2},
		{"the same numbers, other channels", [2]string{one, one}, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, number := newPlayer(t), uint16(100)
			au := []byte{0, 16, 0, 8 << 3, 0x01, 0x40, 0x20, 0x07, 0, 0, 0, 0} // AAC-hbr: one unit of 8 bytes
			odd := oddServer{channel: c.pictures, source: 5, between: func(n int) []byte {
				number++
				sound := rtpPacket{source: 9, stamp: uint32(n * 1024), number: number, last: true, payload: au}.on(c.tone)
				sound[5] = sound[5]&0x80 | 97
				return sound
			}}
			h := newHostile(t, func(h *hostile, conn net.Conn, method, head string) {
				switch {
				case method == "DESCRIBE":
					say(conn, head, "200 OK", "Content-Type: application/sdp\r\n", sdp("track1")+sdpSound)
				case method == "SETUP" && strings.Contains(head, "track1"):
					say(conn, head, "200 OK", c.setups[0], "")
				case method == "SETUP":
					say(conn, head, "200 OK", c.setups[1], "")
				case method == "PLAY":
					say(conn, head, "200 OK", "Session: 1\r\n", "")
					conn.Write(odd.between(0)) // sound comes first
					h.wait.Go(func() { p.play(conn, odd.channel, odd.source, odd.between) })
				default:
					proper(h, conn, method, head)
				}
			})
			t.Cleanup(h.close)
			s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			pictures, sounds := 0, 0
			for pictures < 10 || sounds < 10 {
				it, err := s.Next(ctx)
				if err != nil {
					t.Fatalf("after %d pictures and %d sounds: %v", pictures, sounds, err)
				}
				if it.Unit.Kind == media.Video {
					pictures++
				} else {
					sounds++
				}
			}
			if s.Lost() > 0 || s.SoundRefused() != "" {
				t.Errorf("%d packets lost, sound refused: %q", s.Lost(), s.SoundRefused())
			}
			s.Close()
		})
	}
}

func TestACameraThatWantsNoRangeIsAskedWithout(t *testing.T) {
	for _, status := range []string{"457 Invalid Range", "400 Bad Request", "456 No"} {
		odd := oddServer{}.serve(newPlayer(t))
		h := newHostile(t, func(h *hostile, c net.Conn, method, head string) {
			if method == "PLAY" && field(head, "Range") != "" {
				say(c, head, status, "Session: 1\r\n", "")
				return
			}
			odd(h, c, method, head)
		})
		t.Cleanup(h.close)
		s := open(t, options(t, "rtsp://"+h.listener.Addr().String()+"/x"))
		video(t, s, 3)
		s.Close()
	}
}
