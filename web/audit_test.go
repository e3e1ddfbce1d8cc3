package web

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/media"
)

// wire is a listener that records the bytes of each connection's response that the kernel accepted.
type wire struct {
	net.Listener
	mu    sync.Mutex
	conns []*tapped
}

type tapped struct {
	net.Conn
	mu   sync.Mutex
	sent bytes.Buffer
}

func (l *wire) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &tapped{Conn: c}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, t)
	return t, nil
}

// Write records the bytes before their receiver can ask.
func (c *tapped) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.Conn.Write(b)
	c.sent.Write(b[:n])
	return n, err
}

// carried returns the total size of the response bodies since the last call, one for each connection.
func (l *wire) carried(t *testing.T) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		n += c.body(t)
	}
	l.conns = nil
	return n
}

// body returns the length of a response's body, possibly truncated. A connection may be unused.
func (c *tapped) body(t *testing.T) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent.Len() == 0 {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(c.sent.Bytes())), nil)
	if err != nil {
		t.Errorf("%d bytes of an answer: %v", c.sent.Len(), err)
		return 0
	}
	n, _ := io.Copy(io.Discard, resp.Body)
	return n
}

// tap serves the world on a wire. Each request has its own connection.
func (w *world) tap() *wire {
	w.http.Close()
	w.http = httptest.NewUnstartedServer(w.server.Handler())
	l := &wire{Listener: w.http.Listener}
	w.http.Listener = l
	w.http.Start()
	narrow(w.http)
	w.http.Client().Transport.(*http.Transport).DisableKeepAlives = true
	return l
}

// watched returns the bytes in the audit log for an account's action on a camera.
func (w *world) watched(camera string, account string, a access.Action) (bytes int64) {
	w.t.Helper()
	for _, v := range w.viewsOf(camera) {
		if v.Viewer.Name == account && v.Action == a {
			bytes += v.Bytes
		}
	}
	return bytes
}

// viewsOf returns the audit log of a camera, as its owner sees it.
func (w *world) viewsOf(camera string) []audit.View {
	w.t.Helper()
	owner := map[string]string{"front": "alice", "yard": "bob", "attic": "alice"}[camera]
	v, err := w.accounts.BySession(w.t.Context(), w.sessions[owner])
	check(w.t, err)
	p, err := w.accounts.Authorize(w.t.Context(), v, access.Manage, access.Camera(w.cameras[camera].ID))
	check(w.t, err)
	page, err := w.accounts.Audit().Views(w.t.Context(), p, audit.Query{Limit: 500})
	check(w.t, err)
	return page.List
}

// TestTheAuditLogHasTheBytesThatWereSent watches in every possible way.
func TestTheAuditLogHasTheBytesThatWereSent(t *testing.T) {
	w := large(t, "attic", "yard")
	at := w.start.Add(5 * time.Second).Format(time.RFC3339)
	l := w.tap()
	whole := map[access.Action][]ask{
		access.Playback: {{path: "clip.mp4?" + w.span(2, 6)}, {path: "clip.mp4?" + w.span(2, 6), header: map[string]string{"Range": "bytes=1000-70000"}},
			{path: "segments.mp4?" + w.span(1, 3)}, {path: "keyframe.mp4?at=" + at}, {method: "HEAD", path: "clip.mp4?" + w.span(2, 6)},
			{path: "clip.mp4?" + w.span(2, 6), header: map[string]string{"Range": "bytes=999999999-"}}},
		access.Export: {{path: "clip.mp4?download=1&" + w.span(2, 6)}},
	}
	for action, asks := range whole {
		var sum int64
		for _, a := range asks {
			a.path = "/api/v1/cameras/attic/" + a.path
			resp, body := w.do(w.as("bob", a))
			if got := l.carried(t); a.method != "HEAD" && got != int64(len(body)) {
				t.Fatalf("%v: the wire carried %d bytes, %d arrived", a, got, len(body))
			}
			if resp.StatusCode < 300 {
				sum += int64(len(body))
			}
		}
		w.recorded("attic", "bob", action, sum, sum)
	}
	// Downloads that are cancelled count as far as they went.
	var cut int64
	for _, file := range []string{"clip.mp4?", "segments.mp4?"} {
		ctx, cancel := context.WithCancel(t.Context())
		resp := w.open(ctx, w.as("bob", ask{path: "/api/v1/cameras/yard/" + file + w.span(0, filmLength)}))
		check(t, readSome(resp.Body))
		cancel()
		resp.Body.Close()
		if !poll(10*time.Second, func() bool { return !w.handling("ServeContent") }) {
			t.Fatal("the handler goes on")
		}
		cut += l.carried(t)
	}
	w.recorded("yard", "bob", access.Playback, cut, cut+2*8<<10) // what was in net/http's buffers
}

// recorded waits until the audit log has a number of bytes within the bounds.
func (w *world) recorded(camera, account string, a access.Action, least, most int64) {
	w.t.Helper()
	var got int64
	if !poll(10*time.Second, func() bool { got = w.watched(camera, account, a); return got >= least }) || got > most || got == 0 {
		w.t.Errorf("%s of %s by %s: %d bytes are on record, the wire carried %d", a, camera, account, got, least)
	}
}

func TestTheAuditLogHasTheBytesOfLiveVideo(t *testing.T) {
	w := filmed(t)
	l := w.tap()
	w.transmit(w.cameras["attic"], media.Main, 20*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	resp := w.open(ctx, w.as("bob", ask{path: "/api/v1/cameras/attic/live.mp4"}))
	_, err := io.CopyN(io.Discard, resp.Body, 100_000)
	check(t, err)
	cancel()
	resp.Body.Close()
	if !poll(10*time.Second, func() bool { return !w.handling("copyRun") }) {
		t.Fatal("the handler goes on")
	}
	sent := l.carried(t)
	w.recorded("attic", "bob", access.Live, sent, sent+8<<10)

	end := w.socket("alice")
	end.watch(tileRequest{1, "attic", "main"})
	var received int64
	for range 30 {
		if _, b := end.next(); b != nil {
			received += int64(len(b))
		}
	}
	check(t, w.accounts.Logout(t.Context(), w.sessions["alice"]))
	for {
		e, b := end.next()
		received += int64(len(b))
		if e.Type == "gone" {
			break
		}
	}
	w.sessions["alice"], err = w.accounts.Login(t.Context(), accounts.Attempt{Username: "alice", Password: password, Address: "127.0.0.1"})
	check(t, err)
	w.recorded("attic", "alice", access.Live, received, received)
}

func TestWhatCannotBeLoggedIsNotShown(t *testing.T) {
	w := filmed(t)
	w.broadcast(w.cameras["front"], media.Main, 3)
	var skew atomic.Int64 // atomic, since a stream may still read the clock after its viewer left
	d, err := accounts.Open(t.Context(), accounts.Options{Path: w.people, Now: func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }})
	check(t, err)
	defer func() { check(t, d.Close()) }()
	w.reopen(func(o *Options) {
		o.Accounts = d                           // its permits use the same clock
		o.Views = audit.NewViewLog(d.Audit(), 0) // not running, so that it writes nothing
	})
	paths := []string{"clip.mp4?" + w.span(1, 3), "segments.mp4?" + w.span(1, 3), "keyframe.mp4?" + w.queries()[0], "live.mp4"}
	for _, late := range []bool{false, true} {
		if late {
			skew.Store(int64(time.Minute))
		}
		for _, path := range paths {
			ctx, cancel := context.WithCancel(t.Context())
			resp := w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/front/" + path}))
			want := map[bool]int{false: http.StatusOK, true: http.StatusServiceUnavailable}[late]
			if resp.StatusCode != want {
				t.Errorf("%s, unwritable %t: status %d", path, late, resp.StatusCode)
			}
			cancel()
			resp.Body.Close()
		}
	}
}
