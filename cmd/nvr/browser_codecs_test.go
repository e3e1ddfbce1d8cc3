package main

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/testcam"
)

// painted counts the pictures that the element has shown: frames of a video, or changes of what is drawn over it.
const painted = `(() => {
	const layer = document.querySelector("#stage").dataset.show ?? "";
	const canvas = document.querySelector(layer === "scrub" ? "canvas.still.scrub" : "canvas.still:not(.scrub)");
	if (layer !== %q) return 0;
	if (!canvas || canvas.width === 0) return document.querySelector("#video-" + layer).getVideoPlaybackQuality().totalVideoFrames;
	const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
	let sum = 0;
	for (let i = 0; i < data.length; i += 4) sum = (sum * 31 + data[i]) >>> 0;
	window.sums ??= new Set();
	window.sums.add(sum);
	return window.sums.size;
})()`

// TestEachKindOfPictureIsSeenLiveAndRecorded watches, in a real browser, streams that no viewer can join at an IDR picture, and JPEG,
// which no browser plays from MP4.
func TestEachKindOfPictureIsSeenLiveAndRecorded(t *testing.T) {
	dir := t.TempDir()
	var cams []testcam.Camera
	recorded := map[string]string{"jpeg": "scrub"}
	for name, file := range map[string]struct {
		name    string
		options []string
	}{
		"jpeg":     {"x.mjpeg", []string{"-c:v", "mjpeg", "-huffman", "default", "-pix_fmt", "yuvj420p", "-f", "image2pipe"}},
		"av1":      {"x.ivf", []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "20", "-lag-in-frames", "0", "-pix_fmt", "yuv420p"}},
		"open-gop": {"open.mp4", []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x264-params", "open-gop=1:keyint=20:min-keyint=20:bframes=2:b-adapt=0:b-pyramid=none:scenecut=0"}},
		"refresh":  {"refresh.mp4", []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x264-params", "intra-refresh=1:keyint=20:bframes=0"}},
	} {
		path := filepath.Join(dir, file.name)
		args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=60"}, file.options...)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		cams = append(cams, testcam.Camera{Name: name, File: path, Midway: true, Main: testcam.Video{FPS: 10}})
		if recorded[name] == "" {
			recorded[name] = "past"
		}
	}
	s := newSite(t, cams...)
	s.start()
	b := newTab(t, 1440, 900)
	b.login(s.url, "alice", testPassword)
	s.login("alice").recording()
	begun := time.Now()
	shows := func(name, layer string) {
		t.Helper()
		var n int
		for end := time.Now().Add(20 * time.Second); ; {
			if n = eval[int](b, fmt.Sprintf(painted, layer)); n > 10 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d pictures are shown as %s; the page says %q", name, n, layer, eval[string](b, `document.querySelector("#camera").innerText`))
			}
		}
	}
	for _, c := range cams {
		b.do(chromedp.Navigate(s.url+"/cameras/"+c.Name), chromedp.WaitVisible(`#timeline-slider`))
		shows(c.Name, "live")
	}
	until(t, 30*time.Second, "ten seconds of footage", func() bool { return time.Since(begun) > 10*time.Second })
	for _, c := range cams {
		at := time.Now().Add(-7 * time.Second)
		b.do(chromedp.Navigate(s.url+"/cameras/"+c.Name+"?at="+url.QueryEscape(at.UTC().Format(time.RFC3339))), chromedp.WaitVisible(`#timeline-slider`))
		if eval[string](b, `document.querySelector("#play").ariaLabel`) == "Play" {
			b.do(chromedp.Click(`#play`))
		}
		shows(c.Name, recorded[c.Name])
		b.do(chromedp.Click(`#snapshot`))
		until(t, 10*time.Second, "a saved picture of "+c.Name, func() bool { return eval[bool](b, `document.body.innerText.includes("Saved as")`) })
	}
}
