package canary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// leakError is a leak that was found.
type leakError struct{ what string }

func (e *leakError) Error() string { return e.what }

// prepare makes the owners, and new footage of their cameras if there is none or it is old.
func (c *Canary) prepare(ctx context.Context) error {
	if !c.hasOwners {
		owners, err := c.o.Owners(ctx)
		if err != nil {
			return err
		}
		c.owners, c.hasOwners = owners, true
	}
	now := c.o.Now()
	if since := now.Sub(c.recorded); since >= 0 && since < freshFor {
		return nil
	}
	for i := range c.o.Cameras {
		span, err := c.o.Record(ctx, i)
		if err != nil {
			return fmt.Errorf("record the synthetic cameras: %w", err)
		}
		c.span[i] = span
	}
	c.recorded = now
	return nil
}

// probeAs requests, as one owner, its own camera and the other's on all routes.
func (c *Canary) probeAs(ctx context.Context, i int) error {
	own, other := c.o.Cameras[i], c.o.Cameras[1-i]
	for _, rt := range c.o.Routes {
		var err error
		switch rt.Opens {
		case OneCamera, NamedCameras:
			err = c.probeOther(ctx, rt, i)
		case CallersCameras:
			err = c.probeList(ctx, rt, i)
		}
		if err != nil {
			return err
		}
	}
	for _, path := range []string{"live.mp4", "clip.mp4", "segments.mp4", "keyframe.mp4"} {
		p := c.ask(ctx, i, question{method: http.MethodGet, path: "/api/v1/cameras/" + own.Name + "/" + path, query: c.query(i)})
		if p.holds(marksOf(other)) {
			return &leakError{fmt.Sprintf("%s gave footage of another camera to an owner", path)}
		}
		if err := checkOwn(p, Mark(own.ID), true); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return c.watch(ctx, i)
}

// probeOther requests the other's camera and one that does not exist from one route. If the answers differ without a mark of
// the other's camera, it tries again: only a difference every time is no coincidence.
func (c *Canary) probeOther(ctx context.Context, rt Route, i int) error {
	other := c.o.Cameras[1-i]
	missing := strings.Repeat("x", len(other.Name))
	queries := []string{c.query(1 - i), c.query(1-i) + "&download=1"}
	if rt.Opens == NamedCameras { // the query names them: the other's together with its own, and alone
		queries = []string{c.query(i) + "&camera=" + c.o.Cameras[i].Name + "&camera=", c.query(1-i) + "&camera="}
	}
	for _, query := range queries {
		questions := func(name string) question {
			if rt.Opens == NamedCameras {
				return questionOf(rt, "", query+name)
			}
			return questionOf(rt, name, query)
		}
		verdict := differ
		for try := 0; try < 3 && verdict == differ; try++ {
			c.asked()
			a := c.ask(ctx, i, questions(other.Name))
			b := c.ask(ctx, i, questions(missing))
			verdict = judge(a.without(other.Name), b.without(missing), marksOf(other))
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case verdict == leaking:
			return &leakError{fmt.Sprintf("%s %s gave one owner what is another's", rt.Method, rt.Path)}
		case verdict == differ:
			return &leakError{fmt.Sprintf("%s %s answered one owner about another's camera, and not as if there were none", rt.Method, rt.Path)}
		case verdict == unproven:
			return fmt.Errorf("%s %s was not answered", rt.Method, rt.Path)
		}
	}
	return nil
}

// probeList requests a list or page of the caller's cameras. It must contain neither the other's camera nor a real one.
func (c *Canary) probeList(ctx context.Context, rt Route, i int) error {
	c.asked()
	p := c.ask(ctx, i, questionOf(rt, "", ""))
	if p.holds(marksOf(c.o.Cameras[1-i])) {
		return &leakError{fmt.Sprintf("%s listed to one owner what is another's", rt.Path)}
	}
	for _, id := range c.o.Others {
		if p.holds([][]byte{[]byte(id.String())}) {
			return &leakError{fmt.Sprintf("%s listed a camera to somebody who has no right to it", rt.Path)}
		}
	}
	return nil
}

// question is a request to be made.
type question struct{ method, path, query string }

// questionOf fills in the route's path. Other things than cameras get ids that do not exist.
func questionOf(rt Route, camera, query string) question {
	path := strings.NewReplacer("{id}", camera, "{kept}", "none", "{number}", "999999999", "{$}", "").Replace(rt.Path)
	if rt.Method == http.MethodDelete {
		query += "&preview=1"
	}
	return question{rt.Method, path, query}
}

// query returns the parameters for the footage of one of the synthetic cameras.
func (c *Canary) query(i int) string {
	span := c.span[i]
	q := url.Values{"from": {span.From.Format(time.RFC3339Nano)}, "to": {span.To.Format(time.RFC3339Nano)},
		"at": {span.To.Add(-time.Second / 2).Format(time.RFC3339Nano)}}
	return q.Encode()
}

// without removes the requested name, which answers may repeat, and the time.
func (p probe) without(name string) probe {
	p.header = strings.ReplaceAll(p.header, name, "*")
	p.body = clockPattern().ReplaceAll(bytes.ReplaceAll(p.body, []byte(name), []byte("*")), nil)
	return p
}

// ask makes a request as one of the owners, with its session and its token in turn from round to round.
func (c *Canary) ask(ctx context.Context, i int, q question) probe {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := c.request(ctx, i, q)
	if err != nil {
		return probe{}
	}
	w := &probeWriter{header: http.Header{}, enough: cancel}
	w.serve(w, c.o.Handler, r)
	return w.probe()
}

// request returns a request of one of the owners, from an address that may connect.
func (c *Canary) request(ctx context.Context, i int, q question) (*http.Request, error) {
	body := ""
	if q.method != http.MethodGet && strings.HasPrefix(q.path, "/api/") {
		body = "{}"
	}
	r, err := http.NewRequestWithContext(ctx, q.method, "http://localhost"+q.path+"?"+q.query, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), c.o.Address
	kind := "application/x-www-form-urlencoded"
	if body != "" {
		kind = "application/json"
	}
	r.Header.Set("Content-Type", kind)
	if c.rounds%2 == 0 {
		r.AddCookie(&http.Cookie{Name: c.o.Cookie, Value: c.owners[i].Session})
	} else {
		r.Header.Set("Authorization", "Bearer "+c.owners[i].Token)
	}
	return r, nil
}

// maxProbe is how much of an answer the canary reads.
const maxProbe = 256 << 10

// probeWriter takes an answer up to maxProbe. A flush means that something complete was sent; then it has enough.
type probeWriter struct {
	header http.Header
	status int
	sent   bytes.Buffer // the header as it was when the status was sent
	body   bytes.Buffer
	enough func()
}

// serve lets h answer to as, which may wrap w. Handlers abort answers with a panic, which it catches like net/http.
func (w *probeWriter) serve(as http.ResponseWriter, h http.Handler, r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	h.ServeHTTP(as, r)
}

func (w *probeWriter) probe() probe {
	return probe{status: w.status, header: w.sent.String(), body: w.body.Bytes()}
}

// Header implements http.ResponseWriter.
func (w *probeWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *probeWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		_ = w.header.Write(&w.sent) // into memory
	}
}

// Write implements http.ResponseWriter.
func (w *probeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(b) > maxProbe {
		w.enough()
		return 0, errors.New("the canary has read enough")
	}
	return w.body.Write(b)
}

// Flush implements http.Flusher.
func (w *probeWriter) Flush() {
	w.WriteHeader(http.StatusOK)
	w.enough()
}
