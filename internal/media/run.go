package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// maxInitSize bounds an init header; real ones have about 1 kB.
const maxInitSize = 1 << 20

// NewRun begins a run of the stream: it generates an ID and writes the init header, labelled with key. Start is the wall time
// of decoding time zero. It returns ErrFormat if the parameters do not make a playable header.
func NewRun(stream StreamID, start time.Time, video VideoTrack, audio *AudioTrack, key LabelKey) (*Run, error) {
	if !stream.Valid() {
		return nil, fmt.Errorf("%w: stream %v", ErrBadID, stream)
	}
	if err := video.check(); err != nil {
		return nil, err
	}
	if audio != nil {
		if err := audio.check(); err != nil {
			return nil, err
		}
	}
	r := &Run{ID: NewRunID(), Stream: stream, Start: start.UTC().Truncate(time.Microsecond), Video: video, Audio: audio}
	r.Init = r.labelledInit(audio, key)
	return r, nil
}

func (r *Run) labelledInit(audio *AudioTrack, key LabelKey) []byte {
	content := appendInit(r.Video, audio)
	label := Label{Kind: LabelInit, Quality: r.Stream.Quality, Camera: r.Stream.Camera, Run: r.ID, Start: r.Start}
	init := append(content, make([]byte, LabelSize)...)
	label.put(init[len(content):], key.mac(), init[:len(content)])
	return init
}

// SilentInit returns the run's init header without its audio track, for viewers without the right to audio.
func (r *Run) SilentInit(key LabelKey) []byte { return r.labelledInit(nil, key) }

// SameCoding reports whether fragments of both runs can share one init header.
func (r *Run) SameCoding(o *Run) bool {
	return r.Video.Equal(o.Video) && (r.Audio == nil) == (o.Audio == nil) && (r.Audio == nil || r.Audio.Equal(*o.Audio))
}

// MIME returns the type of the run's bytes with its codecs parameter (RFC 6381), as browsers expect it.
func (r *Run) MIME() string {
	if r.Audio == nil {
		return r.SilentMIME()
	}
	return strings.TrimSuffix(r.SilentMIME(), `"`) + "," + r.Audio.codecs() + `"`
}

// SilentMIME is MIME without the audio track.
func (r *Run) SilentMIME() string { return `video/mp4; codecs="` + r.Video.codecs() + `"` }

// codecs returns the RFC 6381 name: ISO/IEC 14496-15 annex E.
func (t VideoTrack) codecs() string {
	switch t.Codec {
	case JPEG:
		return "jpeg"
	case AV1:
		return t.av1Codecs()
	case H264:
		return fmt.Sprintf("avc1.%02x%02x%02x", t.SPS[1], t.SPS[2], t.SPS[3])
	}
	p, err := hevcProfile(t.SPS)
	if err != nil {
		return "hvc1"
	}
	space := []string{"", "A", "B", "C"}[p.tier[0]>>6]
	tier := "L"
	if p.tier[0]&0x20 != 0 {
		tier = "H"
	}
	var reversed uint32
	for i, flags := 0, binary.BigEndian.Uint32(p.tier[1:]); i < 32; i++ {
		reversed = reversed<<1 | flags>>i&1
	}
	name := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, p.tier[0]&0x1f, reversed, tier, p.tier[11])
	constraints := p.tier[5:11]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		name += fmt.Sprintf(".%X", c)
	}
	return name
}

// hevcParams holds the fields of an SPS that an hvcC box needs (H.265 7.3.2.2).
type hevcParams struct {
	tier                                                                  [12]byte // general profile, tier, constraints and level
	temporalLayers, temporalNesting, chromaFormat, depthLuma, depthChroma byte
}

func hevcProfile(sps []byte) (hevcParams, error) {
	raw := withoutEmulation(sps)
	var parsed h265.SPS
	if err := parsed.Unmarshal(sps); err != nil || len(raw) < 15 {
		return hevcParams{}, fmt.Errorf("%w: H.265 SPS: %v", ErrFormat, err)
	}
	p := hevcParams{
		tier:           [12]byte(raw[3:15]),
		temporalLayers: raw[2]>>1&7 + 1, temporalNesting: raw[2] & 1,
		chromaFormat: byte(parsed.ChromaFormatIdc), depthLuma: byte(parsed.BitDepthLumaMinus8), depthChroma: byte(parsed.BitDepthChromaMinus8),
	}
	return p, nil
}

// InitSize returns the length of the init header, including its label, of the segment file r of size bytes.
func InitSize(r io.ReaderAt, size int64) (int64, error) {
	var head [8]byte
	end := int64(0)
	for _, kind := range []string{"ftyp", "moov", "uuid"} {
		if _, err := r.ReadAt(head[:], end); err != nil {
			return 0, fmt.Errorf("%w: init header: %w", ErrFormat, err)
		}
		if string(head[4:]) != kind {
			return 0, fmt.Errorf("%w: %q where the init header's %s should be", ErrFormat, head[4:], kind)
		}
		end += int64(binary.BigEndian.Uint32(head[:]))
		if end > size || end > maxInitSize {
			return 0, fmt.Errorf("%w: init header longer than its file", ErrFormat)
		}
	}
	return end, nil
}

// OpenRun parses an init header from a file, after verifying that it is the camera's. It returns ErrForged or ErrFormat.
func OpenRun(init []byte, camera CameraID, key LabelKey) (*Run, error) {
	if len(init) < LabelSize {
		return nil, fmt.Errorf("%w: init header of %d bytes", ErrFormat, len(init))
	}
	content, labelled := init[:len(init)-LabelSize], init[len(init)-LabelSize:]
	if err := key.verify(camera, LabelInit, labelled, content); err != nil {
		return nil, err
	}
	label, err := ParseLabel(labelled)
	if err != nil {
		return nil, err
	}
	r := &Run{ID: label.Run, Stream: StreamID{Camera: label.Camera, Quality: label.Quality}, Start: label.Start, Init: init}
	moov, err := find(content, "moov")
	if err != nil {
		return nil, err
	}
	for c, err := range children(moov) {
		if err != nil {
			return nil, err
		}
		if c.kind == "trak" {
			if err := r.parseTrack(c.body); err != nil {
				return nil, err
			}
		}
	}
	return r, r.Video.check()
}

func (r *Run) parseTrack(trak []byte) error {
	stsd, err := find(trak, "mdia", "minf", "stbl", "stsd")
	if err != nil {
		return err
	}
	if len(stsd) < 8 {
		return fmt.Errorf("%w: stsd", ErrFormat)
	}
	for c, err := range children(stsd[8:]) {
		if err != nil {
			return err
		}
		switch {
		case videoCodecOf(c.kind) != 0 && len(c.body) >= 78:
			return r.Video.parseEntry(c)
		case audioCodecOf(c.kind) != 0 && len(c.body) > 28:
			mdhd, err := find(trak, "mdia", "mdhd")
			if err != nil || len(mdhd) < 24 {
				return fmt.Errorf("%w: mdhd", ErrFormat)
			}
			r.Audio = &AudioTrack{SampleRate: int(binary.BigEndian.Uint32(mdhd[20:]))}
			return r.Audio.parseEntry(c)
		}
	}
	return fmt.Errorf("%w: unknown sample entry", ErrFormat)
}

func (t *VideoTrack) parseEntry(c box) error {
	t.Width, t.Height = int(binary.BigEndian.Uint16(c.body[24:])), int(binary.BigEndian.Uint16(c.body[26:]))
	switch t.Codec = videoCodecOf(c.kind); t.Codec {
	case JPEG:
		return nil
	case AV1:
		return t.parseAV1(c.body[78:])
	case H264:
		conf, err := find(c.body[78:], "avcC")
		if err != nil {
			return err
		}
		return t.parseAVC(conf)
	}
	conf, err := find(c.body[78:], "hvcC")
	if err != nil {
		return err
	}
	return t.parseHEVC(conf)
}

// sized splits off the bytes whose length is in the first two.
func sized(b []byte) (value, rest []byte, ok bool) {
	if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n:n], b[n:], true
}

func (t *VideoTrack) parseAVC(conf []byte) error {
	if len(conf) < 8 {
		return fmt.Errorf("%w: avcC", ErrFormat)
	}
	sps, rest, ok := sized(conf[6:])
	if !ok || len(rest) < 1 {
		return fmt.Errorf("%w: avcC", ErrFormat)
	}
	pps, _, ok := sized(rest[1:])
	if !ok {
		return fmt.Errorf("%w: avcC", ErrFormat)
	}
	t.SPS, t.PPS = sps, pps
	return nil
}

func (t *VideoTrack) parseHEVC(conf []byte) error {
	if len(conf) < 23 {
		return fmt.Errorf("%w: hvcC", ErrFormat)
	}
	conf = conf[23:]
	for _, set := range []*[]byte{&t.VPS, &t.SPS, &t.PPS} {
		if len(conf) < 3 {
			return fmt.Errorf("%w: hvcC", ErrFormat)
		}
		nalu, rest, ok := sized(conf[3:])
		if !ok {
			return fmt.Errorf("%w: hvcC", ErrFormat)
		}
		*set, conf = nalu, rest
	}
	return nil
}
