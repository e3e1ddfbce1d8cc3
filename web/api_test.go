package web

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func TestCamerasAreReportedToThoseWhoMaySeeThem(t *testing.T) {
	w := inhabited(t)
	since := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "recording", Since: since, LastFrame: since, Advice: []string{"Shorten the GOP."},
		Streams: []StreamStatus{{Quality: media.Main, Codec: "H.264", Width: 640, Height: 360, FPS: 10, GOP: time.Second, Sound: Sound{Codec: "G.729", Why: "it cannot be"}},
			{Quality: media.Sub, Codec: "H.264", Sound: Sound{Codec: "G.711 A-law", Recorded: true}}, {Quality: media.Sub}}},
		CameraStatus{ID: w.cameras["yard"].ID, State: "offline", Reason: "bob's secret"})
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras"}))
	got := decode[struct{ Cameras []CameraReport }](t, resp, body).Cameras
	if len(got) != 2 || got[0].ID != "front" || got[1].ID != "attic" || bytes.Contains(body, []byte("secret")) {
		t.Fatalf("alice sees %s", body)
	}
	f := got[0]
	if f.UUID != w.cameras["front"].ID.String() || f.Label != "Front <door>" || f.State != "recording" || !f.Since.Equal(since) || !f.HasSub || f.Streams[0].Codec != "H.264" || f.Streams[0].GOPSeconds != 1 {
		t.Errorf("front: %+v", f)
	}
	for i, want := range []*SoundReport{{Codec: "G.729", Why: "it cannot be"}, {Codec: "G.711 A-law", Recorded: true}, nil} {
		if got := f.Streams[i].Audio; (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("sound of stream %d: %+v, want %+v", i, got, want)
		}
	}
	if got[1].State != "connecting" || got[1].LastFrame != nil {
		t.Errorf("a camera that nothing is known of yet: %+v", got[1])
	}
	resp, body = w.do(w.as("root", ask{path: "/api/v1/cameras"}))
	if got := decode[struct{ Cameras []CameraReport }](t, resp, body).Cameras; len(got) != 0 {
		t.Errorf("the administrator sees %s", body)
	}
}

func TestTimelineAddsUpToTheRange(t *testing.T) {
	w := filmed(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/timeline?" + w.span(-100, 100)}))
	tl := decode[timelineJSON](t, resp, body)
	var covered, recorded time.Duration
	for _, s := range tl.Spans {
		recorded += s.To.Sub(s.From)
	}
	covered = recorded
	for _, g := range tl.Gaps {
		covered += g.To.Sub(g.From)
		if g.Reason == "" {
			t.Errorf("a gap without reason: %+v", g)
		}
	}
	if covered != 200*time.Second || recorded != filmLength*time.Second {
		t.Errorf("recorded %v, covered %v: %s", recorded, covered, body)
	}
	if !bytes.Contains(body, []byte("not yet")) {
		t.Errorf("the future is no gap: %s", body)
	}
	offset := strings.ReplaceAll(w.start.In(time.FixedZone("", -5*3600)).Format(time.RFC3339), "+", "%2B")
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/timeline?stream=main&from=" + offset + "&to=" + w.start.Add(time.Second).Format(time.RFC3339)}))
	if tl := decode[timelineJSON](t, resp, body); len(tl.Spans) != 1 || !tl.Spans[0].From.Equal(w.start) {
		t.Errorf("with another zone: %s", body)
	}
}

func TestAClipHasAReadableNameAndSaysWhatItHolds(t *testing.T) {
	w := filmed(t)
	for query, disposition := range map[string]string{"": "inline", "&download=1": "attachment"} {
		resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(2.3, 7.9) + query}))
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "video/mp4" || resp.ContentLength != int64(len(body)) {
			t.Fatalf("status %d, %v", resp.StatusCode, resp.Header)
		}
		kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		check(t, err)
		start, err := time.Parse(time.RFC3339Nano, resp.Header.Get("Keepwatch-Start"))
		check(t, err)
		end, err := time.Parse(time.RFC3339Nano, resp.Header.Get("Keepwatch-End"))
		check(t, err)
		if !start.Equal(w.start.Add(2*time.Second)) || end.Before(w.start.Add(7900*time.Millisecond)) {
			t.Errorf("clip from %v to %v", start.Sub(w.start), end.Sub(w.start))
		}
		want := fmt.Sprintf("front_%s_%ds.mp4", start.In(w.options.Location).Format("2006-01-02_15-04-05-0700"), int(end.Sub(start).Round(time.Second).Seconds()))
		if kind != disposition || params["filename"] != want {
			t.Errorf("%s %v, want %s %s", kind, params, disposition, want)
		}
		if _, err := media.ParseRunID(resp.Header.Get("Keepwatch-Run")); err != nil {
			t.Error(err)
		}
		if !bytes.Contains(body[:100], []byte("ftyp")) || !bytes.Contains(body, []byte(w.cameras["front"].ID.String())) || bytes.Contains(body, []byte("moof")) {
			t.Error("the body is no progressive MP4 of the camera")
		}
	}
}

func TestSegmentsAndKeyFramesAreLabelledFragments(t *testing.T) {
	w := filmed(t)
	c := w.cameras["front"]
	key := w.store.LabelKey(c.ID)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/segments.mp4?" + w.span(3.2, 6)}))
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), `video/mp4; codecs="avc1.`) || !strings.Contains(resp.Header.Get("Content-Type"), "mp4a") {
		t.Fatalf("status %d, %v", resp.StatusCode, resp.Header)
	}
	labels := labelsIn(t, body, key, c.ID)
	if !labels[0].Random || !labels[0].Start.Equal(w.start.Add(3*time.Second)) || len(labels) < 5 {
		t.Errorf("%d fragments, the first %+v", len(labels), labels[0])
	}
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/keyframe.mp4?at=" + w.start.Add(5700*time.Millisecond).Format(time.RFC3339Nano)}))
	if got := resp.Header.Get("Keepwatch-Start"); resp.StatusCode != 200 || got != w.start.Add(5*time.Second).Format(time.RFC3339Nano) {
		t.Errorf("key frame: status %d, start %s", resp.StatusCode, got)
	}
	if labels := labelsIn(t, body, key, c.ID); len(labels) != 1 || !labels[0].Random {
		t.Errorf("key frame: %+v", labels)
	}
}

// labelsIn verifies a fragmented file and returns its fragments' labels.
func labelsIn(t *testing.T, body []byte, key media.LabelKey, camera media.CameraID) []media.Label {
	t.Helper()
	size, err := media.InitSize(bytes.NewReader(body), int64(len(body)))
	check(t, err)
	if _, err := media.OpenRun(body[:size], camera, key); err != nil {
		t.Fatal(err)
	}
	var labels []media.Label
	for r := bytes.NewReader(body[size:]); r.Len() > 0; {
		label, err := fragmentIn(r, key, camera)
		check(t, err)
		labels = append(labels, label)
	}
	return labels
}

func TestRangesAreTheSameBytesAsTheWhole(t *testing.T) {
	w := filmed(t)
	for _, file := range []string{"clip.mp4", "segments.mp4"} {
		path := "/api/v1/cameras/attic/" + file + "?" + w.span(1, 9)
		resp, whole := w.do(w.as("bob", ask{path: path}))
		tag, n := resp.Header.Get("ETag"), len(whole)
		if resp.StatusCode != 200 || resp.Header.Get("Accept-Ranges") != "bytes" || tag == "" {
			t.Fatalf("%s: status %d, %v", file, resp.StatusCode, resp.Header)
		}
		head, none := w.do(w.as("bob", ask{method: "HEAD", path: path}))
		if head.StatusCode != 200 || head.ContentLength != int64(n) || len(none) != 0 || head.Header.Get("Content-Disposition") != resp.Header.Get("Content-Disposition") {
			t.Errorf("%s: HEAD %d, length %d of %d, %d bytes", file, head.StatusCode, head.ContentLength, n, len(none))
		}
		for _, x := range [][2]int{{0, 0}, {0, n - 1}, {n - 1, n - 1}, {1, 33000}, {n / 2, n/2 + 5000}, {n / 3, n - 1}, {7, 7}, {40000, 40001}} {
			resp, body := w.do(w.as("bob", ask{path: path, header: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", x[0], x[1])}}))
			if resp.StatusCode != 206 || !bytes.Equal(body, whole[x[0]:x[1]+1]) || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", x[0], x[1], n) {
				t.Errorf("%s: range %v: status %d, %d bytes, %s", file, x, resp.StatusCode, len(body), resp.Header.Get("Content-Range"))
			}
		}
		for header, want := range map[string][]byte{"bytes=-500": whole[n-500:], fmt.Sprintf("bytes=%d-", n-9): whole[n-9:], "bytes=5-4": nil, "bytes=0-1,5-6": whole, "junk": nil} {
			resp, body := w.do(w.as("bob", ask{path: path, header: map[string]string{"Range": header}}))
			if resp.StatusCode == 416 != (want == nil) || want != nil && !bytes.Equal(body, want) {
				t.Errorf("%s: %s: status %d, %d bytes", file, header, resp.StatusCode, len(body))
			}
		}
		resp, body := w.do(w.as("bob", ask{path: path, header: map[string]string{"Range": fmt.Sprintf("bytes=%d-", n)}}))
		if p := problemIn(t, resp, body); p.Status != 416 || resp.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", n) || resp.Header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: beyond the end: %+v, %v", file, p, resp.Header)
		}
		for condition, want := range map[string]int{tag: 206, `"other"`: 200} {
			resp, _ := w.do(w.as("bob", ask{path: path, header: map[string]string{"Range": "bytes=0-9", "If-Range": condition}}))
			if resp.StatusCode != want {
				t.Errorf("%s: If-Range %s: status %d, want %d", file, condition, resp.StatusCode, want)
			}
		}
		for _, name := range []string{"alice", "root"} { // having the tag is not having the right
			resp, _ := w.do(w.as(name, ask{path: strings.Replace(path, "attic", "yard", 1), header: map[string]string{"If-None-Match": tag}}))
			if resp.StatusCode != 404 {
				t.Errorf("%s: %s with the tag: status %d", file, name, resp.StatusCode)
			}
		}
	}
}

func TestBadInputIsA4xxProblem(t *testing.T) {
	w := filmed(t)
	good := w.start.Format(time.RFC3339)
	later := w.start.Add(time.Second).Format(time.RFC3339)
	times := []string{"", "x", "0", "1700000000", "2026-11-22", "2026-11-22T13:05:20", "2026-13-22T13:05:20Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "-2026-11-22T13:05:20Z", "2026-11-22T13:05:20+99:99", "2026-11-22T13:05:20Z;DROP TABLE segment",
		"2026-11-22T24:00:00Z", "\x00", "%zz", strings.Repeat("9", 4000), "2026-11-22T13:05:20.9999999999999999999999Zx", "NaN", "∞", "now", "2026-11-22T13:05:60Z"}
	tried := 0
	expect := func(path string, want ...int) {
		t.Helper()
		resp, body := w.do(w.as("alice", ask{path: path}))
		tried++
		if p := problemIn(t, resp, body); !slices.Contains(want, p.Status) || p.Detail == "" {
			t.Errorf("%.120s: %+v, want %v", path, p, want)
		}
	}
	for _, file := range []string{"timeline", "clip.mp4", "segments.mp4"} {
		base := "/api/v1/cameras/front/" + file + "?"
		for _, bad := range times {
			escaped := url.QueryEscape(bad)
			if bad == "%zz" {
				escaped = bad
			}
			expect(base+"from="+escaped+"&to="+later, 400)
			expect(base+"from="+good+"&to="+escaped, 400)
		}
		for _, query := range []string{"", "from=" + good, "to=" + later, "from=" + good + "&to=" + good, "from=" + later + "&to=" + good, "from=" + good + "&from=" + good + "&to=" + later,
			"from=1970-01-01T00:00:00Z&to=2199-12-31T23:59:59Z", "from=" + good + "&to=" + later + "&stream=best",
			"from=" + good + "&to=" + later + "&stream=main&stream=sub", "from=" + good + ";to=" + later} {
			expect(base+query, 400)
		}
	}
	for _, bad := range times {
		expect("/api/v1/cameras/front/keyframe.mp4?at="+strings.ReplaceAll(url.QueryEscape(bad), "%25zz", "%zz"), 400)
	}
	expect("/api/v1/cameras/front/keyframe.mp4?at="+good+"&stream=x", 400)
	expect("/api/v1/cameras/front/live.mp4?stream=x", 400)
	expect("/api/v1/cameras/front/clip.mp4?"+w.span(0, 5)+"&download=yes", 400)
	day := w.start.Add(24*time.Hour + time.Second).Format(time.RFC3339)
	expect("/api/v1/cameras/front/clip.mp4?from="+good+"&to="+day, 400)
	expect("/api/v1/cameras/front/segments.mp4?"+w.span(0, 3601), 400)
	expect("/api/v1/cameras/front/timeline?from="+good+"&to="+w.start.AddDate(2, 0, 0).Format(time.RFC3339), 400)
	for _, file := range []string{"clip.mp4", "segments.mp4"} { // nothing there: before, after, another stream
		expect("/api/v1/cameras/front/"+file+"?"+w.span(-50, -40), 404)
		expect("/api/v1/cameras/front/"+file+"?"+w.span(40, 50), 404)
		expect("/api/v1/cameras/front/"+file+"?"+w.span(0, 5)+"&stream=sub", 404)
	}
	expect("/api/v1/cameras/front/keyframe.mp4?at="+w.start.Add(-time.Hour).Format(time.RFC3339), 404)
	expect("/api/v1/cameras/front/keyframe.mp4?stream=sub&at="+good, 404)
	t.Logf("%d bad requests", tried)
}

func TestTheLimitIsNamedInTheProblem(t *testing.T) {
	w := filmed(t)
	for file, limit := range map[string]string{"clip.mp4": "24 hours", "segments.mp4": "1 hour", "timeline": "400 days"} {
		to := w.start.AddDate(3, 0, 0).Format(time.RFC3339)
		resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/" + file + "?from=" + w.start.Format(time.RFC3339) + "&to=" + to}))
		if p := problemIn(t, resp, body); p.Status != 400 || !strings.Contains(p.Detail, limit) {
			t.Errorf("%s: %+v, want the limit %s", file, p, limit)
		}
	}
}

func TestAFormatThatChangesInsideAClipIsAConflictWithItsParts(t *testing.T) {
	w := filmed(t)
	c := w.cameras["front"]
	c.Name = "front-with-another-lens" // changes the SPS
	run, fragments := w.shoot(c, media.Main, w.start.Add((filmLength+2)*time.Second), 5)
	writer, err := w.store.Begin(t.Context(), run)
	check(t, err)
	for _, f := range fragments {
		check(t, writer.Append(t.Context(), f))
	}
	check(t, writer.End(t.Context(), "done"))
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(15, 25)}))
	p := problemIn(t, resp, body)
	if p.Status != 409 || len(p.Parts) != 2 || p.Type == "about:blank" {
		t.Fatalf("%s", body)
	}
	for _, part := range p.Parts {
		query := "from=" + part.From.Format(time.RFC3339Nano) + "&to=" + part.To.Format(time.RFC3339Nano)
		if resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + query})); resp.StatusCode != 200 {
			t.Errorf("part %+v: status %d: %s", part, resp.StatusCode, body)
		}
	}
}

func TestViewersSeeTheirCamerasAndAdministratorsTheDisk(t *testing.T) {
	w := filmed(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/system"}))
	sys := decode[SystemReport](t, resp, body)
	if len(sys.Cameras) != 2 || sys.Disk != nil || sys.Verification != nil || sys.Others != nil || sys.Cameras[0].Today == nil || bytes.Contains(body, []byte("ard")) {
		t.Errorf("alice: %s", body)
	}
	day := sys.Cameras[0].Today
	if sum, all := day.RecordedSeconds+day.MissingSeconds, day.To.Sub(day.From).Seconds(); sum > all+0.001 || day.RecordedSeconds > filmLength {
		t.Errorf("recorded %v and missing %v of %v", day.RecordedSeconds, day.MissingSeconds, all)
	}
	if local := day.From.In(w.options.Location); local.Hour() != 0 || local.Minute() != 0 {
		t.Errorf("the day begins at %v", local)
	}
	resp, body = w.do(w.as("root", ask{path: "/api/v1/system"}))
	sys = decode[SystemReport](t, resp, body)
	if len(sys.Cameras) != 0 || sys.Disk == nil || sys.Disk.FootageBytes == 0 || sys.Verification == nil || sys.Verification.TotalBytes == 0 || sys.Others == nil || *sys.Others != 3 {
		t.Errorf("root: %s", body)
	}
	for _, c := range w.cameras {
		if bytes.Contains(body, []byte(c.ID.String())) || bytes.Contains(body, []byte(`"`+c.Name)) {
			t.Errorf("the administrator is told of %s: %s", c.Name, body)
		}
	}
}

func TestHealthAndReadinessSayNoDetail(t *testing.T) {
	w := empty(t)
	if resp, body := w.do(ask{path: "/healthz"}); resp.StatusCode != 200 || string(body) != "ok\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := w.do(ask{path: "/readyz"}); resp.StatusCode != 200 || string(body) != "ready\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	w.status.mu.Lock()
	w.status.ready = errors.New("disk /dev/secret is gone")
	w.status.mu.Unlock()
	if resp, body := w.do(ask{path: "/readyz"}); resp.StatusCode != 503 || string(body) != "not ready\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, _ := w.do(ask{path: "/healthz"}); resp.StatusCode != 200 {
		t.Errorf("not ready is not dead: %d", resp.StatusCode)
	}
	if !strings.Contains(w.log.String(), "/dev/secret") {
		t.Error("the log does not say why")
	}
}

func TestADatabaseThatFailsIsA503ThatNamesTheRequest(t *testing.T) {
	w := filmed(t)
	check(t, w.accounts.Close())
	for _, path := range []string{"/api/v1/me", "/api/v1/cameras", "/api/v1/cameras/front/clip.mp4?" + w.span(0, 1)} {
		resp, body := w.do(w.as("alice", ask{path: path}))
		p := problemIn(t, resp, body)
		if p.Status != 503 || p.Instance == "" || !strings.Contains(w.log.String(), p.Instance) || strings.Contains(string(body), "sql") {
			t.Errorf("%s: %s", path, body)
		}
	}
}
