package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

var (
	errForeign  = errors.New("footage of another camera")
	errUnmarked = errors.New("bytes that do not say whose they are")
)

// lens is a simulated camera, with everything that identifies its footage and mentions of it.
type lens struct {
	name, label string // unique among cameras and all other text
	id          media.CameraID
	code        uint32
	handle      *testcam.Handle
}

// eye checks received MP4 data of one camera, possibly truncated. The label of each fragment, the parameter set of each header,
// and the mark of each video and audio frame must be that camera's. No byte of footage may be left over.
type eye struct {
	camera                    *lens
	fragments, frames, sounds int
	oldest, newest            time.Time // of the marks
	places                    []spot    // of the samples in the next mdat
	known                     bool      // there was a header
}

// spot is the position of a sample in the received bytes.
type spot struct {
	at, size int
	sound    bool
}

// look checks the bytes of a response or message from its beginning.
func (e *eye) look(b []byte) error {
	for at := 0; len(b)-at >= 8; {
		size, kind, head := int(binary.BigEndian.Uint32(b[at:])), string(b[at+4:at+8]), 8
		if size == 1 && len(b)-at >= 16 {
			size, head = int(binary.BigEndian.Uint64(b[at+8:])), 16
		}
		if size < head {
			return fmt.Errorf("%w: a box %q of %d bytes", errUnmarked, kind, size)
		}
		whole := size <= len(b)-at
		if err := e.box(b, kind, span{at, head, min(at+size, len(b)), size, whole}); err != nil {
			return err
		}
		at += size
	}
	return nil
}

// span is the position of a box: it begins at at, its content after head, and was received up to end.
type span struct {
	at, head, end, size int
	whole               bool
}

func (e *eye) box(b []byte, kind string, s span) error {
	switch kind {
	case "ftyp":
		return nil
	case "uuid":
		return e.label(b[s.at:s.end], s.whole)
	case "moov":
		if !s.whole {
			return nil
		}
		return e.movie(b[s.at+s.head : s.end])
	case "moof":
		if !s.whole {
			return nil
		}
		return e.moof(b[s.at+s.head:s.end], s.at)
	case "mdat":
		return e.samples(b, s)
	}
	return fmt.Errorf("%w: a box %q", errUnmarked, kind)
}

// label checks a label, which may be truncated.
func (e *eye) label(b []byte, whole bool) error {
	const cameraAt, cameraEnd = 32, 48
	if whole {
		l, err := media.ParseLabel(b)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnmarked, err)
		}
		e.fragments++
		if l.Kind == media.LabelFragment && !e.known {
			return fmt.Errorf("%w: a fragment without a header", errUnmarked)
		}
	}
	if len(b) >= cameraEnd && !bytes.Equal(b[cameraAt:cameraEnd], e.camera.id[:]) {
		return fmt.Errorf("%w: a label of %x", errForeign, b[cameraAt:cameraEnd])
	}
	return nil
}

// movie checks the parameter set in the header and, for an unfragmented file, reads the positions of its samples.
func (e *eye) movie(b []byte) error {
	const spsAt = 4 + 6 // ISO/IEC 14496-15 section 5.3.3.1
	i := bytes.Index(b, []byte("avcC"))
	if i < 0 || len(b) < i+spsAt+2 {
		return fmt.Errorf("%w: a header without parameter sets", errUnmarked)
	}
	sps := b[i+spsAt+2:]
	sps = sps[:min(len(sps), int(binary.BigEndian.Uint16(b[i+spsAt:])))]
	code, err := testcam.SPSCamera(sps)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnmarked, err)
	}
	if code != e.camera.code {
		return fmt.Errorf("%w: a parameter set of %06x", errForeign, code)
	}
	e.known = true
	for track := range boxesIn(b, "trak") {
		e.table(track)
	}
	return nil
}

// table reads the sample tables of a track (ISO/IEC 14496-12 sections 8.6 and 8.7). Those of a fragmented file are empty.
func (e *eye) table(track []byte) {
	sound := bytes.Contains(track, []byte("soun"))
	var sizes, chunks []int
	var runs [][3]int
	for stbl := range boxesIn(track, "mdia", "minf", "stbl") {
		for b := range boxesIn(stbl, "stsz") {
			fixed, n := int(binary.BigEndian.Uint32(b[4:])), int(binary.BigEndian.Uint32(b[8:]))
			for i := range n {
				size := fixed
				if fixed == 0 {
					size = int(binary.BigEndian.Uint32(b[12+4*i:]))
				}
				sizes = append(sizes, size)
			}
		}
		for b := range boxesIn(stbl, "stco") {
			for i := range int(binary.BigEndian.Uint32(b[4:])) {
				chunks = append(chunks, int(binary.BigEndian.Uint32(b[8+4*i:])))
			}
		}
		for b := range boxesIn(stbl, "stsc") {
			for i := range int(binary.BigEndian.Uint32(b[4:])) {
				runs = append(runs, [3]int{int(binary.BigEndian.Uint32(b[8+12*i:])), int(binary.BigEndian.Uint32(b[12+12*i:]))})
			}
		}
	}
	for i, at := range chunks {
		n := 0
		for _, r := range runs {
			if r[0] <= i+1 {
				n = r[1]
			}
		}
		for range min(n, len(sizes)) {
			e.places = append(e.places, spot{at, sizes[0], sound})
			at, sizes = at+sizes[0], sizes[1:]
		}
	}
}

// moof reads the positions of a fragment's samples (ISO/IEC 14496-12 section 8.8). at is the position of the moof box.
func (e *eye) moof(b []byte, at int) error {
	e.places = e.places[:0]
	for traf := range boxesIn(b, "traf") {
		sound := false
		for tfhd := range boxesIn(traf, "tfhd") {
			sound = binary.BigEndian.Uint32(tfhd[4:]) == 2
		}
		for trun := range boxesIn(traf, "trun") {
			flags := binary.BigEndian.Uint32(trun)
			each, sizeAt := 0, 0 // bytes of an entry, and the offset of the size in it
			for bit, field := uint32(0x100), 0; bit <= 0x800; bit, field = bit<<1, field+1 {
				if flags&bit != 0 {
					if bit == 0x200 {
						sizeAt = each
					}
					each += 4
				}
			}
			if flags&0x201 != 0x201 {
				return fmt.Errorf("%w: samples without place or size", errUnmarked)
			}
			offset := at + int(int32(binary.BigEndian.Uint32(trun[8:])))
			for i := range int(binary.BigEndian.Uint32(trun[4:])) {
				size := int(binary.BigEndian.Uint32(trun[12+each*i+sizeAt:]))
				e.places = append(e.places, spot{offset, size, sound})
				offset += size
			}
		}
	}
	return nil
}

// samples checks an mdat box. Its samples must fill it.
func (e *eye) samples(b []byte, s span) error {
	if !e.known {
		return fmt.Errorf("%w: footage before its header", errUnmarked)
	}
	total := 0
	for _, p := range e.places {
		total += p.size
		if p.at < s.at+s.head || p.at+p.size > s.at+s.size {
			return fmt.Errorf("%w: a sample outside of its box", errUnmarked)
		}
		if p.at < s.end {
			if err := e.sample(b[p.at:min(p.at+p.size, s.end)], p); err != nil {
				return err
			}
		}
	}
	if total != s.size-s.head {
		return fmt.Errorf("%w: %d bytes of samples in a box of %d", errUnmarked, total, s.size-s.head)
	}
	e.places = e.places[:0]
	return nil
}

// sample checks the received part of a video or audio frame.
func (e *eye) sample(b []byte, p spot) error {
	if p.sound {
		if len(b) < min(p.size, 32) {
			return nil // cut off before the mark
		}
		m, err := testcam.ParseAudio(b)
		if err != nil {
			return fmt.Errorf("%w: sound: %w", errUnmarked, err)
		}
		e.sounds++
		return e.mark(m)
	}
	if len(b) < 4 || len(b) < p.size && len(b) < 4+int(binary.BigEndian.Uint32(b)) {
		return nil
	}
	n := min(len(b)-4, int(binary.BigEndian.Uint32(b)))
	m, err := testcam.ParseSEI(b[4 : 4+n]) // it is the first unit of each frame
	if err != nil {
		return fmt.Errorf("%w: a picture: %w", errUnmarked, err)
	}
	e.frames++
	return e.mark(m)
}

func (e *eye) mark(m testcam.Mark) error {
	if m.Camera != e.camera.code {
		return fmt.Errorf("%w: %v", errForeign, m)
	}
	if e.oldest.IsZero() || m.Time.Before(e.oldest) {
		e.oldest = m.Time
	}
	if m.Time.After(e.newest) {
		e.newest = m.Time
	}
	return nil
}

// mostBetweenMarks is more than one video frame of the storm's cameras with its audio.
const mostBetweenMarks = 64 << 10

// piece checks bytes from the middle of a file, without a header. Every mark must be the camera's, and marks must be close
// together.
func (e *eye) piece(b []byte) error {
	marks := camtest.MarksIn(b)
	for _, m := range marks {
		e.frames++
		if err := e.mark(m); err != nil {
			return err
		}
	}
	if len(b) > mostBetweenMarks*(len(marks)+1) {
		return fmt.Errorf("%w: %d marks in %d bytes", errUnmarked, len(marks), len(b))
	}
	return nil
}

// pictured decodes a clip and reads the code word in the pixels of each frame.
func (s *storm) pictured(f film) (read int) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "clip.mp4")
	if err := os.WriteFile(path, f.file, 0o600); err != nil {
		s.t.Fatal(err)
	}
	luma, err := exec.CommandContext(s.t.Context(), "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-an", "-fps_mode", "passthrough", "-f", "rawvideo",
		"-pix_fmt", "gray", "-").Output()
	if err != nil {
		s.t.Errorf("a clip of %s does not decode: %v", f.camera.name, err)
		return 0
	}
	for ; len(luma) >= stormWidth*stormHeight; luma = luma[stormWidth*stormHeight:] {
		m, err := testcam.ReadPixels(luma, stormWidth, stormWidth, stormHeight)
		if err != nil || m.Camera != f.camera.code {
			s.t.Errorf("picture %d of a clip of %s: %v, %v", read, f.camera.name, m, err)
			return read
		}
		read++
	}
	if read != f.frames {
		s.t.Errorf("a clip of %s has %d marks and %d pictures", f.camera.name, f.frames, read)
	}
	return read
}

// boxesIn yields the content of all boxes on the path.
func boxesIn(b []byte, path ...string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) >= 8 {
			size := int(binary.BigEndian.Uint32(b))
			if size < 8 || size > len(b) {
				return
			}
			if string(b[4:8]) == path[0] {
				if len(path) == 1 {
					if !yield(b[8:size]) {
						return
					}
				} else {
					for inner := range boxesIn(b[8:size], path[1:]...) {
						if !yield(inner) {
							return
						}
					}
				}
			}
			b = b[size:]
		}
	}
}
