package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"keepwatch.internal/internal/media"
)

// tree is a parsed page.
type tree struct {
	t    testing.TB
	root *html.Node
}

func parse(t testing.TB, body []byte) tree {
	t.Helper()
	root, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	check(t, err)
	return tree{t, root}
}

// all returns the elements of a name that have the attributes, given as "name" or "name=value".
func (p tree) all(name string, attributes ...string) []*html.Node {
	var found []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && (name == "*" || n.Data == name) && hasAll(n, attributes) {
			found = append(found, n)
		}
	}
	return found
}

// one returns the only such element.
func (p tree) one(name string, attributes ...string) *html.Node {
	p.t.Helper()
	found := p.all(name, attributes...)
	if len(found) != 1 {
		p.t.Fatalf("%d elements <%s %s>, want one", len(found), name, strings.Join(attributes, " "))
	}
	return found[0]
}

func hasAll(n *html.Node, attributes []string) bool {
	for _, a := range attributes {
		name, want, valued := strings.Cut(a, "=")
		got, ok := lookup(n, name)
		if !ok || valued && got != want {
			return false
		}
	}
	return true
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func attr(n *html.Node, name string) string {
	v, _ := lookup(n, name)
	return v
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// page fetches an existing page.
func (w *world) page(name, path string) tree {
	w.t.Helper()
	resp, body := w.do(w.as(name, ask{path: path}))
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		w.t.Fatalf("%s: status %d, %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return parse(w.t, body)
}

// recording makes all cameras report that they are recording.
func (w *world) recording(names ...string) {
	var list []CameraStatus
	for _, name := range names {
		list = append(list, CameraStatus{ID: w.cameras[name].ID, State: "recording", Since: w.now().Add(-time.Hour), LastFrame: w.now(),
			Streams: []StreamStatus{{Quality: media.Main, Codec: "H.264", Width: 1920, Height: 1080, FPS: 15, BitsPerSecond: 2_100_000}}})
	}
	w.status.set(list...)
}

var mainPages = []string{"/live", "/timeline", "/cameras", "/cameras/front", "/system"}

func TestPagesHoldNothingInlineAndLoadNothingFromElsewhere(t *testing.T) {
	w := filmed(t)
	check := func(where string, p tree) {
		for _, n := range p.all("*") {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s %s=%q> is inline", where, n.Data, a.Key, a.Val)
				}
				link := a.Key == "src" || a.Key == "href" || a.Key == "action"
				if link && (strings.Contains(a.Val, "://") || strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "javascript:")) {
					t.Errorf("%s: <%s %s=%q> leads elsewhere", where, n.Data, a.Key, a.Val)
				}
			}
			if (n.Data == "script" || n.Data == "style") && text(n) != "" {
				t.Errorf("%s: inline <%s>", where, n.Data)
			}
		}
	}
	for _, path := range mainPages {
		check(path, w.page("alice", path))
	}
	for _, path := range []string{"/login", "/nothing"} {
		_, body := w.do(ask{path: path})
		check(path, parse(t, body))
	}
}

func TestEveryFileThatAPageNamesIsThere(t *testing.T) {
	w := filmed(t)
	for _, path := range mainPages {
		p := w.page("alice", path)
		named := append(p.all("link"), p.all("script")...)
		if len(named) < 3 {
			t.Fatalf("%s names %d files", path, len(named))
		}
		for _, n := range named {
			at := attr(n, "href") + attr(n, "src")
			if resp, _ := w.do(ask{path: at}); resp.StatusCode != http.StatusOK {
				t.Errorf("%s names %s: status %d", path, at, resp.StatusCode)
			}
		}
	}
}

func TestModulesThatAPageImportsAreNamedInItsHead(t *testing.T) {
	w := filmed(t)
	imports := regexp.MustCompile(`(?m)^import .* from "(\.[a-z./]+\.js)";`)
	for _, path := range mainPages {
		p := w.page("alice", path)
		named := map[string]bool{}
		var todo []string
		for _, n := range append(p.all("link", "rel=modulepreload"), p.all("script")...) {
			at := attr(n, "href") + attr(n, "src")
			name := strings.TrimPrefix(at, "/static/"+assetVersion+"/")
			named[name] = true
			todo = append(todo, name)
		}
		for len(todo) > 0 {
			source, err := staticFiles.ReadFile("static/" + todo[0])
			check(t, err)
			folder := filepath.Dir(todo[0])
			todo = todo[1:]
			for _, m := range imports.FindAllStringSubmatch(string(source), -1) {
				if name := filepath.Join(folder, m[1]); !named[name] {
					t.Errorf("%s: %s is fetched only when its importer has arrived", path, name)
					named[name] = true
					todo = append(todo, name)
				}
			}
		}
	}
}

func TestThePagesOfAViewerNameOnlyTheirCameras(t *testing.T) {
	w := filmed(t)
	w.recording("front", "yard", "attic")
	for _, path := range []string{"/live", "/cameras", "/system", "/cameras/attic"} {
		for viewer, foreign := range map[string][]string{
			"alice": {"/cameras/yard", "Yard"}, "bob": {"/cameras/front", "Front"},
			"root": {"/cameras/front", "Front", "/cameras/yard", "Yard", "Attic"},
		} {
			resp, body := w.do(w.as(viewer, ask{path: path}))
			if viewer == "root" && path == "/cameras/attic" {
				if resp.StatusCode != http.StatusNotFound {
					t.Errorf("an administrator is shown a camera: status %d", resp.StatusCode)
				}
				continue
			}
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s for %s: status %d", path, viewer, resp.StatusCode)
			}
			for _, word := range foreign {
				if bytes.Contains(body, []byte(word)) {
					t.Errorf("%s for %s holds %q", path, viewer, word)
				}
			}
		}
	}
}

func TestAForeignCamerasPageIsThatOfNone(t *testing.T) {
	w := filmed(t)
	foreign, a := w.do(w.as("alice", ask{path: "/cameras/yard"}))
	none, b := w.do(w.as("alice", ask{path: "/cameras/none"}))
	now := regexp.MustCompile(`data-now="\d+"`)
	a, b = now.ReplaceAll(a, nil), now.ReplaceAll(b, nil)
	if foreign.StatusCode != http.StatusNotFound || none.StatusCode != http.StatusNotFound || !bytes.Equal(a, b) {
		t.Errorf("status %d and %d; pages differ: %v", foreign.StatusCode, none.StatusCode, !bytes.Equal(a, b))
	}
}

func TestALabelIsTextAndNeverMarkup(t *testing.T) {
	w := filmed(t)
	for _, path := range mainPages {
		p := w.page("alice", path)
		if len(p.all("door")) != 0 {
			t.Errorf("%s takes a label for markup", path)
		}
	}
	if got := text(w.page("alice", "/cameras/front").one("h1")); got != "Front <door>" {
		t.Errorf("heading %q", got)
	}
}

func TestATileSaysItsStateBeforeThereIsAPicture(t *testing.T) {
	w := filmed(t)
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "offline", Reason: "wrong user name or password"},
		CameraStatus{ID: w.cameras["attic"].ID, State: "recording"})
	p := w.page("alice", "/live")
	front := p.one("article", "data-camera=front")
	if got := text(front); !strings.Contains(got, "offline: wrong user name or password") {
		t.Errorf("the tile says %q", got)
	}
	if life := attr(front, "data-life"); life != "waiting" {
		t.Errorf("a tile without a picture looks %q", life)
	}
	p.one("div", "class=grid n2")
}

func TestACamerasPageHoldsItsDay(t *testing.T) {
	w := filmed(t)
	w.recording("front")
	moment := w.start.Add(5 * time.Second)
	p := w.page("alice", "/cameras/front?at="+url.QueryEscape(moment.Format(time.RFC3339)))
	data := p.one("div", "id=camera")
	var timeline timelineJSON
	check(t, json.Unmarshal([]byte(attr(data, "data-timeline")), &timeline))
	if len(timeline.Spans) != 1 || timeline.Spans[0].From.Sub(w.start).Abs() > time.Second {
		t.Errorf("spans %v, want one from %v", timeline.Spans, w.start)
	}
	if got := attr(data, "data-at"); got != moment.Format(time.RFC3339) {
		t.Errorf("data-at %q, want %v", got, moment)
	}
	if got, want := attr(data, "data-day"), moment.In(w.options.Location).Format(time.DateOnly); got != want {
		t.Errorf("day %s, want %s", got, want)
	}
	if got, want := text(p.one("p", "id=clock")), moment.In(w.options.Location).Format(time.TimeOnly); got != want {
		t.Errorf("the clock shows %s, want %s", got, want)
	}
	gaps := text(p.one("ul", "id=gaps"))
	if !strings.Contains(gaps, "the test is over") {
		t.Errorf("gaps %q do not tell the reason", gaps)
	}
}

func TestWithoutScriptsAClipPlaysAndSaves(t *testing.T) {
	w := filmed(t)
	moment := w.start.Add(5 * time.Second)
	p := w.page("alice", "/cameras/front?at="+url.QueryEscape(moment.Format(time.RFC3339)))
	source := attr(p.one("video", "controls"), "src")
	resp, body := w.do(w.as("alice", ask{path: source}))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "video/mp4" || len(body) == 0 {
		t.Errorf("%s: status %d", source, resp.StatusCode)
	}
	form := p.one("form", "id=save-form")
	q := url.Values{}
	for _, n := range p.all("input") {
		if inside(n, form) {
			q.Set(attr(n, "name"), attr(n, "value"))
		}
	}
	q.Set("from", w.start.Add(2*time.Second).Format(time.RFC3339))
	q.Set("to", w.start.Add(8*time.Second).Format(time.RFC3339))
	resp, _ = w.do(w.as("alice", ask{path: attr(form, "action") + "?" + q.Encode()}))
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("saving: status %d, %q", resp.StatusCode, resp.Header.Get("Content-Disposition"))
	}
}

func inside(n, outer *html.Node) bool {
	return slices.Contains(slices.Collect(n.Ancestors()), outer)
}

func TestMomentsThatAreNoneAreTheCallersMistake(t *testing.T) {
	w := filmed(t)
	for _, q := range []string{"at=yesterday", "at=2026-11-22", "day=22.11.2026", "day=2026-13-01", "at=0001-01-01T00:00:00Z",
		"day=9999-01-01"} {
		if resp, _ := w.do(w.as("alice", ask{path: "/cameras/front?" + q})); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", q, resp.StatusCode)
		}
	}
	for _, q := range []string{"day=1970-01-02", "day=2026-11-21", "at=2031-01-01T00:00:00Z", "at=2026-11-22T13:05:20%2B01:00"} {
		if resp, _ := w.do(w.as("alice", ask{path: "/cameras/front?" + q})); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", q, resp.StatusCode)
		}
	}
}

func TestTheSystemPageAnswersWhetherItIsRecording(t *testing.T) {
	w := filmed(t)
	w.recording("front", "attic")
	p := w.page("alice", "/system")
	if got := text(p.all("h2")[0]); got != "Everything is recording" {
		t.Errorf("verdict %q", got)
	}
	if strings.Contains(text(p.root), "free") {
		t.Error("the disk is shown to someone who does not manage it")
	}
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "offline", Reason: "camera unreachable"},
		CameraStatus{ID: w.cameras["attic"].ID, State: "recording"})
	p = w.page("alice", "/system")
	if got := text(p.all("h2")[0]); got != "1 camera is not recording" {
		t.Errorf("verdict %q", got)
	}
	if !strings.Contains(text(p.root), "offline: camera unreachable") {
		t.Error("the page does not say why")
	}
	if root := text(w.page("root", "/system").root); !strings.Contains(root, "free") || !strings.Contains(root, "3 more cameras") {
		t.Error("an administrator is not told of the disk and of cameras that belong to others")
	}
}
