package media

import (
	"encoding/binary"
	"fmt"
	"hash"
	"math"
)

// Sample describes one unit in a track's table.
type Sample struct {
	Size     uint32 // bytes
	Duration uint32 // ticks of its track
	Offset   int32  // composition offset: presentation minus decoding time, in ticks
	Random   bool   // video: a key frame
}

// Sample flags of ISO/IEC 14496-12 8.8.3.1.
const (
	flagsKey   = 0x02000000 // depends on no other
	flagsDelta = 0x01010000 // depends on others, not a sync sample
)

// contents is a fragment before it is written: its label without sizes, and the samples of its tracks. The mdat holds the
// bytes of all video samples, then of all audio samples.
type contents struct {
	label                Label
	videoBase, audioBase uint64 // decoding time of the first sample in the run, ticks of the track
	video, audio         []Sample
}

func total(samples []Sample) int {
	n := 0
	for _, s := range samples {
		n += int(s.Size)
	}
	return n
}

const trunHead = 8 + 4 + 4 + 4 // header, version and flags, count, data offset

// sizes returns the lengths of the moof box and of the mdat's payload.
func (c *contents) sizes() (moof, payload int) {
	moof = 8 + 16 + 8 + 16 + 20 + trunHead + 16*len(c.video)
	if len(c.audio) > 0 {
		moof += 8 + 20 + 20 + trunHead + 8*len(c.audio)
	}
	return moof, total(c.video) + total(c.audio)
}

// encode returns label, moof and mdat in one allocation. fill writes the payload.
func (c *contents) encode(mac hash.Hash, fill func([]byte)) ([]byte, error) {
	moof, payload := c.sizes()
	if payload+moof+8 > math.MaxInt32 {
		return nil, fmt.Errorf("%w: fragment of %d bytes", ErrFormat, payload)
	}
	w := &boxes{b: make([]byte, LabelSize, LabelSize+moof+8+payload)}
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(uint32(c.label.Seq)) })
		w.box("traf", func() {
			w.full("tfhd", 0, 0x020000, func() { w.u32(videoTrackID) }) // default-base-is-moof
			w.full("tfdt", 1, 0, func() { w.u64(c.videoBase) })
			w.full("trun", 1, 0xf01, func() { // data offset; duration, size, flags and composition offset of each sample
				w.u32(uint32(len(c.video)))
				w.u32(uint32(moof + 8))
				for _, s := range c.video {
					flags := uint32(flagsDelta)
					if s.Random {
						flags = flagsKey
					}
					w.u32(s.Duration)
					w.u32(s.Size)
					w.u32(flags)
					w.u32(uint32(s.Offset))
				}
			})
		})
		if len(c.audio) > 0 {
			c.audioTraf(w, moof+8+total(c.video))
		}
	})
	w.u32(uint32(8 + payload))
	w.str("mdat")
	head := len(w.b)
	w.b = w.b[:head+payload]
	fill(w.b[head:])
	c.label.put(w.b, mac, w.b[LabelSize:])
	return w.b, nil
}

func (c *contents) audioTraf(w *boxes, dataOffset int) {
	w.box("traf", func() {
		w.full("tfhd", 0, 0x020020, func() { // default-base-is-moof, default sample flags
			w.u32(audioTrackID)
			w.u32(flagsKey)
		})
		w.full("tfdt", 1, 0, func() { w.u64(c.audioBase) })
		w.full("trun", 1, 0x301, func() { // data offset; duration and size of each sample
			w.u32(uint32(len(c.audio)))
			w.u32(uint32(dataOffset))
			for _, s := range c.audio {
				w.u32(s.Duration)
				w.u32(s.Size)
			}
		})
	})
}

// parseFragment parses the label and moof of the labelled fragment b and returns where its payload begins. It checks that
// the samples fill the payload exactly.
func parseFragment(b []byte) (c contents, payload int, err error) {
	if c.label, err = ParseLabel(b); err != nil {
		return c, 0, err
	}
	var moof, mdat []byte
	for x, err := range children(b[LabelSize:]) {
		switch {
		case err != nil:
			return c, 0, err
		case x.kind == "moof" && moof == nil:
			moof = x.body
		case x.kind == "mdat" && moof != nil && mdat == nil:
			mdat = x.body
		default:
			return c, 0, fmt.Errorf("%w: %q in a fragment", ErrFormat, x.kind)
		}
	}
	for x, err := range children(moof) {
		if err != nil {
			return c, 0, err
		}
		if x.kind == "traf" {
			if err := c.parseTraf(x.body); err != nil {
				return c, 0, err
			}
		}
	}
	if mdat == nil || len(c.video) == 0 || total(c.video)+total(c.audio) != len(mdat) {
		return c, 0, fmt.Errorf("%w: samples do not fill the fragment", ErrFormat)
	}
	return c, len(b) - len(mdat), nil
}

func (c *contents) parseTraf(traf []byte) error {
	tfhd, err := find(traf, "tfhd")
	if err != nil {
		return err
	}
	tfdt, err := find(traf, "tfdt")
	if err != nil {
		return err
	}
	trun, err := find(traf, "trun")
	if err != nil {
		return err
	}
	if len(tfhd) < 8 || len(tfdt) < 12 || len(trun) < 12 {
		return fmt.Errorf("%w: traf", ErrFormat)
	}
	base := binary.BigEndian.Uint64(tfdt[4:])
	n, body := int(binary.BigEndian.Uint32(trun[4:])), trun[12:]
	switch id := binary.BigEndian.Uint32(tfhd[4:]); {
	case id == videoTrackID && len(body) == 16*n && c.video == nil:
		c.videoBase, c.video = base, make([]Sample, n)
		for i := range c.video {
			s := body[16*i:]
			c.video[i] = Sample{Duration: binary.BigEndian.Uint32(s), Size: binary.BigEndian.Uint32(s[4:]),
				Random: binary.BigEndian.Uint32(s[8:]) == flagsKey, Offset: int32(binary.BigEndian.Uint32(s[12:]))}
		}
	case id == audioTrackID && len(body) == 8*n && c.audio == nil:
		c.audioBase, c.audio = base, make([]Sample, n)
		for i := range c.audio {
			s := body[8*i:]
			c.audio[i] = Sample{Duration: binary.BigEndian.Uint32(s), Size: binary.BigEndian.Uint32(s[4:]), Random: true}
		}
	default:
		return fmt.Errorf("%w: traf of track %d with %d samples in %d bytes", ErrFormat, id, n, len(body))
	}
	return nil
}

// SilentFragment returns the fragment frag without its audio, with a new label, for viewers without the right to audio.
// frag must have been verified.
func SilentFragment(key LabelKey, frag []byte) ([]byte, error) {
	c, payload, err := parseFragment(frag)
	if err != nil {
		return nil, err
	}
	c.audio = nil
	return c.encode(key.mac(), func(dst []byte) { copy(dst, frag[payload:]) })
}

// KeyFrameFile returns the first frame of the fragments, which must be a key frame, as a complete file: an init header without
// audio, and a fragment with one sample at time zero that lasts a second. If pictures get exact only some frames after the key frame
// (Label.Refresh), the frames up to there come before, as far as there are fragments; each lasts a tick. The fragments must be of the
// run, follow each other and have been verified.
func KeyFrameFile(run *Run, key LabelKey, frags ...[]byte) ([]byte, error) {
	var one contents
	var frames []byte
	for i, frag := range frags {
		c, payload, err := parseFragment(frag)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			one.label = c.label
		}
		for _, s := range c.video[:min(len(c.video), one.label.Refresh+1-len(one.video))] {
			one.video = append(one.video, Sample{Size: s.Size, Duration: 1, Random: s.Random})
			frames, payload = append(frames, frag[payload:payload+int(s.Size)]...), payload+int(s.Size)
		}
	}
	if len(one.video) == 0 || !one.video[0].Random {
		return nil, fmt.Errorf("%w: fragment without key frame", ErrFormat)
	}
	one.video[len(one.video)-1].Duration = VideoTimescale
	b, err := one.encode(key.mac(), func(dst []byte) { copy(dst, frames) })
	if err != nil {
		return nil, err
	}
	return append(run.SilentInit(key), b...), nil
}

// SilentSize returns the length of the result of SilentFragment for the fragment that e describes. It lacks the audio and
// the audio's traf box (tfhd, tfdt, trun: ISO/IEC 14496-12 8.8).
func SilentSize(e *Entry) int64 {
	size := int64(e.Size) - e.AudioBytes()
	if n := len(e.Audio); n > 0 {
		size -= 8 + 20 + 20 + 20 + 8*int64(n)
	}
	return size
}
