package web

import (
	"net/http"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
)

func TestARouteWithoutAPolicyKeepsTheServerFromStarting(t *testing.T) {
	plain := func(http.ResponseWriter, *http.Request) error { return nil }
	footage := func(http.ResponseWriter, *http.Request, access.Permit) error { return nil }
	watch := always(access.Live)
	refused := []struct {
		why string
		rt  route
	}{
		{"no policy", route{"GET", "/a", unclassified, plain, nil, nil}},
		{"no policy", route{"GET", "/cameras/{id}/a", unclassified, nil, watch, footage}},
		{"unknown policy", route{"GET", "/a", 99, plain, nil, nil}},
		{"needs one plain handler", route{"GET", "/a", public, nil, nil, nil}},
		{"needs one plain handler", route{"GET", "/a", signedIn, plain, watch, footage}},
		{"takes the permit", route{"GET", "/cameras/{id}/a", onCamera, plain, watch, nil}},
		{"takes the permit", route{"GET", "/cameras/{id}/a", onCamera, nil, nil, footage}},
		{"takes the permit", route{"GET", "/cameras/{id}/a", onCamera, plain, watch, footage}},
		{"takes the permit", route{"GET", "/a", onCamera, nil, watch, footage}},
		{"policy on that camera", route{"GET", "/cameras/{id}/a", signedIn, plain, nil, nil}},
		{"policy on that camera", route{"GET", "/cameras/{id}/a", public, plain, nil, nil}},
		{"{id}", route{"GET", "/cameras", seesCamera, plain, nil, nil}},
		{"conflicts", route{"GET", "/there/{x}", public, plain, nil, nil}},
		{"parsing", route{"GET", "there", public, plain, nil, nil}},
	}
	s := &Server{}
	there := route{"GET", "/there/{y}", public, plain, nil, nil}
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
	table := (&Server{}).routes()
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
	for _, path := range []string{"/api", "/api/v1", "/api/v2/me", "/api/v1/cameras/front", "/api/v1/cameras/front/hls/index.m3u8", "/api/v1/metrics"} {
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
