package camera

import (
	"bytes"
	"context"
	"encoding/binary"
	"os/exec"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// lone returns a session without a network. Its queue is large enough for a test that reads it at the end.
func lone() *Session {
	s := &Session{items: make(chan Item, 1<<14)}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// drain returns the units in the queue.
func (s *Session) drain() []Item {
	var items []Item
	for len(s.items) > 0 {
		it := <-s.items
		s.queued.Add(-int64(it.Unit.Size()))
		items = append(items, it)
	}
	return items
}

// taker turns packets into units.
type taker interface {
	take(pkt *rtp.Packet, t packetTime)
}

func h264Format() format.Format { return &format.H264{PayloadTyp: 96, PacketizationMode: 1} }
func h265Format() format.Format { return &format.H265{PayloadTyp: 96} }

func newTestVideo(t testing.TB, s *Session, f format.Format) *video {
	t.Helper()
	v, err := newVideo(s, nil, f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newTestAudio(t testing.TB, s *Session) *audio {
	t.Helper()
	a := newAudio(s, nil, &format.MPEG4Audio{PayloadTyp: 97, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
		Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelConfig: 1}})
	if a == nil {
		t.Fatal("AAC is not taken")
	}
	return a
}

// flushed returns the units in the queue after the newest picture has ended.
func (v *video) flushed() []Item {
	v.flush(time.Now().Add(time.Hour))
	return v.session.drain()
}

// record is one packet in a fuzzer's input: two bytes of length, then flags, sequence, timestamp and payload.
func record(p *rtp.Packet) []byte {
	flags := byte(0)
	if p.Marker {
		flags = 1
	}
	b := append(binary.BigEndian.AppendUint16(nil, uint16(len(p.Payload))), flags)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(b, p.SequenceNumber), p.Timestamp)
	return append(b, p.Payload...)
}

// feed plays a fuzzer's input to v and returns how many bytes it had.
func feed(v taker, b []byte) {
	base := time.Now()
	for n := time.Duration(0); len(b) >= 9; n++ {
		size := min(int(binary.BigEndian.Uint16(b)), len(b)-9)
		p := &rtp.Packet{Header: rtp.Header{Marker: b[2]&1 != 0, SequenceNumber: binary.BigEndian.Uint16(b[3:]), Timestamp: binary.BigEndian.Uint32(b[5:])}}
		p.Payload, b = b[9:9+size:9+size], b[9+size:]
		v.take(p, packetTime{stamp: p.Timestamp, pts: int64(int32(p.Timestamp)), at: base.Add(n * 10 * time.Millisecond)})
	}
}

// checkUnits checks what must be true of units, whatever was received.
func checkUnits(t testing.TB, items []Item) {
	t.Helper()
	last := map[media.Kind]*media.Unit{}
	for _, it := range items {
		u := it.Unit
		if before := last[u.Kind]; before != nil && u.DTS <= before.DTS {
			t.Fatalf("decoding time %d follows %d", u.DTS, before.DTS)
		} else if before == nil && !u.Random {
			t.Fatal("the first unit is no key frame")
		}
		last[u.Kind] = u
		if u.Size() == 0 || u.Kind == media.Video && (it.Video == nil || !u.Whole && (len(it.Video.SPS) == 0 || len(it.Video.PPS) == 0)) {
			t.Fatalf("unit of %d bytes with %+v", u.Size(), it.Video)
		}
	}
}

// clipPackets are the packets of a real encoder's output.
func clipPackets(f testing.TB, codec string) [][]byte {
	src := mediatest.Clip(f, "1", codec, false, "-g", "12", "-bf", "2", "-x265-params", "log-level=none")
	var encode func([][]byte) ([]*rtp.Packet, error)
	if codec == "libx264" {
		e, err := h264Format().(*format.H264).CreateEncoder()
		if err != nil {
			f.Fatal(err)
		}
		encode = e.Encode
	} else {
		e, err := h265Format().(*format.H265).CreateEncoder()
		if err != nil {
			f.Fatal(err)
		}
		encode = e.Encode
	}
	var records [][]byte
	for _, u := range src.Units {
		au := u.Data
		if u.Random {
			au = append([][]byte{src.Video.SPS, src.Video.PPS}, au...)
			if src.Video.VPS != nil {
				au = append([][]byte{src.Video.VPS}, au...)
			}
		}
		packets, err := encode(au)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range packets {
			p.Timestamp = uint32(u.PTS)
			records = append(records, record(p))
		}
	}
	return records
}

func fuzzVideo(f *testing.F, of func() format.Format, codec string) {
	if _, err := exec.LookPath("ffmpeg"); err == nil {
		records := clipPackets(f, codec)
		f.Add(bytes.Join(records, nil))
		f.Add(bytes.Join(records[:min(5, len(records))], nil))
		f.Add(bytes.Join(append(records[3:9:9], records[:4]...), nil))
	}
	for _, payload := range [][]byte{{}, {0x67}, {0x18, 0, 1, 0x65}, {0x7c, 0x85}, {0x7c, 0x45}, {0x60, 1, 0, 1, 0x40}, {0x62, 1, 0x93}, {0x62, 1, 0x53}, {0, 0, 0, 1}} {
		f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: payload}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		s := lone()
		v := newTestVideo(t, s, of())
		feed(v, b)
		checkUnits(t, v.flushed())
	})
}

func FuzzH264(f *testing.F) { fuzzVideo(f, h264Format, "libx264") }
func FuzzH265(f *testing.F) { fuzzVideo(f, h265Format, "libx265") }

func FuzzAAC(f *testing.F) {
	f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0, 16, 0, 16, 1, 2}}))
	f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0, 32, 0, 8, 0, 8, 1, 2}}))
	f.Add(record(&rtp.Packet{Payload: []byte{0, 16, 1, 0, 1, 2}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := lone()
		feed(newTestAudio(t, s), b)
		checkUnits(t, s.drain())
	})
}

// soundFormats are formats of all codecs of sound that are recorded.
func soundFormats() []format.Format {
	aac := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelConfig: 1}
	all := []format.Format{&format.G722{}, &format.Opus{PayloadTyp: 97, ChannelCount: 2}, &format.G711{SampleRate: 8000, ChannelCount: 1}, &format.G711{MULaw: true, SampleRate: 8000, ChannelCount: 2},
		&format.MPEG4AudioLATM{PayloadTyp: 97, CPresent: true, StreamMuxConfig: &mpeg4audio.StreamMuxConfig{Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: aac}}}}}}}
	for _, kbits := range []int{16, 24, 32, 40} {
		all = append(all, &format.G726{PayloadTyp: 97, BitRate: kbits}, &format.G726{PayloadTyp: 97, BitRate: kbits, BigEndian: true})
	}
	for _, bits := range []int{8, 16, 24} {
		all = append(all, &format.LPCM{PayloadTyp: 97, BitDepth: bits, SampleRate: 44100, ChannelCount: 2})
	}
	return all
}

func FuzzSound(f *testing.F) {
	for i := range soundFormats() {
		for _, payload := range [][]byte{{}, {1}, {0x20, 0, 0x11, 0x90}, bytes.Repeat([]byte{0xd5}, 160), bytes.Repeat([]byte{3, 0xff, 0x80}, 333), bytes.Repeat([]byte{0xfc, 0xff, 0xfe}, 20), {0xfb, 0}} {
			f.Add(uint8(i), append(record(&rtp.Packet{Payload: payload}), record(&rtp.Packet{Header: rtp.Header{Timestamp: 960, SequenceNumber: 1, Marker: true}, Payload: payload})...))
		}
	}
	f.Fuzz(func(t *testing.T, codec uint8, b []byte) {
		formats := soundFormats()
		s := lone()
		a := newAudio(s, nil, formats[int(codec)%len(formats)])
		if a == nil {
			t.Fatalf("%T is not taken", formats[int(codec)%len(formats)])
		}
		feed(a, b)
		items := s.drain()
		checkUnits(t, items)
		for _, it := range items {
			if it.Unit.Samples <= 0 {
				t.Fatalf("a frame of %d samples", it.Unit.Samples)
			}
		}
	})
}
