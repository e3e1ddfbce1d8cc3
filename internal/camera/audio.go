package camera

import (
	"math"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// audio turns the RTP packets of an AAC medium (RFC 3640) into units.
type audio struct {
	session *Session
	medium  *description.Media
	format  format.Format
	decoder *rtpmpeg4audio.Decoder
	track   *media.AudioTrack
	mu      sync.Mutex // of ticker
	ticker  ticker
	stamps  stamps
	last    int64 // time of the newest frame
}

// aacFrame is the number of samples in an AAC frame (ISO/IEC 14496-3 4.5.1.1).
const aacFrame = 1024

// newAudio returns the depacketizer for the format. It returns nil for an unsupported or invalid format, since audio must
// never cost video.
func newAudio(s *Session, m *description.Media, f format.Format) *audio {
	aac, ok := f.(*format.MPEG4Audio)
	if !ok || aac.Config == nil || aac.ClockRate() != aac.Config.SampleRate {
		return nil
	}
	config, err := aac.Config.Marshal()
	if err != nil {
		return nil
	}
	channels := int(aac.Config.ChannelConfig)
	if channels == 7 {
		channels = 8
	}
	if channels < 1 || channels > 8 || aac.Config.SampleRate < 1000 {
		return nil
	}
	decoder, err := aac.CreateDecoder()
	if err != nil {
		return nil
	}
	return &audio{session: s, medium: m, format: f, decoder: decoder, stamps: stamps{rate: int64(aac.Config.SampleRate)}, last: math.MinInt64,
		ticker: ticker{rate: int64(aac.Config.SampleRate)},
		track:  &media.AudioTrack{Codec: media.AAC, Config: config, SampleRate: aac.Config.SampleRate, Channels: channels}}
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
	frames, err := a.decoder.Decode(pkt)
	if err != nil {
		return
	}
	pts := a.stamps.correct(t.pts, t.at, a.last)
	for i, frame := range frames {
		at := pts + int64(i)*aacFrame
		if len(frame) == 0 {
			continue
		}
		a.last = at
		u := &media.Unit{Kind: media.Audio, PTS: at, DTS: at, Arrived: t.at, Pause: t.pause, Random: true, Data: [][]byte{frame}}
		if !t.said.IsZero() {
			u.Clock = t.said.Add(time.Duration(i) * aacFrame * time.Second / time.Duration(a.track.SampleRate))
		}
		a.session.send(Item{Unit: u})
	}
}
