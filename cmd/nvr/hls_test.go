package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// piece is one media segment of a playlist: a range of a file, with its attributes.
type piece struct {
	url           string
	bytes, offset int64
	at            time.Time
	plays         float64
	breaks        bool
	header        string // the range of the init header in its file
	headerURL     string
}

// TestAPlayerOutsidePlaysWhatTheClipHolds plays the playlist of a span with a gap in ffmpeg, and compares the decoded frames with
// those of the clip. It also compares every range of both playlists with its attributes.
func TestAPlayerOutsidePlaysWhatTheClipHolds(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "door", Audio: testcam.AAC})
	s.start()
	v := s.login("alice")
	v.recording()
	until(t, 20*time.Second, "a key frame on the disk", func() bool { return len(s.segments()) == 1 })
	from := time.Now()
	until(t, 30*time.Second, "nine seconds", func() bool { return time.Since(from) > 9*time.Second })
	s.cams.Camera("door").Reboot()
	until(t, 30*time.Second, "a second run", func() bool { return len(s.segments()) == 2 && v.state("door") == "recording" })
	to := time.Now().Add(5 * time.Second)
	until(t, 30*time.Second, "what was there then on the disk", func() bool { return time.Now().After(to.Add(2 * time.Second)) })
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}.Encode()
	want := camtest.Marks(t, v.clip("door", from, to))

	status, index := v.get("/api/v1/cameras/door/hls/index.m3u8?" + q)
	if status != http.StatusOK || !regexp.MustCompile(`(?m)^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=\d+x\d+$`).Match(index) {
		t.Fatalf("status %d:\n%s", status, index)
	}
	v.playsTheSame("/api/v1/cameras/door/hls/index.m3u8?"+q, want)
	breaks, length := 0, 0.0
	for i, x := range v.pieces("/api/v1/cameras/door/hls/media.m3u8?"+q, false) {
		b := v.rangeOf(x.url, x.offset, x.bytes)
		label, err := media.ParseLabel(b)
		if err != nil || !label.Start.Truncate(time.Millisecond).Equal(x.at) {
			t.Errorf("stretch %d begins with %+v, %v; the playlist says %v", i, label, err, x.at)
		}
		if x.breaks {
			breaks++
		}
		length += x.plays
	}
	if breaks != 1 || length < 12 || length > 30 {
		t.Errorf("%d discontinuities, %.1f s", breaks, length)
	}
	keys := v.pieces("/api/v1/cameras/door/hls/keyframes.m3u8?"+q, true)
	for _, x := range keys {
		v.isOneKeyFrame(x)
	}
	if len(keys) < 6 {
		t.Errorf("%d key frames", len(keys))
	}
	for _, name := range []string{"index.m3u8", "media.m3u8", "keyframes.m3u8"} {
		if status, body := s.login("bob").get("/api/v1/cameras/door/hls/" + name + "?" + q); status != http.StatusNotFound || bytes.Contains(body, []byte("EXT")) {
			t.Errorf("an outsider requests %s: %d %s", name, status, body)
		}
	}
}

// cookie is the header with which an external player sends the visitor's session.
func (v *visitor) cookie() string {
	v.t.Helper()
	u, err := url.Parse(v.site.url)
	if err != nil {
		v.t.Fatal(err)
	}
	c := v.client.Jar.Cookies(u)[0]
	return fmt.Sprintf("Cookie: %s=%s\r\n", c.Name, c.Value)
}

// playsTheSame has ffmpeg decode a playlist without warnings, and compares the marks of its frames.
func (v *visitor) playsTheSame(path string, want []testcam.Mark) {
	t := v.t
	t.Helper()
	in := []string{"-nostdin", "-v", "error", "-xerror", "-headers", v.cookie(), "-i", v.site.url + path}
	decode := append(in, "-map", "0:v", "-map", "0:a", "-enc_time_base:v", "1:90000", "-f", "null", "-")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", decode...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "out.h264")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(in, "-map", "0:v", "-c", "copy", "-f", "h264", file)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, nalu := range bytes.Split(b, []byte{0, 0, 1}) {
		m, err := testcam.ParseSEI(bytes.TrimRight(nalu, "\x00"))
		if err != nil {
			continue
		}
		if n < len(want) && m != want[n] {
			t.Fatalf("picture %d is %v, in the clip it is %v", n, m, want[n])
		}
		n++
	}
	if n != len(want) || n < 100 {
		t.Errorf("%d pictures, the clip has %d", n, len(want))
	}
}

// pieces parses a playlist and checks it against RFC 8216.
func (v *visitor) pieces(path string, keysOnly bool) []piece {
	t := v.t
	t.Helper()
	status, b := v.get(path)
	text := string(b)
	if status != http.StatusOK || !strings.HasPrefix(text, "#EXTM3U\n") || !strings.HasSuffix(text, "\n#EXT-X-ENDLIST\n") ||
		strings.Contains(text, "#EXT-X-I-FRAMES-ONLY\n") != keysOnly || strings.Contains(text, "://") {
		t.Fatalf("%s: status %d:\n%s", path, status, text)
	}
	var all []piece
	var x piece
	target, folder := 0, path[:strings.LastIndex(path[:strings.Index(path, "?")], "/")+1]
	mapped := regexp.MustCompile(`^#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+@0)"$`)
	for _, line := range strings.Split(text, "\n") {
		tag, value, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-TARGETDURATION":
			fmt.Sscan(value, &target)
		case "#EXT-X-DISCONTINUITY":
			x.breaks = true
		case "#EXT-X-PROGRAM-DATE-TIME":
			x.at, _ = time.Parse(time.RFC3339Nano, value)
		case "#EXTINF":
			fmt.Sscanf(value, "%f,", &x.plays)
			if x.plays <= 0 || x.plays > float64(target) {
				t.Errorf("a stretch of %v s, the longest is said to be %d s", x.plays, target)
			}
		case "#EXT-X-BYTERANGE":
			fmt.Sscanf(value, "%d@%d", &x.bytes, &x.offset)
		case "#EXT-X-MAP":
			m := mapped.FindStringSubmatch(line)
			x.headerURL, x.header = folder+m[1], m[2]
		default:
			if line != "" && !strings.HasPrefix(line, "#") {
				x.url = folder + line
				all = append(all, x)
				x = piece{headerURL: x.headerURL, header: x.header}
			}
		}
	}
	return all
}

// rangeOf fetches bytes of a file.
func (v *visitor) rangeOf(path string, offset, size int64) []byte {
	t := v.t
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", v.site.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+size-1))
	resp, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusPartialContent || int64(len(b)) != size {
		t.Fatalf("%s from %d: status %d, %d of %d bytes, %v", path, offset, resp.StatusCode, len(b), size, err)
	}
	return b
}

// isOneKeyFrame decodes one entry of a key-frame playlist after its init header, and checks that it is a single key frame.
func (v *visitor) isOneKeyFrame(x piece) {
	t := v.t
	t.Helper()
	var size int64
	fmt.Sscanf(x.header, "%d@0", &size)
	picture := v.rangeOf(x.url, x.offset, x.bytes)
	if marks := camtest.MarksIn(picture); len(marks) != 1 {
		t.Errorf("the range at %d holds %d pictures", x.offset, len(marks))
	}
	file := filepath.Join(t.TempDir(), "key.mp4")
	if err := os.WriteFile(file, append(v.rangeOf(x.headerURL, 0, size), picture...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "quiet", "-select_streams", "v", "-show_entries", "frame=key_frame,pict_type", "-of", "csv=p=0", file).Output()
	if got := strings.Trim(strings.TrimSpace(string(out)), ","); err != nil || got != "1,I" {
		t.Errorf("the range at %d decodes to %q, %v", x.offset, got, err)
	}
}
