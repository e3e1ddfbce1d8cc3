package media

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// videoEntries are the sample entries of video.
var videoEntries = [...]struct {
	codec Codec
	name  string
}{{H264, "avc1"}, {H265, "hvc1"}, {JPEG, "jpeg"}, {AV1, "av01"}}

// videoCodecOf returns the codec of a sample entry; 0 for another.
func videoCodecOf(name string) Codec {
	for _, e := range videoEntries {
		if e.name == name {
			return e.codec
		}
	}
	return 0
}

// entryName returns the name of the track's sample entry. That of JPEG is QuickTime's, which ffmpeg and VLC read.
func (t VideoTrack) entryName() string {
	for _, e := range videoEntries {
		if e.codec == t.Codec {
			return e.name
		}
	}
	return "avc1"
}

// whole reports whether a sample is the coded data as it is, without NAL units and their lengths.
func (c Codec) whole() bool { return c == JPEG || c == AV1 }

// av1Config appends an AV1CodecConfigurationRecord (AV1 in ISOBMFF 2.3.3).
func (t VideoTrack) av1Config(w *boxes) {
	var h av1.SequenceHeader
	if h.Unmarshal(t.Config) != nil || len(h.SeqLevelIdx) == 0 {
		return // check refuses it
	}
	bit := func(set bool, at int) byte {
		if set {
			return 1 << at
		}
		return 0
	}
	c := h.ColorConfig
	w.u8(0x81) // marker and version
	w.u8(h.SeqProfile<<5 | h.SeqLevelIdx[0]&0x1f)
	w.u8(bit(len(h.SeqTier) > 0 && h.SeqTier[0], 7) | bit(c.HighBitDepth, 6) | bit(c.TwelveBit, 5) | bit(c.MonoChrome, 4) | bit(c.SubsamplingX, 3) |
		bit(c.SubsamplingY, 2) | byte(c.ChromaSamplePosition)&3)
	w.u8(0) // presentation delay unknown
	w.bytes(t.Config)
}

// av1Codecs returns the codecs parameter (AV1 in ISOBMFF 5).
func (t VideoTrack) av1Codecs() string {
	var h av1.SequenceHeader
	if h.Unmarshal(t.Config) != nil || len(h.SeqLevelIdx) == 0 {
		return "av01"
	}
	tier, depth := "M", 8
	if len(h.SeqTier) > 0 && h.SeqTier[0] {
		tier = "H"
	}
	if h.ColorConfig.HighBitDepth {
		depth = 10
	}
	if h.ColorConfig.TwelveBit {
		depth = 12
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", h.SeqProfile, h.SeqLevelIdx[0], tier, depth)
}

// checkWhole returns an error unless an init header can be made of a track of JPEG or AV1.
func (t VideoTrack) checkWhole() error {
	if t.Codec == JPEG {
		return nil
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(t.Config); err != nil || len(h.SeqLevelIdx) == 0 || len(t.Config) > 1024 {
		return fmt.Errorf("%w: AV1 sequence header: %v", ErrFormat, err)
	}
	return nil
}

// parseAV1 takes the sequence header from an av1C box.
func (t *VideoTrack) parseAV1(entry []byte) error {
	conf, err := find(entry, "av1C")
	if err != nil {
		return err
	}
	if len(conf) < 5 {
		return fmt.Errorf("%w: av1C", ErrFormat)
	}
	t.Config = conf[4:]
	return nil
}
