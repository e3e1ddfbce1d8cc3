package web

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

func TestARouteWithoutAPolicyKeepsTheServerFromStarting(t *testing.T) {
	plain := func(http.ResponseWriter, *http.Request) error { return nil }
	footage := func(http.ResponseWriter, *http.Request, access.Permit) error { return nil }
	watch := func(*http.Request) access.Action { return access.Live }
	refused := []struct {
		why string
		rt  route
	}{
		{"no policy", route{method: "GET", path: "/a", policy: unclassified, handle: plain}},
		{"no policy", route{method: "GET", path: "/cameras/{id}/a", policy: unclassified, action: watch, camera: footage}},
		{"unknown policy", route{method: "GET", path: "/a", policy: 99, handle: plain}},
		{"needs one plain handler", route{method: "GET", path: "/a", policy: public}},
		{"needs one plain handler", route{method: "GET", path: "/a", policy: signedIn, handle: plain, action: watch, camera: footage}},
		{"takes the permit", route{method: "GET", path: "/cameras/{id}/a", policy: onCamera, handle: plain, action: watch}},
		{"takes the permit", route{method: "GET", path: "/cameras/{id}/a", policy: onCamera, camera: footage}},
		{"takes the permit", route{method: "GET", path: "/cameras/{id}/a", policy: onCamera, handle: plain, action: watch, camera: footage}},
		{"takes the permit", route{method: "GET", path: "/a", policy: onCamera, action: watch, camera: footage}},
		{"policy on that camera", route{method: "GET", path: "/cameras/{id}/a", policy: signedIn, handle: plain}},
		{"policy on that camera", route{method: "GET", path: "/cameras/{id}/a", policy: public, handle: plain}},
		{"{id}", route{method: "GET", path: "/cameras", policy: seesCamera, handle: plain}},
		{"conflicts", route{method: "GET", path: "/there/{x}", policy: public, handle: plain}},
		{"parsing", route{method: "GET", path: "there", policy: public, handle: plain}},
	}
	s := &admission{}
	there := route{method: "GET", path: "/there/{y}", policy: public, handle: plain}
	if _, err := s.compile([]route{there}); err != nil {
		t.Fatal(err)
	}
	for _, r := range refused {
		_, err := s.compile([]route{there, r.rt})
		if err == nil || !strings.Contains(err.Error(), r.why) || !strings.Contains(err.Error(), r.rt.path) {
			t.Errorf("%+v: error %v, want one about %q", r.rt, err, r.why)
		}
	}
}

func TestEveryRouteOfTheTableIsClassified(t *testing.T) {
	table := inhabited(t).server.routes()
	if len(table) < 15 {
		t.Fatalf("only %d routes", len(table))
	}
	for _, rt := range table {
		if err := rt.check(); err != nil {
			t.Errorf("%s %s: %v", rt.method, rt.path, err)
		}
		if strings.HasPrefix(rt.path, "/api/v1/cameras/{id}/") && rt.policy != onCamera {
			t.Errorf("%s %s serves a camera without a permit", rt.method, rt.path)
		}
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	w := inhabited(t)
	for _, path := range []string{"/api", "/api/v1", "/api/v2/me", "/api/v1/cameras/front", "/api/v1/metrics"} {
		resp, body := w.do(w.as("alice", ask{path: path}))
		if p := problemIn(t, resp, body); p.Status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, p)
		}
	}
	for path, allow := range map[string]string{"/api/v1/session": "POST, DELETE", "/api/v1/me": "GET, HEAD", "/api/v1/cameras/x/clip.mp4": "GET, HEAD"} {
		resp, body := w.do(ask{method: "PATCH", path: path})
		if p := problemIn(t, resp, body); p.Status != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != allow {
			t.Errorf("PATCH %s: %+v, Allow %q, want %q", path, p, resp.Header.Get("Allow"), allow)
		}
	}
}

func TestPoliciesAdmitWhomTheyName(t *testing.T) {
	w := inhabited(t)
	reached := func(rw http.ResponseWriter, r *http.Request) error {
		_, err := rw.Write([]byte("reached " + cameraOf(r).Name))
		return err
	}
	routes, err := w.server.admission.compile([]route{page("/api/camera/{id}", seesCamera, reached), page("/api/admin", administrator, reached)})
	check(t, err)
	w.server.handler = w.server.middleware.wrap(routes)
	w.http.Config.Handler = w.server.handler
	for _, c := range []struct {
		name, path string
		want       int
	}{{"", "/api/camera/front", 401}, {"alice", "/api/camera/front", 200}, {"alice", "/api/camera/yard", 404}, {"bob", "/api/camera/front", 404}, {"root", "/api/camera/front", 404},
		{"alice", "/api/camera/none", 404}, {"", "/api/admin", 401}, {"alice", "/api/admin", 404}, {"root", "/api/admin", 200}} {
		resp, body := w.do(w.as(c.name, ask{path: c.path}))
		if resp.StatusCode != c.want || c.want == 200 && c.path != "/api/admin" && string(body) != "reached front" {
			t.Errorf("%s: %s: status %d: %s", c.name, c.path, resp.StatusCode, body)
		}
	}
}

func TestAnErrorAfterTheFirstBytesAbortsTheConnection(t *testing.T) {
	w := inhabited(t)
	half := func(rw http.ResponseWriter, r *http.Request) error {
		if _, err := rw.Write([]byte("half")); err != nil {
			return err
		}
		if err := http.NewResponseController(rw).Flush(); err != nil {
			return err
		}
		return access.ErrDenied
	}
	routes, err := w.server.admission.compile([]route{page("/api/half", public, half)})
	check(t, err)
	w.http.Config.Handler = w.server.middleware.wrap(routes)
	resp := w.open(t.Context(), ask{path: "/api/half"})
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%q looks whole", body)
	}
}

// TestAnExpiredPermitIsNotAMissingCamera has a handler use a permit that is no longer valid. The
// owner is told to try again; others learn nothing.
func TestAnExpiredPermitIsNotAMissingCamera(t *testing.T) {
	w := inhabited(t)
	var late atomic.Int64
	w.reopen(func(o *Options) { o.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) } })
	use := func(_ http.ResponseWriter, _ *http.Request, p access.Permit) error {
		return p.Check(w.options.Now(), access.Manage) // a permit for Playback, so that it is refused at any time
	}
	routes, err := w.server.admission.compile([]route{footage("GET /api/camera/{id}", access.Playback, use)})
	check(t, err)
	w.http.Config.Handler = w.server.middleware.wrap(routes)
	for _, c := range []struct {
		name string
		late time.Duration
		want int
	}{{"alice", 0, 404}, {"alice", 2 * accounts.PermitTTL, 503}, {"bob", 2 * accounts.PermitTTL, 404}} {
		late.Store(int64(c.late))
		resp, _ := w.do(w.as(c.name, ask{path: "/api/camera/front"}))
		if resp.StatusCode != c.want || (resp.Header.Get("Retry-After") == "1") != (c.want == 503) {
			t.Errorf("%s, %v late: status %d, Retry-After %q", c.name, c.late, resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	}
}
