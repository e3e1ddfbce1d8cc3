package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// errand is one request of a guest.
type errand struct {
	what   string // in the report
	path   string
	camera *lens         // nil for pages about no camera
	action access.Action // that it needs on the camera; zero: any
	media  bool
	live   bool
	piece  bool // of a file
	header http.Header
}

// stopwatch ends a request after some bytes or some time; zero is never.
type stopwatch struct {
	bytes int
	after time.Duration
	slow  bool // the guest reads slowly
	known bool // the guest claims to have the response already
}

// ownViews is the page with the caller's own audit entries.
const ownViews = "/api/v1/me/views"

// anyErrand picks a random errand for the camera.
func (s *storm) anyErrand(r *rand.Rand, c *lens) errand {
	length := time.Duration(1+r.IntN(8)) * time.Second
	age := max(time.Since(s.began)-length, time.Second)
	from := time.Now().Add(-length - time.Duration(r.Int64N(int64(age))))
	at := func(t time.Time) string { return url.QueryEscape(t.UTC().Format(time.RFC3339Nano)) }
	of := "?from=" + at(from) + "&to=" + at(from.Add(length))
	api := "/api/v1/cameras/" + c.name
	switch n := r.IntN(100); {
	case n < 22:
		return errand{what: "clip", path: api + "/clip.mp4" + of, camera: c, action: access.Playback, media: true}
	case n < 30:
		first := r.IntN(200 << 10)
		h := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", first, first+r.IntN(128<<10))}}
		return errand{what: "range", path: api + "/clip.mp4" + of, camera: c, action: access.Playback, media: true, piece: true, header: h}
	case n < 36:
		return errand{what: "export", path: api + "/clip.mp4" + of + "&download=1", camera: c, action: access.Export, media: true}
	case n < 46:
		return errand{what: "segments", path: api + "/segments.mp4" + of, camera: c, action: access.Playback, media: true}
	case n < 56:
		return errand{what: "key frame", path: api + "/keyframe.mp4?at=" + at(from), camera: c, action: access.Playback, media: true}
	case n < 72:
		return errand{what: "live", path: api + "/live.mp4", camera: c, action: access.Live, media: true, live: true}
	case n < 78:
		return errand{what: "timeline", path: api + "/timeline" + of, camera: c, action: access.Playback}
	case n < 82:
		return errand{what: "camera page", path: "/cameras/" + c.name, camera: c}
	case n < 84:
		return errand{what: "who sees", path: api + "/access", camera: c, action: access.Manage}
	case n < 86:
		return errand{what: "who watched", path: api + "/views", camera: c, action: access.Manage}
	case n < 87:
		return errand{what: "sharing page", path: "/cameras/" + c.name + "/access", camera: c, action: access.Share}
	}
	pages := []string{"/live", "/timeline", "/cameras", "/saved", "/system", "/account", "/people", "/link", "/api/v1/me", "/api/v1/cameras", "/api/v1/system",
		ownViews, "/account/views", "/api/v1/kept", "/", "/connections"}
	path := pages[r.IntN(len(pages))]
	return errand{what: path, path: path}
}

// anyStop picks how a request ends. The guest cancels about half of them.
func anyStop(r *rand.Rand, e errand) stopwatch {
	switch {
	case r.IntN(100) < 25:
		return stopwatch{after: time.Duration(r.IntN(6000)) * time.Microsecond}
	case e.live && r.IntN(4) == 0:
		return stopwatch{after: time.Duration(2+r.IntN(4)) * time.Second, slow: r.IntN(3) == 0}
	case e.live:
		return stopwatch{after: time.Duration(200+r.IntN(1300)) * time.Millisecond}
	case r.IntN(100) < 85 && e.media:
		return stopwatch{bytes: 1 + r.IntN(24<<10)}
	case r.IntN(100) < 70:
		return stopwatch{bytes: 1 + r.IntN(100)}
	case r.IntN(100) < 15:
		return stopwatch{slow: true}
	}
	return stopwatch{known: r.IntN(3) == 0}
}

// visit does one errand and checks every byte of the response.
func (s *storm) visit(ctx context.Context, g *guest, e errand, stop stopwatch) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	path := e.path
	if g.link {
		path += map[bool]string{true: "&", false: "?"}[bytes.ContainsRune([]byte(path), '?')] + "as=link"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	for name, values := range e.header {
		req.Header[name] = values
	}
	if stop.known {
		req.Header.Set("If-None-Match", "*") // callers without a right must not get 304
	}
	g.dress(req)
	from := time.Now()
	if stop.after > 0 {
		timer := time.AfterFunc(stop.after, cancel)
		defer timer.Stop()
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.tally.silence(ctx.Err() != nil)
		s.rest(ctx)
		return
	}
	served := time.Now()
	body, cut := s.read(resp.Body, cancel, stop)
	_ = resp.Body.Close()
	s.tally.answer(e.what, resp.StatusCode, len(body), cut)
	a := answer{g, e, resp.StatusCode, body, cut, from, served, time.Now()}
	if err := s.judge(a); err != nil {
		s.fail("%s: GET %s %v, cut off %+v: status %d, %d bytes from %s to %s: %v", g.name, path, e.header, stop, a.status, len(body),
			from.Format(clock), a.to.Format(clock), err)
	}
	for n := 0; n < 1 && resp.StatusCode >= 300 || n < 6 && resp.StatusCode == http.StatusUnauthorized; n++ {
		s.rest(ctx)
	}
}

const clock = "15:04:05.000"

// rest waits a little, so that refused guests do not flood the server.
func (s *storm) rest(ctx context.Context) {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
}

// read reads a body until its end, or until the guest cancels.
func (s *storm) read(body io.Reader, leave context.CancelFunc, stop stopwatch) (b []byte, cut bool) {
	buffer := make([]byte, 8<<10)
	for stop.bytes == 0 || len(b) < stop.bytes {
		room := len(buffer)
		if stop.bytes > 0 {
			room = min(room, stop.bytes-len(b))
		}
		n, err := body.Read(buffer[:room])
		b = append(b, buffer[:n]...)
		if err != nil {
			return b, !errors.Is(err, io.EOF)
		}
		if stop.slow {
			<-time.After(30 * time.Millisecond)
		}
	}
	leave()
	return b, true
}

// answer is a response.
type answer struct {
	*guest
	errand
	status           int
	body             []byte
	cut              bool      // the guest cancelled
	from, served, to time.Time // request sent, header received, body ended
}

// cutWithin is how long a stream may outlive its right, with a margin for clocks.
const cutWithin = time.Second + 50*time.Millisecond

// judge checks a response against the rights. The error says what is wrong.
func (s *storm) judge(a answer) error {
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		return errors.New("an error of the server")
	}
	if a.camera == nil {
		return s.words(a)
	}
	might, must := a.may(question{a.camera, a.action, a.from, a.served})
	switch ok := a.status < 400 && a.status != http.StatusSeeOther; {
	case ok && !might:
		return errors.New("served without a right")
	case ok && a.media && a.status != http.StatusNotModified:
		return s.footage(a)
	case !ok && must && !a.media && a.served.Sub(a.from) < accounts.PermitTTL && // a slower response may find the permit expired
		(a.status == http.StatusNotFound || a.status == http.StatusUnauthorized) && !a.link:
		return errors.New("refused with a right")
	}
	return s.words(a)
}

// footage checks a media response.
func (s *storm) footage(a answer) error {
	e := eye{camera: a.camera}
	look := e.look
	if a.piece && a.status == http.StatusPartialContent {
		look = e.piece
	}
	err := look(a.body)
	s.tally.saw(&e)
	if err != nil || e.newest.IsZero() {
		return err
	}
	if err := hears(a, &e); err != nil {
		return err
	}
	if a.live {
		return s.timely(a, e.newest)
	}
	if a.what == "clip" && !a.cut {
		s.tally.film(film{a.camera, a.body, e.frames})
	}
	if !a.shows(question{camera: a.camera, from: a.from, to: a.served}, e.oldest, e.newest) {
		return fmt.Errorf("footage of %s to %s, which no right opens", e.oldest.Format(clock), e.newest.Format(clock))
	}
	return nil
}

// hears checks that audio is sent only with the right to audio, which may change meanwhile.
func hears(a answer, e *eye) error {
	if might, _ := a.may(question{a.camera, access.Audio, a.from.Add(-cutWithin), a.to}); e.sounds > 0 && !might {
		return fmt.Errorf("%d frames of sound without the right to hear", e.sounds)
	}
	return nil
}

// timely checks that a live frame was made while there was a right, or up to a second later.
func (s *storm) timely(a answer, made time.Time) error {
	if might, _ := a.may(question{a.camera, access.Live, made.Add(-cutWithin), a.to}); !might {
		return fmt.Errorf("a picture of %s, when the right had ended", made.Format(clock))
	}
	return nil
}

// words searches a text for cameras that its reader may not know. People may still see their own past views.
func (s *storm) words(a answer) error {
	s.tally.text()
	since := a.from
	if a.what == ownViews || a.what == "/account/views" {
		since = s.began
	}
	for _, c := range s.lenses {
		if c == a.camera && a.status != http.StatusOK {
			continue // the guest sent the name itself
		}
		if bytes.Contains(a.body, []byte(c.name)) || bytes.Contains(a.body, []byte(c.label)) || bytes.Contains(a.body, []byte(c.id.String())) {
			if might, _ := a.may(question{camera: c, from: since, to: a.to}); !might {
				return fmt.Errorf("it tells of the camera %s", c.name)
			}
		}
	}
	return nil
}

// tile is one numbered stream of a live connection.
type tile struct {
	Tile   int    `json:"tile"`
	Camera string `json:"camera"`
	Stream string `json:"stream"`
	eye    *eye
	heard  int // audio frames before this message
}

// watch keeps a live connection for a while, with tiles of the guest's own and other cameras.
func (s *storm) watch(ctx context.Context, g *guest, r *rand.Rand) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(500+r.IntN(4500))*time.Millisecond)
	defer cancel()
	address := s.url + "/api/v1/live"
	if g.link {
		address += "?as=link"
	}
	header := &http.Request{Header: http.Header{}}
	g.dress(header)
	conn, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: s.client, HTTPHeader: header.Header})
	if err != nil {
		if resp != nil {
			s.tally.answer("live socket", resp.StatusCode, 0, false)
		} else {
			s.tally.silence(false)
		}
		s.rest(ctx)
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(8 << 20)
	s.tally.answer("live socket", http.StatusSwitchingProtocols, 0, true)
	tiles := map[int]*tile{}
	var wanted []*tile
	for n := range 1 + r.IntN(5) {
		c := s.anyCamera(g, r)
		tiles[n] = &tile{Tile: n, Camera: c.name, Stream: "main", eye: &eye{camera: c}}
		wanted = append(wanted, tiles[n])
	}
	message, err := json.Marshal(map[string]any{"type": "watch", "tiles": wanted})
	if err != nil || conn.Write(ctx, websocket.MessageText, message) != nil {
		return
	}
	slow := r.IntN(5) == 0
	for {
		kind, b, err := conn.Read(ctx)
		if err != nil {
			break
		}
		if err := s.message(g, tiles, kind, b); err != nil {
			s.fail("%s: live socket of %s: %v", g.name, message, err)
			break
		}
		if slow {
			s.rest(ctx)
		}
	}
	for _, x := range tiles {
		s.tally.saw(x.eye)
	}
}

// message checks a message of a live connection.
func (s *storm) message(g *guest, tiles map[int]*tile, kind websocket.MessageType, b []byte) error {
	now := time.Now()
	s.tally.bytes(len(b))
	if kind == websocket.MessageText {
		return s.words(answer{guest: g, status: http.StatusOK, body: b, from: now.Add(-cutWithin - time.Second), to: now})
	}
	const head = 8
	if len(b) < head {
		return fmt.Errorf("%w: a message of %d bytes", errUnmarked, len(b))
	}
	x, ok := tiles[int(binary.BigEndian.Uint16(b[2:]))]
	if !ok {
		return fmt.Errorf("%w: a tile that was not asked for", errUnmarked)
	}
	x.eye.newest = time.Time{}
	if err := x.eye.look(b[head:]); err != nil {
		return err
	}
	if x.eye.newest.IsZero() {
		if might, _ := g.may(question{x.eye.camera, access.Live, s.began, now}); !might {
			return errors.New("a header without a right")
		}
		return nil
	}
	a := answer{guest: g, errand: errand{camera: x.eye.camera}, from: x.eye.newest, to: now}
	if heard := x.eye.sounds; heard > x.heard {
		if err := hears(a, x.eye); err != nil {
			return err
		}
		x.heard = heard
	}
	return s.timely(a, x.eye.newest)
}
