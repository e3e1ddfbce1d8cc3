package oddcam_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam/oddcam"
)

// newFilm has ffmpeg encode two seconds with B-frames and sound.
func newFilm(t *testing.T) (file string, f *oddcam.Film) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "film.nut")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2", "-c:v", "libx264", "-bf", "2", "-g", "25", "-c:a", "aac", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// With two B-frames the first picture is shown 80 ms after it was decoded, and sound waits for it.
	f, err := oddcam.NewFilm(t.Context(), []float64{0.08, 0.08}, func(ctx context.Context, url string) error {
		return exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", url).Run()
	})
	if err != nil {
		t.Fatal(err)
	}
	return file, f
}

// pictures returns a line for each decoded picture: its checksum.
func pictures(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"-nostdin", "-v", "error"}, args...)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-map", "0:v", "-f", "framemd5", "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.SplitSeq(string(out), "\n") {
		if fields := strings.Split(line, ","); len(fields) == 6 && line[0] != '#' {
			b.WriteString(fields[5] + "\n")
		}
	}
	return b.String()
}

func start(t *testing.T, o oddcam.Options) *oddcam.Camera {
	t.Helper()
	c, err := oddcam.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAFilmIsSentAsItIs(t *testing.T) {
	file, f := newFilm(t)
	c := start(t, oddcam.Options{Film: f, Reports: time.Second})
	want, got := pictures(t, "-i", file), pictures(t, "-rtsp_transport", "tcp", "-i", c.URL())
	if strings.Count(want, "\n") != 50 || !strings.HasPrefix(want, got) || strings.Count(got, "\n") < 48 {
		t.Errorf("of %d pictures, %d arrive as they are", strings.Count(want, "\n"), strings.Count(got, "\n"))
	}
	<-c.Ended()
	if c.Viewers() != 1 || c.Began().IsZero() {
		t.Errorf("%d viewers since %v", c.Viewers(), c.Began())
	}
}

func TestPicturesAreSentInDecodingOrderAndNoneLate(t *testing.T) {
	_, f := newFilm(t)
	for _, m := range f.Media {
		for i, p := range m.Packets {
			shown := time.Duration(p.Stamp) * time.Second / time.Duration(m.Clock)
			if i > 0 && p.At < m.Packets[i-1].At {
				t.Errorf("packet %d is sent at %v, after one of %v", i, p.At, m.Packets[i-1].At)
			}
			if m.Pictures() && p.At > shown {
				t.Errorf("packet %d is sent at %v, and shown at %v", i, p.At, shown)
			}
		}
	}
}

func TestEveryAnswerAndPacketCanBeOdd(t *testing.T) {
	_, f := newFilm(t)
	var asked []string
	c := start(t, oddcam.Options{Film: f, Skip: time.Second,
		Describe: func(sdp string) string { return strings.Replace(sdp, "s=film", "s=odd", 1) },
		Answer: func(req *oddcam.Request, _ int, usual []byte) []byte {
			asked = append(asked, req.Method)
			if req.Method == "OPTIONS" {
				return []byte("RTSP/1.0 200 OK\r\nCSeq: " + req.Header("CSeq") + "\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n")
			}
			return usual
		},
		Send: func(p oddcam.Outgoing) [][]byte { return [][]byte{p.Marshal()} },
		When: func(at time.Duration) time.Duration { return min(at, 1500*time.Millisecond) },
	})
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "verbose", "-rtsp_transport", "tcp", "-i", c.URL(), "-map", "0:v", "-c", "copy", "-f", "null", "-").CombinedOutput()
	if !bytes.Contains(out, []byte("odd")) {
		t.Errorf("%v: the description is not the changed one:\n%s", err, out)
	}
	if got := strings.Join(asked, " "); !strings.HasPrefix(got, "OPTIONS DESCRIBE SETUP SETUP PLAY") {
		t.Errorf("asked %s", got)
	}
}
