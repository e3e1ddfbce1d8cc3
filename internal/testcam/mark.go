package testcam

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"keepwatch.internal/internal/media"
)

// Mark is the identity that a simulated camera puts into every frame.
type Mark struct {
	Camera  uint32        // the camera's code, 1 to MaxCode
	Quality media.Quality // which of its streams
	Run     uint32        // Options.Run, plus one for each Handle.Reboot; the pixels contain the low 15 bits
	Frame   uint64        // 1 for the first frame of a run, then consecutive; the pixels contain the low 32 bits
	Time    time.Time     // when the frame was due, by this computer's clock; µs, in the pixels ms
}

// MaxCode is the largest camera code: a code has 24 bits.
const MaxCode = 1<<24 - 1

// ErrNoMark is returned if there is no mark, or a damaged one.
var ErrNoMark = errors.New("no mark")

// CodeOf returns the default code of a camera with this name.
func CodeOf(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	sum := h.Sum32()
	return max(1, (sum>>24^sum)&MaxCode)
}

// String is for test failures.
func (m Mark) String() string {
	return fmt.Sprintf("camera %06x %s run %d frame %d at %s", m.Camera, m.Quality, m.Run, m.Frame,
		m.Time.UTC().Format("15:04:05.000000"))
}

// markBytes is the length of an encoded mark in SEI messages and AAC data stream elements.
const markBytes = 4 + 1 + 4 + 8 + 8

func (m Mark) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, m.Camera)
	b = append(b, byte(m.Quality))
	b = binary.BigEndian.AppendUint32(b, m.Run)
	b = binary.BigEndian.AppendUint64(b, m.Frame)
	return binary.BigEndian.AppendUint64(b, uint64(m.Time.UnixMicro()))
}

func parseMark(b []byte) (Mark, error) {
	if len(b) != markBytes {
		return Mark{}, fmt.Errorf("%w: %d bytes", ErrNoMark, len(b))
	}
	m := Mark{
		Camera:  binary.BigEndian.Uint32(b),
		Quality: media.Quality(b[4]),
		Run:     binary.BigEndian.Uint32(b[5:]),
		Frame:   binary.BigEndian.Uint64(b[9:]),
		Time:    time.UnixMicro(int64(binary.BigEndian.Uint64(b[17:]))).UTC(),
	}
	if m.Camera == 0 || m.Camera > MaxCode || !m.Quality.Valid() {
		return Mark{}, fmt.Errorf("%w: camera %x, stream %d", ErrNoMark, m.Camera, m.Quality)
	}
	return m, nil
}

// markUUID is the uuid_iso_iec_11578 of the SEI messages.
const markUUID = "\x6b\x65\x65\x70\x77\x61\x74\x43\x88\x01\x74\x65\x73\x74\x63\x61"

// markSEI returns a user_data_unregistered SEI message, ITU-T H.264 annex D.1.7, as a NAL unit.
func markSEI(m Mark) []byte {
	rbsp := []byte{5, byte(len(markUUID) + markBytes)}
	rbsp = append(rbsp, markUUID...)
	rbsp = m.append(rbsp)
	return nalUnit(nalSEI, append(rbsp, 0x80))
}

// ParseSEI parses the mark of an H.264 SEI NAL unit without start code. It returns ErrNoMark for anything else.
func ParseSEI(nalu []byte) (Mark, error) {
	if len(nalu) < 2 || nalu[0]&0x1f != nalSEI {
		return Mark{}, fmt.Errorf("%w: not an SEI message", ErrNoMark)
	}
	b := rbspOf(nalu)
	for len(b) > 2 {
		kind, rest := seiNumber(b)
		size, rest := seiNumber(rest)
		if size > len(rest) {
			break
		}
		body := rest[:size]
		if kind == 5 && size == len(markUUID)+markBytes && string(body[:len(markUUID)]) == markUUID {
			return parseMark(body[len(markUUID):])
		}
		b = rest[size:]
	}
	return Mark{}, fmt.Errorf("%w: another SEI message", ErrNoMark)
}

// seiNumber reads a payload type or size: bytes of 255 and one below are added up.
func seiNumber(b []byte) (int, []byte) {
	n := 0
	for i, v := range b {
		n += int(v)
		if v != 255 {
			return n, b[i+1:]
		}
	}
	return n, nil
}

// MarkOf returns the mark of an access unit, from the first SEI message that has one.
func MarkOf(nalus [][]byte) (Mark, error) {
	for _, nalu := range nalus {
		if m, err := ParseSEI(nalu); err == nil {
			return m, nil
		}
	}
	return Mark{}, fmt.Errorf("%w in %d NAL units", ErrNoMark, len(nalus))
}

// SPSCamera returns the code of the camera that wrote a sequence parameter set: its num_units_in_tick.
func SPSCamera(sps []byte) (uint32, error) {
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoMark, err)
	}
	if s.VUI == nil || s.VUI.TimingInfo == nil {
		return 0, fmt.Errorf("%w: no timing in the SPS", ErrNoMark)
	}
	ticks := s.VUI.TimingInfo.NumUnitsInTick
	if ticks == 0 || ticks > MaxCode || s.VUI.TimingInfo.TimeScale%(2*ticks) != 0 {
		return 0, fmt.Errorf("%w: %d/%d is not ours", ErrNoMark, ticks, s.VUI.TimingInfo.TimeScale)
	}
	return ticks, nil
}

// The code word in the pixels is a ribbon along the lower edge, ribbonCols cells wide and four high. A cell is a square of
// 1/ribbonCols of the frame's width. The outer rows and columns are dark. Each end has a coloured block of two by two cells, by
// which readers find it. Between them are two rows of cells, light for one and dark for zero.
const (
	ribbonCols  = 80
	ribbonRows  = 4
	ribbonData  = 72 // cells of a data row
	ribbonFirst = 4  // column of the first
	wordBytes   = 2 * ribbonData / 8
)

// wordEpoch is the zero of the time in a code word.
const wordEpoch = 1577836800000 // 2020-01-01, Unix ms

// word returns the code word: camera 24 bits, stream 1, run 15, frame 32, time 40, CRC-32 over those.
func (m Mark) word() [wordBytes]byte {
	var b [wordBytes]byte
	b[0], b[1], b[2] = byte(m.Camera>>16), byte(m.Camera>>8), byte(m.Camera)
	run := uint16(m.Run & 0x7fff)
	if m.Quality == media.Sub {
		run |= 0x8000
	}
	binary.BigEndian.PutUint16(b[3:], run)
	binary.BigEndian.PutUint32(b[5:], uint32(m.Frame))
	ms := uint64(m.Time.UnixMilli() - wordEpoch)
	b[9] = byte(ms >> 32)
	binary.BigEndian.PutUint32(b[10:], uint32(ms))
	binary.BigEndian.PutUint32(b[14:], crc32.ChecksumIEEE(b[:14]))
	return b
}

func parseWord(b [wordBytes]byte) (Mark, error) {
	if binary.BigEndian.Uint32(b[14:]) != crc32.ChecksumIEEE(b[:14]) {
		return Mark{}, fmt.Errorf("%w: checksum of the code word", ErrNoMark)
	}
	m := Mark{
		Camera:  uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]),
		Quality: media.Main,
		Run:     uint32(binary.BigEndian.Uint16(b[3:]) & 0x7fff),
		Frame:   uint64(binary.BigEndian.Uint32(b[5:])),
		Time:    time.UnixMilli(int64(b[9])<<32 + int64(binary.BigEndian.Uint32(b[10:])) + wordEpoch).UTC(),
	}
	if b[3]&0x80 != 0 {
		m.Quality = media.Sub
	}
	if m.Camera == 0 {
		return Mark{}, fmt.Errorf("%w: camera zero", ErrNoMark)
	}
	return m, nil
}

// bit returns bit i of the word. The first half is in the upper row, from left to right.
func bit(word *[wordBytes]byte, i int) bool { return word[i/8]>>(7-i%8)&1 == 1 }
