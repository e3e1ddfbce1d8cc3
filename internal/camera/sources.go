package camera

import (
	"encoding/binary"
	"slices"
	"time"
)

// rtpVersion is the version in the first bits of RTP and RTCP packets (RFC 3550 section 5.1).
const rtpVersion = 2

// sourcePatience is how long a source must be silent before another one takes its place.
const sourcePatience = 2 * time.Second

// source keeps a medium to one source of RTP (SSRC, RFC 3550 section 8). Some servers go on sending a session that has ended: over
// a later connection that got the same number, or to the same UDP port. Mixed, two sources make no picture, and may show what
// belongs to somebody else.
type source struct {
	channel byte     // on which the library expects its RTP packets; the next one is for RTCP
	kinds   []byte   // its payload types; nil if unknown
	sealed  bool     // encrypted (SRTP), so that no byte may change
	named   []uint32 // by the answer to SETUP, read as hexadecimal and as decimal
	stale   []uint32 // sent before PLAY, thus for another session
	current uint32
	begun   bool
	heard   time.Time // when the current source last sent
	last    uint16    // newest sequence number that was passed on
	shift   uint16    // added to sequence numbers
}

// maxStale bounds the number of sources that are remembered as foreign.
const maxStale = 16

// foreign notes the source of a packet that came before PLAY.
func (s *source) foreign(packet []byte) {
	if id, _, ok := sourceOf(packet); ok && !slices.Contains(s.named, id) && !slices.Contains(s.stale, id) && len(s.stale) < maxStale {
		s.stale = append(s.stale, id)
	}
}

// admit reports whether an RTP packet, of which at least the header is given, is of the medium's source. A new source continues
// the sequence numbers of the previous one with one missing: otherwise the change would count as tens of thousands of lost packets.
func (s *source) admit(packet []byte, now time.Time) bool {
	id, number, ok := sourceOf(packet)
	if !ok {
		return false
	}
	switch {
	case id == s.current && s.begun:
	case slices.Contains(s.stale, id):
		return false
	case !s.begun, now.Sub(s.heard) > sourcePatience, slices.Contains(s.named, id) && !slices.Contains(s.named, s.current):
		if s.begun && !s.sealed {
			s.shift = s.last + 2 - number
		}
		s.begun, s.current = true, id
	default:
		return false
	}
	s.heard, s.last = now, number+s.shift
	if s.shift != 0 {
		binary.BigEndian.PutUint16(packet[2:], s.last)
	}
	return true
}

// lane is what comes on a channel: a medium's RTP, or its RTCP.
type lane struct {
	of      *source // the first, if several media share the channel; nil for none
	reports bool    // RTCP
	shared  bool
}

// use has the RTP of s come on a channel, and its RTCP on the next one.
func (w *wire) use(channel byte, s *source) {
	for i, n := range []byte{channel, channel + 1} {
		if l, taken := w.lanes[n]; taken {
			l.shared = true
			w.lanes[n] = l
		} else {
			w.lanes[n] = lane{of: s, reports: i == 1}
		}
	}
}

// mediumOf returns the medium of a packet that comes on a lane, or nil. Some cameras send all media on one channel, or one on
// the channel of another: the payload type tells, and the source of a report.
func (w *wire) mediumOf(l lane, packet []byte) *source {
	d := l.of
	if d == nil || len(packet) < rtcpHead || packet[0]>>6 != rtpVersion {
		return d
	}
	if l.reports {
		id := binary.BigEndian.Uint32(packet[4:])
		if i := slices.IndexFunc(w.media, func(m *source) bool { return m.begun && m.current == id }); i >= 0 {
			return w.media[i]
		}
		if l.shared {
			return nil
		}
		return d
	}
	has := func(m *source) bool { return slices.Contains(m.kinds, packet[1]&0x7f) }
	if d.kinds == nil || has(d) {
		return d
	}
	if i := slices.IndexFunc(w.media, has); i >= 0 {
		return w.media[i]
	}
	return nil
}

// sourceOf returns source and sequence number of an RTP packet.
func sourceOf(packet []byte) (id uint32, number uint16, ok bool) {
	if len(packet) < rtpHead || packet[0]>>6 != rtpVersion {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:]), true
}
