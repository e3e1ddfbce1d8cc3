package web

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func TestASlowReaderLearnsWhatItLostAndContinuesAtAKeyFrame(t *testing.T) {
	w := inhabited(t)
	c := w.cameras["front"]
	p := w.socket("alice")
	w.broadcast(c, media.Main, 1)
	p.watch(tileRequest{1, "front", "main"})
	p.until("init", 1)
	for range 12 { // far more than the network buffers, and nobody reads
		w.broadcast(c, media.Main, 120)
	}
	lost := p.until("lost", 1)
	if lost.Fragments <= 0 {
		t.Errorf("%+v", lost)
	}
	for {
		_, b := p.next()
		if b == nil || b[1] == binaryInit {
			continue
		}
		label, err := media.ParseLabel(b[binaryHeader:])
		check(t, err)
		if !label.Random {
			t.Error("it goes on between key frames")
		}
		return
	}
}

func TestViewersWhoLeaveLeaveNothingBehind(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["front"], media.Main, 5*time.Millisecond)
	w.do(w.as("alice", ask{path: "/api/v1/me"}))
	before := runtime.NumGoroutine()
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		resp := w.open(ctx, w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
		check(t, readSome(resp.Body))
		p := w.socket("alice")
		p.watch(tileRequest{1, "front", "main"}, tileRequest{2, "attic", "main"}, tileRequest{3, "yard", "main"})
		p.until("init", 1)
		cancel()
		resp.Body.Close()
		check(t, p.conn.CloseNow())
	}
	w.http.Client().CloseIdleConnections()
	w.settle(before)
	w.server.live.slots.mu.Lock()
	defer w.server.live.slots.mu.Unlock()
	if w.server.live.slots.all != 0 || len(w.server.live.slots.ofOne) != 0 {
		t.Errorf("slots not given back: %+v", w.server.live.slots)
	}
}

// settle waits until no more goroutines run than before.
func (w *world) settle(before int) {
	w.t.Helper()
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); runtime.NumGoroutine() > before; {
		select {
		case <-tick.C:
		case <-deadline:
			stacks := make([]byte, 1<<20)
			w.t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestOneAccountCannotTakeAllStreams(t *testing.T) {
	w := inhabited(t)
	w.transmit(w.cameras["front"], media.Main, 50*time.Millisecond)
	var open []io.Closer
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range maxStreamsAccount {
		resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
		open = append(open, resp.Body)
		if resp.StatusCode != 200 {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/live.mp4"}))
	if p := problemIn(t, resp, body); p.Status != http.StatusTooManyRequests {
		t.Errorf("%+v", p)
	}
	resp, body = w.do(w.as("bob", ask{path: "/api/v1/cameras/attic/live.mp4"}))
	if p := problemIn(t, resp, body); p.Status != http.StatusNotFound { // no live video, but a free slot
		t.Errorf("bob: %+v", p)
	}
}
