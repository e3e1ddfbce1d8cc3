package web

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/web/canary"
)

// probeOnce makes the canary's test once and returns what it found.
func (w *world) probeOnce() canary.Report {
	w.server.canary.Round(w.t.Context())
	return *w.server.canaryReport()
}

// probeThrough has the canary ask another handler than the server's.
func probeThrough(w *world, h http.Handler) {
	o := w.server.canaryOptions()
	o.Handler = h
	owners := o.Owners
	o.Owners = func(ctx context.Context) (seats [2]canary.Owner, err error) {
		w.synthetic, err = owners(ctx)
		return w.synthetic, err
	}
	w.server.canary = canary.New(o)
}

// syntheticCamera is one of the canary's two cameras.
func syntheticCamera(w *world, i int) Camera { return w.server.cameras.all[w.server.cameras.site+i] }

func TestTheCanaryFindsNothingWhereNothingLeaks(t *testing.T) {
	w := filmed(t)
	for range 2 { // by session, then by token
		if r := w.probeOnce(); r.State != canary.Sound || r.Leaked != 0 || r.Last == nil || r.Reason != "" {
			t.Fatalf("%+v", r)
		}
	}
	r := w.server.canaryReport()
	if routes := len(w.server.routes()); r.Probes < uint64(2*routes) {
		t.Errorf("%d probes over %d routes", r.Probes, routes)
	}
	t.Logf("%d probes in two rounds", r.Probes)
	if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(1, 3)})); resp.StatusCode != http.StatusOK {
		t.Errorf("footage: %s", resp.Status)
	}
	report := decode[SystemReport](w.systemAs("root"))
	if report.Canary == nil || report.Canary.State != canary.Sound || *report.Others != 3 {
		t.Errorf("the system report: %+v, %d others", report.Canary, *report.Others)
	}
	for _, name := range []string{"root", "alice"} {
		for _, path := range []string{"/api/v1/cameras", "/cameras", "/system", "/account", "/people", "/live", "/timeline"} {
			if _, body := w.do(w.as(name, ask{path: path})); bytes.Contains(body, []byte("_canary")) || bytes.Contains(body, []byte("canary-")) {
				t.Errorf("%s meets a synthetic owner or camera on %s", name, path)
			}
		}
	}
}

// systemAs asks for the system report.
func (w *world) systemAs(name string) (testing.TB, *http.Response, []byte) {
	resp, body := w.do(w.as(name, ask{path: "/api/v1/system"}))
	return w.t, resp, body
}

// between plants something between the canary and the server.
func between(f func(w *world, next http.Handler) http.HandlerFunc) func(*world) {
	return func(w *world) { probeThrough(w, f(w, w.server.handler)) }
}

// leaksOfFootage are ways in which others leaked.
func leaksOfFootage() map[string]func(*world) {
	return map[string]func(*world){
		"a cache that does not know who asks": between(func(_ *world, next http.Handler) http.HandlerFunc {
			kept := map[string]*httptest.ResponseRecorder{}
			return func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "clip.mp4") {
					next.ServeHTTP(rw, r)
					return
				}
				rec := kept[r.URL.Path]
				if rec == nil || rec.Code != http.StatusOK {
					rec = httptest.NewRecorder()
					next.ServeHTTP(rec, r)
					kept[r.URL.Path] = rec
				}
				rw.WriteHeader(rec.Code)
				_, _ = rw.Write(rec.Body.Bytes())
			}
		}),
		"whoever asks is taken for the owner": between(func(w *world, next http.Handler) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, syntheticCamera(w, 1).Name+"/keyframe.mp4") {
					r.Header.Del("Cookie")
					r.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.synthetic[1].Session})
				}
				next.ServeHTTP(rw, r)
			}
		}),
		"a live ring under another's name": between(func(w *world, next http.Handler) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, syntheticCamera(w, 0).Name+"/live.mp4") {
					_, _ = rw.Write(canary.Mark(syntheticCamera(w, 1).ID))
					return
				}
				next.ServeHTTP(rw, r)
			}
		}),
	}
}

// leaksOfKnowledge tell what is there, or give rights.
func leaksOfKnowledge() map[string]func(*world) {
	return map[string]func(*world){
		"a live socket of another's": between(func(w *world, next http.Handler) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/v1/live" {
					r.Header.Del("Cookie")
					r.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.synthetic[1].Session})
				}
				next.ServeHTTP(rw, r)
			}
		}),
		"a status that tells what is there": between(func(w *world, next http.Handler) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				if rec.Code == http.StatusNotFound && strings.Contains(r.URL.Path, "_canary") {
					rec.Code = http.StatusForbidden
				}
				rw.WriteHeader(rec.Code)
				_, _ = rw.Write(rec.Body.Bytes())
			}
		}),
		"a list of all cameras": between(func(w *world, next http.Handler) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/v1/cameras" {
					_, _ = rw.Write([]byte(w.cameras["yard"].ID.String()))
					return
				}
				next.ServeHTTP(rw, r)
			}
		}),
		"a join that gives each owner all": func(w *world) {
			w.probeOnce() // so that there are owners
			w.statement(`INSERT OR IGNORE INTO ownership (camera, owner) SELECT o.camera, a.name FROM ownership o, accounts a WHERE a.id < 0`)
		},
	}
}

// TestTheCanaryFindsPlantedLeaks plants the leaks of others between the canary and the server, or in the database.
func TestTheCanaryFindsPlantedLeaks(t *testing.T) {
	plants := leaksOfFootage()
	maps.Copy(plants, leaksOfKnowledge())
	for name, plant := range plants {
		t.Run(name, func(t *testing.T) {
			w := filmed(t)
			plant(w)
			if r := w.probeOnce(); r.State != canary.Leaked || r.Leaked == 0 || r.Reason == "" {
				t.Fatalf("%+v", r)
			}
			if resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(1, 3)})); resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("footage after a leak: %s, %d bytes", resp.Status, len(body))
			}
		})
	}
}

// TestALeakStopsAllFootageAndSaysSo looks at everything that tells of it, and at what is under way.
func TestALeakStopsAllFootageAndSaysSo(t *testing.T) {
	w := filmed(t)
	leaksOfKnowledge()["a list of all cameras"](w) // before any stream: what it exchanges is read by all of them
	stream := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
	stream.Body.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	w.broadcast(w.cameras["front"], media.Main, 3)
	stream = w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
	defer stream.Body.Close()
	if stream.StatusCode != http.StatusOK {
		t.Fatal(stream.Status)
	}
	w.probeOnce()
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, _ = new(bytes.Buffer).ReadFrom(stream.Body)
	}()
	select {
	case <-cut:
	case <-time.After(2 * time.Second):
		t.Error("a stream goes on")
	}
	for _, path := range []string{"live.mp4", "clip.mp4?" + w.span(1, 3), "segments.mp4?" + w.span(1, 3), "keyframe.mp4?at=" + w.start.Add(3*time.Second).Format(time.RFC3339)} {
		if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/" + path})); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	for _, path := range []string{"/live", "/timeline", "/cameras", "/cameras/front", "/saved", "/system", "/account", "/login?next=x"} {
		a := w.as("alice", ask{path: path})
		if strings.HasPrefix(path, "/login") {
			a.session = ""
		}
		if resp, body := w.do(a); resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("Video is blocked.")) {
			t.Errorf("%s does not say so: %s", path, resp.Status)
		}
	}
	if resp, _ := w.do(ask{path: "/readyz"}); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz: %s", resp.Status)
	}
	if r := decode[SystemReport](w.systemAs("alice")); r.Canary.State != canary.Leaked || r.Canary.Leaked != 1 {
		t.Errorf("the system report: %+v", r.Canary)
	}
	if !strings.Contains(w.log.String(), "LEAK") {
		t.Error("the log does not say so")
	}
	_, err := w.server.canaryOptions().Record(t.Context(), 0)
	check(t, err) // recording goes on
}

// TestServerTroubleIsNoLeak has the server fail in every way that is not a leak.
func TestServerTroubleIsNoLeak(t *testing.T) {
	w := filmed(t)
	handler := w.server.handler
	answerer := handler
	probeThrough(w, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { answerer.ServeHTTP(rw, r) }))
	turn := 0
	for name, answer := range map[string]func(rw http.ResponseWriter, r *http.Request){
		"every third answer fails": func(rw http.ResponseWriter, r *http.Request) {
			if turn++; turn%3 == 0 {
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			handler.ServeHTTP(rw, r)
		},
		"every fifth session is not known": func(rw http.ResponseWriter, r *http.Request) {
			if turn++; turn%5 == 0 {
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			handler.ServeHTTP(rw, r)
		},
		"too much is open":     func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTooManyRequests) },
		"everything is torn":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"nothing is there":     func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNotFound) },
		"everything is empty":  func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusOK) },
		"the first times vary": func(rw http.ResponseWriter, r *http.Request) { varying(rw, r, &turn, handler) },
	} {
		answerer = http.HandlerFunc(answer)
		if r := w.probeOnce(); r.State == canary.Leaked {
			t.Fatalf("%s: %+v", name, r)
		} else if r.State == canary.Sound && name != "the first times vary" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	answerer = handler
	ended, stop := context.WithCancel(t.Context())
	stop()
	w.server.canary.Round(ended)
	if r := w.probeOnce(); r.State != canary.Sound {
		t.Errorf("after all is well again: %+v", r)
	}
	check(t, w.accounts.Close())
	if r := w.probeOnce(); r.State != canary.Unknown || !strings.Contains(canaryWords(r, time.Now()), "The check could not run") {
		t.Errorf("without accounts: %+v", r)
	}
}

// varying answers each address differently at first, as a page does that tells of something that changes.
func varying(rw http.ResponseWriter, r *http.Request, turn *int, next http.Handler) {
	if *turn++; *turn%40 == 0 {
		rw.Header().Set("Varies", time.Now().String())
	}
	next.ServeHTTP(rw, r)
}

// TestTheCanaryStartsOverAfterARestart makes owners and footage and asks again over the same databases.
func TestTheCanaryStartsOverAfterARestart(t *testing.T) {
	w := filmed(t)
	for range 3 {
		w.server.canary = canary.New(w.server.canaryOptions())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.server.RunCanary(ctx) }()
		w.eventually("the first round", func() bool { return w.server.canaryReport().State != canary.Waiting })
		stop()
		check(t, <-done)
		if r := w.server.canaryReport(); r.State != canary.Sound {
			t.Fatalf("%+v", r)
		}
	}
	w.statement(`CREATE TRIGGER leak AFTER INSERT ON accounts WHEN new.id = -2 BEGIN
		INSERT INTO ownership (camera, owner) SELECT o.camera, new.name FROM ownership o JOIN accounts a ON a.name = o.owner WHERE a.id = -1; END`)
	for range 2 {
		w.server.canary = canary.New(w.server.canaryOptions())
		check(t, w.server.RunCanary(t.Context())) // returns at the leak
		if w.server.gate.halted() == nil {
			t.Fatal("a restart with the same leak shows footage")
		}
	}
	if _, err := w.accounts.Login(t.Context(), accounts.Attempt{Username: "alice", Password: password, Address: "127.0.0.1"}); err != nil {
		t.Error(err)
	}
}

// statement changes the accounts database behind the program's back.
func (w *world) statement(text string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.people+"?_pragma=busy_timeout(5000)")
	check(w.t, err)
	_, err = db.ExecContext(w.t.Context(), text)
	check(w.t, errors.Join(err, db.Close()))
}

// eventually waits until what is asked for is so.
func (w *world) eventually(what string, so func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !so(); runtime.Gosched() {
		if time.Now().After(deadline) {
			w.t.Fatal("not within ten seconds: " + what)
		}
	}
}

// TestTheCanarysFootagePlays has it decoded: what stands in the recordings plays in any player.
func TestTheCanarysFootagePlays(t *testing.T) {
	w := inhabited(t)
	if r := w.probeOnce(); r.State != canary.Sound {
		t.Fatalf("%+v", r)
	}
	files, err := filepath.Glob(filepath.Join(w.recordings, "_canary-*", "main", "*", "*.mp4"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		if n := mediatest.Decode(t, path); n != int(canary.Length/time.Second)*canary.FPS {
			t.Errorf("%s: %d pictures", path, n)
		}
	}
}
