package web

import (
	"context"
	"runtime"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

func TestAViewerWhoStopsReadingIsCutWhenItsPermitEnds(t *testing.T) {
	w := inhabited(t)
	c := w.cameras["front"]
	w.picture = 256 << 10 // a fragment is more than the network buffers
	p := w.socket("alice")
	w.broadcast(c, media.Main, 1)
	p.watch(tileRequest{1, "front", "main"})
	p.until("init", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stuck := func() bool { // twice in a row in the middle of one frame
		for range 200 {
			if !w.handling("(*socket).writeFrame") {
				return false
			}
			runtime.Gosched()
		}
		return true
	}
	for !stuck() {
		if ctx.Err() != nil {
			t.Fatal("the network takes everything")
		}
		w.broadcast(c, media.Main, 4) // nobody reads
	}
	check(t, w.accounts.Logout(t.Context(), w.sessions["alice"]))
	deadline := time.Now().Add(3 * time.Second) // far less than stallTime
	for w.handling("(*socket).writeFrame") {
		if time.Now().After(deadline) {
			t.Fatal("footage is still on its way")
		}
		runtime.Gosched()
	}
}
