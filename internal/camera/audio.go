package camera

import (
	"math"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// audio turns the RTP packets of one medium into units.
type audio struct {
	session *Session
	medium  *description.Media
	format  format.Format
	track   *media.AudioTrack
	unpack  unpacker
	clock   int64      // ticks a second of its packets, which some cameras count otherwise than samples
	mu      sync.Mutex // of ticker
	ticker  ticker
	stamps  stamps
	last    int64 // time of the newest frame
	count   soundCount
}

// soundCount finds cameras whose packets count samples although their rtpmap says another clock.
type soundCount struct {
	begun   bool
	number  uint16 // of the newest packet
	stamp   uint32
	samples int // in it
	alike   int // packets in a row that counted samples
}

// countsSamples is how many packets in a row must do so before it is believed.
const countsSamples = 10

// take takes the next packet, and reports whether the camera counts samples.
func (c *soundCount) take(pkt *rtp.Packet, samples int) bool {
	if c.begun && pkt.SequenceNumber == c.number+1 {
		if pkt.Timestamp-c.stamp == uint32(c.samples) {
			c.alike++
		} else {
			c.alike = 0
		}
	}
	c.begun, c.number, c.stamp, c.samples = true, pkt.SequenceNumber, pkt.Timestamp, samples
	return c.alike >= countsSamples
}

// soundFrame is one frame of a codec as it is recorded.
type soundFrame struct {
	data    []byte
	samples int // a channel
}

// unpacker returns the frames that a packet completes.
type unpacker func(*rtp.Packet) ([]soundFrame, error)

// newAudio returns the depacketizer for the format. It returns nil for an unsupported or invalid format, since audio must
// never cost video.
func newAudio(s *Session, m *description.Media, f format.Format) *audio {
	track, unpack := soundOf(f)
	if track == nil || f.ClockRate() < 1000 {
		return nil
	}
	clock := clockOf(s, m, f)
	return &audio{session: s, medium: m, format: f, track: track, unpack: unpack, clock: clock, ticker: ticker{rate: clock},
		stamps: stamps{rate: int64(track.SampleRate)}, last: math.MinInt64}
}

// clockOf returns the clock of a format's packets. Where a camera's rtpmap and the configuration of its codec name different rates, the
// packets count as the rtpmap says (RFC 8866 section 6.6).
func clockOf(s *Session, m *description.Media, f format.Format) int64 {
	switch f.(type) {
	case *format.MPEG4Audio, *format.MPEG4AudioLATM, *format.G722:
		if s.dialer != nil && m != nil {
			if said := s.dialer.clockOf(m.Control, f.PayloadType()); said >= 1000 && said <= 192000 {
				return int64(said)
			}
		}
	}
	return int64(f.ClockRate())
}

// packet is called by the library for each packet.
func (a *audio) packet(pkt *rtp.Packet) {
	a.mu.Lock()
	pts := a.ticker.unwrap(pkt.SSRC, pkt.Timestamp)
	t := packetTime{stamp: pkt.Timestamp, pts: pts, said: a.ticker.said(pts), at: time.Now()}
	a.mu.Unlock()
	t.pause = a.session.paused(t.at)
	a.take(pkt, t)
}

// report is called by the library for each RTCP packet.
func (a *audio) report(p rtcp.Packet) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ticker.report(p)
}

// take sends the frames that the packet completes, except empty ones.
func (a *audio) take(pkt *rtp.Packet, t packetTime) {
	frames, err := a.unpack(pkt)
	if err != nil || len(frames) == 0 {
		return
	}
	rate := int64(a.track.SampleRate)
	if a.clock != rate {
		samples := 0
		for _, f := range frames {
			samples += f.samples
		}
		if a.count.take(pkt, samples) {
			a.mu.Lock()
			a.clock, a.ticker.rate, a.ticker.reported = rate, rate, false
			a.mu.Unlock()
		}
	}
	at := a.stamps.correct(t.pts/a.clock*rate+t.pts%a.clock*rate/a.clock, t.at, a.last)
	begin := at
	for _, f := range frames {
		if len(f.data) > 0 {
			a.last = at
			u := &media.Unit{Kind: media.Audio, PTS: at, DTS: at, Arrived: t.at, Pause: t.pause, Random: true, Data: [][]byte{f.data}, Samples: f.samples}
			if !t.said.IsZero() {
				u.Clock = t.said
			}
			a.session.send(Item{Unit: u})
		}
		if !t.said.IsZero() {
			t.said = t.said.Add(time.Duration(f.samples) * time.Second / time.Duration(rate))
		}
		at += int64(f.samples)
	}
	if at > begin {
		a.stamps.step = at - begin // packets may have different numbers of frames
	}
}
