package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"keepwatch.internal/internal/testcam"
)

// frames counts the frames of a window that were sent and recorded.
type frames struct {
	sent    int // by all cameras within the window
	lost    int // sent but in no file
	doubled int // additional copies, in the whole recording
}

// recording collects the marks of all frames in all files of a recording.
type recording struct {
	seen map[uint32]map[uint64]time.Time // when it was due, by camera and number of the picture
	n    int                             // with copies
}

func newRecording() *recording { return &recording{seen: map[uint32]map[uint64]time.Time{}} }

// readRecording reads all MP4 files below dir.
func readRecording(dir string) (*recording, error) {
	r := newRecording()
	err := eachMP4(dir, func(path string, _ fs.FileInfo) error {
		b, err := os.ReadFile(path)
		r.read(b)
		return err
	})
	return r, err
}

// read finds the marks in a file: SEI messages with the length prefix of NAL units in MP4 (ISO/IEC 14496-15 5.3.3), at any
// offset. A valid mark rules out a coincidence.
func (r *recording) read(b []byte) {
	const userData, longest = "\x06\x05", 128 // NAL unit type and payload type; a mark is shorter
	for i := 0; ; {
		next := bytes.Index(b[i:], []byte(userData))
		if next < 0 {
			return
		}
		i += next
		if i >= 4 {
			n := int(binary.BigEndian.Uint32(b[i-4:]))
			if n <= longest && i+n <= len(b) {
				r.add(testcam.ParseSEI(b[i : i+n]))
			}
		}
		i++
	}
}

func (r *recording) add(m testcam.Mark, err error) {
	if err != nil { // not a mark
		return
	}
	if r.seen[m.Camera] == nil {
		r.seen[m.Camera] = map[uint64]time.Time{}
	}
	r.seen[m.Camera][m.Frame] = m.Time
	r.n++
}

// within compares the recording with what cameras 1 to count sent from one moment to the other.
func (r *recording) within(from, to time.Time, count int) frames {
	const step = time.Second / clipFPS
	var f frames
	distinct := 0
	for camera := range uint32(count) {
		pictures := r.seen[camera+1]
		distinct += len(pictures)
		first, last := int64(0), int64(to.Sub(from)/step)
		for number, at := range pictures { // any of them determines the numbers at both ends of the window
			numberAt := func(t time.Time) int64 {
				return int64(number) + int64(math.Ceil(float64(t.Sub(at))/float64(step)))
			}
			first, last = numberAt(from), numberAt(to)
			break
		}
		for number := first; number < last; number++ {
			if _, ok := pictures[uint64(number)]; !ok {
				f.lost++
			}
		}
		f.sent += int(last - first)
	}
	f.doubled = r.n - distinct
	return f
}

// footageSize returns the size of all MP4 files below dir.
func footageSize(dir string) (int64, error) {
	var n int64
	err := eachMP4(dir, func(_ string, info fs.FileInfo) error {
		n += info.Size()
		return nil
	})
	return n, err
}

// eachMP4 visits the MP4 files below dir, even while more are being written.
func eachMP4(dir string, visit func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".mp4" {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return visit(path, info)
	})
}
