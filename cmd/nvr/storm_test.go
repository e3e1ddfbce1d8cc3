package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/planted/trialtest"
	"keepwatch.internal/internal/testcam"
)

// Environment variables that make the storm larger.
const (
	stormCamerasVar = "KEEPWATCH_STORM_CAMERAS"
	stormViewersVar = "KEEPWATCH_STORM_VIEWERS"
)

// stormWidth and stormHeight are the size of the cameras' pictures.
const stormWidth, stormHeight = 160, 90

// storm is one running trial.
type storm struct {
	*site
	began   time.Time
	seed    uint64
	lenses  []*lens
	client  *http.Client // shared by all guests, as behind one proxy
	people  *stormPeople
	tally   *tally
	stop    context.CancelFunc
	dialled atomic.Int64
	failed  atomic.Int64
}

// TestAStormShowsNobodyAByteOfAForeignCamera has guests with changing rights request everything from the real server and often
// cancel, while its cameras drop out, its databases are locked by another process, and it is killed. Invariant I6.
func TestAStormShowsNobodyAByteOfAForeignCamera(t *testing.T) {
	seed := trialtest.Seed(t)
	objects := int64(trialtest.Rounds(t, 20_000))
	s := newStorm(t, seed, numberFrom(t, stormCamerasVar, 16))
	viewers := numberFrom(t, stormViewersVar, 24)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s.stop = stop
	s.settle(max(3, viewers/8))
	s.began = time.Now()
	s.start()
	s.people.learn()
	s.people.owning()
	s.recovered(s.began, "the first start")
	guests := s.invite(viewers)
	var all sync.WaitGroup
	for i, g := range guests {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for ctx.Err() == nil {
				if r.IntN(8) == 0 {
					s.watch(ctx, g, r)
					continue
				}
				e := s.anyErrand(r, s.anyCamera(g, r))
				s.visit(ctx, g, e, anyStop(r, e))
			}
		})
	}
	all.Go(func() { s.people.change(ctx, rand.New(rand.NewPCG(seed, 1<<32))) })
	s.weather(ctx, rand.New(rand.NewPCG(seed, 1<<33)), objects)
	stop()
	all.Wait()
	s.verdict(objects)
}

// numberFrom reads an environment variable.
func numberFrom(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 4 {
		t.Fatalf("%s=%q is no number of at least 4", name, text)
	}
	return n
}

// newStorm starts cameras and writes the configuration. It does not start the server.
func newStorm(t *testing.T, seed uint64, cameras int) *storm {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1<<34))
	word := func() string { return hex.EncodeToString(fmt.Appendf(nil, "%03x", r.IntN(1<<12)))[:6] }
	var specs []testcam.Camera
	seen := map[string]bool{}
	s := &storm{seed: seed, tally: newTally()}
	for len(specs) < cameras {
		name := fmt.Sprintf("lens-%s%04x", word(), r.IntN(1<<16))
		if seen[name] {
			continue
		}
		seen[name] = true
		c := testcam.Camera{Name: name, Code: uint32(len(specs) + 1), NoSub: true, Audio: testcam.AAC,
			Main: testcam.Video{Width: stormWidth, Height: stormHeight, FPS: 10, GOP: time.Second}}
		if cameras > 64 {
			c.Main.FPS = 5
		}
		specs = append(specs, c)
		s.lenses = append(s.lenses, &lens{name: name, label: fmt.Sprintf("Vista %08x", r.Uint32()), code: c.Code})
	}
	srv, err := testcam.Start(t.Context(), testcam.Options{Cameras: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	for _, c := range s.lenses {
		c.handle = srv.Camera(c.name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.site = &site{t: t, dir: t.TempDir(), url: "http://" + l.Addr().String(), cams: srv}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.conf = s.dir + "/config.yaml"
	s.client = s.newClient()
	t.Cleanup(func() { s.kill(syscall.SIGKILL) })
	return s
}

// newClient returns a client that counts its connections.
func (s *storm) newClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				s.dialled.Add(1)
				return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
			}},
	}
}

// configure writes the configuration with the current owners.
func (s *storm) configure() {
	s.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "data: data\nrecordings: recordings\nweb: {listen: %q, tls: off}\nstorage: {min_free: 1MB}\ncameras:\n", strings.TrimPrefix(s.url, "http://"))
	for _, c := range s.lenses {
		fmt.Fprintf(&b, "  %s: {label: %q, main: %q, audio: true, owners: [%s]}\n", c.name, c.label, c.handle.URL(media.Main), strings.Join(s.people.ownersOf(c), ", "))
	}
	if err := os.WriteFile(s.conf, []byte(b.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// anyCamera picks a random camera: mostly one of the guest's current ones, and often a former one.
func (s *storm) anyCamera(g *guest, r *rand.Rand) *lens {
	if had := g.had(); len(had) > 0 && r.IntN(10) < 3 {
		return had[r.IntN(len(had))]
	}
	if held := g.held(s.lenses); len(held) > 0 && r.IntN(10) < 8 {
		return held[r.IntN(len(held))]
	}
	return s.lenses[r.IntN(len(s.lenses))]
}

// mostFailures ends the storm, since more failures add nothing.
const mostFailures = 5

// fail notes that something is wrong.
func (s *storm) fail(format string, args ...any) {
	s.t.Errorf(format, args...)
	if s.failed.Add(1) >= mostFailures {
		s.stop()
	}
}

// tally counts results.
type tally struct {
	mu                        sync.Mutex
	fragments, frames, sounds int64
	texts, received           int64
	answers, cut              int64
	statuses                  map[string]int64 // by kind of request and status
	kills, waves, locks       int
	slowest                   time.Duration // until all cameras recorded again
	grants, revoked           int
	films                     []film // some complete clips, to be decoded
}

// film is a received clip.
type film struct {
	camera *lens
	file   []byte
	frames int
}

// mostFilms bounds the number of decoded clips, since each takes a process.
const mostFilms = 8

func (c *tally) film(f film) {
	c.do(func() {
		if len(c.films) < mostFilms {
			c.films = append(c.films, f)
		}
	})
}

func newTally() *tally { return &tally{statuses: map[string]int64{}} }

func (c *tally) objects() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fragments + c.frames + c.sounds + c.texts
}

func (c *tally) do(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// silence counts a request without a response, because the guest cancelled or the server was down.
func (c *tally) silence(left bool) {
	c.do(func() {
		if left {
			c.answers++
			c.cut++
			c.statuses["left before the answer"]++
			return
		}
		c.statuses["no answer"]++
	})
}

func (c *tally) text()       { c.do(func() { c.texts++ }) }
func (c *tally) bytes(n int) { c.do(func() { c.received += int64(n) }) }

func (c *tally) saw(e *eye) {
	c.do(func() {
		c.fragments += int64(e.fragments)
		c.frames += int64(e.frames)
		c.sounds += int64(e.sounds)
	})
}

func (c *tally) answer(what string, status, bytes int, cut bool) {
	c.do(func() {
		c.answers++
		c.received += int64(bytes)
		if cut {
			c.cut++
		}
		c.statuses[fmt.Sprintf("%s %d", what, status)]++
	})
}

// verdict reports the result, and fails if the storm was too mild to prove anything.
func (s *storm) verdict(objects int64) {
	c := s.tally
	seen := c.objects()
	decoded := 0
	for _, f := range c.films {
		decoded += s.pictured(f)
	}
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(c.statuses)) {
		lines = append(lines, fmt.Sprintf("%s: %d", what, c.statuses[what]))
	}
	s.t.Log(strings.Join(lines, ", "))
	trialtest.Report(s.t, "Storm", "%d cameras: %d objects (%d fragments, %d pictures, %d frames of sound, %d pages and messages), %.1f MB in %d answers, "+
		"%d %% of them cancelled, over %d connections; %d rights given, %d taken away; %d kills, %d waves, %d locks; all cameras back within %v; code words of %d decoded pictures read; %d foreign",
		len(s.lenses), seen, c.fragments, c.frames, c.sounds, c.texts, float64(c.received)/1e6, c.answers, 100*c.cut/max(c.answers, 1), s.dialled.Load(),
		c.grants, c.revoked, c.kills, c.waves, c.locks, c.slowest.Round(100*time.Millisecond), decoded, s.failed.Load())
	if s.failed.Load() > 0 {
		s.t.Logf("what the server says of errors:\n%s", s.complaints())
		return
	}
	if decoded == 0 {
		s.t.Error("no clip was received whole")
	}
	if seen < objects || 100*c.cut < 30*c.answers {
		s.t.Errorf("%d objects of %d, %d of %d answers cancelled", seen, objects, c.cut, c.answers)
	}
	for _, what := range []string{"clip 200", "clip 404", "range 206", "export 200", "export 404", "segments 200", "key frame 200", "live 200", "live 404",
		"live socket 101", "timeline 200", "timeline 404", "camera page 200", "camera page 404"} {
		if c.statuses[what] == 0 {
			s.t.Errorf("the storm had no %s", what)
		}
	}
	s.calm()
}

// complaints returns the last errors in the server's log.
func (s *storm) complaints() string {
	var errors []string
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "level=ERROR") {
			errors = append(errors, line)
		}
	}
	return strings.Join(errors[max(0, len(errors)-20):], "")
}

// calm fails if the server panicked or, in a race build, had a data race.
func (s *storm) calm() {
	if log := s.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "DATA RACE") {
		s.t.Errorf("the server was not well:\n%s", log)
	}
}
