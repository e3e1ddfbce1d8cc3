package camtest

import (
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"keepwatch.internal/internal/testcam"
)

// Opus has ffmpeg encode mono samples of 16 bits, the low byte first, and returns them as packets of 20 ms. rate is in hertz.
func Opus(t testing.TB, pcm []byte, rate int) *testcam.Packets {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1", "-i", "-", "-c:a", "libopus", "-frame_duration", "20", "-f", "ogg", "-")
	cmd.Stdin = bytes.NewReader(pcm)
	file, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	p := &testcam.Packets{Type: 97, RTPMap: "opus/48000/2", Clock: 48000, Ticks: 960}
	var packet []byte
	for n := 0; len(file) >= 27; { // pages of Ogg (RFC 3533 section 6)
		lacing, rest := file[27:27+int(file[26])], file[27+int(file[26]):]
		for _, size := range lacing {
			packet, rest = append(packet, rest[:size]...), rest[size:]
			if size < 255 {
				if n++; n > 2 { // after the two headers (RFC 7845 section 3)
					p.Payloads = append(p.Payloads, packet)
				}
				packet = nil
			}
		}
		file = rest
	}
	return p
}
