package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

var (
	alices = media.StreamID{Camera: media.CameraID{1}, Quality: media.Main}
	bobs   = media.StreamID{Camera: media.CameraID{2}, Quality: media.Main}
)

// permit makes a permit like accounts does.
func permit(t testing.TB, c media.CameraID, a access.Action, ttl time.Duration) access.Permit {
	t.Helper()
	v := access.Viewer{Kind: access.AccountView, AccountID: 1, Name: "alice"}
	p, err := access.Decide(v, c, access.Grant{Rights: access.Owned}, a, time.Now().Add(ttl))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// source makes fragments of half a second and the given size, with a key frame every gop fragments.
type source struct {
	run  *media.Run
	seq  uint64
	gop  uint64
	size int
}

func newSource(t testing.TB, id media.StreamID, gop uint64, size int) *source {
	t.Helper()
	video := media.VideoTrack{Codec: media.H264, Width: 2, Height: 2, SPS: []byte{0x67, 1, 2, 3}, PPS: []byte{0x68}}
	run, err := media.NewRun(id, time.Now(), video, nil, media.DeriveLabelKey([32]byte{}, id.Camera))
	if err != nil {
		t.Fatal(err)
	}
	return &source{run: run, gop: gop, size: size}
}

func (s *source) next(t testing.TB) *media.Fragment {
	t.Helper()
	m := media.NewMuxer(s.run, media.DeriveLabelKey([32]byte{}, s.run.Stream.Camera))
	if _, err := m.Write(&media.Unit{Kind: media.Video, Random: true, Arrived: time.Now(), Data: [][]byte{make([]byte, s.size)}}); err != nil {
		t.Fatal(err)
	}
	f, err := m.Flush()
	if err != nil {
		t.Fatal(err)
	}
	f.Seq, f.Random = s.seq, s.seq%s.gop == 0
	f.Start, f.Duration = s.run.Start.Add(time.Duration(s.seq)*500*time.Millisecond), 500*time.Millisecond
	s.seq++
	return f
}

func TestAViewerStartsAtTheNewestKeyFrameAndThenMissesNothing(t *testing.T) {
	h := live.NewHub(live.Options{})
	s := newSource(t, alices, 4, 10)
	for range 11 {
		h.Ring(alices).Publish(s.next(t))
	}
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for want := uint64(8); want < 40; want++ {
		if want >= 11 {
			h.Ring(alices).Publish(s.next(t))
		}
		f, lost, err := c.Next(t.Context())
		if err != nil || lost != 0 || f.Seq != want {
			t.Fatalf("got fragment %v after losing %d, %v; want %d", f, lost, err, want)
		}
	}
}

func TestASlowViewerIsToldAndGoesOnAtAKeyFrame(t *testing.T) {
	h := live.NewHub(live.Options{MaxBytes: 20 << 10})
	s := newSource(t, alices, 4, 1000)
	h.Ring(alices).Publish(s.next(t))
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		h.Ring(alices).Publish(s.next(t))
	}
	f, lost, err := c.Next(t.Context())
	if err != nil || !f.Random || lost != int(f.Seq)-1 || f.Seq < 90 {
		t.Fatalf("fragment %d, random %v, lost %d, %v", f.Seq, f.Random, lost, err)
	}
}

func TestAPermitOpensItsCameraAndActionOnly(t *testing.T) {
	h := live.NewHub(live.Options{})
	h.Ring(alices).Publish(newSource(t, alices, 1, 10).next(t))
	h.Ring(bobs).Publish(newSource(t, bobs, 1, 10).next(t))
	if _, err := h.Open(access.Permit{}, media.Main); !errors.Is(err, access.ErrDenied) {
		t.Errorf("no permit: %v", err)
	}
	for _, a := range []access.Action{access.Playback, access.Export, access.Audio, access.Share, access.Manage} {
		if _, err := h.Open(permit(t, alices.Camera, a, time.Minute), media.Main); !errors.Is(err, access.ErrDenied) {
			t.Errorf("permit for %v: %v", a, err)
		}
	}
	if _, err := h.Open(permit(t, alices.Camera, access.Live, -time.Second), media.Main); !errors.Is(err, access.ErrDenied) {
		t.Errorf("permit of the past: %v", err)
	}
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	if f, _, err := c.Next(t.Context()); err != nil || f.Run.Stream != alices {
		t.Errorf("alice's permit opened %v, %v", f.Run.Stream, err)
	}
	if err := c.Renew(permit(t, bobs.Camera, access.Live, time.Minute)); !errors.Is(err, access.ErrDenied) {
		t.Errorf("renewed with a permit for another camera: %v", err)
	}
	if _, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Sub); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("stream that there is not: %v", err)
	}
}

func TestNothingComesAfterThePermitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := live.NewHub(live.Options{})
		s := newSource(t, alices, 1, 10)
		h.Ring(alices).Publish(s.next(t))
		c, err := h.Open(permit(t, alices.Camera, access.Live, time.Second), media.Main)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, _, err := c.Next(t.Context()); !errors.Is(err, access.ErrDenied) || time.Since(began) != time.Second {
			t.Errorf("waiting viewer: %v after %v", err, time.Since(began))
		}
		h.Ring(alices).Publish(s.next(t))
		if f, _, err := c.Next(t.Context()); !errors.Is(err, access.ErrDenied) {
			t.Errorf("got fragment %d, %v", f.Seq, err)
		}
		if err := c.Renew(permit(t, alices.Camera, access.Live, time.Second)); err != nil {
			t.Fatal(err)
		}
		if f, _, err := c.Next(t.Context()); err != nil || f.Seq != 1 {
			t.Errorf("after renewal: %v", err)
		}
	})
}

func TestARingStaysWithinItsBounds(t *testing.T) {
	h := live.NewHub(live.Options{MaxBytes: 50 << 10})
	s := newSource(t, alices, 1000, 1000) // one endless GOP
	var first *media.Fragment
	for range 200 {
		f := s.next(t)
		h.Ring(alices).Publish(f)
		if first == nil {
			first = f
		}
	}
	if _, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("a GOP larger than the ring was kept whole: %v", err)
	}
}

func TestWhatEndedIsNotLive(t *testing.T) {
	h := live.NewHub(live.Options{})
	r := h.Ring(alices)
	r.Publish(newSource(t, alices, 1, 10).next(t))
	r.End()
	if _, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main); !errors.Is(err, live.ErrNoStream) {
		t.Errorf("opened what ended: %v", err)
	}
}

func TestWhoWatchesGetsTheEndOfARunAndLosesNothingAtTheNext(t *testing.T) {
	h := live.NewHub(live.Options{})
	r, s := h.Ring(alices), newSource(t, alices, 4, 10)
	r.Publish(s.next(t))
	c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
	if err != nil {
		t.Fatal(err)
	}
	r.Publish(s.next(t))
	r.End()
	for want := range uint64(2) {
		if f, lost, err := c.Next(t.Context()); err != nil || lost != 0 || f.Seq != want {
			t.Fatalf("before the end: %v, lost %d, %v", f, lost, err)
		}
	}
	again := newSource(t, alices, 4, 10)
	r.Publish(again.next(t))
	if f, lost, err := c.Next(t.Context()); err != nil || lost != 0 || f.Run != again.run {
		t.Errorf("the next run: %v, lost %d, %v", f, lost, err)
	}
}

func TestForeignFootageCannotBePublished(t *testing.T) {
	h := live.NewHub(live.Options{})
	defer func() {
		if recover() == nil {
			t.Error("bob's footage went into alice's ring")
		}
	}()
	h.Ring(alices).Publish(newSource(t, bobs, 1, 10).next(t))
}

func TestManyViewersAllSeeTheSame(t *testing.T) {
	h := live.NewHub(live.Options{})
	s := newSource(t, alices, 2, 100)
	h.Ring(alices).Publish(s.next(t))
	const viewers, fragments = 50, 200
	var all sync.WaitGroup
	step := make(chan struct{}, viewers)
	for range viewers {
		c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer c.Close()
			for want := uint64(0); want < fragments; {
				f, lost, err := c.Next(context.Background())
				if err != nil || f.Seq != want+uint64(lost) {
					t.Errorf("got %d, lost %d, %v; want %d", f.Seq, lost, err, want)
					break
				}
				want = f.Seq + 1
			}
			step <- struct{}{}
		})
	}
	for range fragments - 1 {
		h.Ring(alices).Publish(s.next(t))
	}
	for range viewers {
		<-step
	}
	all.Wait()
}

func BenchmarkPublishTo100Cursors(b *testing.B) {
	h := live.NewHub(live.Options{})
	s := newSource(b, alices, 4, 125_000)
	h.Ring(alices).Publish(s.next(b))
	var cursors []*live.Cursor
	for range 100 {
		c, err := h.Open(permit(b, alices.Camera, access.Live, time.Hour), media.Main)
		if err != nil {
			b.Fatal(err)
		}
		cursors = append(cursors, c)
	}
	f := s.next(b)
	b.ReportAllocs()
	for b.Loop() {
		g := *f
		g.Start, g.Seq = f.Start.Add(time.Duration(g.Seq)*500*time.Millisecond), f.Seq+1
		f = &g
		g.Random = g.Seq%4 == 0
		h.Ring(alices).Publish(&g)
		for _, c := range cursors {
			if _, _, err := c.Next(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestAViewerOfAnIntraRefreshStartsWhereTheNewestPictureIsExact(t *testing.T) {
	h := live.NewHub(live.Options{})
	s := newSource(t, alices, 4, 10)
	for n := range uint64(9) {
		f := s.next(t)
		f.Frames, f.Refresh = 5, 12
		h.Ring(alices).Publish(f)
		c, err := h.Open(permit(t, alices.Camera, access.Live, time.Minute), media.Main)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := c.Next(t.Context())
		want := max(0, n+1-min(n+1, 3)) / 4 * 4 // three fragments make 15 pictures
		if err != nil || got.Seq != want {
			t.Errorf("with %d fragments it starts at %d, want %d; %v", n+1, got.Seq, want, err)
		}
	}
}
