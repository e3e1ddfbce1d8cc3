package web

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

// Kinds of binary messages on the live socket. The kind follows the version, 1.
const (
	binaryVersion  = 1
	binaryInit     = 1
	binaryFragment = 2
)

// binaryHeader is the length in bytes of the header before the media: version, kind, tile, zero.
const binaryHeader = 8

// tileEvent is a text message to the client.
type tileEvent struct {
	Type      string     `json:"type"` // state, init, lost or gone
	Tile      uint16     `json:"tile"`
	State     string     `json:"state,omitempty"`
	Reason    *string    `json:"reason,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	LastFrame *time.Time `json:"last_frame,omitempty"`
	MIME      string     `json:"mime,omitempty"`
	Run       string     `json:"run,omitempty"`
	Stream    string     `json:"stream,omitempty"`
	Fragments int        `json:"fragments,omitempty"`
}

// liveTile shows one stream of one camera on a socket.
type liveTile struct {
	socket  *socket
	number  uint16
	request tileRequest
	camera  Camera
	quality media.Quality
	cancel  context.CancelFunc
	done    chan struct{}
	revoked atomic.Bool // or not renewed for another reason

	right  *renewal      // to watch the camera
	permit access.Permit // the newest
	cursor *live.Cursor
	run    *media.Run     // of the last fragment sent
	view   *audit.Viewing // logged since the first fragment
	state  tileEvent      // last sent
}

// start starts a tile.
func (k *socket) start(ctx context.Context, number uint16, req tileRequest) *liveTile {
	ctx, cancel := context.WithCancel(ctx)
	camera := k.api.cameras.named(req.Camera)
	quality, _ := media.ParseQuality(req.Stream) // checkTile has seen it
	t := &liveTile{socket: k, number: number, request: req, camera: camera, quality: camera.quality(quality),
		right:  &renewal{gate: k.api.gate, viewer: k.viewer, action: access.Live, camera: access.Camera(camera.ID)},
		cancel: cancel, done: make(chan struct{})}
	k.wg.Go(func() {
		defer close(t.done)
		defer cancel()
		t.show(ctx)
	})
	return t
}

// ended reports whether the tile has stopped.
func (t *liveTile) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// show sends the tile's video until the client drops the tile or loses the right to it. A camera that does not exist, one
// that is not theirs and one that was revoked look the same.
func (t *liveTile) show(ctx context.Context) {
	err := t.renew(ctx)
	for err == nil {
		err = t.step(ctx)
	}
	if t.cursor != nil {
		t.cursor.Close()
	}
	if t.view != nil {
		t.view.End()
	}
	if ctx.Err() != nil {
		return
	}
	t.socket.revoke(t)
	if !errors.Is(err, access.ErrDenied) {
		t.socket.api.logger.Error("live tile ended", "camera", t.camera.Name, "err", err)
	}
	select {
	case t.socket.out <- t.event(tileEvent{Type: "gone"}):
	case <-ctx.Done():
	}
}

// step sends the next fragment or renews the permit, whichever is due first.
func (t *liveTile) step(ctx context.Context) error {
	if !time.Now().Before(t.right.due()) {
		return t.renew(ctx)
	}
	if t.cursor == nil {
		cursor, err := t.socket.api.hub.Open(t.permit, t.quality)
		if errors.Is(err, live.ErrNoStream) {
			return t.pause(ctx)
		}
		if err != nil {
			return t.renew(ctx)
		}
		t.cursor = cursor
	}
	short, cancel := context.WithDeadline(ctx, t.right.due())
	defer cancel()
	f, lost, err := t.cursor.Next(short)
	switch {
	case err == nil:
		return t.fragment(ctx, f, lost)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, access.ErrDenied):
		return t.renew(ctx)
	}
	return err
}

// pause waits until the permit is due for renewal.
func (t *liveTile) pause(ctx context.Context) error {
	timer := time.NewTimer(time.Until(t.right.due()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew renews the permit, and tells the client when the camera's state has changed.
func (t *liveTile) renew(ctx context.Context) error {
	if err := t.ask(ctx); err != nil {
		return err
	}
	st := t.socket.api.cameras.statusByID()[t.camera.ID]
	now := tileEvent{Type: "state", State: st.State, Reason: &st.Reason, Since: moment(st.Since)}
	same := t.state.Reason != nil && t.state.State == now.State && *t.state.Reason == st.Reason && sameMoment(t.state.Since, now.Since)
	if same {
		return nil
	}
	t.state = now
	now.LastFrame = moment(st.LastFrame)
	return t.send(ctx, t.event(now))
}

// ask gets a fresh permit for the tile and its cursor.
func (t *liveTile) ask(ctx context.Context) error {
	p, err := t.right.renew(ctx)
	if err != nil {
		return err
	}
	if t.cursor != nil {
		if err := t.cursor.Renew(p); err != nil { // the audio right has changed: start over
			t.cursor.Close()
			t.cursor, t.run = nil, nil
		}
	}
	t.permit = p
	return nil
}

// fragment sends a fragment, preceded by what the client needs to play it.
func (t *liveTile) fragment(ctx context.Context, f *media.Fragment, lost int) error {
	out, err := t.socket.api.outgoing(t.permit, f)
	if err != nil {
		return err
	}
	if t.view == nil {
		if t.view, err = t.socket.api.gate.views.Begin(t.permit, audit.Watch{Address: t.socket.client, From: f.Start}); err != nil {
			return err
		}
	}
	t.view.Saw(f.Start, f.End())
	var m message
	if lost > 0 {
		m = append(m, t.event(tileEvent{Type: "lost", Fragments: lost})...)
	}
	if t.run == nil || t.run.ID != f.Run.ID {
		m = append(m, t.event(tileEvent{Type: "init", MIME: out.mime, Run: f.Run.ID.String(), Stream: f.Run.Stream.Quality.String()})...)
		m = append(m, t.binary(binaryInit, out.init()))
	}
	m = append(m, t.binary(binaryFragment, out.bytes))
	if err := t.send(ctx, m); err != nil {
		return err
	}
	t.run = f.Run
	return nil
}

// send hands a message to the writer. While it waits for a slow reader the permit is kept fresh, so that a message whose
// permit was revoked meanwhile is not sent.
func (t *liveTile) send(ctx context.Context, m message) error {
	for {
		timer := time.NewTimer(time.Until(t.right.due()))
		select {
		case t.socket.out <- m:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			if err := t.ask(ctx); err != nil {
				return err
			}
		}
	}
}

// event makes a text message.
func (t *liveTile) event(e tileEvent) message {
	e.Tile = t.number
	data, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings, numbers and times in range always marshal
	}
	return message{{kind: websocket.MessageText, data: data}}
}

// binary makes a binary frame: the header, then media bytes.
func (t *liveTile) binary(kind byte, payload []byte) wireFrame {
	data := make([]byte, binaryHeader, binaryHeader+len(payload))
	data[0], data[1] = binaryVersion, kind
	binary.BigEndian.PutUint16(data[2:], t.number)
	return wireFrame{kind: websocket.MessageBinary, data: append(data, payload...), viewing: t.view, tile: t}
}

func sameMoment(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}
