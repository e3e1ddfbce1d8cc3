package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/browsertest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// becomes waits until an expression is true in the page.
func (b *tab) becomes(expression string) {
	b.t.Helper()
	if !poll(b.ctx, 20*time.Second, func() bool { return eval[bool](b, expression) }) {
		b.t.Fatalf("never %s; the page says %q", expression, eval[string](b, `document.body.innerText`))
	}
}

// TestSeveralCamerasAreSavedAsOneZip marks a span in reverse order, selects a second camera, saves both, and unpacks the zip.
// Every frame of each clip must be of its camera, and the sidecar must have the file's SHA-256. Then it keeps both and saves them
// from the list.
func TestSeveralCamerasAreSavedAsOneZip(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "door"}, testcam.Camera{Name: "yard"})
	s.start()
	v := s.login("alice")
	v.recording()
	b := newTab(t, 1440, 900)
	downloads := browsertest.Save(t, b.ctx)
	b.login(s.url, "alice", testPassword)
	b.do(chromedp.Navigate(s.url+"/cameras/door"), chromedp.WaitVisible(`#timeline-slider`))
	first := b.shows("door", "a picture", func(m testcam.Mark) bool { return m.Frame > 6*15 })
	until(t, 20*time.Second, "footage of both", func() bool { return len(s.segments()) == 2 })
	b.do(chromedp.KeyEvent("o")) // the end, here, …
	b.shows("door", "four seconds on", func(m testcam.Mark) bool { return m.Frame > first.Frame+60 })
	b.do(chromedp.KeyEvent("i")) // … and then a beginning after it
	if said := eval[string](b, `document.querySelector("#toast").textContent`); !strings.Contains(said, "swapped") {
		t.Errorf("marks the wrong way round: %q", said)
	}
	b.shows("door", "and recorded", func(m testcam.Mark) bool { return m.Frame > first.Frame+120 })
	b.do(chromedp.Click(`input[type=checkbox][value=yard]`))
	b.becomes(`/\d [kMG]B/.test(document.querySelector("#save-facts").textContent)`)
	if said := eval[string](b, `document.querySelector("#save-button").textContent`); said != "Download 2 cameras (zip)" {
		t.Errorf("the button says %q", said)
	}
	facts := eval[string](b, `document.querySelector("#save-facts").textContent`)
	b.do(chromedp.Click(`#save-button`))
	path := downloads.Next("2-cameras_*.zip", stepTimeout)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mb := regexp.MustCompile(`[\d.]+ [kMG]B`).FindString(facts); mb != sizeWords(info.Size()) {
		t.Errorf("before, the size was said to be %q; the file has %d bytes", mb, info.Size())
	}
	b.holdsClipsOf(path, "door", "yard")

	for _, camera := range []string{"door", "yard"} {
		b.do(chromedp.Navigate(s.url+"/cameras/"+camera), chromedp.WaitVisible(`#timeline-slider`), chromedp.Evaluate[chromedp.Void](`document.querySelector("#save").open = true`),
			chromedp.SendKeys(`#keep-note`, "the parcel\r"))
		b.becomes(`document.querySelector("#toast").textContent.startsWith("Kept")`)
	}
	b.do(chromedp.Navigate(s.url+"/saved?q=parcel"), chromedp.WaitVisible(`.clip`), chromedp.Click(`.clips li:nth-child(1) input[name=kept]`), chromedp.Click(`.clips li:nth-child(2) input[name=kept]`))
	b.becomes(`/^2 clips · .*B/.test(document.querySelector("#zip-facts").textContent)`)
	b.do(chromedp.Click(`#zip-button`))
	b.holdsClipsOf(downloads.Next("saved-clips_*.zip", stepTimeout), "door", "yard")
}

// sizeWords matches a size on the page.
func sizeWords(n int64) string {
	switch f := float64(n); {
	case f < 1e6:
		return fmt.Sprintf("%.0f kB", f/1e3)
	case f < 1e7:
		return fmt.Sprintf("%.1f MB", f/1e6)
	default:
		return fmt.Sprintf("%.0f MB", f/1e6)
	}
}

// holdsClipsOf checks that a zip contains one clip with its sidecar for each camera.
func (b *tab) holdsClipsOf(path string, cameras ...string) {
	t := b.t
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{} // name to path
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = filepath.Join(t.TempDir(), f.Name)
		if err := os.WriteFile(files[f.Name], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) != 2*len(cameras) {
		t.Fatalf("%d files: %v", len(files), files)
	}
	for _, camera := range cameras {
		for name, sidecar := range files {
			if !strings.HasPrefix(name, camera+"_") || !strings.HasSuffix(name, ".json") {
				continue
			}
			var said struct{ Camera, File, SHA256 string }
			text, err := os.ReadFile(sidecar)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			clip, err := os.ReadFile(files[said.File])
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(clip); said.Camera != camera || said.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s says %+v; the file comes to %x", name, said, sum)
			}
			marks := camtest.Marks(t, files[said.File])
			for i, m := range marks {
				if m.Camera != testcam.CodeOf(camera) || m.Frame != marks[0].Frame+uint64(i) {
					t.Fatalf("picture %d of %s is %v; the first was %v", i, said.File, m, marks[0])
				}
			}
			if len(marks) < 30 {
				t.Errorf("%s has %d pictures", said.File, len(marks))
			}
		}
	}
}
