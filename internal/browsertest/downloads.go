// Package browsertest is what tests that drive a browser share. It is for tests only.
package browsertest

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// Downloads are the files that a browser has saved. A file exists under its own name, empty, before its bytes have come. Only the
// browser knows when it is complete.
type Downloads struct {
	t       *testing.T
	folder  string
	changed chan struct{}

	mu    sync.Mutex
	names map[string]string // of downloads under way, by their identifiers
	whole []string          // paths of files that nobody has taken yet
	lost  []string          // names of downloads that were cancelled
}

// Save makes the browser of a chromedp context save what it downloads, in a new folder that is removed after the test.
func Save(t *testing.T, ctx context.Context) *Downloads {
	t.Helper()
	d := &Downloads{t: t, folder: t.TempDir(), changed: make(chan struct{}, 1), names: map[string]string{}}
	if err := chromedp.ListenBrowser(ctx, d.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: d.folder, EventsEnabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	return d
}

// hear takes note of an event of the browser.
func (d *Downloads) hear(event any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e := event.(type) {
	case *browser.EventDownloadWillBegin:
		d.names[e.GUID] = e.SuggestedFilename
	case *browser.EventDownloadProgress:
		name, ours := d.names[e.GUID]
		switch {
		case !ours || e.State == browser.DownloadProgressStateInProgress:
			return
		case e.State == browser.DownloadProgressStateCanceled:
			d.lost = append(d.lost, name)
		case e.FilePath != "":
			d.whole = append(d.whole, e.FilePath)
		default:
			d.whole = append(d.whole, filepath.Join(d.folder, name))
		}
		delete(d.names, e.GUID)
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
}

// Next waits until a file whose name matches a pattern of [filepath.Match] is complete, and returns its path. Each file is returned
// once. It fails the test if a download is cancelled, or none comes within the patience.
func (d *Downloads) Next(form string, patience time.Duration) (path string) {
	d.t.Helper()
	late := time.After(patience)
	for {
		path, lost := d.take(form)
		if path != "" {
			return path
		}
		if len(lost) > 0 {
			d.t.Fatalf("the download of %q was cancelled", lost)
		}
		select {
		case <-d.changed:
		case <-late:
			d.mu.Lock()
			defer d.mu.Unlock()
			d.t.Fatalf("no download like %s; saved are %q, on their way are %q", form, d.whole, d.names)
		}
	}
}

// take returns the first whole file of a form, and what is lost.
func (d *Downloads) take(form string) (path string, lost []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.whole, func(path string) bool {
		fits, err := filepath.Match(form, filepath.Base(path))
		return err == nil && fits
	})
	if i < 0 {
		return "", d.lost
	}
	path = d.whole[i]
	d.whole = slices.Delete(d.whole, i, i+1)
	return path, nil
}
