// Package camtest reads back from recorded files what simulated cameras put into their pictures. It is for tests only.
package camtest

import (
	"bytes"
	"os/exec"
	"testing"

	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
)

// Marks returns the identity of each picture of an H.264 file, in decoding order. It fails the test when ffmpeg, which
// decodes the file first, complains of anything, or when a picture carries no mark.
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
