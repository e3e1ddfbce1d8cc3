package recorder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/media"
)

// slate is a store that records its calls and hangs on request.
type slate struct {
	hang chan struct{} // closed to continue; nil for a store that does not hang
	mu   sync.Mutex
	did  []string
}

func (s *slate) note(what string) error {
	if s.hang != nil {
		<-s.hang
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, what)
	return nil
}

func (s *slate) footage() footage {
	return footage{
		begin: func(_ context.Context, r *media.Run) (writer, error) {
			return &lines{slate: s, run: r}, s.note("begin " + r.ID.String()[:2])
		},
		setGap: func(_ context.Context, _ media.StreamID, _ time.Time, reason string) error {
			return s.note("gap " + reason)
		},
	}
}

// lines is a run in a slate. It refuses fragments of another run, as storage does.
type lines struct {
	slate *slate
	run   *media.Run
}

func (l *lines) Append(_ context.Context, f *media.Fragment) error {
	if f.Run != l.run {
		return errors.New("fragment of another run")
	}
	return l.slate.note(fmt.Sprintf("%s/%d", f.Run.ID.String()[:2], f.Seq))
}

func (l *lines) End(_ context.Context, reason string) error { return l.slate.note("end " + reason) }

func testDisk(s *slate) *disk {
	return newDisk(s.footage(), media.StreamID{Camera: media.CameraID{1}, Quality: media.Main}, slog.New(slog.DiscardHandler))
}

func TestAHangingDiskHoldsUpNeitherTheCameraNorTheShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slate{hang: make(chan struct{})}
		d := testDisk(s)
		d.start()
		began := time.Now()
		for i := range 1000 { // reconnects for hours
			run := &media.Run{ID: media.RunID{byte(i)}}
			d.gap(time.Now(), "connecting")
			d.begin(run)
			for k := range 3 {
				d.append(&media.Fragment{Run: run, Seq: uint64(k + 1), Random: k == 0, Bytes: make([]byte, 1<<10)})
			}
			d.end("connection lost")
		}
		if time.Since(began) != 0 {
			t.Errorf("orders waited %v for the disk", time.Since(began))
		}
		if d.trouble() != reasonSlow {
			t.Errorf("the trouble is %q", d.trouble())
		}
		if d.stop() {
			t.Error("a hanging disk is said to have taken all")
		}
		if took := time.Since(began); took != diskPatience {
			t.Errorf("stopping took %v", took)
		}
		close(s.hang)
		<-d.kept
	})
}

func TestAfterAHangFootageGoesOnInItsOwnRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slate{hang: make(chan struct{})}
		d := testDisk(s)
		d.start()
		d.begin(&media.Run{ID: media.RunID{0xaa}})
		for range 2 * diskQueue {
			d.gap(time.Now(), "filler")
		}
		late := &media.Run{ID: media.RunID{0xbb}}
		d.end("lost") // the queue is full for all three
		d.begin(late)
		close(s.hang)
		synctest.Wait()
		d.append(&media.Fragment{Run: late, Seq: 2})
		d.append(&media.Fragment{Run: late, Seq: 3, Random: true})
		if !d.stop() {
			t.Error("the disk answers again and is not waited for")
		}
		if want := []string{"begin bb", "bb/3"}; !slices.Equal(s.did[len(s.did)-3:len(s.did)-1], want) {
			t.Errorf("did %v", s.did[len(s.did)-5:])
		}
	})
}

func TestOrdersAreCarriedOutInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slate{}
		d := testDisk(s)
		d.start()
		var want []string
		for i := range 200 {
			run := &media.Run{ID: media.RunID{byte(i)}}
			name := run.ID.String()[:2]
			d.begin(run)
			want = append(want, "begin "+name)
			for k := range uint64(5) {
				d.append(&media.Fragment{Run: run, Seq: k, Random: k == 0})
				want = append(want, fmt.Sprintf("%s/%d", name, k))
			}
			d.end("r" + name)
			d.gap(time.Now(), "g"+name)
			want = append(want, "end r"+name, "gap g"+name)
			synctest.Wait()
		}
		if !d.stop() || !slices.Equal(s.did, want) || d.waiting != 0 || d.fragments != 0 {
			t.Errorf("did %d things of %d; %d bytes wait", len(s.did), len(want), d.waiting)
		}
	})
}

// TestASlowDiskCostsAFixedAmountOfMemory has a disk take three seconds a write while eight streams each send two fragments a
// second, and then become fast again.
func TestASlowDiskCostsAFixedAmountOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, limit = 100 << 10, 8 << 20
		backlog := NewBacklog()
		backlog.limit.Store(limit)
		var slow atomic.Bool
		slow.Store(true)
		var disks []*disk
		var slates []*slate
		for range 8 {
			s := &slate{}
			d := testDisk(s)
			d.backlog = backlog
			begin := d.footage.begin
			d.footage.begin = func(ctx context.Context, r *media.Run) (writer, error) {
				w, err := begin(ctx, r)
				return &sluggish{w, &slow}, err
			}
			d.start()
			disks, slates = append(disks, d), append(slates, s)
		}
		runs := make([]*media.Run, len(disks))
		most := int64(0)
		for n := range 600 {
			for i, d := range disks {
				if n == 0 {
					runs[i] = &media.Run{ID: media.RunID{byte(i + 1)}}
					d.begin(runs[i])
				}
				d.append(&media.Fragment{Run: runs[i], Seq: uint64(n + 1), Random: n%4 == 0, Bytes: make([]byte, size)})
			}
			most = max(most, backlog.bytes.Load())
			slow.Store(n < 400)
			time.Sleep(500 * time.Millisecond)
		}
		if most > limit || most < limit-2*size {
			t.Errorf("%d bytes waited for the disk at most, with a limit of %d", most, limit)
		}
		for i, d := range disks {
			if d.trouble() != "" {
				t.Errorf("the disk is quick again, and the trouble is still %q", d.trouble())
			}
			if !d.stop() {
				t.Error("the rest was not brought to the disk")
			}
			if s := slates[i].did; !slices.Contains(s, "gap "+reasonSlow) || !slices.Contains(s, fmt.Sprintf("%02x/600", i+1)) {
				t.Errorf("stream %d: did %v", i, s)
			}
		}
		if left := backlog.bytes.Load(); left != 0 {
			t.Errorf("%d bytes are never given back", left)
		}
	})
}

// sluggish is a writer that takes seconds while it is slow.
type sluggish struct {
	writer
	slow *atomic.Bool
}

func (w *sluggish) Append(ctx context.Context, f *media.Fragment) error {
	if w.slow.Load() {
		time.Sleep(3 * time.Second)
	}
	return w.writer.Append(ctx, f)
}
