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

// Handle is one running camera: its state so far, and switches for its faults. It is safe for concurrent use.
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

// Code returns the camera's code, as in its marks.
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

// Run returns the number of the current run, as in the marks.
func (h *Handle) Run() uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.run
}

// Viewers returns the number of sessions that play a stream.
func (h *Handle) Viewers(q media.Quality) int {
	_, viewers, _ := h.streams[q].state()
	return viewers
}

// Connections returns the number of accepted connections so far.
func (h *Handle) Connections() int { return h.gate().count() }

// WaitFrame waits until frame n of a stream was sent, or was due without viewers.
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

// Drop cuts all connections and sessions without notice. New connections are accepted at once.
func (h *Handle) Drop() {
	h.mu.Lock()
	p := h.port
	h.mu.Unlock()
	p.gate.cut()
	p.endSessions()
}

// Freeze stops video and audio, or resumes them with a key frame. Meanwhile the camera still answers RTSP requests such as
// keep-alives, and frames that were due are missing.
func (h *Handle) Freeze(frozen bool) {
	for _, s := range h.streams {
		s.freeze(frozen)
	}
}

// Mute stops or resumes the audio. Video continues, and the description still lists the audio.
func (h *Handle) Mute(muted bool) {
	for _, s := range h.streams {
		s.mute(muted)
	}
}

// Stamp shifts all RTP timestamps by this many ticks from now on, like a camera that sets its clock. Zero ends it.
func (h *Handle) Stamp(ticks int32) {
	for _, s := range h.streams {
		s.stamp(ticks)
	}
}

// SetClock sets how far the camera's time of day is off.
func (h *Handle) SetClock(off time.Duration) {
	for _, s := range h.streams {
		s.setClock(off)
	}
}

// Refuse stops listening, so that the system refuses connections, and cuts existing ones; or listens again on the same port.
func (h *Handle) Refuse(refuse bool) error {
	if !refuse {
		return h.gate().open()
	}
	h.gate().shut()
	h.Drop()
	return nil
}

// Hang leaves everything open but answers and sends nothing, not even RTCP, like a camera with its cable pulled. When it
// ends, all connections are cut.
func (h *Handle) Hang(hang bool) {
	g := h.gate()
	was := g.deaf.Load()
	h.Freeze(hang)
	if was && !hang {
		h.Drop()
	}
	g.deaf.Store(hang)
}

// Reject answers all requests for the stream with an RTSP status: 401 as for a wrong password, 404, 453 (not enough
// bandwidth) at SETUP, 503, and so on. Playing sessions continue. Zero ends it.
func (h *Handle) Reject(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = base.StatusCode(status)
}

// SetPassword changes the camera's password, but not the one in URL.
func (h *Handle) SetPassword(password string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.password = password
}

// SetRealm changes the camera's name in the password prompt, as new firmware sometimes does.
func (h *Handle) SetRealm(realm string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.realm = realm
}

// Rekey gives the camera a certificate with a new key, as a factory reset does.
func (h *Handle) Rekey() error {
	certificate, err := selfSigned()
	if h.camera.OldTLS {
		certificate, err = OldCertificate(1024)
	}
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.identity = &certificate
	return nil
}

// SDP is the response of a camera to DESCRIBE.
type SDP uint8

// The kinds of response.
const (
	GoodSDP        SDP = iota
	GarbageSDP         // bytes that are not SDP
	EmptySDP           // a session without media
	UnsupportedSDP     // VP8, which is not recorded
	AudioOnlySDP       // audio without video
)

// Describe changes the camera's response to DESCRIBE.
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
