package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"keepwatch.internal/internal/media"
)

// broadcast publishes some seconds of a run that begins now, all at once.
func (w *world) broadcast(c Camera, q media.Quality, seconds int) *media.Run {
	w.t.Helper()
	run, fragments := w.shoot(c, q, time.Now().UTC().Truncate(time.Microsecond), seconds)
	ring := w.hub.Ring(media.StreamID{Camera: c.ID, Quality: q})
	for _, f := range fragments {
		ring.Publish(f)
	}
	return run
}

// transmit publishes fragments periodically until the test ends or stop is called.
func (w *world) transmit(c Camera, q media.Quality, every time.Duration) (run *media.Run, stop func()) {
	w.t.Helper()
	run, fragments := w.shoot(c, q, time.Now().UTC().Truncate(time.Microsecond), 120)
	ring := w.hub.Ring(media.StreamID{Camera: c.ID, Quality: q})
	ring.Publish(fragments[0])
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for _, f := range fragments[1:] {
			select {
			case <-tick.C:
				ring.Publish(f)
			case <-ctx.Done():
				return
			}
		}
	}()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return run, stop
}

// box reads one MP4 box from r.
func box(r io.Reader) (kind string, b []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, err
	}
	b = make([]byte, binary.BigEndian.Uint32(head[:]))
	copy(b, head[:])
	_, err = io.ReadFull(r, b[8:])
	return string(head[4:]), b, err
}

func TestLiveMP4BeginsWithTheInitHeaderAndSendsTheCamerasFragments(t *testing.T) {
	w := inhabited(t)
	run, _ := w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp := w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4?stream=main"}))
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != run.MIME() || resp.Header.Get("Keepwatch-Run") != run.ID.String() {
		t.Fatalf("status %d, header %v", resp.StatusCode, resp.Header)
	}
	init := make([]byte, len(run.Init))
	_, err := io.ReadFull(resp.Body, init)
	check(t, err)
	if !bytes.Equal(init, run.Init) {
		t.Error("it does not begin with the run's init header")
	}
	key := w.store.LabelKey(w.cameras["front"].ID)
	for seq := uint64(0); seq < 20; {
		label, err := fragmentIn(resp.Body, key, w.cameras["front"].ID)
		check(t, err)
		if seq != 0 && label.Seq != seq+1 {
			t.Errorf("fragment %d after %d", label.Seq, seq)
		}
		if seq == 0 && !label.Random {
			t.Error("the first fragment is no key frame")
		}
		seq = label.Seq
	}
}

// fragmentIn reads label, moof and mdat, and verifies that they are from the camera.
func fragmentIn(r io.Reader, key media.LabelKey, camera media.CameraID) (media.Label, error) {
	var whole []byte
	for _, want := range []string{"uuid", "moof", "mdat"} {
		kind, b, err := box(r)
		if err != nil {
			return media.Label{}, err
		}
		if kind != want {
			return media.Label{}, fmt.Errorf("box %s, want %s", kind, want)
		}
		whole = append(whole, b...)
	}
	return key.VerifyFragment(camera, whole)
}

func TestLiveMP4EndsWithItsRun(t *testing.T) {
	w := inhabited(t)
	_, stop := w.transmit(w.cameras["yard"], media.Main, 10*time.Millisecond)
	resp := w.open(t.Context(), w.as("bob", ask{path: "/api/v1/cameras/yard/live.mp4?stream=sub"})) // has none: main is sent
	defer resp.Body.Close()
	check(t, readSome(resp.Body))
	stop()
	w.broadcast(w.cameras["yard"], media.Main, 1)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Errorf("the stream did not end whole: %v", err)
	}
}

func readSome(r io.Reader) error {
	_, err := io.ReadFull(r, make([]byte, 100))
	return err
}

func TestWithoutALivePictureThereIsAProblem(t *testing.T) {
	w := inhabited(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
	if p := problemIn(t, resp, body); p.Status != 404 || !strings.Contains(p.Detail, "no live picture") {
		t.Errorf("%+v", p)
	}
}

func TestRevocationCutsLiveMP4WithinASecond(t *testing.T) {
	for _, quiet := range []bool{false, true} { // with and without new frames
		w := inhabited(t)
		_, stop := w.transmit(w.cameras["front"], media.Main, 50*time.Millisecond)
		resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
		check(t, readSome(resp.Body))
		if quiet {
			stop()
		}
		check(t, w.accounts.Logout(t.Context(), w.sessions["alice"]))
		watch := newStopwatch(t)
		_, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if took := watch.took(); took > time.Second || err == nil {
			t.Errorf("quiet %t: cut after %v with %v, want at most a second and an error", quiet, took, err)
		}
	}
}

// socketEnd is the client's end of a live socket.
type socketEnd struct {
	t    *testing.T
	conn *websocket.Conn
}

func (w *world) socket(name string) *socketEnd {
	w.t.Helper()
	header := http.Header{"Cookie": {cookieName(false) + "=" + w.sessions[name]}, "Origin": {w.http.URL}}
	conn, _, err := websocket.Dial(w.t.Context(), "ws"+strings.TrimPrefix(w.http.URL, "http")+"/api/v1/live", &websocket.DialOptions{HTTPHeader: header})
	check(w.t, err)
	conn.SetReadLimit(16 << 20)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return &socketEnd{t: w.t, conn: conn}
}

func (p *socketEnd) watch(tiles ...tileRequest) {
	p.t.Helper()
	b, err := json.Marshal(watchRequest{Type: "watch", Tiles: tiles})
	check(p.t, err)
	check(p.t, p.conn.Write(p.t.Context(), websocket.MessageText, b))
}

// next returns the next message about a tile: an event, or a binary one.
func (p *socketEnd) next() (e tileEvent, binary []byte) {
	p.t.Helper()
	for {
		if e, binary = p.any(); e.Type != "alive" {
			return e, binary
		}
	}
}

// any returns the next message.
func (p *socketEnd) any() (e tileEvent, binary []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	kind, data, err := p.conn.Read(ctx)
	check(p.t, err)
	if kind == websocket.MessageBinary {
		if len(data) < binaryHeader || data[0] != 1 || !bytes.Equal(data[4:8], make([]byte, 4)) {
			p.t.Fatalf("binary message with header % x", data[:min(len(data), 8)])
		}
		return tileEvent{}, data
	}
	check(p.t, json.Unmarshal(data, &e))
	return e, nil
}

// until reads until an event of the type for the tile arrives, and returns it.
func (p *socketEnd) until(kind string, tile uint16) tileEvent {
	p.t.Helper()
	for {
		if e, _ := p.next(); e.Type == kind && e.Tile == tile {
			return e
		}
	}
}

func TestEachTileGetsTheFragmentsOfItsCameraAndNoOther(t *testing.T) {
	w := inhabited(t)
	cameras := map[uint16]Camera{1: w.cameras["front"], 2: w.cameras["attic"], 7: w.cameras["front"], 300: w.cameras["yard"]}
	runs := map[uint16]*media.Run{}
	runs[1], _ = w.transmit(w.cameras["front"], media.Sub, 5*time.Millisecond)
	runs[2], _ = w.transmit(w.cameras["attic"], media.Main, 5*time.Millisecond)
	runs[7], _ = w.transmit(w.cameras["front"], media.Main, 5*time.Millisecond)
	w.transmit(w.cameras["yard"], media.Main, 5*time.Millisecond)
	p := w.socket("alice")
	p.watch(tileRequest{1, "front", "sub"}, tileRequest{2, "attic", "sub"}, tileRequest{7, "front", "main"}, tileRequest{300, "yard", "main"}, tileRequest{301, "none", "main"})
	initialised := map[uint16]bool{}
	fragments, gone := map[uint16]int{}, map[uint16]int{}
	var expectInit *tileEvent
	for fragments[1] < 30 || fragments[2] < 30 || fragments[7] < 30 || gone[300] == 0 || gone[301] == 0 {
		e, b := p.next()
		if b == nil {
			if expectInit != nil {
				t.Fatalf("%+v between the init event and its bytes", e)
			}
			switch e.Type {
			case "init":
				if e.Run != runs[e.Tile].ID.String() || e.MIME != runs[e.Tile].MIME() || e.Stream != runs[e.Tile].Stream.Quality.String() {
					t.Errorf("init %+v", e)
				}
				expectInit = &e
			case "gone":
				gone[e.Tile]++
			}
			continue
		}
		tile := binary.BigEndian.Uint16(b[2:])
		if b[1] == binaryInit {
			if expectInit == nil || expectInit.Tile != tile || !bytes.Equal(b[binaryHeader:], runs[tile].Init) {
				t.Fatalf("init bytes of tile %d do not follow their event", tile)
			}
			initialised[tile], expectInit = true, nil
			continue
		}
		c := cameras[tile]
		label, err := w.store.LabelKey(c.ID).VerifyFragment(c.ID, b[binaryHeader:])
		if err != nil || label.Run != runs[tile].ID || !initialised[tile] || gone[tile] > 0 {
			t.Fatalf("tile %d (%s): %v, run %s, initialised %t", tile, c.Name, err, label.Run, initialised[tile])
		}
		fragments[tile]++
	}
	if fragments[300] > 0 || gone[300] != 1 || gone[301] != 1 || gone[1]+gone[2]+gone[7] > 0 {
		t.Errorf("fragments %v, gone %v", fragments, gone)
	}
}

func TestRevocationEndsATileWithinASecondAndLeavesTheOthers(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["front"], media.Main, 20*time.Millisecond)
	p := w.socket("alice")
	p.watch(tileRequest{1, "front", "main"})
	p.until("init", 1)
	check(t, w.accounts.RemoveUser(t.Context(), "alice"))
	watch := newStopwatch(t)
	p.until("gone", 1)
	if took := watch.took(); took > time.Second {
		t.Errorf("gone after %v", took)
	}
	p.watch(tileRequest{1, "front", "main"}) // again: it stays gone
	if e := p.until("gone", 1); e.State != "" {
		t.Errorf("%+v", e)
	}
}

func TestAForeignTileLooksLikeAnUnknownOne(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["yard"], media.Main, 10*time.Millisecond)
	w.status.set(CameraStatus{ID: w.cameras["yard"].ID, State: "recording", Reason: "a secret of bob's"})
	p := w.socket("alice")
	var answers [2]tileEvent
	for i, name := range []string{"yard", "none"} {
		p.watch(tileRequest{i, name, "main"})
		answers[i], _ = p.next()
		answers[i].Tile = 0
	}
	if answers[0] != answers[1] || answers[0].Type != "gone" {
		t.Errorf("%+v", answers)
	}
}

func TestANewRunComesWithANewInitHeader(t *testing.T) {
	w := inhabited(t)
	first, stop := w.transmit(w.cameras["front"], media.Main, 10*time.Millisecond)
	p := w.socket("alice")
	p.watch(tileRequest{1, "front", "main"})
	if e := p.until("init", 1); e.Run != first.ID.String() {
		t.Errorf("init of run %s, want %s", e.Run, first.ID)
	}
	stop()
	w.hub.Ring(first.Stream).End()
	second, _ := w.transmit(w.cameras["front"], media.Main, 10*time.Millisecond)
	if e := p.until("init", 1); e.Run != second.ID.String() {
		t.Errorf("init of run %s, want %s", e.Run, second.ID)
	}
	if _, b := p.next(); b == nil || !bytes.Equal(b[binaryHeader:], second.Init) {
		t.Error("its bytes do not follow")
	}
}

func TestTilesSendTheirStateFirstAndOnChange(t *testing.T) {
	w := inhabited(t)
	p := w.socket("alice")
	p.watch(tileRequest{3, "front", "sub"})
	if e := p.until("state", 3); e.State != "connecting" || e.Reason == nil || *e.Reason != "" || e.LastFrame != nil {
		t.Errorf("%+v", e)
	}
	since := time.Date(2026, 11, 22, 13, 0, 0, 0, time.FixedZone("", 3600))
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "offline", Reason: "wrong password", Since: since, LastFrame: since})
	e := p.until("state", 3)
	if e.State != "offline" || *e.Reason != "wrong password" || !e.Since.Equal(since) || e.Since.Location() != time.UTC || !e.LastFrame.Equal(since) {
		t.Errorf("%+v", e)
	}
}

func TestWatchReplacesTheSetAndKeepsUnchangedTiles(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["front"], media.Main, 10*time.Millisecond)
	w.transmit(w.cameras["attic"], media.Main, 10*time.Millisecond)
	p := w.socket("alice")
	p.watch(tileRequest{1, "front", "main"}, tileRequest{2, "attic", "main"})
	p.until("init", 1)
	p.watch(tileRequest{1, "front", "main"}, tileRequest{3, "attic", "main"})
	p.until("init", 3) // by now tile 2 has ended: watch waits for that
	for range 60 {
		e, b := p.next()
		if e.Type == "init" && e.Tile == 1 {
			t.Error("the tile that stayed began anew")
		}
		if b != nil && binary.BigEndian.Uint16(b[2:]) == 2 {
			t.Error("a picture for the tile that is no more")
		}
	}
}

func TestAConnectionSendsTheServersTimeRegularly(t *testing.T) {
	w := inhabited(t)
	p := w.socket("alice")
	var last int64
	for i := range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 4*aliveEvery)
		_, data, err := p.conn.Read(ctx)
		cancel()
		check(t, err)
		var alive struct {
			Type string
			Now  int64
		}
		check(t, json.Unmarshal(data, &alive))
		if off := time.Since(time.UnixMilli(alive.Now)); alive.Type != "alive" || off < -time.Second || off > 4*aliveEvery || alive.Now <= last {
			t.Errorf("message %d: %s", i, data)
		}
		last = alive.Now
	}
}

func TestInvalidMessagesEndTheConnection(t *testing.T) {
	w := inhabited(t)
	tile := func(n int) string { return fmt.Sprintf(`{"tile":%d,"camera":"front","stream":"sub"}`, n) }
	many := make([]string, maxTiles+1)
	for i := range many {
		many[i] = tile(i)
	}
	for _, message := range []string{"", "x", "{}", "[]", `{"type":"watch","tiles":7}`, `{"type":"other"}`,
		`{"type":"watch","tiles":[{"tile":-1,"camera":"front","stream":"sub"}]}`, `{"type":"watch","tiles":[{"tile":65536,"camera":"front","stream":"sub"}]}`,
		`{"type":"watch","tiles":[{"tile":1,"camera":"front","stream":"best"}]}`, `{"type":"watch","tiles":[{"tile":1,"camera":"front"}]}`,
		`{"type":"watch","tiles":[` + tile(1) + "," + tile(1) + `]}`, `{"type":"watch","tiles":[` + strings.Join(many, ",") + `]}`,
		`{"type":"watch","tiles":[{"tile":1,"camera":"` + strings.Repeat("x", maxName+1) + `","stream":"sub"}]}`, strings.Repeat(" ", maxMessage+1)} {
		p := w.socket("alice")
		check(t, p.conn.Write(t.Context(), websocket.MessageText, []byte(message)))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		var err error
		for err == nil { // a heartbeat may come first
			_, _, err = p.conn.Read(ctx)
		}
		cancel()
		if code := websocket.CloseStatus(err); code != websocket.StatusPolicyViolation && code != websocket.StatusMessageTooBig {
			t.Errorf("%.60q: %v", message, err)
		}
	}
	p := w.socket("alice") // one number for two cameras, whether they exist or not
	p.watch(tileRequest{1, "none", "main"})
	p.watch(tileRequest{1, "other", "main"})
	for {
		if _, _, err := p.conn.Read(t.Context()); err != nil {
			if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
				t.Error(err)
			}
			return
		}
	}
}

func TestALiveSocketOfAnotherOriginIsRefused(t *testing.T) {
	w := inhabited(t)
	for _, origin := range []string{"http://evil.com", "null", "http://127.0.0.1:1", w.http.URL + ".evil.com"} {
		header := http.Header{"Cookie": {cookieName(false) + "=" + w.sessions["alice"]}, "Origin": {origin}}
		_, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.http.URL, "http")+"/api/v1/live", &websocket.DialOptions{HTTPHeader: header})
		if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v, %v", origin, resp, err)
		}
	}
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/live"}))
	if p := problemIn(t, resp, body); p.Status != http.StatusUpgradeRequired {
		t.Errorf("%+v", p)
	}
}
