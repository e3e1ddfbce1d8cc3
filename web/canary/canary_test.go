package canary

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// over returns a canary that asks h, through one route on a camera and one that opens nothing.
func over(h http.HandlerFunc) *Canary {
	now := time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)
	return New(Options{Handler: h, Address: "127.0.0.1", Cookie: "session", Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
		Routes:  []Route{{Method: "GET", Path: "/api/v1/cameras/{id}/clip.mp4", Opens: OneCamera}, {Method: "GET", Path: "/healthz"}},
		Cameras: [2]Camera{{ID: media.NewCameraID(), Name: "canary-1"}, {ID: media.NewCameraID(), Name: "canary-2"}},
		Owners: func(context.Context) ([2]Owner, error) {
			return [2]Owner{{Session: "one", Token: "one"}, {Session: "two", Token: "two"}}, nil
		},
		Record: func(context.Context, int) (Footage, error) { return Footage{From: now.Add(-Length), To: now}, nil }})
}

func TestAServerThatGivesEverybodyEverythingIsFoundOut(t *testing.T) {
	var c *Canary
	c = over(func(w http.ResponseWriter, r *http.Request) {
		for _, camera := range c.o.Cameras {
			if strings.Contains(r.URL.Path, camera.Name) {
				_, _ = w.Write(Mark(camera.ID))
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	})
	c.Round(t.Context())
	if r := c.Report(); !c.Leaked() || r.State != Leaked || r.Leaked != 1 || !strings.Contains(r.Reason, "clip.mp4") {
		t.Errorf("%+v", r)
	}
}

func TestAServerThatAnswersNothingProvesNothing(t *testing.T) {
	c := over(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			t.Error("a route that opens nothing was asked")
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c.Round(t.Context())
	if r := c.Report(); c.Leaked() || r.State != Unknown || r.Last != nil {
		t.Errorf("%+v", r)
	}
}

func TestARoundThatIsBrokenOffSaysNothing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	c := over(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		w.WriteHeader(http.StatusNotFound)
	})
	c.Round(ctx)
	if r := c.Report(); r.State != Waiting {
		t.Errorf("%+v", r)
	}
}

func TestWhatAPairOfAnswersShows(t *testing.T) {
	id := media.NewCameraID()
	missing := probe{status: http.StatusNotFound, body: []byte("nothing here")}
	for _, c := range []struct {
		name  string
		other probe
		want  verdictOn
	}{
		{"the same", missing, apart},
		{"another status", probe{status: http.StatusForbidden, body: missing.body}, differ},
		{"another header", probe{status: missing.status, header: "X: 1", body: missing.body}, differ},
		{"another body", probe{status: missing.status, body: []byte("not yours")}, differ},
		{"the mark", probe{status: http.StatusOK, body: Mark(id)}, leaking},
		{"the mark in an answer that failed", probe{status: http.StatusServiceUnavailable, body: Mark(id)}, leaking},
		{"a label", probe{status: http.StatusOK, body: id[:]}, leaking},
		{"a server that stops", probe{status: http.StatusServiceUnavailable}, unproven},
		{"nothing", probe{}, unproven},
	} {
		if got := judge(c.other, missing, marksOf(Camera{ID: id, Name: "canary-1"})); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
