package recorder_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
)

// memoryStore is a recorder.FingerprintStore without a database, which can fail.
type memoryStore struct {
	mu      sync.Mutex
	fail    error
	prints  map[media.StreamID]recorder.Fingerprint
	devices map[media.StreamID]recorder.NewDevice
	notes   []string
}

func newMemoryStore() *memoryStore {
	return &memoryStore{prints: map[media.StreamID]recorder.Fingerprint{}, devices: map[media.StreamID]recorder.NewDevice{}}
}

func (m *memoryStore) do(f func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		f()
	}
	return m.fail
}

func (m *memoryStore) Fingerprints(context.Context) (all []recorder.Fingerprint, err error) {
	err = m.do(func() { all = slices.Collect(maps.Values(m.prints)) })
	return all, err
}

func (m *memoryStore) SetFingerprint(_ context.Context, p recorder.Fingerprint, what string) error {
	return m.do(func() { m.prints[p.Stream] = p; delete(m.devices, p.Stream); m.notes = append(m.notes, what) })
}

func (m *memoryStore) SetNewDevice(_ context.Context, c recorder.NewDevice) error {
	return m.do(func() { m.devices[c.Stream] = c })
}

func (m *memoryStore) ForgetNewDevice(_ context.Context, s media.StreamID) error {
	return m.do(func() { delete(m.devices, s) })
}

func (m *memoryStore) HasNewDevice(_ context.Context, s media.StreamID) (there bool, err error) {
	err = m.do(func() { _, there = m.devices[s] })
	return there, err
}

func (m *memoryStore) device(s media.StreamID) recorder.NewDevice {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.devices[s]
}

// accept does what an owner does.
func (m *memoryStore) accept(s media.StreamID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.devices[s]
	m.prints[s] = recorder.Fingerprint{Stream: s, Address: c.Address, Identity: c.Identity, Since: time.Now(), Changed: time.Now()}
	delete(m.devices, s)
}

// openRegistry makes the registry when the rig remembers cameras.
func (r *rig) openRegistry() {
	if r.met == nil {
		return
	}
	var streams []recorder.ConfiguredStream
	for _, h := range r.cams.Cameras() {
		u, err := url.Parse(h.URL(media.Main))
		if err != nil {
			r.t.Fatal(err)
		}
		streams = append(streams, recorder.ConfiguredStream{Stream: r.stream(h.Name()), Name: h.Name(), Address: camera.Address(u)})
	}
	r.identities = recorder.NewIdentityRegistry(r.met, streams, slog.New(slog.DiscardHandler))
}

func (r *rig) stream(name string) media.StreamID {
	return media.StreamID{Camera: r.ids[name], Quality: media.Main}
}

func (r *rig) quarantined(name string) recorder.Status {
	r.t.Helper()
	return r.until(name, "quarantined", func(s recorder.Status) bool { return s.State == recorder.Quarantined })
}

// watchLive counts, until the rig ends, the frames in the camera's live ring that another camera drew.
func (r *rig) watchLive(ctx context.Context, name string) (wrong func() (int, int)) {
	r.t.Helper()
	c, err := r.hub.Open(permit(r.t, r.ids[name], access.Live), media.Main)
	if err != nil {
		r.t.Fatal(err)
	}
	n, bad, done := 0, 0, make(chan struct{})
	go func() {
		defer close(done)
		defer c.Close()
		for {
			f, _, err := c.Next(ctx)
			if err != nil {
				return
			}
			for _, m := range camtest.MarksIn(f.Bytes) {
				if n++; m.Camera != r.cams.Camera(name).Code() {
					bad++
				}
			}
		}
	}()
	return func() (int, int) { <-done; return n, bad }
}

// recorded counts the frames in the camera's files, and those that another camera drew.
func (r *rig) recorded(name string) (n, wrong int) {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.folder, "recordings", name+"-*", "main", "*", "*.mp4"))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, m := range camtest.MarksIn(b) {
			if n++; m.Camera != r.cams.Camera(name).Code() {
				wrong++
			}
		}
	}
	return n, wrong
}

// TestNoFrameIsRecordedUnderAnotherCameraInAHundredSwaps lets pairs of cameras exchange their addresses, there and back, a
// hundred times in all. The pairs differ in the key, in a serial number, in their titles, and in nothing but their SPS.
func TestNoFrameIsRecordedUnderAnotherCameraInAHundredSwaps(t *testing.T) {
	t.Parallel()
	const pairs, swaps = 25, 100
	small := testcam.Video{Width: 160, Height: 90, FPS: 5}
	var cams []testcam.Camera
	for i := range 2 * pairs {
		c := testcam.Camera{Name: fmt.Sprintf("pair-%02d-%c", i/2, 'a'+i%2), Main: small, NoSub: true, NoUDP: true}
		switch i / 2 % 4 {
		case 0:
			c.TLS = true
		case 1:
			c.Username, c.Password, c.Realm = "u", "p", fmt.Sprintf("Login to 5K01A2B%06d", i)
		case 2:
			c.Title = fmt.Sprintf("model %d", i%2)
		}
		cams = append(cams, c)
	}
	r := newRigWith(t, newMemoryStore(), cams...)
	live, stop := context.WithCancel(context.Background())
	defer stop()
	wrongLive := map[string]func() (int, int){}
	for _, c := range cams {
		r.until(c.Name, "recording", recording)
		wrongLive[c.Name] = r.watchLive(live, c.Name)
	}
	for range swaps / pairs {
		r.swapAll(cams)
	}
	stop()
	r.close()
	frames, seen := 0, 0
	for _, c := range cams {
		n, wrong := r.recorded(c.Name)
		m, wrongSeen := wrongLive[c.Name]()
		if frames, seen = frames+n, seen+m; n == 0 || m == 0 || wrong > 0 || wrongSeen > 0 {
			t.Errorf("%s: %d of %d recorded frames and %d of %d live ones are another camera's", c.Name, wrong, n, wrongSeen, m)
		}
	}
	t.Logf("%d swaps, %d recorded and %d live frames, all of the right camera", swaps, frames, seen)
}

// swapAll exchanges all pairs, or puts them back, and waits until it has shown.
func (r *rig) swapAll(cams []testcam.Camera) {
	r.t.Helper()
	away := r.recorders[cams[0].Name].Status().State == recorder.Recording
	at := time.Now()
	for i := 0; i < len(cams); i += 2 {
		if err := r.cams.Swap(cams[i].Name, cams[i+1].Name); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, c := range cams {
		if away {
			if s := r.quarantined(c.Name); !strings.Contains(s.Reason, "another") {
				r.t.Errorf("%s: %q", c.Name, s.Reason)
			}
			continue
		}
		r.until(c.Name, "recording again", func(s recorder.Status) bool { return recording(s) && s.LastFrame.After(at) })
		if there, _ := r.met.HasNewDevice(r.t.Context(), r.stream(c.Name)); there {
			r.t.Errorf("%s is back, and the device stays", c.Name)
		}
	}
}

func TestAnAcceptedCameraIsRecordedAtOnceAndTheGapSaysWhy(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, newMemoryStore(), testcam.Camera{Name: "door", TLS: true, Username: "u", Password: "p"})
	r.until("door", "recording", recording)
	h := r.cams.Camera("door")
	if err := h.Rekey(); err != nil {
		t.Fatal(err)
	}
	h.Drop()
	s := r.quarantined("door")
	if want := "another camera answers in its place: other key of its certificate"; s.Reason != want {
		t.Errorf("reason %q, want %q", s.Reason, want)
	}
	device := r.met.device(r.stream("door"))
	if device.Identity.Key == "" || device.Identity.Realm != "" || len(device.Differences) != 1 || device.Resembles != "" {
		t.Errorf("the camera was spoken to before its key was checked: %+v", device)
	}
	next := r.until("door", "tried again in a while only", func(s recorder.Status) bool { return time.Until(s.NextTry) > 5*time.Second }).NextTry
	tries := h.Connections()
	r.met.accept(r.stream("door"))
	r.until("door", "tried", func(recorder.Status) bool { return h.Connections() > tries })
	if !time.Now().Before(next) {
		t.Errorf("the accepted camera was not tried before its turn at %v", next)
	}
	r.until("door", "recording", recording)
	r.timeline("door", "a gap that tells of the quarantine", func(line storage.Timeline) bool {
		return slices.ContainsFunc(line.Gaps, func(g storage.Gap) bool { return g.Reason == "quarantined: "+s.Reason })
	})
	if fingerprint, ok := r.identities.Fingerprint(r.stream("door")); !ok || fingerprint.Identity.Realm == "" || fingerprint.Identity.Picture == "" {
		t.Errorf("of the accepted camera only this is remembered: %+v", fingerprint)
	}
}

func TestAChangeOfSettingsIsNotedAndRecordedOn(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, newMemoryStore(), testcam.Camera{Name: "door", Username: "u", Password: "p"})
	r.until("door", "recording", recording)
	h := r.cams.Camera("door")
	h.SetRealm("new firmware")
	at := time.Now()
	h.Drop()
	r.until("door", "recording again", func(s recorder.Status) bool { return recording(s) && s.LastFrame.After(at) })
	if fingerprint, _ := r.identities.Fingerprint(r.stream("door")); fingerprint.Identity.Realm != "digest new firmware" {
		t.Errorf("remembered: %+v", fingerprint)
	}
}

func TestWhoAnswersIsRememberedAcrossARestartAndAStoreThatFails(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, newMemoryStore(), testcam.Camera{Name: "door"}, testcam.Camera{Name: "yard"})
	for name := range r.recorders {
		r.until(name, "recording", recording)
	}
	r.met.mu.Lock()
	r.met.fail = errors.New("disk full")
	r.met.mu.Unlock()
	if err := r.cams.Swap("door", "yard"); err != nil {
		t.Fatal(err)
	}
	r.quarantined("door") // by what is in memory
	r.close()
	r.met.mu.Lock()
	r.met.fail = nil
	r.met.mu.Unlock()
	r.open()
	if err := r.cams.Swap("door", "yard"); err != nil {
		t.Fatal(err)
	}
	r.start() // at the addresses of the first start
	if err := r.cams.Swap("door", "yard"); err != nil {
		t.Fatal(err)
	}
	for name := range r.recorders {
		r.quarantined(name)
	}
}

func TestNothingIsRecordedBeforeItIsKnownWhomToExpect(t *testing.T) {
	t.Parallel()
	store := newMemoryStore()
	store.fail = errors.New("no such table")
	r := newRigWith(t, store, testcam.Camera{Name: "door"})
	r.until("door", "offline", func(s recorder.Status) bool {
		return s.State == recorder.Offline && s.Reason == "the fingerprint of this camera cannot be read from the accounts database"
	})
	store.mu.Lock()
	store.fail = nil
	store.mu.Unlock()
	r.until("door", "recording", recording)
}
