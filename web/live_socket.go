package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/media"
)

const (
	maxTiles   = 64
	maxNumbers = 1024             // tile numbers that one connection can use
	maxMessage = 32 << 10         // bytes of a message from the client
	maxName    = 100              // bytes of a camera's name in it
	pingEvery  = 20 * time.Second // so that proxies and dead networks are noticed
	pongTime   = 10 * time.Second
	revokeTime = 100 * time.Millisecond // for a frame of a revoked tile to be taken; with renewEvery far less than a second
	aliveEvery = 5 * time.Second        // tells a page the time, and a dead connection from silent cameras
	lastNumber = 1<<16 - 1
)

// socket is the one live connection of a page. Each tile has a goroutine that reads a cursor. All tiles hand their messages
// to one writer and wait for it. With a slow reader the cursors fall behind; each tile is then told how many fragments it
// lost, and continues at a key frame.
type socket struct {
	api    *liveAPI
	viewer access.Viewer
	conn   *websocket.Conn
	out    chan message
	client string                  // address
	tiles  map[uint16]*liveTile    // what is being shown
	names  map[uint16]string       // camera of every tile number used so far
	busy   atomic.Pointer[sending] // footage that is being written; nil for none
	wg     sync.WaitGroup
}

// message is sent without other frames in between.
type message []wireFrame

type wireFrame struct {
	kind    websocket.MessageType
	data    []byte
	viewing *audit.Viewing // whose bytes they are; nil for text
	tile    *liveTile      // whose footage it is; nil for text
}

// sending is a frame of a tile's footage that is being written.
type sending struct {
	tile *liveTile
	done chan struct{} // closed when it is written
}

// watchRequest is what a client sends: the set of tiles that it shows from now on.
type watchRequest struct {
	Type  string        `json:"type"`
	Tiles []tileRequest `json:"tiles"`
}

type tileRequest struct {
	Tile   int    `json:"tile"`
	Camera string `json:"camera"`
	Stream string `json:"stream"`
}

// socket answers GET /api/v1/live. The middleware has checked Origin; the library checks it again.
func (a *liveAPI) socket(w http.ResponseWriter, r *http.Request) error {
	if !isUpgrade(r) {
		return newProblem(http.StatusUpgradeRequired, "This address accepts WebSocket connections only.").with("Upgrade", "websocket")
	}
	release, err := a.slots.take(viewerOf(r))
	if err != nil {
		return err
	}
	defer release()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		a.logger.Debug("live socket refused", "req", infoOf(r).id, "err", err)
		return nil // the library has answered
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	sock := &socket{api: a, viewer: viewerOf(r), conn: conn, client: infoOf(r).client, out: make(chan message), tiles: map[uint16]*liveTile{}, names: map[uint16]string{}}
	sock.serve(r.Context())
	return nil
}

// serve runs the connection. It returns when all its goroutines have ended.
func (k *socket) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer k.wg.Wait()
	defer cancel()
	k.wg.Go(func() { defer cancel(); k.write(ctx) })
	k.wg.Go(func() { defer cancel(); k.ping(ctx) })
	k.wg.Go(func() { k.alive(ctx) })
	if p, ok := errors.AsType[*Problem](k.read(ctx)); ok {
		_ = k.conn.Close(websocket.StatusPolicyViolation, p.Detail)
	}
}

// write is the only sender of tiles' messages. Each frame must be sent within stallTime.
func (k *socket) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-k.out:
			for _, f := range m {
				if err := k.writeFrame(ctx, f); err != nil {
					return
				}
			}
		}
	}
}

func (k *socket) writeFrame(ctx context.Context, f wireFrame) error {
	ctx, cancel := context.WithTimeout(ctx, stallTime)
	defer cancel()
	if f.tile != nil {
		frame := &sending{tile: f.tile, done: make(chan struct{})}
		k.busy.Store(frame)
		defer close(frame.done)
		defer k.busy.Store(nil)
		if f.tile.revoked.Load() {
			return nil // not sent; "gone" follows
		}
	}
	if f.viewing != nil { // before it is sent: a message that is cut off counts as a whole
		if err := f.viewing.Wrote(len(f.data)); err != nil {
			return err
		}
	}
	return k.conn.Write(ctx, f.kind, f.data)
}

// revoke stops the tile's footage: no further frame of it is sent, and one that is being written must be taken within
// revokeTime. If the reader is slower than that, only closing the connection stops it.
func (k *socket) revoke(t *liveTile) {
	t.revoked.Store(true)
	frame := k.busy.Load()
	if frame == nil || frame.tile != t {
		return
	}
	late := time.NewTimer(revokeTime)
	defer late.Stop()
	select {
	case <-frame.done:
	case <-late.C:
		_ = k.conn.CloseNow()
	}
}

// ping checks regularly that the client is alive. It ends when the server stops.
func (k *socket) ping(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.api.gate.stopping:
			return
		case <-tick.C:
		}
		pong, cancel := context.WithTimeout(ctx, pongTime)
		err := k.conn.Ping(pong)
		cancel()
		if err != nil {
			return
		}
	}
}

// alive sends the server's time, at the start and then regularly.
func (k *socket) alive(ctx context.Context) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		data := fmt.Appendf(nil, `{"type":"alive","now":%d}`, k.api.now().UnixMilli())
		select {
		case <-ctx.Done():
			return
		case k.out <- message{{kind: websocket.MessageText, data: data}}:
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// read takes the client's messages. It returns a *Problem for an invalid one, else the connection's error.
func (k *socket) read(ctx context.Context) error {
	for {
		kind, data, err := k.conn.Read(ctx)
		if err != nil {
			return err
		}
		var req watchRequest
		if kind != websocket.MessageText || json.Unmarshal(data, &req) != nil || req.Type != "watch" {
			return problem(http.StatusBadRequest, "unknown message")
		}
		if err := k.watch(ctx, req.Tiles); err != nil {
			return err
		}
	}
}

// watch replaces the set of tiles. Unchanged tiles continue without interruption.
func (k *socket) watch(ctx context.Context, requests []tileRequest) error {
	if len(requests) > maxTiles {
		return problem(http.StatusBadRequest, fmt.Sprintf("more than %d tiles", maxTiles))
	}
	wanted := map[uint16]tileRequest{}
	for _, req := range requests {
		if err := k.checkTile(req, wanted); err != nil {
			return err
		}
		wanted[uint16(req.Tile)] = req
	}
	for number, t := range k.tiles {
		if req, ok := wanted[number]; ok && req == t.request && !t.ended() {
			delete(wanted, number)
			continue
		}
		t.cancel()
		<-t.done
		delete(k.tiles, number)
	}
	for number, req := range wanted {
		k.names[number] = req.Camera
		k.tiles[number] = k.start(ctx, number, req)
	}
	return nil
}

// checkTile refuses invalid requests, and reuse of a tile number for another camera: a picture still on its way must never
// appear under another camera's name.
func (k *socket) checkTile(req tileRequest, wanted map[uint16]tileRequest) error {
	if req.Tile < 0 || req.Tile > lastNumber || len(req.Camera) > maxName {
		return problem(http.StatusBadRequest, "invalid tile")
	}
	number := uint16(req.Tile)
	if _, twice := wanted[number]; twice {
		return problem(http.StatusBadRequest, "duplicate tile number")
	}
	if _, err := media.ParseQuality(req.Stream); err != nil {
		return problem(http.StatusBadRequest, "stream must be main or sub")
	}
	name, used := k.names[number]
	if used && name != req.Camera {
		return problem(http.StatusBadRequest, "tile number was used for another camera")
	}
	if !used && len(k.names)+len(wanted) >= maxNumbers {
		return problem(http.StatusBadRequest, "too many tile numbers")
	}
	return nil
}
