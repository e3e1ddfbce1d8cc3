package testcam

import (
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// Packets is sound in any codec, also in one that nobody can play: RTP packets that are sent over and over. A camera with it has the
// AudioKind Packed.
type Packets struct {
	Type     uint8  // payload type
	RTPMap   string // such as "G726-32/8000"; empty for a static payload type
	FMTP     map[string]string
	Clock    int      // ticks a second of its timestamps
	Ticks    int      // of each packet
	Payloads [][]byte // without headers
}

// format describes the packets in SDP.
func (p *Packets) format() format.Format {
	return &format.Generic{PayloadTyp: p.Type, RTPMa: p.RTPMap, FMT: p.FMTP, ClockRat: p.Clock}
}

// sound returns what sends the packets.
func (p *Packets) sound() *sound {
	return &sound{kind: Packed, rate: p.Clock, samples: p.Ticks, loop: p.Payloads}
}

// packed packetizes what is a packet already.
func packed(payloadType uint8) func(data [][]byte) ([]*rtp.Packet, error) {
	number := uint16(0)
	return func(data [][]byte) ([]*rtp.Packet, error) {
		number++
		return []*rtp.Packet{{Header: rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: number, SSRC: 0x5093d001}, Payload: data[0]}}, nil
	}
}

// Length returns how long all packets last.
func (p *Packets) Length() time.Duration {
	return time.Duration(len(p.Payloads)*p.Ticks) * time.Second / time.Duration(p.Clock)
}
