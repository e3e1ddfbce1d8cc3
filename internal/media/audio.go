package media

import (
	"encoding/binary"
	"fmt"
)

const (
	// aacFrame is the number of samples in an AAC frame (ISO/IEC 14496-3 4.5.1.1).
	aacFrame = 1024
	// streamInfo is the length of a STREAMINFO block (RFC 9639 section 8.2).
	streamInfo = 34
	// opusRate is the number of ticks a second of Opus, whatever it codes (RFC 7587 section 4.1).
	opusRate = 48000
)

// Length returns how long a unit of audio lasts if no other follows, in ticks.
func (u *Unit) Length() int64 {
	if u.Samples > 0 {
		return int64(u.Samples)
	}
	return aacFrame
}

// audioEntries are the names of sample entries.
var audioEntries = [...]struct {
	codec Codec
	name  string
}{{AAC, "mp4a"}, {FLAC, "fLaC"}, {Opus, "Opus"}}

// audioCodecOf returns the codec of a sample entry; 0 for another.
func audioCodecOf(name string) Codec {
	for _, e := range audioEntries {
		if e.name == name {
			return e.codec
		}
	}
	return 0
}

// codecs returns the name of the codec for browsers: RFC 6381 with object type 0x40 and the audio object type of ISO/IEC 14496-3 for
// AAC, and the names of the sample entries otherwise.
func (t AudioTrack) codecs() string {
	switch t.Codec {
	case FLAC:
		return "flac"
	case Opus:
		return "opus"
	}
	return fmt.Sprintf("mp4a.40.%d", t.Config[0]>>3)
}

// check returns ErrFormat if no header can be made from the parameters.
func (t AudioTrack) check() error {
	fits := false
	switch t.Codec {
	case AAC:
		fits = len(t.Config) >= 2 && len(t.Config) <= 64
	case FLAC:
		fits = len(t.Config) == streamInfo
	case Opus:
		fits = len(t.Config) == 0 && t.SampleRate == opusRate && t.Channels <= 2
	}
	if !fits || t.SampleRate < 1000 || t.SampleRate > 192000 || t.Channels < 1 || t.Channels > 8 {
		return fmt.Errorf("%w: %v audio of %d Hz, %d channels, %d bytes of configuration", ErrFormat, t.Codec, t.SampleRate, t.Channels, len(t.Config))
	}
	return nil
}

// entry appends the sample entry: mp4a with esds (ISO/IEC 14496-14 5.6), fLaC with dfLa ("Encapsulation of FLAC in ISO Base Media File
// Format", version 0.0.4) or Opus with dOps ("Encapsulation of Opus in ISO Base Media File Format", version 0.8.1).
func (t AudioTrack) entry(w *boxes) {
	name := ""
	for _, e := range audioEntries {
		if e.codec == t.Codec {
			name = e.name
		}
	}
	w.box(name, func() {
		w.zero(6)
		w.u16(1)
		w.zero(8)
		w.u16(uint16(t.Channels))
		w.u16(16)
		w.zero(4)
		w.u32(uint32(t.SampleRate) << 16) // wraps beyond 65,535 Hz, where mdhd's timescale counts
		switch t.Codec {
		case FLAC:
			w.full("dfLa", 0, 0, func() {
				w.u32(0x80<<24 | streamInfo) // the last block, STREAMINFO
				w.bytes(t.Config)
			})
		case Opus:
			w.box("dOps", func() {
				w.u8(0)
				w.u8(byte(t.Channels))
				w.u16(0) // nothing to skip: the stream has been running
				w.u32(opusRate)
				w.u16(0) // no gain
				w.u8(0)  // one stream, mono or stereo
			})
		default:
			t.esds(w)
		}
	})
}

// esds appends the configuration of AAC.
func (t AudioTrack) esds(w *boxes) {
	w.full("esds", 0, 0, func() {
		n := len(t.Config)
		w.bytes([]byte{0x03, byte(23 + n), 0, audioTrackID, 0})  // ES descriptor
		w.bytes([]byte{0x04, byte(15 + n), 0x40, 0x15, 0, 0, 0}) // decoder configuration: AAC, audio stream
		w.zero(8)                                                // bit rates unknown
		w.bytes([]byte{0x05, byte(n)})
		w.bytes(t.Config)
		w.bytes([]byte{0x06, 1, 2}) // SL configuration: MP4
	})
}

// parseEntry parses what entry wrote.
func (t *AudioTrack) parseEntry(c box) error {
	t.Codec = audioCodecOf(c.kind)
	t.Channels = int(binary.BigEndian.Uint16(c.body[16:]))
	switch t.Codec {
	case FLAC:
		info, err := find(c.body[28:], "dfLa")
		if err != nil {
			return err
		}
		if len(info) != 8+streamInfo {
			return fmt.Errorf("%w: dfLa", ErrFormat)
		}
		t.Config = info[8:]
	case AAC:
		esds, err := find(c.body[28:], "esds")
		if err != nil {
			return err
		}
		const config = 4 + 5 + 15 // version, ES descriptor's and decoder configuration's heads
		if len(esds) < config+2 || esds[config] != 0x05 || len(esds) < config+2+int(esds[config+1]) {
			return fmt.Errorf("%w: esds", ErrFormat)
		}
		t.Config = esds[config+2 : config+2+int(esds[config+1])]
	}
	return t.check()
}
