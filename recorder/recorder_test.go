package recorder_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
)

// TestMain has more tests run at a time than there are processors: they wait for cameras.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// rig is a store, simulated cameras and the recorders between them.
type rig struct {
	t          *testing.T
	cams       *testcam.Server
	store      *storage.Store
	hub        *live.Hub
	ids        map[string]media.CameraID
	folder     string
	recorders  map[string]*recorder.Recorder
	identities *recorder.IdentityRegistry // nil without
	met        *memoryStore               // of identities
	subs       bool                       // record the sub streams too, under "NAME sub"
	transport  camera.Transport
	stop       context.CancelFunc
	stopped    chan struct{}
}

// newRig records all given cameras, with segments of three seconds.
func newRig(t *testing.T, cams ...testcam.Camera) *rig { return newRigWith(t, nil, cams...) }

// newRigWith has the recorders remember cameras in met, if it is not nil.
func newRigWith(t *testing.T, met *memoryStore, cams ...testcam.Camera) *rig {
	t.Helper()
	return newRigOf(t, &rig{met: met}, cams...)
}

// newRigOf completes r.
func newRigOf(t *testing.T, r *rig, cams ...testcam.Camera) *rig {
	t.Helper()
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: cams})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	r.t, r.cams, r.hub, r.folder, r.recorders = t, srv, live.NewHub(live.Options{}), t.TempDir(), map[string]*recorder.Recorder{}
	r.open()
	r.start()
	t.Cleanup(r.close)
	return r
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	r.store, err = storage.Open(r.t.Context(), storage.Options{Recordings: filepath.Join(r.folder, "recordings"), Data: filepath.Join(r.folder, "data"),
		MasterKey: [32]byte{7}, SegmentDuration: 3 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	var specs []storage.CameraSpec
	for _, h := range r.cams.Cameras() {
		specs = append(specs, storage.CameraSpec{Name: h.Name(), Label: h.Name()})
	}
	if r.ids, err = r.store.Enrol(r.t.Context(), specs); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) start() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.stopped = stop, make(chan struct{})
	done := make(chan struct{}, 2*len(r.ids)+1)
	admission := recorder.NewAdmission(4)
	r.openRegistry()
	for _, h := range r.cams.Cameras() {
		sharing := recorder.NewSharing()
		for name, q := range map[string]media.Quality{h.Name(): media.Main, h.Name() + " sub": media.Sub} {
			if q == media.Sub && !r.subs {
				continue
			}
			u, err := url.Parse(h.URL(q))
			if err != nil {
				r.t.Fatal(err)
			}
			stream := media.StreamID{Camera: r.ids[h.Name()], Quality: q}
			rec := recorder.New(recorder.Options{Stream: stream, Record: true, Store: r.store, Ring: r.hub.Ring(stream), Admission: admission, Identities: r.identities, Sharing: sharing,
				Logger: slog.New(slog.DiscardHandler), Source: camera.Options{URL: u, Transport: r.transport, Audio: true, FrameTimeout: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)}})
			r.recorders[name] = rec
			go func() { _ = rec.Run(ctx); done <- struct{}{} }()
		}
	}
	kept, stopKeeping := context.WithCancel(context.Background())
	go func() { _ = r.store.Run(kept); done <- struct{}{} }()
	go func() {
		defer close(r.stopped)
		for range len(r.recorders) {
			<-done
		}
		stopKeeping()
		<-done
	}()
}

// close stops recording and closes the store; what is on the disk is then complete. Closing twice is harmless.
func (r *rig) close() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	<-r.stopped
	if err := r.store.Close(); err != nil {
		r.t.Errorf("close store: %v", err)
	}
}

// patience bounds every wait. It is no claim about speed: a machine may be busy with other tests.
const patience = 40 * time.Second

// until polls the recorder's status until ok.
func (r *rig) until(name, what string, ok func(recorder.Status) bool) recorder.Status {
	r.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		s := r.recorders[name].Status()
		if ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%s: not %s within %v; it is %+v", name, what, patience, s)
		}
	}
}

func recording(s recorder.Status) bool { return s.State == recorder.Recording && !s.LastFrame.IsZero() }

// frames waits until n further frames of the camera have been sent.
func (r *rig) frames(name string, n uint64) {
	r.t.Helper()
	h := r.cams.Camera(name)
	ctx, stop := context.WithTimeout(r.t.Context(), patience)
	defer stop()
	if err := h.WaitFrame(ctx, media.Main, h.LastFrame(media.Main)+n); err != nil {
		r.t.Fatal(err)
	}
}

// recordedNow waits until everything that the camera has sent until now has reached the recorder.
func (r *rig) recordedNow(name string) {
	r.t.Helper()
	last := r.cams.Camera(name).LastFrame(media.Main)
	ctx, stop := context.WithTimeout(r.t.Context(), patience)
	defer stop()
	c, err := r.hub.Open(permit(r.t, r.ids[name], access.Live), media.Main)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	for {
		f, _, err := c.Next(ctx)
		if err != nil {
			r.t.Fatalf("%s: frame %d was not recorded: %v", name, last, err)
		}
		if slices.ContainsFunc(camtest.MarksIn(f.Bytes), func(m testcam.Mark) bool { return m.Frame >= last }) {
			return
		}
	}
}

// timeline waits until the timeline of the last minutes is as wanted. What has reached the recorder is not yet on the disk.
func (r *rig) timeline(name, what string, ok func(storage.Timeline) bool) storage.Timeline {
	r.t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		now := time.Now()
		line, err := r.store.Timeline(r.t.Context(), permit(r.t, r.ids[name], access.Playback), media.Main, storage.Span{From: now.Add(-5 * time.Minute), To: now})
		if err != nil {
			r.t.Fatal(err)
		}
		if ok(line) {
			return line
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%s: not %s within %v: %+v, %+v", name, what, patience, line.Spans, line.Gaps)
		}
	}
}

// permit makes a permit as accounts would; the test stands in for the mint.
func permit(t testing.TB, c media.CameraID, a access.Action) access.Permit {
	t.Helper()
	v := access.Viewer{Kind: access.AccountView, AccountID: 1, Name: "owner"}
	p, err := access.Decide(v, c, access.Grant{Rights: access.Owned}, a, time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// marks reads the identity of every frame in the camera's segment files, in order of time, checking with ffmpeg that
// each file decodes.
func (r *rig) marks(name string) []testcam.Mark {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.folder, "recordings", name+"-*", "main", "*", "*.mp4"))
	if err != nil || len(files) == 0 {
		r.t.Fatalf("%s: no segments: %v", name, err)
	}
	slices.Sort(files)
	var all []testcam.Mark
	for _, path := range files {
		all = append(all, camtest.Marks(r.t, path)...)
	}
	return all
}

func TestEveryFrameIsInTheFilesOnceAcrossSegments(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "front-door", Audio: testcam.AAC}, testcam.Camera{Name: "garden"})
	for name := range r.recorders {
		r.until(name, "recording", recording)
	}
	r.frames("garden", 150)
	for name := range r.recorders {
		r.recordedNow(name)
	}
	r.close()
	for name := range r.recorders {
		marks := r.marks(name)
		if len(marks) < 140 {
			t.Fatalf("%s: %d frames", name, len(marks))
		}
		for i, m := range marks {
			if m.Camera != r.cams.Camera(name).Code() || m.Frame != marks[0].Frame+uint64(i) {
				t.Fatalf("%s: frame %d of the files carries %v; the first was %v", name, i, m, marks[0])
			}
		}
	}
}

func TestAReconnectBecomesANewRunAndAGapWithItsReason(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "cam"})
	r.until("cam", "recording", recording)
	r.frames("cam", 30)
	h := r.cams.Camera("cam")
	if err := h.Refuse(true); err != nil {
		t.Fatal(err)
	}
	s := r.until("cam", "offline", func(s recorder.Status) bool {
		return s.State == recorder.Offline && s.Reason == "connection refused"
	})
	if s.NextTry.IsZero() || time.Until(s.NextTry) > 5*time.Second {
		t.Errorf("the next try is at %v, not within five seconds", s.NextTry)
	}
	if err := h.ComeBack(); err != nil {
		t.Fatal(err)
	}
	r.until("cam", "recording again", recording)
	line := r.timeline("cam", "footage again", func(line storage.Timeline) bool { return len(line.Spans) > 1 })
	if len(line.Spans) != 2 || line.Spans[0].Run == line.Spans[1].Run {
		t.Errorf("spans %+v, want two of different runs", line.Spans)
	}
	found := slices.ContainsFunc(line.Gaps, func(g storage.Gap) bool { return g.Reason == "offline: connection refused" })
	if !found {
		t.Errorf("no gap tells of the refused connection: %+v", line.Gaps)
	}
}

func TestAFrozenCameraIsReconnectedAndItsNeighbourLosesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "frozen"}, testcam.Camera{Name: "neighbour"})
	for name := range r.recorders {
		r.until(name, "recording", recording)
	}
	h := r.cams.Camera("frozen")
	h.Freeze(true)
	r.until("frozen", "offline", func(s recorder.Status) bool { return s.State == recorder.Offline })
	h.Freeze(false)
	r.until("frozen", "recording again", recording)
	r.frames("neighbour", 15)
	r.close()
	marks := r.marks("neighbour")
	if span := marks[len(marks)-1].Frame - marks[0].Frame + 1; span != uint64(len(marks)) {
		t.Errorf("the neighbour has %d of %d frames", len(marks), span)
	}
}

func TestARefusedLoginIsNotTriedUntilTheAccountLocks(t *testing.T) {
	t.Parallel()
	r := newRig(t, testcam.Camera{Name: "cam", Username: "u", Password: "right"})
	r.until("cam", "recording", recording)
	h := r.cams.Camera("cam")
	h.SetPassword("changed")
	h.Drop()
	s := r.until("cam", "refused", func(s recorder.Status) bool { return s.State == recorder.Refused })
	if s.Reason != "wrong user name or password" || time.Until(s.NextTry) < 15*time.Second {
		t.Errorf("%+v", s)
	}
}

func TestRealEncodersAreRecordedAndPlayedBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, codec, want string
		options           []string
	}{
		{"x264-with-b-frames", "libx264", "H.264", []string{"-bf", "3", "-g", "25"}},
		{"x265", "libx265", "H.265", []string{"-g", "25", "-x265-params", "log-level=none:bframes=3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "clip.mp4")
			args := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=4", "-c:v", c.codec, "-pix_fmt", "yuv420p"}, c.options...)
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			r := newRig(t, testcam.Camera{Name: "cam", File: path})
			s := r.until("cam", "recording", recording)
			if s.Health.Codec != c.want {
				t.Fatalf("recorded as %s", s.Health.Codec)
			}
			end := s.LastFrame.Add(6 * time.Second)
			r.until("cam", "six seconds on", func(s recorder.Status) bool { return s.LastFrame.After(end) })
			r.timeline("cam", "recorded so far", func(line storage.Timeline) bool {
				n := len(line.Spans)
				return n > 0 && !line.Spans[n-1].To.Before(end)
			})
			clip, err := r.store.OpenClip(t.Context(), permit(t, r.ids["cam"], access.Export), media.Main, storage.Span{From: end.Add(-5 * time.Second), To: end})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(clip)
			if err := errors.Join(err, clip.Close()); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "out.mp4")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if n := mediatest.Decode(t, file); n < 100 || n > 200 {
				t.Errorf("five seconds hold %d pictures", n)
			}
		})
	}
}
