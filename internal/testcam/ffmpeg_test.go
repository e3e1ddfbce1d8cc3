package testcam

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a program of the ffmpeg package and returns its output. Anything on standard error is a failure.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s judges our streams in this test; install the ffmpeg package", name)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-v", "warning"}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err = cmd.Run()
	if text := strings.TrimSpace(complaints.String()); err != nil || text != "" {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
	return out.Bytes()
}

// annexB writes access units as a byte stream to a file.
func annexB(t testing.TB, name string, units ...[][]byte) string {
	t.Helper()
	var b []byte
	for _, au := range units {
		for _, nalu := range au {
			b = append(append(b, 0, 0, 0, 1), nalu...)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// decodeYUV decodes a file to planar 4:2:0 pictures.
func decodeYUV(t testing.TB, path string) []byte {
	t.Helper()
	return run(t, "ffmpeg", "-i", path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-")
}
