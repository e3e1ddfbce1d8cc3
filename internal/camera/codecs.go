package camera

import (
	"encoding/binary"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sound"
)

// aacFrame is the number of samples in an AAC frame (ISO/IEC 14496-3 4.5.1.1).
const aacFrame = 1024

// soundOf returns the track that records a format, and what unpacks it; nil if it cannot be recorded. What browsers do not play from
// MP4 becomes FLAC, without loss.
func soundOf(f format.Format) (*media.AudioTrack, unpacker) {
	switch f := f.(type) {
	case *format.MPEG4Audio:
		return aacOf(f)
	case *format.MPEG4AudioLATM:
		return latmOf(f)
	case *format.Opus:
		return opusOf(f)
	case *format.G711:
		decode := fromALaw
		if f.MULaw {
			decode = fromMuLaw
		}
		return flacOf(f.SampleRate, f.ChannelCount, decode)
	case *format.LPCM:
		return flacOf(f.SampleRate, f.ChannelCount, map[int]func([]byte) []int16{8: fromL8, 16: fromL16, 24: fromL24}[f.BitDepth])
	case *format.G722:
		return flacOf(sound.G722Rate, 1, sound.NewG722().Decode)
	case *format.G726:
		if d := sound.NewG726(f.BitRate, f.BigEndian); d != nil {
			return flacOf(sound.G726Rate, 1, d.Decode)
		}
	case *format.Generic:
		if known := knownFormat(f); known != nil {
			return soundOf(known)
		}
	}
	return nil, nil
}

// aacTrack returns the track of AAC with a configuration; nil for one that cannot be recorded.
func aacTrack(c *mpeg4audio.AudioSpecificConfig) *media.AudioTrack {
	if c == nil {
		return nil
	}
	config, err := c.Marshal()
	channels := int(c.ChannelConfig)
	if channels == 7 {
		channels = 8
	}
	if err != nil || channels < 1 || channels > 8 || c.SampleRate < 1000 {
		return nil
	}
	return &media.AudioTrack{Codec: media.AAC, Config: config, SampleRate: c.SampleRate, Channels: channels}
}

// aacOf unpacks AAC (RFC 3640).
func aacOf(f *format.MPEG4Audio) (*media.AudioTrack, unpacker) {
	track := aacTrack(f.Config)
	decoder, err := f.CreateDecoder()
	if track == nil || err != nil {
		return nil, nil
	}
	return track, func(pkt *rtp.Packet) ([]soundFrame, error) {
		aus, err := decoder.Decode(pkt)
		return aacFrames(aus), err
	}
}

// aacFrames returns frames of AAC.
func aacFrames(aus [][]byte) []soundFrame {
	frames := make([]soundFrame, len(aus))
	for i, au := range aus {
		frames[i] = soundFrame{withoutADTS(au), aacFrame}
	}
	return frames
}

// withoutADTS removes the header of a frame (ISO/IEC 14496-3 1.A.2.2) that some cameras leave before each.
func withoutADTS(au []byte) []byte {
	if len(au) < 8 || au[0] != 0xff || au[1]&0xf6 != 0xf0 {
		return au
	}
	if n := int(au[3]&3)<<11 | int(au[4])<<3 | int(au[5])>>5; n != len(au) {
		return au
	}
	if au[1]&1 == 0 { // with a checksum
		return au[9:]
	}
	return au[7:]
}

// latmOf unpacks AAC in LATM (RFC 6416) with one program and one layer.
func latmOf(f *format.MPEG4AudioLATM) (*media.AudioTrack, unpacker) {
	c := f.StreamMuxConfig
	if c == nil || len(c.Programs) != 1 || len(c.Programs[0].Layers) != 1 {
		return nil, nil
	}
	track := aacTrack(c.Programs[0].Layers[0].AudioSpecificConfig)
	decoder, err := f.CreateDecoder()
	if track == nil || err != nil {
		return nil, nil
	}
	return track, func(pkt *rtp.Packet) ([]soundFrame, error) {
		whole, err := decoder.Decode(pkt)
		if err != nil {
			return nil, err
		}
		e := mpeg4audio.AudioMuxElement{MuxConfigPresent: f.CPresent, StreamMuxConfig: c}
		if err := e.Unmarshal(whole); err != nil {
			return nil, err
		}
		var aus [][]byte
		for _, p := range e.Payloads {
			if len(p) == 1 && len(p[0]) == 1 {
				aus = append(aus, p[0][0])
			}
		}
		return aacFrames(aus), nil
	}
}

// maxOpusSamples is the longest packet of Opus, 120 ms (RFC 6716 section 3.2.5).
const maxOpusSamples = 5760

var errOpus = errors.New("a packet of Opus without sound")

// opusOf unpacks Opus (RFC 7587), which is recorded as it is.
func opusOf(f *format.Opus) (*media.AudioTrack, unpacker) {
	if f.ChannelCount < 1 || f.ChannelCount > 2 {
		return nil, nil
	}
	return &media.AudioTrack{Codec: media.Opus, SampleRate: f.ClockRate(), Channels: f.ChannelCount}, func(pkt *rtp.Packet) ([]soundFrame, error) {
		samples := int(opus.PacketDuration2(pkt.Payload))
		if samples <= 0 || samples > maxOpusSamples {
			return nil, errOpus
		}
		return []soundFrame{{pkt.Payload, samples}}, nil
	}
}

// flacOf records what decode makes of packets as FLAC.
func flacOf(rate, channels int, decode func([]byte) []int16) (*media.AudioTrack, unpacker) {
	if decode == nil || rate < 1000 || rate > 65535 || channels < 1 || channels > 8 {
		return nil, nil
	}
	number := uint64(0)
	return &media.AudioTrack{Codec: media.FLAC, Config: sound.StreamInfo(rate, channels), SampleRate: rate, Channels: channels}, func(pkt *rtp.Packet) ([]soundFrame, error) {
		samples := decode(pkt.Payload)
		samples = samples[:len(samples)/channels*channels]
		data, err := sound.Frame(samples, channels, rate, number)
		if err != nil {
			return nil, err
		}
		n := len(samples) / channels
		number += uint64(n)
		return []soundFrame{{data, n}}, nil
	}
}

// fromALaw and fromMuLaw decode G.711.
func fromALaw(b []byte) []int16 {
	var d g711.Alaw
	d.Unmarshal(b)
	return fromL16(d)
}

func fromMuLaw(b []byte) []int16 {
	var d g711.Mulaw
	d.Unmarshal(b)
	return fromL16(d)
}

// fromL8, fromL16 and fromL24 decode linear samples (RFC 3551 section 4.5.10 and 4.5.11, RFC 3190 section 4).
func fromL8(b []byte) []int16 {
	samples := make([]int16, len(b))
	for i, x := range b {
		samples[i] = (int16(x) - 128) << 8
	}
	return samples
}

func fromL16(b []byte) []int16 {
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(binary.BigEndian.Uint16(b[2*i:]))
	}
	return samples
}

// fromL24 leaves out the lowest byte, which no camera's microphone fills.
func fromL24(b []byte) []int16 {
	samples := make([]int16, len(b)/3)
	for i := range samples {
		samples[i] = int16(binary.BigEndian.Uint16(b[3*i:]))
	}
	return samples
}
