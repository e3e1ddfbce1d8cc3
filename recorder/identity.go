package recorder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

// Fingerprint is what tells the camera of a stream from others, as it was seen last.
type Fingerprint struct {
	Stream   media.StreamID
	Address  string // host:port
	Identity camera.Identity
	Since    time.Time // first contact
	Changed  time.Time // of Identity
}

// NewDevice is a device that answers at a stream's address and contradicts the camera's fingerprint.
type NewDevice struct {
	Stream      media.StreamID
	Address     string
	Identity    camera.Identity
	Differences []string // sentences
	Resembles   string   // name of the configured camera that it looks like; empty for none
	Since       time.Time
}

// FingerprintStore keeps fingerprints and new devices. The owner may accept a new device at any time: its identity is then the
// fingerprint's, and the new device is gone.
type FingerprintStore interface {
	Fingerprints(ctx context.Context) ([]Fingerprint, error)
	SetFingerprint(ctx context.Context, p Fingerprint, what string) error // and forgets the new device
	SetNewDevice(ctx context.Context, c NewDevice) error
	ForgetNewDevice(ctx context.Context, s media.StreamID) error
	HasNewDevice(ctx context.Context, s media.StreamID) (bool, error)
}

// ConfiguredStream is a stream of the configuration.
type ConfiguredStream struct {
	Stream  media.StreamID
	Name    string // of the camera
	Address string // host:port
}

// IdentityRegistry knows which device each configured camera is, and decides whether the one that answers is still the same. All
// recorders share it. When its store fails it continues with what it last read, and keeps what it could not write.
type IdentityRegistry struct {
	store   FingerprintStore
	log     *slog.Logger
	streams map[media.StreamID]ConfiguredStream

	mu           sync.Mutex
	read         bool // fingerprints has been read once
	fingerprints map[media.StreamID]Fingerprint
	saved        map[media.StreamID]Fingerprint // as the store has them
	devices      map[media.StreamID]NewDevice   // as they were last written
	words        map[media.StreamID]string      // of Strength, since fingerprints last changed
}

// NewIdentityRegistry returns a registry of the streams. It reads nothing yet.
func NewIdentityRegistry(store FingerprintStore, streams []ConfiguredStream, log *slog.Logger) *IdentityRegistry {
	g := &IdentityRegistry{store: store, log: log, streams: map[media.StreamID]ConfiguredStream{}, fingerprints: map[media.StreamID]Fingerprint{},
		saved: map[media.StreamID]Fingerprint{}, devices: map[media.StreamID]NewDevice{}, words: map[media.StreamID]string{}}
	for _, p := range streams {
		g.streams[p.Stream] = p
	}
	return g
}

// changesEvery is how often a stream's changes are written: some cameras change their parameter sets with every key frame.
const changesEvery = time.Minute

// storePatience bounds how long a judgement waits for the store.
const storePatience = 2 * time.Second

var errNotRead = errors.New("the fingerprints of cameras have not been read")

// Load reads the fingerprints, for callers that need them before any recorder runs.
func (g *IdentityRegistry) Load(ctx context.Context) error { return g.refresh(ctx) }

// Fingerprint returns the fingerprint of the stream's camera, once it was met.
func (g *IdentityRegistry) Fingerprint(s media.StreamID) (Fingerprint, bool) {
	if p := g.fingerprint(s); p != nil {
		return *p, true
	}
	return Fingerprint{}, false
}

// refresh reads the fingerprints. A newer one here, which could not be written, stays.
func (g *IdentityRegistry) refresh(ctx context.Context) error {
	all, err := g.store.Fingerprints(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		if g.read {
			g.log.Warn("fingerprints of cameras cannot be read; continuing with those read last", "err", err)
			return nil
		}
		return errors.Join(errNotRead, err)
	}
	g.read = true
	for _, p := range all {
		g.saved[p.Stream] = p
		if mine, ok := g.fingerprints[p.Stream]; !ok || !mine.Changed.After(p.Changed) {
			g.put(p)
		}
	}
	return nil
}

// others returns the fingerprints of the other configured cameras that have other addresses. The caller holds mu.
func (g *IdentityRegistry) others(at ConfiguredStream) []camera.Known {
	host := func(address string) string { return address[:max(strings.LastIndex(address, ":"), 0)] }
	var all []camera.Known
	for s, p := range g.fingerprints {
		other, configured := g.streams[s]
		if configured && s.Camera != at.Stream.Camera && other.Address != at.Address {
			all = append(all, camera.Known{Name: other.Name, SameHost: host(other.Address) == host(at.Address), Identity: p.Identity})
		}
	}
	return all
}

func (g *IdentityRegistry) fingerprint(s media.StreamID) *Fingerprint {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := g.fingerprints[s]; ok {
		return &p
	}
	return nil
}

// put keeps a fingerprint in memory. The caller holds mu.
func (g *IdentityRegistry) put(p Fingerprint) {
	if g.fingerprints[p.Stream].Identity != p.Identity {
		clear(g.words)
	}
	g.fingerprints[p.Stream] = p
}

// Strength says in words how well the stream's camera can be told from others; "" before the first contact.
func (g *IdentityRegistry) Strength(s media.StreamID) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, met := g.fingerprints[s]
	if !met {
		return ""
	}
	if g.words[s] == "" {
		g.words[s] = camera.Strength(p.Identity, g.others(g.streams[s]))
	}
	return g.words[s]
}

// judge returns nil when what was seen may be the stream's camera, and a *camera.Failure of the kind UnexpectedDevice when it is
// another. When the whole of it was seen, it is remembered.
func (g *IdentityRegistry) judge(ctx context.Context, s media.StreamID, seen camera.Identity, whole bool) error {
	ctx, stop := context.WithTimeout(ctx, storePatience)
	defer stop()
	if err := g.refresh(ctx); err != nil {
		return &camera.Failure{Kind: camera.Broken, Reason: "the fingerprint of this camera cannot be read from the accounts database", Err: err}
	}
	g.mu.Lock()
	at, others := g.streams[s], g.others(g.streams[s])
	g.mu.Unlock()
	known := g.fingerprint(s)
	var before *camera.Identity
	if known != nil {
		before = &known.Identity
	}
	verdict, differences, twin := camera.Judge(before, seen, others)
	if verdict == camera.Another {
		device := NewDevice{Stream: s, Address: at.Address, Identity: seen, Resembles: twin, Since: time.Now()}
		for _, d := range differences {
			device.Differences = append(device.Differences, d.String())
		}
		g.note(ctx, device)
		return quarantined(at, known, device, differences)
	}
	if whole {
		g.remember(ctx, at, known, seen, differences)
	}
	return nil
}

// quarantined says why a camera is quarantined. What only its owner may know is in the cause.
func quarantined(at ConfiguredStream, known *Fingerprint, c NewDevice, differences []camera.Difference) error {
	reason := "another camera answers in its place"
	for i, d := range differences {
		reason += []string{": other ", ", "}[min(i, 1)] + d.Kind
	}
	if len(differences) == 0 {
		reason = "the camera that answers is known under another name"
	}
	if known != nil && known.Address != at.Address {
		reason += " (its address in the configuration is new, too)"
	}
	cause := strings.Join(c.Differences, "; ")
	if c.Resembles != "" {
		cause += fmt.Sprintf("; it looks like camera %q", c.Resembles)
	}
	cause = strings.TrimPrefix(cause, "; ") + fmt.Sprintf("; \"nvr camera accept %s\" takes it for this camera from now on", at.Name)
	return &camera.Failure{Kind: camera.UnexpectedDevice, Reason: reason, Err: errors.New(cause)}
}

// note keeps the new device, unless it is the one that was kept before.
func (g *IdentityRegistry) note(ctx context.Context, c NewDevice) {
	g.mu.Lock()
	before, noted := g.devices[c.Stream]
	g.mu.Unlock()
	if noted && before.Identity.Or(c.Identity) == before.Identity && c.Identity.Or(before.Identity) == before.Identity {
		if there, err := g.store.HasNewDevice(ctx, c.Stream); err == nil && there {
			return
		}
		c = before // it was seen more fully then
	}
	err := g.store.SetNewDevice(ctx, c)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.devices[c.Stream] = c; err != nil {
		delete(g.devices, c.Stream)
		g.log.Error("store the new device at a camera's address", "camera", g.streams[c.Stream].Name, "err", err)
	}
}

// remember keeps what is new about the expected camera, and forgets the device that answered in its place.
func (g *IdentityRegistry) remember(ctx context.Context, at ConfiguredStream, known *Fingerprint, seen camera.Identity, differences []camera.Difference) {
	now := time.Now()
	next, what := Fingerprint{Stream: at.Stream, Address: at.Address, Identity: seen, Since: now, Changed: now}, "first contact"
	if known != nil {
		next.Identity, next.Since, what = seen.Or(known.Identity), known.Since, changesText(known, at, differences)
		if next.Identity == known.Identity && next.Address == known.Address {
			next.Changed = known.Changed
		}
	}
	g.mu.Lock()
	g.put(next)
	delete(g.devices, at.Stream)
	saved, ok := g.saved[at.Stream]
	g.mu.Unlock()
	moved := saved.Address != next.Address
	if ok && !moved && (saved.Identity == next.Identity || now.Sub(saved.Changed) < changesEvery) {
		g.back(ctx, at)
		return
	}
	if err := g.store.SetFingerprint(ctx, next, what); err != nil {
		g.log.Error("store a camera's fingerprint", "camera", at.Name, "err", err)
		return
	}
	g.mu.Lock()
	g.saved[at.Stream] = next
	g.mu.Unlock()
	if known != nil {
		g.log.Info("camera changed but is still recognised", "camera", at.Name, "stream", at.Stream.Quality.String(), "what", what)
	}
}

// changesText says what changed of a camera that stays the same.
func changesText(known *Fingerprint, at ConfiguredStream, differences []camera.Difference) string {
	var all []string
	for _, d := range differences {
		all = append(all, d.String())
	}
	if known.Address != at.Address {
		all = append(all, fmt.Sprintf("address: was %q, is %q", known.Address, at.Address))
	}
	if len(all) == 0 {
		return "more was learnt that tells it from others"
	}
	return strings.Join(all, "; ")
}

// back forgets the device that answered in the camera's place.
func (g *IdentityRegistry) back(ctx context.Context, at ConfiguredStream) {
	there, err := g.store.HasNewDevice(ctx, at.Stream)
	if err == nil && there {
		err = g.store.ForgetNewDevice(ctx, at.Stream)
	}
	if err != nil && ctx.Err() == nil {
		g.log.Warn("remove the new device at a camera's address", "camera", at.Name, "err", err)
	}
}

// accepted reports whether the owner has accepted the new device.
func (g *IdentityRegistry) accepted(ctx context.Context, s media.StreamID) bool {
	g.mu.Lock()
	_, noted := g.devices[s]
	g.mu.Unlock()
	if !noted {
		return false
	}
	there, err := g.store.HasNewDevice(ctx, s)
	return err == nil && !there
}

// acceptedEvery is how often a quarantined stream looks whether its owner has accepted the new device.
const acceptedEvery = time.Second

// untilAccepted returns a context that ends with ctx, or when the owner has accepted the new device. stop waits for what it
// started.
func (r *Recorder) untilAccepted(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		defer cancel()
		tick := time.NewTicker(acceptedEvery)
		defer tick.Stop()
		for ctx.Err() == nil && !r.opts.Identities.accepted(ctx, r.opts.Stream) {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return ctx, func() { cancel(); wait.Wait() }
}

// judge asks the registry, if there is one.
func (r *Recorder) judge(ctx context.Context, seen camera.Identity, whole bool) error {
	if r.opts.Identities == nil {
		return nil
	}
	return r.opts.Identities.judge(ctx, r.opts.Stream, seen, whole)
}
