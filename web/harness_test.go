package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/layout"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/canary"
)

// password is everybody's.
const password = "correct horse battery"

// world is a server with real accounts, a real store and a real hub, served over HTTP on loopback. Three cameras: front
// is alice's and has a sub stream and sound, yard is bob's, attic is alice's and bob's. root is the administrator and
// owns none; carol was removed, and her session with her.
type world struct {
	t        *testing.T
	server   *Server
	options  Options // of the server
	http     *httptest.Server
	accounts *accounts.Directory
	store    *storage.Store
	hub      *live.Hub
	status   *fakeStatus
	log      *syncBuffer
	now      func() time.Time
	cameras  map[string]Camera
	sessions map[string]string // by account
	tokens   map[string]string
	guests   []principal
	views    *audit.ViewLog
	identity *identity.Store
	link     string    // to one of alice's cameras, where a test made it
	start    time.Time // of what film records
	picture  int       // bytes of each picture

	recordings string          // folder
	people     string          // the accounts database
	described  *description    // what the answers are held to
	synthetic  [2]canary.Owner // of the last canary that asked through another handler
}

// fakeStatus stands in for the recorders.
type fakeStatus struct {
	mu    sync.Mutex
	list  []CameraStatus
	ready error
}

func (f *fakeStatus) Cameras() []CameraStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]CameraStatus(nil), f.list...)
}

func (f *fakeStatus) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready
}

func (f *fakeStatus) set(list ...CameraStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = list
}

// syncBuffer takes the log of several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// empty makes a world in which nobody has been set up yet.
func empty(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, status: &fakeStatus{}, log: &syncBuffer{}, cameras: map[string]Camera{}, sessions: map[string]string{},
		tokens: map[string]string{}, picture: 1500,
		recordings: filepath.Join(dir, "recordings"), described: loadDescription(t),
		people: filepath.Join(dir, "accounts.db")}
	began := time.Now()
	enrolling := true // cameras were added an hour ago, so that footage from before now is in their life
	w.now = func() time.Time {
		if enrolling {
			return began.Add(-time.Hour)
		}
		return time.Now()
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	var err error
	w.accounts, err = accounts.Open(t.Context(), accounts.Options{Path: w.people,
		Hash: accounts.HashCost{MemoryKiB: 8, Passes: 1, Lanes: 1}})
	check(t, err)
	w.store, err = storage.Open(t.Context(), storage.Options{Recordings: w.recordings,
		Data: filepath.Join(dir, "data"), MasterKey: [32]byte{1}, Now: w.now, Logger: logger})
	check(t, err)
	synthetic := storage.SyntheticCameras()
	ids, err := w.store.Enrol(t.Context(), []storage.CameraSpec{{Name: "front", Label: "Front"}, {Name: "yard", Label: "Yard"},
		{Name: "attic", Label: "Attic"}, synthetic[0], synthetic[1]})
	check(t, err)
	enrolling = false
	w.hub = live.NewHub(live.Options{})
	list := []Camera{{ID: ids["front"], Name: "front", Label: "Front <door>", HasSub: true, Audio: true},
		{ID: ids["yard"], Name: "yard", Label: "Yard"}, {ID: ids["attic"], Name: "attic", Label: "Attic"}}
	for _, c := range list {
		w.cameras[c.Name] = c
	}
	w.identity = identity.New(w.accounts.DB(), time.Now)
	w.views = audit.NewViewLog(w.accounts.Audit(), 0)
	w.options = Options{Accounts: w.accounts, Views: w.views, Identity: w.identity, Layouts: layout.New(w.accounts.DB(), time.Now), Store: w.store, Hub: w.hub, Status: w.status, Cameras: list, Version: "test",
		Canary:   [2]media.CameraID{ids[synthetic[0].Name], ids[synthetic[1].Name]},
		Location: time.FixedZone("", 3600), Hosts: []string{"nvr.example.net"}, Networks: localNetworks(), Logger: logger}
	w.server, err = New(w.options)
	check(t, err)
	w.http = httptest.NewServer(w.server.Handler())
	narrow(w.http)
	t.Cleanup(func() {
		w.http.Close()
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
		if err := w.accounts.Close(); err != nil {
			t.Error(err)
		}
	})
	w.record()
	return w
}

// reopen has a server with other options take the place of the one that answers.
func (w *world) reopen(change func(o *Options)) {
	w.t.Helper()
	change(&w.options)
	var err error
	w.server, err = New(w.options)
	check(w.t, err)
	w.http.Config.Handler = w.server.Handler()
}

// record runs the recorder of views until the test is over.
func (w *world) record() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.views.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		<-done // its error is that of a database which the test has closed
	})
}

// localNetworks are some from which people connect at home.
func localNetworks() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fe80::/10", "fc00::/7"} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// inhabited makes a world with its people.
func inhabited(t *testing.T) *world {
	t.Helper()
	w := empty(t)
	ctx := t.Context()
	for _, name := range []string{"root", "alice", "bob", "carol"} {
		check(t, w.accounts.AddUser(ctx, name, password, name == "root"))
		session, err := w.accounts.Login(ctx, accounts.Attempt{Username: name, Password: password, Address: "127.0.0.1"})
		check(t, err)
		w.sessions[name] = session
		token, err := w.accounts.NewToken(ctx, name, accounts.EveryToken("test"))
		check(t, err)
		w.tokens[name] = token
	}
	check(t, w.accounts.SetOwners(ctx, []accounts.Ownership{
		{Camera: access.Camera(w.cameras["front"].ID), Owners: []string{"alice"}},
		{Camera: access.Camera(w.cameras["yard"].ID), Owners: []string{"bob"}},
		{Camera: access.Camera(w.cameras["attic"].ID), Owners: []string{"alice", "bob", "carol"}}}))
	check(t, w.accounts.RemoveUser(ctx, "carol"))
	return w
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The recordings of film: so many seconds of main, with a key frame each.
const (
	filmLength = 20
	filmFPS    = 10
)

// filmed makes a world in which every camera has recorded filmLength seconds, which ended half a minute ago.
func filmed(t *testing.T) *world {
	t.Helper()
	w := inhabited(t)
	w.film("front", "yard", "attic")
	return w
}

// film lets the cameras record.
func (w *world) film(names ...string) {
	t := w.t
	t.Helper()
	w.start = time.Now().Add(-(filmLength + 30) * time.Second).UTC().Truncate(time.Second)
	for _, name := range names {
		run, fragments := w.shoot(w.cameras[name], media.Main, w.start, filmLength)
		writer, err := w.store.Begin(t.Context(), run)
		check(t, err)
		for _, f := range fragments {
			check(t, writer.Append(t.Context(), f))
		}
		check(t, writer.End(t.Context(), "the test is over"))
	}
}

// shoot makes a run whose every picture holds its camera's UUID. Nothing here decodes pictures, so they are none.
func (w *world) shoot(c Camera, q media.Quality, start time.Time, seconds int) (*media.Run, []*media.Fragment) {
	t := w.t
	t.Helper()
	track := media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: append([]byte{0x67, 0x42, 0xc0, 0x1e}, c.Name...), PPS: []byte{0x68, 0xce, 0x3c, 0x80}}
	var sound *media.AudioTrack
	if c.Audio {
		sound = &media.AudioTrack{Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}
	}
	key := w.store.LabelKey(c.ID)
	run, err := media.NewRun(media.StreamID{Camera: c.ID, Quality: q}, start, track, sound, key)
	check(t, err)
	muxer := media.NewMuxer(run, key)
	var fragments []*media.Fragment
	keep := func(f *media.Fragment, err error) {
		check(t, err)
		if f != nil {
			fragments = append(fragments, f)
		}
	}
	for i := range seconds * filmFPS {
		at := start.Add(time.Duration(i) * time.Second / filmFPS)
		picture := append([]byte{0x41}, c.ID.String()...)
		if i%filmFPS == 0 {
			picture[0] = 0x65
		}
		picture = append(binary.BigEndian.AppendUint32(picture, uint32(i)), make([]byte, w.picture)...)
		ticks := int64(i) * media.VideoTimescale / filmFPS
		keep(muxer.Write(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: at, Random: i%filmFPS == 0, Data: [][]byte{picture}}))
		if sound != nil {
			samples := int64(i) * int64(sound.SampleRate) / filmFPS
			keep(muxer.Write(&media.Unit{Kind: media.Audio, PTS: samples, DTS: samples, Arrived: at, Random: true, Data: [][]byte{[]byte("sound of " + c.ID.String())}}))
		}
	}
	keep(muxer.Flush())
	return run, fragments
}

// ask is a request under way: who asks, and what.
type ask struct {
	method, path string
	session      string
	token        string
	header       map[string]string
	body         string
}

// do sends the request over the wire and returns the answer with its body read. Redirects are not followed.
func (w *world) do(a ask) (*http.Response, []byte) {
	w.t.Helper()
	resp := w.open(w.t.Context(), a)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	if wrong := w.described.mistake(resp, body); wrong != "" {
		w.t.Errorf("not as openapi.yaml says: %s: %s", wrong, body)
	}
	return resp, body
}

// open sends the request and returns the answer as soon as its header is there.
func (w *world) open(ctx context.Context, a ask) *http.Response {
	w.t.Helper()
	if a.method == "" {
		a.method = "GET"
	}
	req, err := http.NewRequestWithContext(ctx, a.method, w.http.URL+a.path, strings.NewReader(a.body))
	check(w.t, err)
	if a.session != "" {
		req.AddCookie(&http.Cookie{Name: cookieName(false), Value: a.session})
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	for name, value := range a.header {
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	resp, err := w.http.Client().Transport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", a.method, a.path, err)
	}
	return resp
}

// as returns the request as alice's, bob's or another's.
func (w *world) as(name string, a ask) ask {
	a.session = w.sessions[name]
	return a
}

// span is the query for seconds from to to of the film.
func (w *world) span(from, to float64) string {
	at := func(s float64) string {
		return w.start.Add(time.Duration(s * float64(time.Second))).Format(time.RFC3339Nano)
	}
	return "from=" + at(from) + "&to=" + at(to)
}

// problemIn reads a problem and holds it to its form.
func problemIn(t testing.TB, resp *http.Response, body []byte) Problem {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%s %s: status %d with type %q, want a problem: %s", resp.Request.Method, resp.Request.URL, resp.StatusCode, got, body)
	}
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Content-Disposition", "Etag", "Accept-Ranges", "Keepwatch-Start", "Keepwatch-End", "Keepwatch-Run"} {
		if resp.Header.Get(name) != "" {
			t.Errorf("a problem with the header %s of a success", name)
		}
	}
	if p.Status != resp.StatusCode || p.Title == "" || p.Type == "" {
		t.Fatalf("problem %+v with status %d", p, resp.StatusCode)
	}
	return p
}

// decode reads a JSON answer.
func decode[T any](t testing.TB, resp *http.Response, body []byte) T {
	t.Helper()
	var v T
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", resp.Request.URL, resp.StatusCode, body)
	}
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// recorded is the answer in a recorder, with a request so that failures can name it.
func recorded(rec *httptest.ResponseRecorder) *http.Response {
	resp := rec.Result()
	resp.Request = httptest.NewRequest("GET", "/", nil)
	return resp
}

// narrow gives a server's client small buffers: those of a kernel grow to hold a whole download, which could then not be cut.
func narrow(srv *httptest.Server) {
	srv.Client().Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return c, c.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
}
