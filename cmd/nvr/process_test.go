package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

const testPassword = "correct horse battery"

// site is nvr run as a separate process, with simulated cameras in this one.
type site struct {
	t    *testing.T
	dir  string
	url  string
	conf string
	cams *testcam.Server
	cmd  *exec.Cmd
	log  *buffer
}

// newSite writes a configuration for the cameras. It creates alice, the first account, and bob, who owns nothing.
func newSite(t *testing.T, cams ...testcam.Camera) *site {
	t.Helper()
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: cams})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: t.TempDir(), url: "http://" + l.Addr().String(), cams: srv}
	var b strings.Builder
	fmt.Fprintf(&b, "data: data\nrecordings: recordings\nweb: {listen: %q, tls: off}\nstorage: {min_free: 1MB}\ncameras:\n", l.Addr())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range srv.Cameras() {
		fmt.Fprintf(&b, "  %s: {main: %q, audio: true}\n", c.Name(), c.URL(media.Main))
	}
	s.conf = filepath.Join(s.dir, "config.yaml")
	if err := os.WriteFile(s.conf, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.nvr("user", "add", "alice", "-password-stdin")
	s.nvr("user", "add", "bob", "-password-stdin")
	t.Cleanup(func() { s.kill(syscall.SIGKILL) })
	return s
}

// command returns an nvr process with the words and the site's configuration, not started.
func (s *site) command(words ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), self, append(words, "-config", s.conf)...)
	cmd.Env = append(os.Environ(), asNVR+"=1")
	return cmd
}

// nvr runs a command to its end.
func (s *site) nvr(words ...string) {
	s.t.Helper()
	cmd := s.command(words...)
	cmd.Stdin = strings.NewReader(testPassword + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("nvr %v: %v\n%s", words, err, out)
	}
}

// start starts the server and waits until it is ready.
func (s *site) start() {
	s.t.Helper()
	s.cmd, s.log = s.command("run"), &buffer{}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if !poll(s.t.Context(), 20*time.Second, func() bool {
		resp, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}) {
		s.t.Fatalf("the server is not ready:\n%s", s.log.String())
	}
}

// kill ends the server's process with the signal and waits until it is gone.
func (s *site) kill(signal syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(signal) // it may be gone
	_ = s.cmd.Wait()                 // its status is the signal's
	s.cmd = nil
}

// visitor is a caller of the server with a session.
type visitor struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) login(name string) *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	v := &visitor{s.t, s, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	body, err := json.Marshal(map[string]string{"username": name, "password": testPassword})
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := v.client.Post(s.url+"/api/v1/session", "application/json", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("login of %s: %s, %v", name, resp.Status, err)
	}
	return v
}

// get returns the status and body of an answer.
func (v *visitor) get(path string) (int, []byte) {
	v.t.Helper()
	resp, err := v.client.Get(v.site.url + path)
	if err != nil {
		v.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		v.t.Fatal(err)
	}
	if err != nil {
		v.t.Fatalf("GET %s: %v", path, err)
	}
	return resp.StatusCode, b
}

// status returns the camera's state from the API.
func (v *visitor) state(camera string) string {
	_, b := v.get("/api/v1/cameras")
	var all struct{ Cameras []struct{ ID, State string } }
	if err := json.Unmarshal(b, &all); err != nil {
		v.t.Fatalf("%v: %s", err, b)
	}
	for _, c := range all.Cameras {
		if c.ID == camera {
			return c.State
		}
	}
	return ""
}

// recording waits until all cameras are recording.
func (v *visitor) recording() {
	v.t.Helper()
	for _, c := range v.site.cams.Cameras() {
		until(v.t, 20*time.Second, c.Name()+" recording", func() bool { return v.state(c.Name()) == "recording" })
	}
}

// clip fetches a span as MP4 to a file.
func (v *visitor) clip(camera string, from, to time.Time) string {
	v.t.Helper()
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
	status, b := v.get("/api/v1/cameras/" + camera + "/clip.mp4?" + q.Encode())
	if status != http.StatusOK {
		v.t.Fatalf("clip of %s: %d %s", camera, status, b)
	}
	path := filepath.Join(v.t.TempDir(), camera+".mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		v.t.Fatal(err)
	}
	return path
}

// segments returns all segment files of the site's cameras, except the canary's.
func (s *site) segments() []string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "recordings", "[a-z0-9]*", "*", "*", "*.mp4"))
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}

func TestAKillLosesAtMostTwoSecondsAndNothingUnreadableIsIndexed(t *testing.T) {
	t.Parallel()
	const rounds, perSecond = 5, 15
	s := newSite(t, testcam.Camera{Name: "one", Audio: testcam.AAC}, testcam.Camera{Name: "two"}, testcam.Camera{Name: "three"})
	began := time.Now()
	for round := range rounds {
		s.start()
		v := s.login("alice")
		v.recording()
		first := s.cams.Cameras()[round%3]
		if err := first.WaitFrame(t.Context(), media.Main, first.LastFrame(media.Main)+uint64(40+17*round)); err != nil {
			t.Fatal(err)
		}
		sent := map[string]uint64{}
		for _, c := range s.cams.Cameras() {
			sent[c.Name()] = c.LastFrame(media.Main)
		}
		s.kill(syscall.SIGKILL)
		killed := time.Now()
		s.start()
		v = s.login("alice")
		for name, frame := range sent {
			all := camtest.Marks(t, v.clip(name, killed.Add(-10*time.Second), killed))
			before := all[:0]
			for _, m := range all {
				if m.Frame <= frame {
					before = append(before, m)
				}
			}
			if last := before[len(before)-1].Frame; last+2*perSecond < frame {
				t.Errorf("round %d: %s was killed after frame %d and kept up to %d", round, name, frame, last)
			}
		}
		s.kill(syscall.SIGKILL)
	}
	s.start()
	v := s.login("alice")
	for _, c := range s.cams.Cameras() {
		if v.everySpanPlays(c.Name(), began) < rounds {
			t.Errorf("%s: fewer spans than sessions", c.Name())
		}
	}
	s.kill(syscall.SIGINT)
	for _, path := range s.segments() {
		mediatest.Decode(t, path)
	}
}

// everySpanPlays fetches and decodes every span of the timeline, and returns their number.
func (v *visitor) everySpanPlays(camera string, from time.Time) int {
	v.t.Helper()
	q := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {time.Now().UTC().Format(time.RFC3339Nano)}}
	status, b := v.get("/api/v1/cameras/" + camera + "/timeline?" + q.Encode())
	var line struct {
		Spans []struct{ From, To time.Time }
	}
	if err := json.Unmarshal(b, &line); err != nil || status != http.StatusOK {
		v.t.Fatalf("timeline of %s: %d %s", camera, status, b)
	}
	for _, span := range line.Spans {
		mediatest.Decode(v.t, v.clip(camera, span.From, span.To))
	}
	return len(line.Spans)
}

func TestAnOutsiderFindsNoCamera(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "one"})
	s.start()
	alice, bob := s.login("alice"), s.login("bob")
	alice.recording()
	c := s.cams.Camera("one")
	if err := c.WaitFrame(t.Context(), media.Main, c.LastFrame(media.Main)+45); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	span := "?from=" + now.Add(-2*time.Second).Format(time.RFC3339Nano) + "&to=" + now.Format(time.RFC3339Nano)
	for _, path := range []string{"timeline" + span, "clip.mp4" + span, "clip.mp4" + span + "&download=1", "segments.mp4" + span,
		"keyframe.mp4?at=" + now.Format(time.RFC3339Nano)} {
		if status, b := alice.get("/api/v1/cameras/one/" + path); status != http.StatusOK {
			t.Errorf("the owner gets %d for %s: %s", status, path, b)
		}
		theirs, thereIs := bob.get("/api/v1/cameras/one/" + path)
		none, thereIsNot := bob.get("/api/v1/cameras/none/" + path)
		if theirs != http.StatusNotFound || none != http.StatusNotFound || !sameButRequest(thereIs, thereIsNot) {
			t.Errorf("an outsider gets %d for %s and %d for a camera that is not there:\n%s\n%s", theirs, path, none, thereIs, thereIsNot)
		}
	}
	for _, path := range []string{"/cameras/one", "/api/v1/cameras/one/live.mp4"} {
		if status, b := bob.get(path); status != http.StatusNotFound {
			t.Errorf("an outsider gets %d for %s: %s", status, path, b)
		}
	}
	for _, path := range []string{"/api/v1/cameras", "/api/v1/me", "/api/v1/system", "/live", "/cameras", "/system"} {
		if status, b := bob.get(path); status != http.StatusOK || bytes.Contains(b, []byte(`one`)) && bytes.Contains(b, []byte(`"id":"one"`)) {
			t.Errorf("an outsider's %s: %d, names the camera: %s", path, status, b)
		}
	}
}

// sameButRequest reports whether two problems differ only in the request id.
func sameButRequest(a, b []byte) bool {
	var x, y map[string]any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	delete(x, "instance")
	delete(y, "instance")
	return fmt.Sprint(x) == fmt.Sprint(y)
}

func TestTheServerStopsWithinFiveSecondsWhateverViewersDo(t *testing.T) {
	s := newSite(t, testcam.Camera{Name: "one", Audio: testcam.AAC})
	s.start()
	v := s.login("alice")
	v.recording()
	until(t, 10*time.Second, "live picture", func() bool {
		resp, err := v.client.Get(s.url + "/api/v1/cameras/one/live.mp4") // never read, never closed before the end
		if err != nil {
			return false
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp.StatusCode == http.StatusOK
	})
	gone := make(chan struct{})
	go func() { defer close(gone); s.kill(syscall.SIGTERM) }()
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Errorf("still running after five seconds:\n%s", s.log.String())
		<-gone
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("errors in the log:\n%s", s.log.String())
	}
}
