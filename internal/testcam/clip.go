package testcam

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"keepwatch.internal/internal/media"
)

// clip is the content of a file in memory. Sources that play the same file share it.
type clip struct {
	codec         media.Codec
	vps, sps, pps []byte
	video         []clipSample
	length        int64         // of the video, in ticks of media.VideoTimescale
	lead          time.Duration // greatest delay between decoding and presentation of a frame
	config        *mpeg4audio.AudioSpecificConfig
	audio         [][]byte
}

// clipSample is an access unit. Its times are in ticks of media.VideoTimescale; the first is presented at 0.
type clipSample struct {
	dts, pts int64
	data     [][]byte
}

// readClip reads an MP4 file, or an elementary stream in the byte stream format of annex B at fps. The latter has no
// timestamps, so its frames must not be reordered.
func readClip(path string, fps int) (*clip, error) {
	var c *clip
	var err error
	switch filepath.Ext(path) {
	case ".h264", ".264":
		c, err = readAnnexB(path, media.H264, fps)
	case ".h265", ".265", ".hevc":
		c, err = readAnnexB(path, media.H265, fps)
	case ".mjpeg":
		c, err = readJPEG(path, fps)
	case ".ivf":
		c, err = readIVF(path, fps)
	default:
		c, err = readMP4(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if whole := c.codec == media.JPEG || c.codec == media.AV1; len(c.video) == 0 || c.length <= 0 || !whole && (c.sps == nil || c.pps == nil) || !c.random(c.video[0].data) {
		return nil, fmt.Errorf("%s: no video that begins with parameter sets and a key frame", filepath.Base(path))
	}
	for i := range c.video {
		s := &c.video[i]
		c.lead = max(c.lead, ticksToDuration(s.pts-s.dts))
		if c.random(s.data) {
			s.data = append(c.parameters(), s.data...)
		}
	}
	return c, nil
}

func ticksToDuration(ticks int64) time.Duration {
	return time.Duration(ticks) * time.Second / media.VideoTimescale
}

// random reports whether decoding can start at an access unit.
func (c *clip) random(au [][]byte) bool {
	switch c.codec {
	case media.JPEG:
		return true
	case media.AV1:
		return av1.IsRandomAccess2(au)
	case media.H265:
		return h265.IsRandomAccess(au)
	}
	return h264.IsRandomAccess(au)
}

// parameters returns the parameter sets as they are sent before each key frame.
func (c *clip) parameters() [][]byte {
	switch c.codec {
	case media.JPEG, media.AV1:
		return nil
	case media.H265:
		return [][]byte{c.vps, c.sps, c.pps}
	}
	return [][]byte{c.sps, c.pps}
}

// keepParameters removes the parameter sets from an access unit and stores them.
func (c *clip) keepParameters(au [][]byte) [][]byte {
	var rest [][]byte
	for _, nalu := range au {
		if len(nalu) == 0 {
			continue
		}
		kind := int(nalu[0]&0x1f) | 0x100
		if c.codec == media.H265 {
			kind = int(nalu[0]>>1&0x3f) | 0x200
		}
		switch kind {
		case 0x200 | int(h265.NALUType_VPS_NUT):
			c.vps = nalu
		case 0x100 | int(h264.NALUTypeSPS), 0x200 | int(h265.NALUType_SPS_NUT):
			c.sps = nalu
		case 0x100 | int(h264.NALUTypePPS), 0x200 | int(h265.NALUType_PPS_NUT):
			c.pps = nalu
		case 0x100 | int(h264.NALUTypeAccessUnitDelimiter), 0x200 | int(h265.NALUType_AUD_NUT):
		default:
			rest = append(rest, nalu)
		}
	}
	return rest
}

func readMP4(path string) (*clip, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var p pmp4.Presentation
	if err := p.Unmarshal(f); err != nil {
		return nil, err
	}
	c := &clip{}
	for _, track := range p.Tracks {
		switch codec := track.Codec.(type) {
		case *codecs.H264:
			c.codec, c.sps, c.pps = media.H264, codec.SPS, codec.PPS
			err = c.readVideo(track)
		case *codecs.H265:
			c.codec, c.vps, c.sps, c.pps = media.H265, codec.VPS, codec.SPS, codec.PPS
			err = c.readVideo(track)
		case *codecs.MPEG4Audio:
			c.config = &codec.Config
			err = c.readAudio(track)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *clip) readVideo(track *pmp4.Track) error {
	dts := int64(0)
	ticks := func(v int64) int64 { return v * media.VideoTimescale / int64(track.TimeScale) }
	for _, s := range track.Samples {
		payload, err := s.GetPayload()
		if err != nil {
			return err
		}
		var au h264.AVCC // H.265 is framed in the same way
		if err := au.Unmarshal(payload); err != nil {
			return err
		}
		c.video = append(c.video, clipSample{
			dts: ticks(dts), pts: ticks(dts + int64(s.PTSOffset) - int64(track.Samples[0].PTSOffset)), data: c.keepParameters(au),
		})
		dts += int64(s.Duration)
	}
	c.length = ticks(dts)
	return nil
}

func (c *clip) readAudio(track *pmp4.Track) error {
	for _, s := range track.Samples {
		payload, err := s.GetPayload()
		if err != nil {
			return err
		}
		c.audio = append(c.audio, payload)
	}
	return nil
}

// readAnnexB splits a byte stream into access units. One begins at the first slice of a frame, or at the parameter sets and
// SEI messages before it.
func readAnnexB(path string, codec media.Codec, fps int) (*clip, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &clip{codec: codec}
	var au [][]byte
	flush := func() {
		if au = c.keepParameters(au); len(au) > 0 {
			at := int64(len(c.video)) * media.VideoTimescale / int64(fps)
			c.video = append(c.video, clipSample{dts: at, pts: at, data: au})
		}
		au = nil
	}
	coded := false
	for _, nalu := range splitAnnexB(b) {
		slice, first := sliceOf(codec, nalu)
		if coded && (!slice || first) {
			flush()
			coded = false
		}
		au = append(au, nalu)
		coded = coded || slice
	}
	flush()
	c.length = int64(len(c.video)) * media.VideoTimescale / int64(fps)
	return c, nil
}

// sliceOf reports whether a NAL unit is a slice, and whether it is the first of its frame.
func sliceOf(codec media.Codec, nalu []byte) (slice, first bool) {
	if codec == media.H265 {
		return nalu[0]>>1&0x3f < 32, len(nalu) > 2 && nalu[2]&0x80 != 0
	}
	kind := nalu[0] & 0x1f
	return kind >= 1 && kind <= 5, len(nalu) > 1 && nalu[1]&0x80 != 0
}

// splitAnnexB splits a byte stream into NAL units, ITU-T H.264 annex B.
func splitAnnexB(b []byte) [][]byte {
	var out [][]byte
	start := -1
	add := func(end int) {
		if start < 0 {
			return
		}
		if nalu := bytes.TrimRight(b[start:end], "\x00"); len(nalu) > 0 {
			out = append(out, nalu)
		}
	}
	for i := 0; i+3 <= len(b); i++ {
		if b[i] == 0 && b[i+1] == 0 && b[i+2] == 1 {
			add(i)
			start = i + 3
			i += 2
		}
	}
	add(len(b))
	return out
}

// filmed is the source that plays a clip in a loop.
type filmed struct {
	clip   *clip
	frame  uint64 // of the next picture, from 1
	packet uint64 // of the next sound
	begun  bool   // a key frame was returned since someone began to watch
	midway bool   // none is needed
}

func (f *filmed) restart(uint32, time.Time) { f.frame, f.packet, f.begun = 1, 1, false }

func (f *filmed) formats() (video, audio format.Format) {
	c := f.clip
	switch c.codec {
	case media.JPEG:
		video = &format.MJPEG{}
	case media.AV1:
		video = &format.AV1{PayloadTyp: 96}
	case media.H265:
		video = &format.H265{PayloadTyp: 96, VPS: c.vps, SPS: c.sps, PPS: c.pps}
	default:
		video = &format.H264{PayloadTyp: 96, SPS: c.sps, PPS: c.pps, PacketizationMode: 1}
	}
	if len(c.audio) > 0 {
		audio = &format.MPEG4Audio{PayloadTyp: 97, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3, Config: c.config}
	}
	return video, audio
}

// sample returns the next frame, and where its repetition of the clip begins, in ticks.
func (f *filmed) sample() (clipSample, int64) {
	n := uint64(len(f.clip.video))
	return f.clip.video[(f.frame-1)%n], int64((f.frame-1)/n) * f.clip.length
}

func (f *filmed) videoDue() time.Duration {
	s, round := f.sample()
	return ticksToDuration(round + s.dts)
}

func (f *filmed) audioDue() time.Duration {
	return time.Duration(f.packet-1) * aacSamples * time.Second / time.Duration(f.clip.config.SampleRate)
}

func (f *filmed) due() time.Duration {
	if len(f.clip.audio) == 0 {
		return f.videoDue()
	}
	return min(f.videoDue(), f.audioDue())
}

// next returns no frame before the first key frame after someone began to watch, since a file cannot produce one on
// demand.
func (f *filmed) next(watched, _ bool) unit {
	due := f.due()
	if due < f.videoDue() {
		n := int64(f.packet - 1)
		f.packet++
		return unit{audio: true, at: due, ticks: n * aacSamples, data: [][]byte{f.clip.audio[n%int64(len(f.clip.audio))]}}
	}
	s, round := f.sample()
	u := unit{at: ticksToDuration(round+s.pts) - f.clip.lead, ticks: round + s.pts, frame: f.frame}
	f.frame++
	if f.begun = watched && (f.begun || f.midway || f.clip.random(s.data)); f.begun {
		u.data = s.data
	}
	return u
}
