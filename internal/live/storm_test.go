package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

func TestAViewerWhoFellBehindWaitsForAKeyFrame(t *testing.T) {
	h := live.NewHub(live.Options{MaxBytes: 10 << 10})
	r, s := h.Ring(alices), newSource(t, alices, 100, 1000)
	r.Publish(s.next(t))
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 50 { // the key frame is no longer in memory
		r.Publish(s.next(t))
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if f, _, err := c.Next(gone); !errors.Is(err, context.Canceled) {
		t.Fatalf("got fragment %d, which nothing can decode; %v", f.Seq, err)
	}
	for range 60 {
		r.Publish(s.next(t))
		if f, lost, err := c.Next(gone); err == nil {
			if !f.Random || f.Seq != 100 || lost != 100 {
				t.Errorf("goes on with fragment %d, random %v, %d lost", f.Seq, f.Random, lost)
			}
			return
		}
	}
	t.Error("it never goes on")
}

func TestWaitingViewersGoOnAfterTheStreamEndedAndBeganAgain(t *testing.T) {
	h := live.NewHub(live.Options{})
	r := h.Ring(alices)
	first, second := newSource(t, alices, 4, 10), newSource(t, alices, 4, 10)
	r.Publish(first.next(t))
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make(chan *media.Fragment, 1)
	go func() {
		f, _, _ := c.Next(t.Context())
		got <- f
	}()
	r.End()
	r.Publish(second.next(t))
	if f := <-got; f == nil || f.Run != second.run || !f.Random {
		t.Errorf("went on with %+v", f)
	}
}

// TestViewersThatComeAndGoWhileStreamsEndSeeOrderedFootageOfTheirOwn is also meant for the race detector.
func TestViewersThatComeAndGoWhileStreamsEndSeeOrderedFootageOfTheirOwn(t *testing.T) {
	h := live.NewHub(live.Options{MaxBytes: 20 << 10})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var publishers, viewers sync.WaitGroup
	for _, id := range []media.StreamID{alices, bobs} {
		publishers.Go(func() {
			for range 30 {
				s := newSource(t, id, 5, 1000)
				for range 40 {
					h.Ring(id).Publish(s.next(t))
				}
				h.Ring(id).End()
			}
		})
	}
	for i := range 8 {
		id := []media.StreamID{alices, bobs}[i%2]
		viewers.Go(func() {
			for ctx.Err() == nil {
				c, err := h.Open(permit(t, id.Camera, access.Live, time.Minute), media.Main)
				if err != nil {
					continue
				}
				watch(ctx, t, c, id)
				c.Close()
			}
		})
	}
	publishers.Wait()
	stop()
	viewers.Wait()
}

// watch takes some fragments and checks that each follows the previous one, or begins with a key frame.
func watch(ctx context.Context, t *testing.T, c *live.Cursor, id media.StreamID) {
	var before *media.Fragment
	for range 60 {
		f, lost, err := c.Next(ctx)
		if err != nil {
			return
		}
		follows := before != nil && before.Run == f.Run && before.Seq+1 == f.Seq && lost == 0
		if f.Run.Stream != id || !follows && !f.Random {
			t.Errorf("%v: fragment %d of %v, %d lost", id, f.Seq, f.Run.Stream, lost)
		}
		before = f
	}
}
