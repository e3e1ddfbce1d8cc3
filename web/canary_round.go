package web

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

// round makes the test once. It ends early when ctx does, and then proves nothing and says nothing.
func (c *canary) round(ctx context.Context) {
	err := c.prepare(ctx)
	for i := 0; i < 2 && err == nil; i++ {
		err = c.probeAs(ctx, i)
	}
	if ctx.Err() != nil {
		return
	}
	if leak, ok := errors.AsType[*leakError](err); ok {
		c.found(leak.what)
		return
	}
	if err != nil {
		c.seated, c.filmed = false, time.Time{} // anew, in case that is what is wrong
	}
	c.rounds++
	c.settle(err)
}

// leakError tells what was leaked.
type leakError struct{ what string }

func (e *leakError) Error() string { return e.what }

// prepare has accounts seat the owners, and footage of their cameras made when there is none that is fresh.
func (c *canary) prepare(ctx context.Context) error {
	if !c.seated {
		seats, err := c.server.Accounts.SeatCanaries(ctx, c.uuids())
		if err != nil {
			return err
		}
		c.seats, c.seated = seats, true
	}
	now := c.server.Now()
	if since := now.Sub(c.filmed); since >= 0 && since < canaryFresh {
		return nil
	}
	for i := range c.cameras {
		if err := c.film(ctx, i); err != nil {
			return fmt.Errorf("record the synthetic cameras: %w", err)
		}
	}
	c.filmed = now
	return nil
}

// probeAs asks, as one owner, for what is its own and for what is the other's, on all routes.
func (c *canary) probeAs(ctx context.Context, i int) error {
	own, other := c.cameras[i], c.cameras[1-i]
	for _, rt := range c.server.table {
		var err error
		switch {
		case rt.policy == onCamera || rt.policy == seesCamera || rt.policy == onCameras:
			err = c.across(ctx, rt, i)
		case rt.method == http.MethodGet && !strings.Contains(rt.path, "{") && rt.policy != public && rt.policy != setupOnly:
			err = c.listed(ctx, rt, i)
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
		if err := checkOwn(p, markOf(own.ID), true); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return c.watch(ctx, i)
}

// across asks one route for the other's camera and for one that is not there. Answers that differ without holding anything
// of the other's are asked for again: only what differs each time is no chance.
func (c *canary) across(ctx context.Context, rt route, i int) error {
	other := c.cameras[1-i]
	missing := strings.Repeat("x", len(other.Name))
	queries := []string{c.query(1 - i), c.query(1-i) + "&download=1"}
	if rt.policy == onCameras { // the query names them: the other's beside one's own, and alone
		queries = []string{c.query(i) + "&camera=" + c.cameras[i].Name + "&camera=", c.query(1-i) + "&camera="}
	}
	for _, query := range queries {
		questions := func(name string) question {
			if rt.policy == onCameras {
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
			return &leakError{fmt.Sprintf("%s %s gave one owner what is another's", rt.method, rt.path)}
		case verdict == differ:
			return &leakError{fmt.Sprintf("%s %s answered one owner about another's camera, and not as if there were none", rt.method, rt.path)}
		case verdict == unproven:
			return fmt.Errorf("%s %s was not answered", rt.method, rt.path)
		}
	}
	return nil
}

// listed asks for a list or page that is about all cameras of the caller. There the other's must not be, and no real one.
func (c *canary) listed(ctx context.Context, rt route, i int) error {
	c.asked()
	p := c.ask(ctx, i, questionOf(rt, "", ""))
	if p.holds(marksOf(c.cameras[1-i])) {
		return &leakError{fmt.Sprintf("%s listed to one owner what is another's", rt.path)}
	}
	for _, camera := range c.server.Cameras[:c.server.cameras.site] {
		if p.holds([][]byte{[]byte(camera.ID.String())}) {
			return &leakError{fmt.Sprintf("%s listed a camera to somebody who has no right to it", rt.path)}
		}
	}
	return nil
}

// question is what is asked.
type question struct{ method, path, query string }

// questionOf fills the route's path. What stands for something other than a camera is nothing that exists.
func questionOf(rt route, camera, query string) question {
	path := strings.NewReplacer("{id}", camera, "{kept}", "none", "{number}", "999999999", "{$}", "").Replace(rt.path)
	if rt.method == http.MethodDelete {
		query += "&preview=1"
	}
	return question{rt.method, path, query}
}

// query asks for the footage of one of the synthetic cameras.
func (c *canary) query(i int) string {
	span := c.span[i]
	q := url.Values{"from": {span.From.Format(time.RFC3339Nano)}, "to": {span.To.Format(time.RFC3339Nano)},
		"at": {span.To.Add(-time.Second / 2).Format(time.RFC3339Nano)}}
	return q.Encode()
}

// without replaces the name that was asked for, which answers may repeat, and the time of day.
func (p probe) without(name string) probe {
	p.header = strings.ReplaceAll(p.header, name, "*")
	p.body = clockPattern().ReplaceAll(bytes.ReplaceAll(p.body, []byte(name), []byte("*")), nil)
	return p
}

// ask asks as one of the owners: by its session and by its token in turns, as programs and people do.
func (c *canary) ask(ctx context.Context, i int, q question) probe {
	ctx, cancel := context.WithTimeout(ctx, canaryTime)
	defer cancel()
	r, err := c.request(ctx, i, q)
	if err != nil {
		return probe{}
	}
	w := &probeWriter{header: http.Header{}, enough: cancel}
	w.serve(w, c.server.handler, r)
	return w.probe()
}

// request makes the request of one of the owners, as if it came from a network that may connect.
func (c *canary) request(ctx context.Context, i int, q question) (*http.Request, error) {
	body := ""
	if q.method != http.MethodGet && strings.HasPrefix(q.path, "/api/") {
		body = "{}"
	}
	r, err := http.NewRequestWithContext(ctx, q.method, "http://localhost"+q.path+"?"+q.query, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), c.server.Networks[0].Addr().String()
	kind := "application/x-www-form-urlencoded"
	if body != "" {
		kind = "application/json"
	}
	r.Header.Set("Content-Type", kind)
	if c.rounds%2 == 0 {
		r.AddCookie(&http.Cookie{Name: cookieName(c.server.Secure), Value: c.seats[i].Session})
	} else {
		r.Header.Set("Authorization", "Bearer "+c.seats[i].Token)
	}
	return r, nil
}

// maxProbe is how much of an answer the canary reads.
const maxProbe = 256 << 10

// probeWriter takes an answer, bounded. A flush is the sign that something whole has been sent: then it has enough.
type probeWriter struct {
	header http.Header
	status int
	sent   bytes.Buffer // the header as it was when the status was sent
	body   bytes.Buffer
	enough func()
}

// serve lets h answer to as, which may be more than w. An answer that is torn ends in a panic that net/http takes from handlers, and so do we.
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
