package main

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// TestRecordingsPlayWhereThereIsNoMediaSource removes Media Source Extensions before any page loads. The page must then play
// recordings by their playlists, from the requested moment on.
func TestRecordingsPlayWhereThereIsNoMediaSource(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "garden"})
	s.start()
	b := newTab(t, 1440, 900)
	if _, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `delete window.MediaSource; delete window.ManagedMediaSource;`}); err != nil {
		t.Fatal(err)
	}
	b.login(s.url, "alice", testPassword)
	s.login("alice").recording()
	garden := s.cams.Camera("garden")
	must(t, garden.WaitFrame(t.Context(), media.Main, garden.LastFrame(media.Main)+20*15))
	b.do(chromedp.Navigate(s.url+"/cameras/garden"), chromedp.WaitVisible(`#timeline-slider`))
	b.shows("garden", "live key frames", func(m testcam.Mark) bool { return m.Frame > 20*15 })
	b.goesToATime("garden")
	if src := eval[string](b, `document.querySelector("#video-past").currentSrc`); !strings.Contains(src, "/api/v1/cameras/garden/hls/media.m3u8?") {
		t.Errorf("the recording plays from %q", src)
	}
	b.do(chromedp.Click(`#play`)) // pauses
	paused := b.showsTheMomentInTheAddress("garden")
	b.do(chromedp.Click(`#back`))
	b.shows("garden", "an earlier picture", func(m testcam.Mark) bool { return m.Frame+100 < paused.Frame })
	before := b.showsTheMomentInTheAddress("garden")
	b.do(chromedp.Click(`#play`))
	b.shows("garden", "playback going on", func(m testcam.Mark) bool { return m.Frame > before.Frame+40 })
}

// showsTheMomentInTheAddress compares the picture with the server's key frame of the moment in the page's URL, which is in whole
// seconds. Key frames are two seconds apart.
func (b *tab) showsTheMomentInTheAddress(camera string) testcam.Mark {
	b.t.Helper()
	const fps, gop = 15, 30
	var address string
	var keys []testcam.Mark
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("at %s the recorder has the key frame %v", address, keys)
		}
	})
	return b.shows(camera, "the moment in its address", func(m testcam.Mark) bool {
		address = eval[string](b, `location.href`)
		ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
		defer stop()
		file, err := chromedp.Run(ctx, chromedp.Evaluate[[]int](`fetch("/api/v1/cameras/`+camera+`/keyframe.mp4?at=" + new URL(location.href).searchParams.get("at"))
			.then(answer => answer.arrayBuffer()).then(file => [...new Uint8Array(file)])`, chromedp.EvalAwaitPromise))
		if err != nil {
			b.t.Fatal(err)
		}
		var bytes []byte
		for _, v := range file {
			bytes = append(bytes, byte(v))
		}
		keys = camtest.MarksIn(bytes)
		return len(keys) == 1 && m.Frame >= keys[0].Frame && m.Frame <= keys[0].Frame+gop+fps
	})
}
