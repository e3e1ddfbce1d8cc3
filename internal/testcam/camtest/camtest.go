// Package camtest reads the marks of simulated cameras from recorded files. It is for tests only.
package camtest

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"testing"

	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
)

// Marks returns the mark of each frame of an H.264 file, in decoding order. It first decodes the file with ffmpeg. It fails the
// test on any warning from ffmpeg, and on a frame without a mark.
func Marks(t testing.TB, path string) []testcam.Mark {
	t.Helper()
	pictures := mediatest.Decode(t, path)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v", path, err)
	}
	var all []testcam.Mark
	for _, nalu := range bytes.Split(out, []byte{0, 0, 1}) {
		if m, err := testcam.ParseSEI(bytes.TrimRight(nalu, "\x00")); err == nil {
			all = append(all, m)
		}
	}
	if len(all) != pictures {
		t.Errorf("%s has %d pictures and %d marks", path, pictures, len(all))
	}
	return all
}

// MarksIn finds the marks in the bytes of MP4 files or fragments without decoding them: SEI messages with the length prefix
// of NAL units in MP4 (ISO/IEC 14496-15 section 5.3.3).
func MarksIn(b []byte) []testcam.Mark {
	const longest = 128 // a mark is shorter
	var all []testcam.Mark
	for i := 4; i < len(b); i++ {
		next := bytes.Index(b[i:], []byte("\x06\x05")) // NAL unit type and payload type
		if next < 0 {
			break
		}
		i += next
		if n := int(binary.BigEndian.Uint32(b[i-4:])); n <= longest && i+n <= len(b) {
			if m, err := testcam.ParseSEI(b[i : i+n]); err == nil {
				all = append(all, m)
			}
		}
	}
	return all
}
