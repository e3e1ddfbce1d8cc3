package web

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// large makes a world whose recordings do not fit into the network buffers.
func large(t *testing.T, cameras ...string) *world {
	t.Helper()
	w := inhabited(t)
	w.picture = 120 << 10
	w.film(cameras...)
	return w
}

func TestRevocationCutsADownloadWithinASecond(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := large(t, "attic")
		if secure {
			w.overHTTP2()
		}
		resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/attic/clip.mp4?download=1&" + w.span(0, filmLength)}))
		if resp.StatusCode != 200 || (resp.ProtoMajor == 2) != secure {
			t.Fatalf("status %d, %s", resp.StatusCode, resp.Proto)
		}
		check(t, readSome(resp.Body))
		check(t, w.accounts.Logout(t.Context(), w.sessions["alice"]))
		watch, slow := newStopwatch(t), time.NewTicker(10*time.Millisecond)
		for w.handling("ServeContent") { // keep reading, but too slowly for it to end by itself
			if <-slow.C; watch.took() > time.Second {
				t.Fatalf("http2 %t: still sent after %v", secure, watch.took())
			}
			_, _ = io.CopyN(io.Discard, resp.Body, 16<<10)
		}
		slow.Stop()
		if n, err := io.Copy(io.Discard, resp.Body); err == nil || n > resp.ContentLength*9/10 {
			t.Errorf("http2 %t: %d of %d bytes arrived, %v", secure, n, resp.ContentLength, err)
		}
		resp.Body.Close()
	}
}

// overHTTP2 serves the world over TLS and HTTP/2 instead.
func (w *world) overHTTP2() {
	w.http.Close()
	w.http = httptest.NewUnstartedServer(w.server.Handler())
	w.http.EnableHTTP2 = true
	w.http.StartTLS()
}

func TestAReaderWhoStopsReadingIsCutWhenItsPermitEnds(t *testing.T) {
	w := large(t, "attic")
	before := runtime.NumGoroutine()
	resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/attic/clip.mp4?" + w.span(0, filmLength)}))
	check(t, readSome(resp.Body)) // and nothing more: the server's write is stuck
	check(t, w.accounts.Logout(t.Context(), w.sessions["alice"]))
	deadline := time.Now().Add(3 * time.Second) // far less than stallTime
	for w.handling("ServeContent") {
		if time.Now().After(deadline) {
			t.Fatal("the handler is still stuck in its write")
		}
		runtime.Gosched()
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || n >= resp.ContentLength-100 {
		t.Errorf("%d of %d bytes arrived, %v", n, resp.ContentLength, err)
	}
	resp.Body.Close()
	w.settle(before)
}

// handling reports whether a goroutine of the server is inside one of the functions.
func (w *world) handling(functions ...string) bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, f := range functions {
		if bytes.Contains(stacks, []byte(f)) {
			return true
		}
	}
	return false
}

func TestDownloadsThatAreCancelledLeaveNothingBehind(t *testing.T) {
	w := large(t, "attic")
	w.do(w.as("alice", ask{path: "/api/v1/me"}))
	w.http.Client().CloseIdleConnections()
	before := runtime.NumGoroutine()
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		file := []string{"clip.mp4", "segments.mp4"}[i%2]
		resp := w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/attic/" + file + "?" + w.span(0, filmLength)}))
		check(t, readSome(resp.Body))
		cancel()
		resp.Body.Close()
	}
	w.http.Client().CloseIdleConnections()
	w.settle(before)
	// The number of goroutines can be unchanged while one handler still runs and an idle connection ended.
	for deadline := time.Now().Add(10 * time.Second); len(w.openFootage()) > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("still open: %v", w.openFootage())
		}
	}
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("readers who left are no errors: %s", w.log)
	}
}

// openFootage lists the open recording files of this process, if the system provides them.
func (w *world) openFootage() (open []string) {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, w.recordings) && strings.HasSuffix(target, ".mp4") {
			open = append(open, target)
		}
	}
	return open
}

func TestALongDownloadOutlivesItsFirstPermit(t *testing.T) {
	w := large(t, "attic")
	resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/attic/clip.mp4?" + w.span(0, filmLength)}))
	defer resp.Body.Close()
	got, ticks := int64(0), time.NewTicker(250*time.Millisecond)
	defer ticks.Stop()
	for range 10 { // two and a half permits' time
		<-ticks.C
		n, err := io.CopyN(io.Discard, resp.Body, 2<<20)
		check(t, err)
		got += n
	}
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || got+n != resp.ContentLength {
		t.Errorf("%d of %d bytes, %v", got+n, resp.ContentLength, err)
	}
}

func TestFootageThatDoesNotVerifyNeverLooksWhole(t *testing.T) {
	w := filmed(t)
	foreign, _ := filepath.Glob(filepath.Join(w.recordings, "yard-*", "main", "*", "*.mp4"))
	own, _ := filepath.Glob(filepath.Join(w.recordings, "front-*", "main", "*", "*.mp4"))
	if len(foreign) == 0 || len(own) != len(foreign) {
		t.Fatalf("%v, %v", own, foreign)
	}
	for i := range own {
		b, err := os.ReadFile(foreign[i])
		check(t, err)
		check(t, os.WriteFile(own[i], b, 0o600))
	}
	secret := []byte(w.cameras["yard"].ID.String())
	for _, path := range []string{"clip.mp4?" + w.span(0, filmLength), "segments.mp4?" + w.span(0, filmLength), "keyframe.mp4?at=" + w.start.Add(3*time.Second).Format(time.RFC3339)} {
		resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/" + path}))
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode < 400 {
			t.Errorf("%s: status %d and a whole body of %d bytes", path, resp.StatusCode, len(body))
		}
		if bytes.Contains(body, secret) {
			t.Errorf("%s: footage of the other camera", path)
		}
	}
}

func TestARangeThatBeginsInDamagedFootageIsAProblem(t *testing.T) {
	w := large(t, "front")
	own, _ := filepath.Glob(filepath.Join(w.recordings, "front-*", "main", "*", "*.mp4"))
	b, err := os.ReadFile(own[0])
	check(t, err)
	for i := len(b) / 3; i < len(b)*9/10; i += 64 << 10 { // every fragment of that stretch
		b[i] ^= 1
	}
	check(t, os.WriteFile(own[0], b, 0o600))
	path := "/api/v1/cameras/front/clip.mp4?" + w.span(0, filmLength)
	whole, _ := w.do(w.as("alice", ask{method: "HEAD", path: path}))
	beside := w.open(t.Context(), w.as("alice", ask{path: path, header: map[string]string{"Range": fmt.Sprintf("bytes=%d-", whole.ContentLength/2)}}))
	if beside.StatusCode != http.StatusServiceUnavailable || beside.Header.Get("Content-Range") != "" {
		t.Errorf("a range that begins in the damage: status %d, %v", beside.StatusCode, beside.Header)
	}
	beside.Body.Close()
}

func TestFootageDamagedLaterAbortsTheAnswer(t *testing.T) {
	w := large(t, "front")
	own, _ := filepath.Glob(filepath.Join(w.recordings, "front-*", "main", "*", "*.mp4"))
	b, err := os.ReadFile(own[0])
	check(t, err)
	b[len(b)/2] ^= 1
	check(t, os.WriteFile(own[0], b, 0o600))
	resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(0, filmLength)}))
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil || resp.StatusCode != 200 || n == 0 {
		t.Errorf("status %d, %d bytes, %v", resp.StatusCode, n, err)
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("the log does not say so")
	}
}

func TestRunStopsInTimeWhateverViewersDo(t *testing.T) {
	w := large(t, "attic")
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	w.http.Close()
	w.http = &httptest.Server{URL: "http://" + l.Addr().String(), Config: &http.Server{}, Listener: l}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.server.Run(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"front/live.mp4", "attic/clip.mp4?" + w.span(0, filmLength)} { // one reads on, one is stuck
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.http.URL+"/api/v1/cameras/"+path, nil)
		check(t, err)
		req.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.sessions["alice"]})
		resp, err := client.Do(req)
		check(t, err)
		defer resp.Body.Close()
		check(t, readSome(resp.Body))
	}
	socket := w.socket("alice")
	socket.watch(tileRequest{1, "front", "main"})
	socket.until("init", 1)
	watch := newStopwatch(t)
	cancel()
	select {
	case err := <-ended:
		if took := watch.took(); err != nil || took > stopTime {
			t.Errorf("stopped after %v with %v", took, err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not stop")
	}
	if w.handling("web.(*liveTile).show", "web.(*liveAPI).copyRun", "web.(*guard).watch") {
		t.Error("something still runs")
	}
}

func TestPlainHTTPRedirectsToHTTPSOnTheSameNameOnly(t *testing.T) {
	w := empty(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.server.RunRedirect(ctx, l, "8443") }()
	w.http.URL = "http://" + l.Addr().String()
	for host, want := range map[string]string{"nas.local": "https://nas.local:8443/live?x=1", "192.168.1.5:8080": "https://192.168.1.5:8443/live?x=1", "[::1]:8080": "https://[::1]:8443/live?x=1", "evil.com": ""} {
		resp, _ := w.do(ask{path: "/live?x=1", header: map[string]string{"Host": host}})
		if got := resp.Header.Get("Location"); got != want || resp.StatusCode != 308 != (want == "") {
			t.Errorf("%s: status %d to %q, want %q", host, resp.StatusCode, got, want)
		}
	}
	for _, target := range []string{"x:.evil.com", "x:@evil.com/", "http://evil.com/"} {
		if answer := rawRequest(t, l.Addr().String(), target); strings.Contains(answer, "evil.com") || !strings.HasPrefix(answer, "HTTP/1.1 4") {
			t.Errorf("the target %s is answered\n%s", target, answer)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// rawRequest sends a request with a target that no client would send, and returns the response.
func rawRequest(t *testing.T, address, target string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	check(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: nas.local\r\nConnection: close\r\n\r\n")
	check(t, err)
	answer, err := io.ReadAll(conn)
	check(t, err)
	return string(answer)
}

func TestOneAccountCannotHoldAllClips(t *testing.T) {
	w := large(t, "attic")
	path := "/api/v1/cameras/attic/clip.mp4?" + w.span(0, filmLength)
	for range maxClipsAccount {
		resp := w.open(t.Context(), w.as("alice", ask{path: path}))
		defer resp.Body.Close()
		check(t, readSome(resp.Body)) // and nothing more
	}
	resp, body := w.do(w.as("alice", ask{path: path}))
	if p := problemIn(t, resp, body); p.Status != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%+v", p)
	}
}

func TestLiveGoesOverHTTP2(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	w.overHTTP2()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp := w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 || resp.TLS.Version < tls.VersionTLS12 {
		t.Fatalf("%s, status %d", resp.Proto, resp.StatusCode)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 100_000); err != nil {
		t.Error(err)
	}
}
