package camera

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sound"
)

// opusSilence is 20 ms of silence in Opus, which decoders of one or two channels take (RFC 6716 section 3.1: configuration 31, mono).
const (
	opusSilence        = "\xf8\xff\xfe"
	opusSilenceSamples = 960
)

// Silence returns the data of a unit of silence for a track, which lasts the returned number of ticks, at most most. It returns nil if
// so little cannot be filled.
func Silence(t *media.AudioTrack, most int64) (data []byte, ticks int64) {
	switch t.Codec {
	case media.FLAC:
		ticks = min(most, int64(t.SampleRate)/10)
		data, err := sound.Frame(make([]int16, max(0, ticks)*int64(t.Channels)), t.Channels, t.SampleRate, 0)
		if err != nil {
			return nil, 0
		}
		return data, ticks
	case media.Opus:
		if most >= opusSilenceSamples {
			return []byte(opusSilence), opusSilenceSamples
		}
	case media.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if most >= aacFrame && c.Unmarshal(t.Config) == nil {
			return sound.SilentAAC(int(c.ChannelConfig)), aacFrame
		}
	}
	return nil, 0
}
