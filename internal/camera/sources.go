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
	channel byte     // of its RTP packets; the next one is for RTCP
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

// sourceOf returns source and sequence number of an RTP packet.
func sourceOf(packet []byte) (id uint32, number uint16, ok bool) {
	if len(packet) < rtpHead || packet[0]>>6 != rtpVersion {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(packet[2:]), true
}
