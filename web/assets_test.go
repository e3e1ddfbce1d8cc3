package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

func TestStaticFilesAreCachedForeverUnderAURLOfTheirContent(t *testing.T) {
	w := inhabited(t)
	names := 0
	err := fs.WalkDir(staticFiles, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		names++
		want, err := staticFiles.ReadFile(p)
		check(t, err)
		url := asset(strings.TrimPrefix(p, "static/"))
		for _, coding := range []string{"", "gzip", "br, gzip;q=0.5", "gzip;q=0", "identity"} {
			resp, body := w.do(ask{path: url, header: map[string]string{"Accept-Encoding": coding}})
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
				t.Errorf("%s: status %d, %q", url, resp.StatusCode, resp.Header.Get("Cache-Control"))
			}
			if resp.Header.Get("Content-Encoding") == "gzip" {
				if !acceptsGzip(coding) {
					t.Errorf("%s: gzip for %q", url, coding)
				}
				z, err := gzip.NewReader(strings.NewReader(string(body)))
				check(t, err)
				body, err = io.ReadAll(z)
				check(t, err)
			}
			if string(body) != string(want) {
				t.Errorf("%s for %q: other bytes", url, coding)
			}
		}
		if contentType(p) == "application/octet-stream" {
			t.Errorf("%s: no type is known for %s", p, path.Ext(p))
		}
		return nil
	})
	check(t, err)
	if names == 0 {
		t.Fatal("no files")
	}
	resp, body := w.do(ask{path: strings.Replace(asset("robots.txt"), assetVersion, "000000000000", 1)})
	if problemIn(t, resp, body).Status != 404 || resp.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("an old version: status %d, %q", resp.StatusCode, resp.Header.Get("Cache-Control"))
	}
}

func TestTheURLChangesWithAnyFile(t *testing.T) {
	one := fstest.MapFS{"a.js": {Data: []byte("1")}, "b.js": {Data: []byte("2")}}
	swapped := fstest.MapFS{"a.js": {Data: []byte("2")}, "b.js": {Data: []byte("1")}}
	renamed := fstest.MapFS{"a.js": {Data: []byte("1")}, "c.js": {Data: []byte("2")}}
	if digest(one) == digest(swapped) || digest(one) == digest(renamed) {
		t.Error("the digest does not tell files apart")
	}
}

func TestAMissingAssetPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("asset returned")
		}
	}()
	asset("no-such-file.js")
}
