package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/testcam/oddcam"
)

// handshakeRows are odd answers.
func handshakeRows() []matrixRow {
	answered := func(method string, bytes func(req *oddcam.Request) string) func(o *oddcam.Options) {
		return func(o *oddcam.Options) {
			o.Answer = func(req *oddcam.Request, _ int, usual []byte) []byte {
				if req.Method != method || bytes(req) == "" {
					return usual
				}
				return []byte(strings.ReplaceAll(bytes(req), "CSEQ", req.Header("CSeq")))
			}
		}
	}
	fixed := func(method, text string) func(o *oddcam.Options) {
		return answered(method, func(*oddcam.Request) string { return text })
	}
	return []matrixRow{
		{name: "OPTIONS: 404", film: plain(), odd: fixed("OPTIONS", "RTSP/1.0 404 Not Found\r\nCSeq: CSEQ\r\n\r\n")},
		{name: "OPTIONS: 501", film: plain(), odd: fixed("OPTIONS", "RTSP/1.0 501 Not Implemented\r\nCSeq: CSEQ\r\n\r\n")},
		{name: "OPTIONS: no answer", film: plain(), more: 4 * time.Second, odd: fixed("OPTIONS", "\r\n")},
		{name: "SETUP: no Transport", film: silent(), odd: fixed("SETUP", "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nSession: 1\r\n\r\n")},
		{name: "SETUP: no interleaved", film: silent(), odd: fixed("SETUP", "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast\r\n\r\n")},
		{name: "PLAY: RTP-Info makes no sense", film: plain(), odd: fixed("PLAY", "RTSP/1.0 200 OK\r\nCSeq: CSEQ\r\nSession: 12345678\r\nRTP-Info: url=;seq=x;rtptime=-1,,\r\nRange: npt=now-\r\n\r\n")},
		{name: "SETUP of sound is refused", film: plain(), odd: answered("SETUP", func(req *oddcam.Request) string {
			if strings.HasSuffix(req.URL, "trackID=1") {
				return "RTSP/1.0 461 Unsupported Transport\r\nCSeq: CSEQ\r\n\r\n"
			}
			return ""
		})},
		{name: "digest, a nonce per request", film: plain(), login: "admin:secret@", odd: digest(func(count int) string { return fmt.Sprintf("nonce-%d", count) })},
		{name: "digest with qop", film: plain(), login: "admin:secret@", odd: digest(func(int) string { return `n1", qop="auth` })},
	}
}

// digest makes a camera ask for a password, with a nonce by the number of the request. A nonce is good for the request that comes next.
func digest(nonce func(count int) string) func(o *oddcam.Options) {
	return func(o *oddcam.Options) {
		o.Answer = func(req *oddcam.Request, count int, usual []byte) []byte {
			if req.Method == "OPTIONS" {
				return usual
			}
			said := req.Header("Authorization")
			if field(said, "nonce") == strings.SplitN(nonce(count-1), `"`, 2)[0] && field(said, "response") == response(req, said) {
				return usual
			}
			return fmt.Appendf(nil, "RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: Digest realm=\"cam\", nonce=\"%s\"\r\n\r\n", req.Header("CSeq"), nonce(count))
		}
	}
}

// field returns a parameter of an Authorization header field.
func field(said, name string) string {
	for part := range strings.SplitSeq(strings.TrimPrefix(said, "Digest "), ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && key == name {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// response is the right answer to a challenge (RFC 7616 section 3.4.1, with MD5).
func response(req *oddcam.Request, said string) string {
	h := func(s string) string {
		sum := md5.Sum([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	middle := field(said, "nonce") + ":"
	if qop := field(said, "qop"); qop != "" {
		middle += field(said, "nc") + ":" + field(said, "cnonce") + ":" + qop + ":"
	}
	return h(h("admin:cam:secret") + ":" + middle + h(req.Method+":"+field(said, "uri")))
}

// deliveryRows are ways in which packets come late.
func deliveryRows() []matrixRow {
	when := func(f func(at time.Duration) time.Duration) func(o *oddcam.Options) {
		return func(o *oddcam.Options) { o.When = f }
	}
	stall := func(from, length time.Duration) func(o *oddcam.Options) {
		return when(func(at time.Duration) time.Duration {
			if at > from && at < from+length {
				return from + length
			}
			return at
		})
	}
	backlog := func(of time.Duration) func(o *oddcam.Options) {
		return func(o *oddcam.Options) { // what was encoded before the viewer came is sent at once
			o.When = func(at time.Duration) time.Duration { return max(0, at-of) }
		}
	}
	return []matrixRow{
		{name: "no sender reports", film: plain(), odd: func(o *oddcam.Options) { o.Reports = 0 }},
		{name: "sender reports of 1970", film: plain(), odd: func(o *oddcam.Options) {
			o.Clock = func(t time.Time) time.Time { return t.AddDate(-56, 0, 0) }
		}},
		{name: "stall of 2 s", film: reordered(), odd: stall(4*time.Second, 2*time.Second)},
		{name: "stall of 7 s", film: encoding{video: x264("-bf 0"), audio: words("-c:a aac -ar 16000 -ac 1"), seconds: 20}, odd: stall(4*time.Second, 7*time.Second)},
		{name: "backlog of 3 s", film: plain(), odd: backlog(3 * time.Second)},
		{name: "backlog of 5 s, no sender reports", film: plain(), odd: func(o *oddcam.Options) {
			backlog(5 * time.Second)(o)
			o.Reports = 0
		}},
		{name: "bursts of half a second", film: reordered(), odd: when(func(at time.Duration) time.Duration { return at.Truncate(500*time.Millisecond) + 500*time.Millisecond })},
		{name: "congested: twice as slow for 3 s", film: plain(), more: 2 * time.Second, odd: when(func(at time.Duration) time.Duration {
			switch {
			case at < 4*time.Second:
				return at
			case at < 7*time.Second:
				return 4*time.Second + 2*(at-4*time.Second)
			}
			return max(at, 10*time.Second)
		})},
		{name: "stamps 19 % too fast", film: silent(), odd: func(o *oddcam.Options) { o.Pace, o.Reports = 1.19, 0 }},
	}
}

// packetRows are odd packets.
func packetRows() []matrixRow {
	each := func(f func(p oddcam.Outgoing) [][]byte) func(o *oddcam.Options) {
		return func(o *oddcam.Options) { o.Send = f }
	}
	one := func(change func(p *oddcam.Outgoing)) func(o *oddcam.Options) {
		return each(func(p oddcam.Outgoing) [][]byte { change(&p); return [][]byte{p.Marshal()} })
	}
	slices := encoding{video: x264("-bf 0 -x264-params slices=4"), audio: words("-c:a aac -ar 16000 -ac 1")}
	return []matrixRow{
		{name: "marker on every slice", film: slices, odd: one(func(p *oddcam.Outgoing) {
			if p.Pictures && (len(p.Payload) < 2 || p.Payload[0]&0x1f != 28 || p.Payload[1]&0x40 != 0) {
				p.Marker = true
			}
		})},
		{name: "no markers", film: reordered(), odd: one(func(p *oddcam.Outgoing) { p.Marker = p.Marker && !p.Pictures })},
		{name: "time wraps", film: plain(), odd: func(o *oddcam.Options) {
			o.Reports = 0
			one(func(p *oddcam.Outgoing) { p.Time += 0xffff_ffff - 1_000_000 - 5*90000 })(o)
		}},
		{name: "time jumps an hour", film: plain(), odd: func(o *oddcam.Options) {
			o.Reports = 0
			one(func(p *oddcam.Outgoing) {
				if p.At > 6*time.Second {
					p.Time += 3600 * 90000
				}
			})(o)
		}},
		{name: "packets of another session", film: plain(), odd: each(func(p oddcam.Outgoing) [][]byte {
			stale := p
			stale.Source, stale.Sequence, stale.Time = 0xdead, p.Sequence+31000, p.Time+99999
			return [][]byte{p.Marshal(), stale.Marshal()}
		})},
		{name: "junk between packets", film: plain(), odd: each(func(p oddcam.Outgoing) [][]byte {
			if p.Number%50 == 49 {
				return [][]byte{p.Marshal(), {0, 1, 2, 3, 4, 5, 6}}
			}
			return [][]byte{p.Marshal()}
		})},
		{name: "packets of unknown channels", film: plain(), odd: each(func(p oddcam.Outgoing) [][]byte {
			stray := p
			stray.Channel += 40
			return [][]byte{stray.Marshal(), p.Marshal()}
		})},
		{name: "padding and extension", film: plain(), odd: each(func(p oddcam.Outgoing) [][]byte {
			b := p.Marshal()
			b[4] |= 0x30 // RFC 3550 sections 5.1 and 5.3.1
			b = append(append(append([]byte{}, b[:16]...), 0xab, 0xac, 0, 1, 1, 2, 3, 4), b[16:]...)
			b = append(b, 0, 0, 0, 4)
			b[2], b[3] = byte((len(b)-4)>>8), byte(len(b)-4)
			return [][]byte{b}
		})},
	}
}
