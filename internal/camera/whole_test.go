package camera

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// encoded has ffmpeg encode three seconds at 10 frames a second to a file of the given name.
func encoded(t testing.TB, name string, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=3"}, options...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// jpegs returns a file of JPEG files one after another, the files, and the packets of each (RFC 2435).
func jpegs(t testing.TB, options ...string) (path string, files [][]byte, packets [][]*rtp.Packet) {
	t.Helper()
	path = encoded(t, "x.mjpeg", append(options, "-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p", "-f", "image2pipe")...)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&format.MJPEG{}).CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range bytes.SplitAfter(b, []byte{0xff, 0xd9}) {
		if len(part) == 0 {
			continue
		}
		frame, err := e.Encode(part)
		if err != nil {
			t.Fatal(err)
		}
		files, packets = append(files, part), append(packets, frame)
	}
	return path, files, packets
}

// temporalUnits returns an AV1 file and the packets of each of its temporal units.
func temporalUnits(t testing.TB) (path string, packets [][]*rtp.Packet) {
	t.Helper()
	path = encoded(t, "x.ivf", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "10", "-lag-in-frames", "0", "-pix_fmt", "yuv420p")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&format.AV1{}).CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	for b = b[32:]; len(b) > 12; {
		size := int(binary.LittleEndian.Uint32(b))
		var tu av1.Bitstream
		if err := tu.Unmarshal(b[12 : 12+size]); err != nil {
			t.Fatal(err)
		}
		frame, err := e.Encode(tu)
		if err != nil {
			t.Fatal(err)
		}
		packets, b = append(packets, frame), b[12+size:]
	}
	return path, packets
}

// sendWhole plays frames to a video, 10 a second, and leaves out the packets for which lost is true.
func sendWhole(v *video, frames [][]*rtp.Packet, lost func(frame, packet int) bool) []Item {
	seq, base := uint16(0), time.Now()
	for n, frame := range frames {
		for i, p := range frame {
			p.SequenceNumber, p.Timestamp = seq, uint32(n*9000)
			if seq++; lost == nil || !lost(n, i) {
				v.take(p, packetTime{stamp: p.Timestamp, pts: int64(n) * 9000, at: base.Add(time.Duration(n) * 100 * time.Millisecond)})
			}
		}
	}
	return v.session.drain()
}

func TestJPEGIsRecordedAsItComes(t *testing.T) {
	path, files, packets := jpegs(t)
	items := sendWhole(newTestVideo(t, lone(), &format.MJPEG{}), packets, nil)
	checkUnits(t, items)
	if len(items) != len(files) || len(files) != 30 || items[0].Video.Width != 320 || items[0].Video.Height != 240 {
		t.Fatalf("%d of %d pictures", len(items), len(files))
	}
	var units []*media.Unit
	for _, it := range items {
		units = append(units, it.Unit)
	}
	file := write(t, *items[0].Video, units)
	if got, want := framesOf(t, file), framesOf(t, path); !slices.Equal(got, want) {
		t.Errorf("ffmpeg reads %d pictures, or others than the source's %d", len(got), len(want))
	}
	again := sendWhole(newTestVideo(t, lone(), &format.MJPEG{}), packets, func(n, i int) bool { return n%3 == 1 && i == 1 })
	if len(again) != 20 {
		t.Errorf("%d pictures when one of three is incomplete", len(again))
	}
}

func TestAV1IsRecordedFromAKeyFrameOn(t *testing.T) {
	path, packets := temporalUnits(t)
	want := framesOf(t, path)
	items := sendWhole(newTestVideo(t, lone(), &format.AV1{}), packets[3:], nil)
	checkUnits(t, items)
	if len(items) != 20 || len(want) != 30 || items[0].Video.Width != 320 {
		t.Fatalf("%d pictures of %d", len(items), len(want))
	}
	var units []*media.Unit
	keys := 0
	for _, it := range items {
		units = append(units, it.Unit)
		if it.Unit.Random {
			keys++
		}
	}
	if got := framesOf(t, write(t, *items[0].Video, units)); keys != 2 || !slices.Equal(got, want[10:]) {
		t.Errorf("%d key frames; ffmpeg reads %d pictures, or others than the source's last 20", keys, len(got))
	}
	damaged := sendWhole(newTestVideo(t, lone(), &format.AV1{}), packets, func(n, i int) bool { return n == 14 && i == 0 })
	if len(damaged) != 29 || !damaged[14].Unit.Damaged || damaged[13].Unit.Damaged || damaged[15].Unit.Damaged {
		t.Errorf("%d pictures with one lost", len(damaged))
	}
}

// Restart markers stand between parts of a picture; each packet says how far apart they are.
func TestJPEGWithRestartMarkersIsComplete(t *testing.T) {
	path, files, packets := jpegs(t, "-threads", "4", "-thread_type", "slice", "-slices", "4")
	if !bytes.Contains(files[0], []byte{0xff, markerDRI}) || packets[0][0].Payload[4] < withRestart {
		t.Fatal("the source has no restart markers")
	}
	items := sendWhole(newTestVideo(t, lone(), &format.MJPEG{}), packets, nil)
	var units []*media.Unit
	for _, it := range items {
		units = append(units, it.Unit)
	}
	if len(units) != len(files) {
		t.Fatalf("%d of %d pictures", len(units), len(files))
	}
	if got, want := framesOf(t, write(t, *items[0].Video, units)), framesOf(t, path); !slices.Equal(got, want) {
		t.Errorf("ffmpeg reads %d pictures, or others than the source's %d", len(got), len(want))
	}
}

// The payload has 8 bits for the width in units of 8 pixels. Cameras leave them zero and send the header of the file beside it.
func TestJPEGWiderThan2040PixelsHasItsSizeFromTheHeaderExtension(t *testing.T) {
	_, _, packets := jpegs(t)
	for _, frame := range packets {
		for _, p := range frame {
			p.Payload[6], p.Payload[7] = 0, 0
		}
	}
	if items := sendWhole(newTestVideo(t, lone(), &format.MJPEG{}), packets, nil); len(items) > 0 {
		t.Fatal("pictures without a size")
	}
	for _, frame := range packets {
		frame[0].Extension, frame[0].ExtensionProfile = true, jpegExtension
		if err := frame[0].SetExtension(0, []byte{0xff, 0xff, 0xff, 0xdb, 0, 3, 9, 0xff, 0xc0, 0, 17, 8, 0, 240, 1, 64, 3, 0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
	}
	items := sendWhole(newTestVideo(t, lone(), &format.MJPEG{}), packets, nil)
	if len(items) != len(packets) || items[0].Video.Width != 320 || items[0].Video.Height != 240 {
		t.Errorf("%d of %d pictures", len(items), len(packets))
	}
}

func fuzzWhole(f *testing.F, of func() format.Format, seed [][]*rtp.Packet) {
	var all []byte
	for _, frame := range seed[:2] {
		for _, p := range frame {
			all = append(all, record(p)...)
		}
	}
	f.Add(all)
	f.Add(all[:len(all)/2])
	f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0, 0, 0, 0, 65, 60, 20, 15, 0, 9, 255, 255, 1, 2}}))
	f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0, 0, 0, 0, 1, 255, 0, 0, 0, 0, 0, 128}}))
	f.Add(record(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0x18, 0x0a, 0x0b}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		s := lone()
		feed(newTestVideo(t, s, of()), b)
		checkUnits(t, s.drain())
	})
}

func FuzzJPEG(f *testing.F) {
	_, _, packets := jpegs(f)
	fuzzWhole(f, func() format.Format { return &format.MJPEG{} }, packets)
}

func FuzzAV1(f *testing.F) {
	_, packets := temporalUnits(f)
	fuzzWhole(f, func() format.Format { return &format.AV1{} }, packets)
}
