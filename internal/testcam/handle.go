package testcam

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"keepwatch.internal/internal/media"
)

// Handle is one running camera: what it did so far, and what it shall do wrong. It is safe for concurrent use.
type Handle struct {
	camera  Camera
	streams map[media.Quality]*stream

	mu       sync.Mutex
	port     *port
	run      uint32
	password string
	realm    string
	identity *tls.Certificate // nil without TLS
	status   base.StatusCode  // zero: fine
	sdp      SDP
}

func newHandle(c Camera, options *Options, studio *studio, phase time.Duration) (*Handle, error) {
	h := &Handle{camera: c, streams: map[media.Quality]*stream{}, run: options.Run, password: c.Password, realm: c.Realm}
	if c.TLS {
		if err := h.Rekey(); err != nil {
			return nil, fmt.Errorf("camera %s: %w", c.Name, err)
		}
	}
	epoch := time.Now().Add(phase).Truncate(time.Microsecond)
	for _, q := range []media.Quality{media.Main, media.Sub} {
		if q == media.Sub && c.NoSub {
			continue
		}
		src, err := studio.source(&h.camera, q, options.Location)
		if err != nil {
			return nil, fmt.Errorf("camera %s: %w", c.Name, err)
		}
		h.streams[q] = newStream(q, src, h.run, epoch)
		h.streams[q].title = c.Title
	}
	p, err := newPort(&h.camera, options)
	if err != nil {
		return nil, fmt.Errorf("camera %s: %w", c.Name, err)
	}
	if err := h.attach(p); err != nil {
		p.close()
		return nil, fmt.Errorf("camera %s: %w", c.Name, err)
	}
	return h, nil
}

// attach publishes the camera at a port.
func (h *Handle) attach(p *port) error {
	for _, s := range h.streams {
		if err := s.attach(p.server); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.port = p
	h.mu.Unlock()
	p.setCamera(h)
	return nil
}

func (h *Handle) detach() {
	for _, s := range h.streams {
		s.detach()
	}
}

func (h *Handle) gate() *gate {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.port.gate
}

// Name returns Camera.Name.
func (h *Handle) Name() string { return h.camera.Name }

// Code returns the camera's code as it stands in its marks.
func (h *Handle) Code() uint32 { return h.camera.Code }

// URL returns the address of a stream, with the login in it.
func (h *Handle) URL(q media.Quality) string {
	return addressOf(&h.camera, h.gate().Addr(), q)
}

// LastFrame returns the number of the last frame of a stream, sent or not; zero before the first.
func (h *Handle) LastFrame(q media.Quality) uint64 {
	last, _, _ := h.streams[q].state()
	return last
}

// Run returns the number of the run that marks now carry.
func (h *Handle) Run() uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.run
}

// Viewers returns how many sessions play a stream.
func (h *Handle) Viewers(q media.Quality) int {
	_, viewers, _ := h.streams[q].state()
	return viewers
}

// Connections returns how many connections were accepted so far.
func (h *Handle) Connections() int { return h.gate().count() }

// WaitFrame waits until frame n of a stream has been sent, or its time has gone by without viewers.
func (h *Handle) WaitFrame(ctx context.Context, q media.Quality, n uint64) error {
	for {
		last, _, moved := h.streams[q].state()
		if last >= n {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for frame %d: %w", n, ctx.Err())
		}
	}
}

// Drop cuts all connections and sessions now, without a goodbye. The camera can be connected to again at once.
func (h *Handle) Drop() {
	h.mu.Lock()
	p := h.port
	h.mu.Unlock()
	p.gate.cut()
	p.endSessions()
}

// Freeze stops the pictures and the sound, while RTSP requests, keep-alives among them, are still answered; and lets
// them go on, with a key frame. Frames that fell into the time are missing.
func (h *Handle) Freeze(frozen bool) {
	for _, s := range h.streams {
		s.freeze(frozen)
	}
}

// Mute stops the sound that the description goes on to promise, while the pictures go on; and lets it go on.
func (h *Handle) Mute(muted bool) {
	for _, s := range h.streams {
		s.mute(muted)
	}
}

// Stamp has all RTP timestamps be off by so many ticks from now on, as cameras do that set their clock; zero ends it.
func (h *Handle) Stamp(ticks int32) {
	for _, s := range h.streams {
		s.stamp(ticks)
	}
}

// SetClock has the camera tell a time of day that is off by so much.
func (h *Handle) SetClock(off time.Duration) {
	for _, s := range h.streams {
		s.setClock(off)
	}
}

// Refuse stops listening, so that connections are refused by the system, and cuts those that are there; and listens
// again on the same port.
func (h *Handle) Refuse(refuse bool) error {
	if !refuse {
		return h.gate().open()
	}
	h.gate().shut()
	h.Drop()
	return nil
}

// Hang leaves everything open and answers nothing, sends nothing, not even RTCP: like a camera whose cable was pulled.
// When it ends, all connections are cut.
func (h *Handle) Hang(hang bool) {
	g := h.gate()
	was := g.deaf.Load()
	h.Freeze(hang)
	if was && !hang {
		h.Drop()
	}
	g.deaf.Store(hang)
}

// Reject answers all requests for the stream with an RTSP status: 401 as if the password were wrong, 404, 453 (not enough
// bandwidth) at SETUP, 503, and so on; those that play go on. Zero ends it.
func (h *Handle) Reject(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = base.StatusCode(status)
}

// SetPassword changes the password that the camera wants, but not the one in URL.
func (h *Handle) SetPassword(password string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.password = password
}

// SetRealm changes how the camera names itself at the password prompt, as some do with new firmware.
func (h *Handle) SetRealm(realm string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.realm = realm
}

// Rekey gives the camera a certificate with a new key, as a factory reset does.
func (h *Handle) Rekey() error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.identity = &certificate
	return nil
}

// SDP is what a camera answers to DESCRIBE.
type SDP uint8

// The kinds of answer.
const (
	GoodSDP        SDP = iota
	GarbageSDP         // bytes that are no SDP
	EmptySDP           // a session without media
	UnsupportedSDP     // VP8, which is not recorded
	AudioOnlySDP       // sound without pictures
)

// Describe changes what the camera answers to DESCRIBE from now on.
func (h *Handle) Describe(sdp SDP) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sdp = sdp
}

// Reboot cuts all connections and starts a new run: its number is one higher, and frames count from 1.
func (h *Handle) Reboot() {
	h.mu.Lock()
	h.run++
	run := h.run
	h.mu.Unlock()
	h.Drop()
	epoch := time.Now().Truncate(time.Microsecond)
	for _, s := range h.streams {
		s.reboot(run, epoch)
	}
}

// ComeBack ends every fault.
func (h *Handle) ComeBack() error {
	h.Freeze(false)
	h.Mute(false)
	h.Stamp(0)
	h.Hang(false)
	h.Reject(0)
	h.Describe(GoodSDP)
	h.SetPassword(h.camera.Password)
	return h.Refuse(false)
}
