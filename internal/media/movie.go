package media

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Track numbers in every file we write.
const (
	videoTrackID = 1
	audioTrackID = 2
)

// trackHead holds the differences between the tracks of a moov box. The sample tables come from tables.
type trackHead struct {
	id            uint32
	handler       string // "vide" or "soun"
	width, height int
	timescale     uint32
	duration      uint64 // in timescale; 0 in an init header
	entry         func(*boxes)
	edits         func(*boxes) // nil for none
	tables        func(*boxes)
}

// identity is the unity matrix of mvhd and tkhd (ISO/IEC 14496-12 8.2.2).
func (w *boxes) identity() {
	for _, v := range [9]uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000} {
		w.u32(v)
	}
}

// movieHeader appends an mvhd box of version 1; its timescale is VideoTimescale.
func (w *boxes) movieHeader(duration uint64) {
	w.full("mvhd", 1, 0, func() {
		w.zero(16) // creation and modification time: unknown
		w.u32(VideoTimescale)
		w.u64(duration)
		w.u32(0x10000) // rate 1
		w.u16(0x100)   // volume 1
		w.zero(10)
		w.identity()
		w.zero(24)
		w.u32(3) // next track
	})
}

// track appends a trak box.
func (w *boxes) track(t trackHead) {
	w.box("trak", func() {
		w.full("tkhd", 1, 3, func() { // enabled, in the movie
			w.zero(16)
			w.u32(t.id)
			w.u32(0)
			w.u64(t.duration * VideoTimescale / uint64(t.timescale))
			w.zero(12)
			if t.handler == "soun" {
				w.u16(0x100)
			} else {
				w.u16(0)
			}
			w.u16(0)
			w.identity()
			w.u32(uint32(t.width) << 16)
			w.u32(uint32(t.height) << 16)
		})
		if t.edits != nil {
			w.box("edts", func() { t.edits(w) })
		}
		w.box("mdia", func() { w.mediaBox(t) })
	})
}

func (w *boxes) mediaBox(t trackHead) {
	w.full("mdhd", 1, 0, func() {
		w.zero(16)
		w.u32(t.timescale)
		w.u64(t.duration)
		w.u16(0x55c4) // language "und"
		w.u16(0)
	})
	w.full("hdlr", 0, 0, func() {
		w.u32(0)
		w.str(t.handler)
		w.zero(12)
		w.str("Keepwatch\x00")
	})
	w.box("minf", func() {
		if t.handler == "soun" {
			w.full("smhd", 0, 0, func() { w.zero(4) })
		} else {
			w.full("vmhd", 0, 1, func() { w.zero(8) })
		}
		w.box("dinf", func() {
			w.full("dref", 0, 0, func() {
				w.u32(1)
				w.full("url ", 0, 1, func() {}) // the media is in this file
			})
		})
		w.box("stbl", func() {
			w.full("stsd", 0, 0, func() {
				w.u32(1)
				t.entry(w)
			})
			t.tables(w)
		})
	})
}

// entry appends the sample entry of the track: avc1 (ISO/IEC 14496-15 5.4.2), hvc1 (8.4.1), av01 or jpeg.
func (t VideoTrack) entry(w *boxes) {
	w.box(t.entryName(), func() {
		w.zero(6)
		w.u16(1) // data reference
		w.zero(16)
		w.u16(uint16(t.Width))
		w.u16(uint16(t.Height))
		w.u32(0x480000) // 72 dpi
		w.u32(0x480000)
		w.u32(0)
		w.u16(1) // one frame a sample
		w.zero(32)
		w.u16(24)
		w.u16(0xffff)
		switch t.Codec {
		case H265:
			w.box("hvcC", func() { t.hevcConfig(w) })
		case H264:
			w.box("avcC", func() { t.avcConfig(w) })
		case AV1:
			w.box("av1C", func() { t.av1Config(w) })
		}
	})
}

// avcConfig appends an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1).
func (t VideoTrack) avcConfig(w *boxes) {
	w.u8(1)
	w.bytes(t.SPS[1:4])
	w.u8(0xff) // NAL unit lengths have 4 bytes
	w.u8(0xe1) // one SPS
	w.u16(uint16(len(t.SPS)))
	w.bytes(t.SPS)
	w.u8(1)
	w.u16(uint16(len(t.PPS)))
	w.bytes(t.PPS)
	switch t.SPS[1] {
	case 100, 110, 122, 144:
		var sps h264.SPS
		if sps.Unmarshal(t.SPS) == nil {
			w.u8(0xfc | byte(sps.ChromaFormatIdc))
			w.u8(0xf8 | byte(sps.BitDepthLumaMinus8))
			w.u8(0xf8 | byte(sps.BitDepthChromaMinus8))
			w.u8(0)
		}
	}
}

// hevcConfig appends an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 8.3.3.1).
func (t VideoTrack) hevcConfig(w *boxes) {
	p, _ := hevcProfile(t.SPS) // NewRun has checked it
	w.u8(1)
	w.bytes(p.tier[:])
	w.u16(0xf000) // segmentation unknown
	w.u8(0xfc)    // parallelism unknown
	w.u8(0xfc | p.chromaFormat)
	w.u8(0xf8 | p.depthLuma)
	w.u8(0xf8 | p.depthChroma)
	w.u16(0)                                             // average frame rate unknown
	w.u8(p.temporalLayers<<3 | p.temporalNesting<<2 | 3) // NAL unit lengths have 4 bytes
	sets := []struct {
		kind byte
		nalu []byte
	}{{32, t.VPS}, {33, t.SPS}, {34, t.PPS}}
	w.u8(byte(len(sets)))
	for _, s := range sets {
		w.u8(0x80 | s.kind) // array complete
		w.u16(1)
		w.u16(uint16(len(s.nalu)))
		w.bytes(s.nalu)
	}
}

// fileType appends an ftyp box.
func (w *boxes) fileType(major string, compatible ...string) {
	w.box("ftyp", func() {
		w.str(major)
		w.u32(0x200)
		for _, c := range compatible {
			w.str(c)
		}
	})
}

// emptyTables appends the sample tables of an init header, which are empty since samples are in fragments.
func emptyTables(w *boxes) {
	for _, kind := range []string{"stts", "stsc", "stco"} {
		w.full(kind, 0, 0, func() { w.u32(0) })
	}
	w.full("stsz", 0, 0, func() { w.zero(8) })
}

// appendInit appends ftyp and moov of an init header, without audio if audio is nil.
func appendInit(video VideoTrack, audio *AudioTrack) []byte {
	w := &boxes{b: make([]byte, 0, 1536)}
	w.fileType("iso5", "iso5", "iso6", "mp41")
	w.box("moov", func() {
		w.movieHeader(0)
		w.track(trackHead{id: videoTrackID, handler: "vide", width: video.Width, height: video.Height,
			timescale: VideoTimescale, entry: video.entry, tables: emptyTables})
		if audio != nil {
			w.track(trackHead{id: audioTrackID, handler: "soun", timescale: uint32(audio.SampleRate),
				entry: audio.entry, tables: emptyTables})
		}
		w.box("mvex", func() {
			for id := uint32(videoTrackID); id == videoTrackID || (id == audioTrackID && audio != nil); id++ {
				w.full("trex", 0, 0, func() {
					w.u32(id)
					w.u32(1)
					w.zero(12)
				})
			}
		})
	})
	return w.b
}

// check returns an error unless an init header can be made of the track.
func (t VideoTrack) check() error {
	switch {
	case t.Codec != H264 && t.Codec != H265 && !t.Codec.whole():
		return fmt.Errorf("%w: %v is no video codec", ErrFormat, t.Codec)
	case !t.Codec.whole() && (len(t.SPS) < 4 || len(t.PPS) < 1 || len(t.SPS) > 0xffff || len(t.PPS) > 0xffff || len(t.VPS) > 0xffff):
		return fmt.Errorf("%w: parameter sets missing", ErrFormat)
	case t.Width < 1 || t.Height < 1 || t.Width > 16384 || t.Height > 16384:
		return fmt.Errorf("%w: picture of %d×%d", ErrFormat, t.Width, t.Height)
	}
	if t.Codec.whole() {
		return t.checkWhole()
	}
	if t.Codec == H265 {
		if len(t.VPS) < 2 {
			return fmt.Errorf("%w: VPS missing", ErrFormat)
		}
		_, err := hevcProfile(t.SPS)
		return err
	}
	return nil
}

// check returns an error unless an init header can be made of the track.

// withoutEmulation removes the emulation prevention bytes of a NAL unit (H.264 and H.265 clause 7.4.1).
func withoutEmulation(nalu []byte) []byte {
	return bytes.ReplaceAll(nalu, []byte{0, 0, 3}, []byte{0, 0})
}
