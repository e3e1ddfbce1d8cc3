package canary

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"

	"keepwatch.internal/internal/media"
)

// The tiles that the canary requests on the live socket.
const (
	ownTile = iota + 1
	otherTile
	missingTile
)

// watchRequest is what a client sends on the live socket: the tiles that it shows from now on.
type watchRequest struct {
	Type  string `json:"type"`
	Tiles []tile `json:"tiles"`
}

type tile struct {
	Tile   int    `json:"tile"`
	Camera string `json:"camera"`
	Stream string `json:"stream"`
}

// watch requests, on one live socket, the owner's camera, the other's, and one that does not exist.
func (c *Canary) watch(ctx context.Context, i int) error {
	own, other := c.o.Cameras[i], c.o.Cameras[1-i]
	c.asked()
	heard, err := c.listen(ctx, i, []tile{{ownTile, own.Name, media.Main.String()}, {otherTile, other.Name, media.Main.String()},
		{missingTile, "xxxxxxxxx", media.Main.String()}}, func(heard []byte) bool {
		return (probe{body: heard}).holds(marksOf(other)) ||
			bytes.Contains(heard, Mark(own.ID)) && countEvents(heard, otherTile, "gone") > 0 && countEvents(heard, missingTile, "gone") > 0
	})
	switch {
	case (probe{body: heard}).holds(marksOf(other)):
		return &leakError{"the live socket gave one owner what is another's"}
	case err != nil:
		return fmt.Errorf("the live socket: %w", err)
	case countEvents(heard, otherTile, "") != countEvents(heard, missingTile, ""):
		return &leakError{"the live socket told one owner about another's camera, and not as if there were none"}
	}
	return nil
}

// countEvents counts the events about a tile, of one kind or of all.
func countEvents(heard []byte, number int, kind string) (n int) {
	for _, k := range []string{"state", "init", "lost", "gone"} {
		if kind == "" || k == kind {
			n += bytes.Count(heard, fmt.Appendf(nil, `{"type":"%s","tile":%d`, k, number))
		}
	}
	return n
}

// listen opens the live socket over a pipe, requests the tiles, and returns what is sent until enough says so.
func (c *Canary) listen(ctx context.Context, i int, tiles []tile, enough func([]byte) bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := c.request(ctx, i, question{http.MethodGet, "/api/v1/live", ""})
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "Y2FuYXJ5IGNhbmFyeSBjYQ=="} {
		r.Header.Set(name, value)
	}
	near, far := net.Pipe()
	defer near.Close()
	w := &pipeWriter{probeWriter: probeWriter{header: http.Header{}, enough: cancel}, far: far, taken: make(chan struct{})}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		w.serve(w, c.o.Handler, r)
	}()
	defer func() {
		near.Close()
		cancel()
		<-answered
	}()
	select {
	case <-w.taken:
	case <-answered:
		return w.body.Bytes(), fmt.Errorf("it got status %d", w.status)
	}
	end, _ := ctx.Deadline()
	message, err := json.Marshal(watchRequest{Type: "watch", Tiles: tiles})
	if err := errors.Join(err, near.SetDeadline(end)); err != nil {
		return nil, err
	}
	if _, err := near.Write(textFrame(message)); err != nil {
		return nil, err
	}
	return hear(near, enough)
}

// hear reads until enough says so.
func hear(from net.Conn, enough func([]byte) bool) (heard []byte, err error) {
	buffer := make([]byte, 4096)
	for len(heard) < maxProbe {
		n, err := from.Read(buffer)
		heard = append(heard, buffer[:n]...)
		if enough(heard) {
			return heard, nil
		}
		if err != nil {
			return heard, err
		}
	}
	return heard, errors.New("too much was sent")
}

// textFrame is a complete text message of a client, with a mask of zeros (RFC 6455 section 5.2).
func textFrame(message []byte) []byte {
	frame := []byte{0x81, 0x80 | 126}
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(message)))
	return append(append(frame, 0, 0, 0, 0), message...)
}

// pipeWriter is a probeWriter that can be hijacked.
type pipeWriter struct {
	probeWriter
	far   net.Conn
	taken chan struct{}
}

// Hijack implements http.Hijacker.
func (w *pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(w.taken)
	return w.far, bufio.NewReadWriter(bufio.NewReader(w.far), bufio.NewWriter(w.far)), nil
}
