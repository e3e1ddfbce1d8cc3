package recorder

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/storage"
)

var (
	daysSeed  = flag.Uint64("days.seed", 0, "seed of the simulated days; 0 leaves it to KEEPWATCH_SEED")
	daysHours = flag.Int("days.hours", 48, "how many hours are simulated")
)

const (
	// mostOff is the largest allowed difference between a frame's time and the clock at its arrival, apart from the run's shift.
	// It covers a step of maxStep that is being corrected, one that is not yet noticed, and network delays.
	mostOff = maxStep + 3*time.Second
	// calmOff is the same, hours after the last step, for a camera with an ordinary quartz. An error of 500 ppm would leave
	// nothing for the correction of steps.
	calmOff = 300 * time.Millisecond
	// pacedOff is the same for stamps at a wrong rate, an hour after the first. The network also delays a session's first frame.
	pacedOff = 1500 * time.Millisecond
	pace     = 2 * time.Second // from frame to frame
	pictures = 15              // from key frame to key frame
)

// daysClock is a wall clock that is set now and then, next to a monotonic clock.
type daysClock struct {
	mu     sync.Mutex
	offset time.Duration
	slew   int64 // ppm
	since  time.Time
	steps  []time.Time // when it was set by more than maxStep
}

// at returns the wall clock at the monotonic moment t, which is now or just before.
func (c *daysClock) at(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.Round(0).Add(c.offset + t.Sub(c.since)/1e6*time.Duration(c.slew))
}

func (c *daysClock) set(by time.Duration, slew int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if by > maxStep || by < -maxStep {
		c.steps = append(c.steps, now)
	}
	c.offset += by + now.Sub(c.since)/1e6*time.Duration(c.slew)
	c.since, c.slew = now, slew
}

// shot is a frame that a camera sent.
type shot struct {
	arrived time.Time
	clock   time.Time // wall clock when it was sent
}

// daysCamera sends tiny frames by its own clock, and is offline now and then.
type daysCamera struct {
	rng   *rand.Rand
	clock *daysClock
	ppm   int64
	away  time.Time     // until when it does not answer
	every time.Duration // from reboot to reboot; 0 for each night
	shots []shot
	n     int // of sessions
	video media.VideoTrack
}

func (c *daysCamera) open(context.Context) (session, error) {
	if time.Now().Before(c.away) {
		return nil, &camera.Failure{Kind: camera.Unreachable, Reason: "connection refused"}
	}
	c.n++
	return &daysSession{c: c, began: time.Now(), until: c.nextReboot()}, nil
}

// nextReboot returns three in the morning by the camera's clock.
func (c *daysCamera) nextReboot() time.Time {
	if c.every > 0 {
		return time.Now().Add(c.every)
	}
	return time.Now().Truncate(24 * time.Hour).Add(27 * time.Hour).Add(time.Duration(c.rng.IntN(3600)) * time.Second)
}

type daysSession struct {
	c      *daysCamera
	began  time.Time
	until  time.Time
	sent   int64
	newest time.Time // arrival of the newest frame
}

func (s *daysSession) Audio() *media.AudioTrack                   { return nil }
func (s *daysSession) Clock() (time.Duration, bool)               { return -3 * time.Hour, s.sent > 5 }
func (s *daysSession) Lost() uint64                               { return 0 }
func (s *daysSession) Pace(media.Kind) (float64, bool)            { return 0, false }
func (s *daysSession) Patience() time.Duration                    { return 0 }
func (s *daysSession) Identity(*media.VideoTrack) camera.Identity { return camera.Identity{} }
func (s *daysSession) Link() camera.Link                          { return camera.Link{} }
func (s *daysSession) SoundRefused() string                       { return "" }
func (s *daysSession) Sounds() []camera.Sound                     { return nil }
func (s *daysSession) Close()                                     {}

// Next waits for the next frame. The network delays it by up to 200 ms, and now and then by a second.
func (s *daysSession) Next(ctx context.Context) (camera.Item, error) {
	elapsed := time.Duration(s.sent) * pace
	due := s.began.Add(elapsed - elapsed/1e6*time.Duration(s.c.ppm))
	delay := time.Duration(s.c.rng.IntN(200)) * time.Millisecond
	if s.c.rng.IntN(50) == 0 {
		delay = time.Second
	}
	timer := time.NewTimer(time.Until(due.Add(delay)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return camera.Item{}, ctx.Err()
	case <-timer.C:
	}
	now := time.Now()
	if now.After(s.until) {
		s.c.away = now.Add(time.Duration(40+s.c.rng.IntN(100)) * time.Second)
		return camera.Item{}, &camera.Failure{Kind: camera.Unreachable, Reason: "connection lost"}
	}
	ticks := s.sent * int64(pace/time.Second) * media.VideoTimescale
	u := &media.Unit{Kind: media.Video, DTS: ticks, PTS: ticks, Arrived: now, Pause: now.Sub(s.newest), Random: s.sent%pictures == 0,
		Data: [][]byte{binary.BigEndian.AppendUint64([]byte{0x65}, uint64(len(s.c.shots)))}}
	s.c.shots = append(s.c.shots, shot{now, s.c.clock.at(now).Add(due.Sub(now))})
	s.sent, s.newest = s.sent+1, now
	return camera.Item{Unit: u, Video: &s.c.video}, nil
}

// daysInstallation is a store with recorders, restarted now and then.
type daysInstallation struct {
	t       *testing.T
	folder  string
	clock   *daysClock
	cam     *daysCamera
	store   *storage.Store
	id      media.CameraID
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

func newDaysInstallation(t *testing.T, rng *rand.Rand, clock *daysClock, ppm int64) *daysInstallation {
	return &daysInstallation{t: t, folder: t.TempDir(), clock: clock, cam: &daysCamera{rng: rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64())), clock: clock, ppm: ppm,
		video: media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9}, PPS: []byte{0x68, 0xcb}}}}
}

func (h *daysInstallation) start() {
	h.t.Helper()
	var err error
	log := slog.New(slog.DiscardHandler)
	h.store, err = storage.Open(h.t.Context(), storage.Options{Recordings: filepath.Join(h.folder, "recordings"), Data: filepath.Join(h.folder, "data"),
		MasterKey: [32]byte{7}, Sync: time.Hour, SegmentDuration: 15 * time.Minute, Logger: log,
		Now: func() time.Time { return h.clock.at(time.Now()) }})
	if err != nil {
		h.t.Fatal(err)
	}
	ids, err := h.store.Enrol(h.t.Context(), []storage.CameraSpec{{Name: "cam", Label: "cam"}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.id = ids["cam"]
	stream := media.StreamID{Camera: h.id, Quality: media.Main}
	r := New(Options{Stream: stream, Record: true, Store: h.store, Ring: live.NewHub(live.Options{}).Ring(stream), Admission: NewAdmission(1),
		Clock: h.clock.at, Logger: log})
	r.open = h.cam.open
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.stopped.Go(func() { _ = r.Run(ctx) })
}

func (h *daysInstallation) close() {
	if h.stop == nil {
		return
	}
	h.stop()
	h.stop = nil
	h.stopped.Wait()
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

// happen applies the events of the given hour to the clock and the installation.
func (h *daysInstallation) happen(rng *rand.Rand) string {
	steps := []time.Duration{time.Second, 3 * time.Second, 20 * time.Second, 4 * time.Minute, time.Hour, 5 * time.Hour}
	by := steps[rng.IntN(len(steps))]
	switch rng.IntN(6) {
	case 0:
		h.clock.set(by, 0)
		return fmt.Sprintf("set forward by %v", by)
	case 1:
		h.clock.set(-by, 0)
		return fmt.Sprintf("set back by %v", by)
	case 2:
		slew := int64(rng.IntN(401) - 200)
		h.clock.set(0, slew)
		return fmt.Sprintf("slewed by %d ppm", slew)
	case 3:
		h.close()
		pause := time.Duration(1+rng.IntN(600)) * time.Second
		time.Sleep(pause)
		if rng.IntN(2) == 0 { // by somebody else, or a battery that is empty
			h.clock.set(-by, 0)
		}
		h.start()
		return fmt.Sprintf("restarted after %v", pause)
	}
	return "nothing"
}

func TestDaysWithAClockThatIsSetAndSlewedLeaveNoOverlapAndNoUnexplainedSecond(t *testing.T) {
	seed := *daysSeed
	if seed == 0 {
		seed = trialtest.Seed(t)
	}
	sign := int64(seed%2)*2 - 1
	for i, ppm := range []int64{500 * sign, -200 * sign} {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			clock := &daysClock{since: time.Now(), offset: -30 * 365 * 24 * time.Hour} // it was never set: about 1970
			h := newDaysInstallation(t, rng, clock, ppm)
			began := storage.Earliest()
			h.start()
			t.Cleanup(h.close)
			time.Sleep(time.Duration(rng.IntN(3600)) * time.Second)
			clock.set((54*365+45)*24*time.Hour+time.Duration(rng.IntN(1e9)), 0)
			var story []string
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("-days.seed=%d, %d ppm\n%s", seed, ppm, strings.Join(story, "\n"))
				}
			})
			for hour := range *daysHours - 10 {
				time.Sleep(time.Duration(rng.IntN(3600)) * time.Second)
				if what := h.happen(rng); what != "nothing" {
					story = append(story, fmt.Sprintf("%d h: %s", hour, what))
				}
				time.Sleep(time.Until(h.cam.hour(hour + 1)))
			}
			clock.set(0, 0)
			calm := time.Now().Add(8 * time.Hour)
			time.Sleep(10 * time.Hour)
			synctest.Wait()
			h.judge(began, calm)
		})
	}
}

// TestACameraWhoseStampsRunAtAWrongRateLosesNothingAndMakesNoGap has cameras stamp for 25 frames a second and deliver 21, the
// reverse, and smaller errors.
func TestACameraWhoseStampsRunAtAWrongRateLosesNothingAndMakesNoGap(t *testing.T) {
	seed := *daysSeed
	if seed == 0 {
		seed = trialtest.Seed(t)
	}
	for i, ppm := range []int64{-190476, 160000, 5000, -5000, -1000} {
		synctest.Test(t, func(t *testing.T) {
			clock := &daysClock{since: time.Now(), offset: 26 * 365 * 24 * time.Hour}
			h := newDaysInstallation(t, rand.New(rand.NewPCG(seed, uint64(i))), clock, ppm)
			h.cam.every = 4 * time.Hour
			began := clock.at(time.Now())
			h.start()
			t.Cleanup(h.close)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("-days.seed=%d, %d ppm", seed, ppm)
				}
			})
			calm := time.Now().Add(time.Hour)
			time.Sleep(10 * time.Hour)
			synctest.Wait()
			h.judge(began, calm)
		})
	}
}

// hour returns the start of the n-th hour of the simulation.
func (c *daysCamera) hour(n int) time.Time {
	return time.Date(2000, 1, 1, n, 0, 0, 0, time.UTC)
}

// kept is a frame in a segment.
type kept struct {
	number   int
	from, to time.Time
}

// pictures reads the frames of all segments.
func (h *daysInstallation) pictures() []kept {
	h.t.Helper()
	var all []kept
	root := filepath.Join(h.folder, "recordings")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".mp4") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		res, err := media.Scan(strings.NewReader(string(b)), int64(len(b)), h.id, h.store.LabelKey(h.id))
		if err != nil {
			return err
		}
		for _, e := range res.Table.Entries {
			if len(e.Video) != 1 {
				return fmt.Errorf("%d pictures in a fragment", len(e.Video))
			}
			at := e.Offset + int64(e.Payload) + 5
			all = append(all, kept{int(binary.BigEndian.Uint64(b[at:])), e.Start, e.End()})
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b kept) int { return a.from.Compare(b.from) })
	return all
}

// judge compares the recorded frames and the ledger with what happened.
func (h *daysInstallation) judge(began, calm time.Time) {
	h.t.Helper()
	all := h.pictures()
	if lost := len(h.cam.shots) - len(all); lost > 2 || len(all) < 1000 {
		h.t.Errorf("%d of %d pictures were kept", len(all), len(h.cam.shots))
	}
	end := all[len(all)-1].to
	v := access.Viewer{Kind: access.AccountView, AccountID: 1, Name: "owner"}
	p, err := access.Decide(v, h.id, access.Grant{Rights: access.Owned}, access.Playback, h.clock.at(time.Now()).Add(time.Minute))
	if err != nil {
		h.t.Fatal(err)
	}
	tl, err := h.store.Timeline(h.t.Context(), p, media.Main, storage.Span{From: began, To: end})
	if err != nil {
		h.t.Fatal(err)
	}
	h.judgeSums(tl, began, end)
	var recorded time.Duration
	for i, x := range all {
		if x.from.Before(began.Truncate(time.Microsecond)) { // it was on its way when the recorder started
			x.from = began.Truncate(time.Microsecond)
		}
		recorded += x.to.Sub(x.from)
		if i > 0 && (x.number <= all[i-1].number || x.from.Before(all[i-1].to)) {
			h.t.Fatalf("picture %d from %v follows picture %d until %v", x.number, x.from, all[i-1].number, all[i-1].to)
		}
		h.judgeTime(tl, x, calm)
	}
	if recorded != tl.Coverage().Recorded {
		h.t.Errorf("the files hold %v, the ledger says %v", recorded, tl.Coverage().Recorded)
	}
}

func (h *daysInstallation) judgeSums(tl storage.Timeline, began, end time.Time) {
	h.t.Helper()
	at, s, g := began.Truncate(time.Microsecond), tl.Spans, tl.Gaps
	for len(s)+len(g) > 0 {
		switch {
		case len(s) > 0 && s[0].From.Equal(at):
			at, s = s[0].To, s[1:]
		case len(g) > 0 && g[0].From.Equal(at):
			if g[0].Code == storage.CodeCameraStream && len(h.clock.steps) == 0 {
				h.t.Errorf("a gap that the camera's stamps made: %+v", g[0])
			}
			if g[0].Code == storage.CodeOther || g[0].Code == storage.CodeUnknown || g[0].Code == storage.CodeNotYet || g[0].Code == storage.CodeBefore {
				h.t.Errorf("an unexplained gap: %+v", g[0])
			}
			at, g = g[0].To, g[1:]
		default:
			h.t.Fatalf("at %v nothing holds", at)
		}
	}
	if !at.Equal(end) {
		h.t.Errorf("the timeline ends at %v, footage at %v", at, end)
	}
}

// judgeTime compares a frame's time with the clock at its arrival.
func (h *daysInstallation) judgeTime(tl storage.Timeline, x kept, calm time.Time) {
	h.t.Helper()
	i, ok := slices.BinarySearchFunc(tl.Spans, x.from, func(s storage.RunSpan, at time.Time) int {
		switch {
		case at.Before(s.From):
			return 1
		case at.Before(s.To):
			return 0
		}
		return -1
	})
	if !ok {
		h.t.Fatalf("picture %d at %v is in no span", x.number, x.from)
	}
	shot := h.cam.shots[x.number]
	off := x.from.Sub(shot.clock)
	run := tl.Spans[i]
	back := max(0, run.Shift-x.from.Sub(run.From)/(1e6-maxReturnPPM)*maxReturnPPM)
	off -= back
	limit := mostOff
	switch {
	case !shot.arrived.After(calm):
	case back > 0: // the return takes half of the correction, and the camera's quartz most of the rest
	case h.cam.ppm <= 200 && h.cam.ppm >= -200:
		limit = calmOff
	case h.cam.ppm < -500 || h.cam.ppm > 500:
		limit = pacedOff
	}
	for _, step := range h.clock.steps { // until its next key frame a run continues as if nothing had happened
		if after := shot.arrived.Sub(step); after >= 0 && after < (pictures+2)*pace {
			return
		}
	}
	if off > limit || off < -limit {
		h.t.Fatalf("picture %d arrived at %v and is filed at %v, off by %v, in a run from %v with a shift of %v", x.number, shot.clock, x.from, off, run.From, run.Shift)
	}
}
