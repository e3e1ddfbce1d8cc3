package camera

import (
	"math"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
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
		track: &media.AudioTrack{Codec: media.AAC, Config: config, SampleRate: aac.Config.SampleRate, Channels: channels}}
}

// packet is called by the library for each packet.
func (a *audio) packet(pkt *rtp.Packet) {
	pts, timed := a.session.client.PacketPTS(a.medium, pkt)
	a.take(pkt, packetTime{stamp: pkt.Timestamp, pts: pts, timed: timed, at: time.Now()})
}

// take sends the frames that the packet completes, except empty ones.
func (a *audio) take(pkt *rtp.Packet, t packetTime) {
	frames, err := a.decoder.Decode(pkt)
	if err != nil || !t.timed {
		return
	}
	pts := a.stamps.correct(t.pts, t.at, a.last)
	for i, frame := range frames {
		at := pts + int64(i)*aacFrame
		if len(frame) == 0 {
			continue
		}
		a.last = at
		a.session.send(Item{Unit: &media.Unit{Kind: media.Audio, PTS: at, DTS: at, Arrived: t.at, Random: true, Data: [][]byte{frame}}})
	}
}
