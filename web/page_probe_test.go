package web

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/view"
)

// fakeProbe stands in for a probe of real cameras.
type fakeProbe struct {
	mu     sync.Mutex
	asked  []ProbeRequest
	added  []string // "account proposal id"
	checks []media.CameraID
	hold   chan struct{} // if not nil, Look waits for it
	began  chan struct{} // if not nil, takes a value when Look begins
	text   string        // in every field; a plausible one if empty
}

func (f *fakeProbe) Discover(context.Context) ([]FoundCamera, error) {
	if f.text != "" {
		return []FoundCamera{{Address: f.text, Name: f.text, Model: f.text, Location: f.text}}, nil
	}
	return []FoundCamera{{Address: "192.0.2.20:80", Name: "Acme", Model: "M1", Location: "yard"}, {Address: "192.0.2.21:8080"}}, nil
}

func (f *fakeProbe) Host(address string) (string, error) {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Hostname(), nil
	}
	return address, nil
}

func (f *fakeProbe) Look(ctx context.Context, q ProbeRequest) (*ProbeResult, error) {
	f.mu.Lock()
	f.asked = append(f.asked, q)
	f.mu.Unlock()
	if f.began != nil {
		f.began <- struct{}{}
	}
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if q.Address == "refuses" {
		return nil, &ProbeError{Words: "the camera refused the user name or password"}
	}
	return f.result(), nil
}

func (f *fakeProbe) result() *ProbeResult {
	if x := f.text; x != "" {
		return &ProbeResult{Device: x, Advice: []string{x}, MaySub: x, ID: x, Lines: x, Hint: x, Proposal: x,
			Streams: []ProbedStream{{Name: x, Address: x, Facts: []ProbedFact{{x, x}}, Trouble: x, NoPicture: x, Picture: []byte(x), PictureType: "video/mp4; " + x}}}
	}
	facts := []ProbedFact{{"Picture", "2560×1440"}, {"Codec", "H.264 (avc1.640032)"}, {"Key frames", "every 8 s (120 pictures)"},
		{"Sound", "MP3, not recorded: browsers do not play it from MP4; set the camera's sound to AAC or G.711"}, {"Connection", "TCP, not encrypted"}}
	return &ProbeResult{Device: "Acme M1, firmware 1.2", Advice: []string{"key frame every 8 s: seeking will be slow; set the camera's key frame (I-frame) interval to 2 s"},
		MaySub: "rtsp://192.0.2.20/stream2", ID: "camera-20", Proposal: "token", Hint: "Set CAMERA_20_PASSWORD to the camera's password.",
		Lines: "  camera-20:\n    main: rtsp://viewer:${CAMERA_20_PASSWORD}@192.0.2.20/cam/realmonitor?channel=1&subtype=0\n",
		Streams: []ProbedStream{{Name: "Main stream", Address: "rtsp://192.0.2.20/cam/realmonitor?channel=1&subtype=0", Facts: facts, Picture: []byte("picture"), PictureType: `video/mp4; codecs="avc1.640032"`},
			{Name: "Sub stream", Address: "rtsp://192.0.2.20/cam/realmonitor?channel=1&subtype=1", Trouble: "no stream at this path (404); check the path in the address"}}}
}

func (f *fakeProbe) Check(_ context.Context, id media.CameraID) (*ProbeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checks = append(f.checks, id)
	r := f.result()
	r.Lines, r.Streams[0].Picture = "", nil
	return r, nil
}

func (f *fakeProbe) Add(account int64, proposal, id string) (string, error) {
	if strings.Contains(id, " ") {
		return "", &ProbeError{Words: "the id of a camera has lower-case letters a-z, digits and “-” between them"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.added = append(f.added, proposal+" "+id)
	return id + " was added to the configuration. Restart the recorder.", nil
}

// probing is a world with a fake probe, in which root has just signed in.
func probing(t *testing.T) (*world, *fakeProbe) {
	w, f := inhabited(t), &fakeProbe{}
	w.reopen(func(o *Options) { o.Probe = f })
	return w, f
}

func TestACameraIsLookedAtAndAdded(t *testing.T) {
	w, f := probing(t)
	root := w.sessions["root"]
	if page := w.page("root", "/cameras"); len(page.all("a", "href=/add-camera")) != 1 {
		t.Error("the page of cameras does not lead to it")
	}
	w.page("root", "/add-camera").one("form", "action=/add-camera/look")
	resp, page := w.submit(root, "/add-camera/look", url.Values{"address": {"192.0.2.20"}, "username": {"viewer"}, "password": {"s3cret-canary"}, "common": {"1"}})
	if resp.StatusCode != http.StatusOK || f.asked[0] != (ProbeRequest{Account: f.asked[0].Account, Address: "192.0.2.20", Username: "viewer", Password: "s3cret-canary", TryCommon: true}) || f.asked[0].Account == 0 {
		t.Fatalf("status %d, asked %+v", resp.StatusCode, f.asked)
	}
	words := text(page.one("main"))
	for _, want := range []string{"Acme M1", "2560×1440", "key frame every 8 s", "${CAMERA_20_PASSWORD}", "no stream at this path", "restart it to record"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	video := page.one("video")
	if src := attr(video, "src"); src != "data:video/mp4;base64,"+base64.StdEncoding.EncodeToString([]byte("picture")) {
		t.Errorf("picture %q", src)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "media-src 'self' blob: data:;") || !strings.Contains(csp, "script-src 'self';") {
		t.Errorf("policy %q", csp)
	}
	resp, page = w.submit(root, "/add-camera/write", url.Values{"proposal": {"token"}, "id": {"Wrong Id"}, "lines": {"  camera-20:"}})
	if said := text(page.one("main")); resp.StatusCode != http.StatusBadRequest || !strings.Contains(said, "lower-case letters") || !strings.Contains(said, "camera-20:") {
		t.Errorf("a wrong id: status %d, %s", resp.StatusCode, said)
	}
	resp, page = w.submit(root, "/add-camera/write", url.Values{"proposal": {"token"}, "id": {"garage"}})
	if said := text(page.one("main")); resp.StatusCode != http.StatusOK || !strings.Contains(said, "garage was added") || len(f.added) != 1 || f.added[0] != "token garage" {
		t.Errorf("status %d, %s, added %q", resp.StatusCode, said, f.added)
	}
	if strings.Contains(w.log.String(), "s3cret-canary") {
		t.Error("the log has the password")
	}
}

func TestALookIsOnRecordWithoutItsLogin(t *testing.T) {
	w, _ := probing(t)
	resp, page := w.submit(w.sessions["root"], "/add-camera/look", url.Values{"address": {"rtsp://viewer:s3cret-canary@192.0.2.20:8554/x"}})
	if resp.StatusCode != http.StatusOK || strings.Contains(attr(page.one("input", "id=address"), "value"), "s3cret") {
		t.Errorf("status %d; the form has the login", resp.StatusCode)
	}
	if what := w.noted(t, "camera looked at"); len(what) != 1 || what[0] != "192.0.2.20" {
		t.Errorf("the audit log has %q", what)
	}
	w.submit(w.sessions["root"], "/add-camera/write", url.Values{"proposal": {"token"}, "id": {"garage"}})
	if what := w.noted(t, "camera added to the configuration"); len(what) != 1 || what[0] != "garage" {
		t.Errorf("the audit log has %q", what)
	}
}

// noted returns the details of the audit log's entries of a kind.
func (w *world) noted(t *testing.T, what string) []string {
	t.Helper()
	rows, err := w.accounts.DB().Read().QueryContext(t.Context(), `SELECT detail FROM record WHERE what = ? ORDER BY id`, what)
	check(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var detail string
		check(t, rows.Scan(&detail))
		all = append(all, detail)
	}
	check(t, rows.Err())
	return all
}

func TestOnlyAdministratorsLookAtCameras(t *testing.T) {
	w, f := probing(t)
	for _, path := range []string{"/add-camera/find", "/add-camera/look", "/add-camera/write"} {
		if resp, _ := w.submit(w.sessions["alice"], path, url.Values{"address": {"192.0.2.20"}, "id": {"x"}}); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
	if resp, _ := w.do(w.as("alice", ask{path: "/add-camera"})); resp.StatusCode != http.StatusNotFound || len(f.asked)+len(f.added) > 0 {
		t.Errorf("status %d, asked %v", resp.StatusCode, f.asked)
	}
	w.stale()
	if _, page := w.submit(w.sessions["root"], "/add-camera/write", url.Values{"proposal": {"token"}, "id": {"garage"}}); len(f.added) > 0 || len(page.all("input", "name=confirm_password")) == 0 {
		t.Errorf("a stale session wrote the configuration: %q", f.added)
	}
}

func TestOneLookAtATimeAndAccount(t *testing.T) {
	w, f := probing(t)
	f.hold, f.began = make(chan struct{}), make(chan struct{}, 4)
	root := w.sessions["root"]
	done := make(chan int, 1)
	go func() {
		resp, _ := w.submit(root, "/add-camera/look", url.Values{"address": {"192.0.2.20"}})
		done <- resp.StatusCode
	}()
	<-f.began
	resp, page := w.submit(root, "/add-camera/look", url.Values{"address": {"192.0.2.21"}})
	if said := text(page.one("main")); resp.StatusCode != http.StatusTooManyRequests || !strings.Contains(said, "You are looking at a camera already") {
		t.Errorf("status %d: %s", resp.StatusCode, said)
	}
	close(f.hold)
	if status := <-done; status != http.StatusOK || len(f.asked) != 1 {
		t.Errorf("status %d, asked %v", status, f.asked)
	}
	if resp, _ := w.submit(root, "/add-camera/look", url.Values{"address": {"192.0.2.21"}}); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: status %d", resp.StatusCode)
	}
}

func TestOwnersCheckTheirCameras(t *testing.T) {
	w, f := probing(t)
	resp, page := w.submit(w.sessions["alice"], "/cameras/front/check", url.Values{})
	if said := text(page.one("main")); resp.StatusCode != http.StatusOK || !strings.Contains(said, "key frame every 8 s") || len(page.all("video"))+len(page.all("pre")) > 0 {
		t.Errorf("status %d: %s", resp.StatusCode, said)
	}
	if len(f.checks) != 1 || f.checks[0] != w.cameras["front"].ID {
		t.Errorf("checked %v", f.checks)
	}
	if resp, _ := w.submit(w.sessions["root"], "/cameras/front/check", url.Values{}); resp.StatusCode != http.StatusNotFound || len(f.checks) != 1 {
		t.Errorf("an administrator who does not own it: status %d", resp.StatusCode)
	}
	w.page("alice", "/cameras/front").one("form", "action=/cameras/front/check")
}

func TestWhatACameraSaysIsText(t *testing.T) {
	w, f := probing(t)
	f.text = polyglot
	for _, path := range []string{"/add-camera/find", "/add-camera/look"} {
		_, page := w.submit(w.sessions["root"], path, url.Values{"address": {"192.0.2.20"}})
		if n := len(page.all("img")); n > 0 || !strings.Contains(text(page.one("main")), "pwned") {
			t.Errorf("%s: %d pictures, %s", path, n, text(page.one("main")))
		}
	}
}

func TestAPictureIsAnMP4OrAJPEG(t *testing.T) {
	picture := func(mime string) view.ProbedStream {
		return probeView(&ProbeResult{Streams: []ProbedStream{{Picture: []byte("x"), PictureType: mime}}}).Streams[0]
	}
	if s := picture("image/jpeg"); !s.Still || s.Picture != "data:image/jpeg;base64,eA==" {
		t.Errorf("%+v", s)
	}
	if s := picture(`video/mp4; codecs="avc1"`); s.Still || s.Picture != "data:video/mp4;base64,eA==" {
		t.Errorf("%+v", s)
	}
	if s := picture("text/html"); s.Still || s.Picture != "" {
		t.Errorf("%+v", s)
	}
}

func TestAServerWithoutAProbeSaysSo(t *testing.T) {
	w := inhabited(t)
	if _, page := w.submit(w.sessions["root"], "/add-camera/look", url.Values{"address": {"192.0.2.20"}}); !strings.Contains(text(page.one("main")), "cannot look at cameras") {
		t.Error(text(page.one("main")))
	}
}
