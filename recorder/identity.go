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

// Pin is whom a stream was recognised as.
type Pin struct {
	Stream   media.StreamID
	Address  string // host:port
	Identity camera.Identity
	Since    time.Time // first contact
	Changed  time.Time // of Identity
}

// Claim is what answers in a stream's place and contradicts its pin.
type Claim struct {
	Stream      media.StreamID
	Address     string
	Identity    camera.Identity
	Differences []string // sentences
	Resembles   string   // name of the configured camera that it looks like; empty for none
	Since       time.Time
}

// PinStore keeps pins and claims. Others may accept a claim at any time: its identity is then the pin's, and the claim gone.
type PinStore interface {
	Pins(ctx context.Context) ([]Pin, error)
	SetPin(ctx context.Context, p Pin, what string) error // and drops the claim
	SetClaim(ctx context.Context, c Claim) error
	DropClaim(ctx context.Context, s media.StreamID) error
	Claimed(ctx context.Context, s media.StreamID) (bool, error)
}

// Place is a stream of the configuration.
type Place struct {
	Stream  media.StreamID
	Name    string // of the camera
	Address string // host:port
}

// Book remembers whom each stream of the configuration was recognised as, and decides whether what answers is still that. It
// is shared by all recorders. When its store fails it goes on with what it last read, and keeps what it could not write.
type Book struct {
	store  PinStore
	log    *slog.Logger
	places map[media.StreamID]Place

	mu     sync.Mutex
	read   bool // pins has been read once
	pins   map[media.StreamID]Pin
	saved  map[media.StreamID]Pin    // as the store has them
	claims map[media.StreamID]Claim  // as they were last written
	words  map[media.StreamID]string // of Strength, since pins last changed
}

// NewBook returns a Book for the places. It reads nothing yet.
func NewBook(store PinStore, places []Place, log *slog.Logger) *Book {
	b := &Book{store: store, log: log, places: map[media.StreamID]Place{}, pins: map[media.StreamID]Pin{},
		saved: map[media.StreamID]Pin{}, claims: map[media.StreamID]Claim{}, words: map[media.StreamID]string{}}
	for _, p := range places {
		b.places[p.Stream] = p
	}
	return b
}

// changesEvery is how often a stream's changes are written: some cameras change their parameter sets with every key frame.
const changesEvery = time.Minute

// bookPatience bounds how long a judgement waits for the store.
const bookPatience = 2 * time.Second

var errNoBook = errors.New("the pins have not been read")

// Load reads the pins, for who wants to look at them before any recorder runs.
func (b *Book) Load(ctx context.Context) error { return b.refresh(ctx) }

// Pin returns whom the stream was recognised as, if it was met.
func (b *Book) Pin(s media.StreamID) (Pin, bool) {
	if p := b.pin(s); p != nil {
		return *p, true
	}
	return Pin{}, false
}

// refresh reads the pins. What is newer here and could not be written stays.
func (b *Book) refresh(ctx context.Context) error {
	all, err := b.store.Pins(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		if b.read {
			b.log.Warn("identities of cameras cannot be read; going on with what is known", "err", err)
			return nil
		}
		return errors.Join(errNoBook, err)
	}
	b.read = true
	for _, p := range all {
		b.saved[p.Stream] = p
		if mine, ok := b.pins[p.Stream]; !ok || !mine.Changed.After(p.Changed) {
			b.put(p)
		}
	}
	return nil
}

// others returns the pins of the configuration's other cameras, where they stand at other addresses. It is called with mu
// held.
func (b *Book) others(at Place) []camera.Known {
	host := func(address string) string { return address[:max(strings.LastIndex(address, ":"), 0)] }
	var all []camera.Known
	for s, p := range b.pins {
		place, configured := b.places[s]
		if configured && s.Camera != at.Stream.Camera && place.Address != at.Address {
			all = append(all, camera.Known{Name: place.Name, SameHost: host(place.Address) == host(at.Address), Identity: p.Identity})
		}
	}
	return all
}

func (b *Book) pin(s media.StreamID) *Pin {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.pins[s]; ok {
		return &p
	}
	return nil
}

// put keeps a pin in memory. It is called with mu held.
func (b *Book) put(p Pin) {
	if b.pins[p.Stream].Identity != p.Identity {
		clear(b.words)
	}
	b.pins[p.Stream] = p
}

// Strength says in words how surely the stream's camera is told from others; "" before the first contact.
func (b *Book) Strength(s media.StreamID) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, met := b.pins[s]
	if !met {
		return ""
	}
	if b.words[s] == "" {
		b.words[s] = camera.Strength(p.Identity, b.others(b.places[s]))
	}
	return b.words[s]
}

// judge returns nil when what was seen may be the stream's camera, and a *camera.Failure of the kind Stranger when it is
// another. When the whole of it was seen, it is remembered.
func (b *Book) judge(ctx context.Context, s media.StreamID, seen camera.Identity, whole bool) error {
	ctx, stop := context.WithTimeout(ctx, bookPatience)
	defer stop()
	if err := b.refresh(ctx); err != nil {
		return &camera.Failure{Kind: camera.Broken, Reason: "whom to expect at this address cannot be read from the accounts database", Err: err}
	}
	b.mu.Lock()
	place, others := b.places[s], b.others(b.places[s])
	b.mu.Unlock()
	pinned := b.pin(s)
	var known *camera.Identity
	if pinned != nil {
		known = &pinned.Identity
	}
	verdict, differences, twin := camera.Judge(known, seen, others)
	if verdict == camera.Another {
		claim := Claim{Stream: s, Address: place.Address, Identity: seen, Resembles: twin, Since: time.Now()}
		for _, d := range differences {
			claim.Differences = append(claim.Differences, d.String())
		}
		b.claim(ctx, claim)
		return stranger(place, pinned, claim, differences)
	}
	if whole {
		b.remember(ctx, place, pinned, seen, differences)
	}
	return nil
}

// stranger says why a camera is quarantined. What only its owner may know stays in the cause.
func stranger(at Place, pinned *Pin, c Claim, differences []camera.Difference) error {
	reason := "another camera answers in its place"
	for i, d := range differences {
		reason += []string{": other ", ", "}[min(i, 1)] + d.Kind
	}
	if len(differences) == 0 {
		reason = "the camera that answers is known under another name"
	}
	if pinned != nil && pinned.Address != at.Address {
		reason += " (its address in the configuration is new, too)"
	}
	cause := strings.Join(c.Differences, "; ")
	if c.Resembles != "" {
		cause += fmt.Sprintf("; it looks like camera %q", c.Resembles)
	}
	cause = strings.TrimPrefix(cause, "; ") + fmt.Sprintf("; \"nvr camera accept %s\" takes it for this camera from now on", at.Name)
	return &camera.Failure{Kind: camera.Stranger, Reason: reason, Err: errors.New(cause)}
}

// claim notes what answers, unless it is what was noted before.
func (b *Book) claim(ctx context.Context, c Claim) {
	b.mu.Lock()
	before, noted := b.claims[c.Stream]
	b.mu.Unlock()
	if noted && before.Identity.Or(c.Identity) == before.Identity && c.Identity.Or(before.Identity) == before.Identity {
		if there, err := b.store.Claimed(ctx, c.Stream); err == nil && there {
			return
		}
		c = before // it was seen more fully then
	}
	err := b.store.SetClaim(ctx, c)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.claims[c.Stream] = c; err != nil {
		delete(b.claims, c.Stream)
		b.log.Error("note what answers in a camera's place", "camera", b.places[c.Stream].Name, "err", err)
	}
}

// remember keeps what is new of a camera that is the one expected, and forgets what stood in its place.
func (b *Book) remember(ctx context.Context, at Place, pinned *Pin, seen camera.Identity, differences []camera.Difference) {
	now := time.Now()
	next, what := Pin{Stream: at.Stream, Address: at.Address, Identity: seen, Since: now, Changed: now}, "first contact"
	if pinned != nil {
		next.Identity, next.Since, what = seen.Or(pinned.Identity), pinned.Since, changesText(pinned, at, differences)
		if next.Identity == pinned.Identity && next.Address == pinned.Address {
			next.Changed = pinned.Changed
		}
	}
	b.mu.Lock()
	b.put(next)
	delete(b.claims, at.Stream)
	saved, ok := b.saved[at.Stream]
	b.mu.Unlock()
	moved := saved.Address != next.Address
	if ok && !moved && (saved.Identity == next.Identity || now.Sub(saved.Changed) < changesEvery) {
		b.back(ctx, at)
		return
	}
	if err := b.store.SetPin(ctx, next, what); err != nil {
		b.log.Error("remember a camera's identity", "camera", at.Name, "err", err)
		return
	}
	b.mu.Lock()
	b.saved[at.Stream] = next
	b.mu.Unlock()
	if pinned != nil {
		b.log.Info("camera changed, and is taken for the same", "camera", at.Name, "stream", at.Stream.Quality.String(), "what", what)
	}
}

// changesText says what changed of a camera that stays the same.
func changesText(pinned *Pin, at Place, differences []camera.Difference) string {
	var all []string
	for _, d := range differences {
		all = append(all, d.String())
	}
	if pinned.Address != at.Address {
		all = append(all, fmt.Sprintf("address: was %q, is %q", pinned.Address, at.Address))
	}
	if len(all) == 0 {
		return "more was seen that tells it from others"
	}
	return strings.Join(all, "; ")
}

// back drops the claim of what stood in the camera's place.
func (b *Book) back(ctx context.Context, at Place) {
	there, err := b.store.Claimed(ctx, at.Stream)
	if err == nil && there {
		err = b.store.DropClaim(ctx, at.Stream)
	}
	if err != nil && ctx.Err() == nil {
		b.log.Warn("forget what stood in a camera's place", "camera", at.Name, "err", err)
	}
}

// settled reports whether the owner has accepted what was last judged a stranger.
func (b *Book) settled(ctx context.Context, s media.StreamID) bool {
	b.mu.Lock()
	_, noted := b.claims[s]
	b.mu.Unlock()
	if !noted {
		return false
	}
	there, err := b.store.Claimed(ctx, s)
	return err == nil && !there
}

// settledEvery is how often a quarantined stream looks whether its owner has accepted what answers.
const settledEvery = time.Second

// untilSettled returns a context that ends with ctx, or when the owner has accepted what answers. stop waits for what it
// started.
func (r *Recorder) untilSettled(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	wait.Go(func() {
		defer cancel()
		tick := time.NewTicker(settledEvery)
		defer tick.Stop()
		for ctx.Err() == nil && !r.opts.Book.settled(ctx, r.opts.Stream) {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return ctx, func() { cancel(); wait.Wait() }
}

// judge asks the book, if there is one.
func (r *Recorder) judge(ctx context.Context, seen camera.Identity, whole bool) error {
	if r.opts.Book == nil {
		return nil
	}
	return r.opts.Book.judge(ctx, r.opts.Stream, seen, whole)
}
