// Package camera turns an RTSP address into a stream of units (RFC 2326, RFC 7826). It is the only importer of the RTSP
// client library, and it corrects what cameras do wrong. Its output is access units with decoding times, the parameters that
// decode them, or one failure with a reason that a person can act on.
//
// Read in this order:
//
//   - camera.go: a session, from connecting to its end
//   - dial.go, wire.go, sources.go, answers.go, description.go, sprop.go, farewell.go: the connection, and how a camera's messages are put right
//   - challenge.go, link.go, transport.go, secure.go: password prompts, how the media arrive, what the camera refused of them, and how old its TLS is
//   - video.go, nalu.go, recovery.go: from packets to pictures, and where decoding can start
//   - whole.go, jpeg.go: JPEG and AV1, which come as whole pictures
//   - sounds.go, audio.go, codecs.go: which sound is recorded and why not, from packets to units, and codecs
//   - stamps.go, decoding.go, interlaced.go: their times
//   - identity.go, judge.go, failure.go: which device it is, and why a session ended
//
// A session connects only to its own address, never blocks the network loop, bounds its queue, and ends when the camera stops
// sending video. Reconnecting belongs to the recorder.
package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/outbound"
)

// Transport is how RTP is carried.
type Transport uint8

// The transports. Auto is TCP, or UDP if the camera offers nothing else.
const (
	Auto Transport = iota
	TCP
	UDP
)

// Options says which camera, and how.
type Options struct {
	URL          *url.URL               // rtsp or rtsps, with user and password if the camera needs them
	Transport    Transport              // Auto unless set
	Audio        bool                   // record audio too, if its codec is supported
	OpenTimeout  time.Duration          // bounds everything up to the response to PLAY; 15 s if zero
	FrameTimeout time.Duration          // the session ends after this long without a picture, later if the stream is slow; 8 s if zero
	Dialer       *outbound.CameraDialer // connects to the camera; nil for one that connects only to URL
	Logger       *slog.Logger

	// Admit is called when evidence arrives, before a password is sent: for the key of a secure connection, then for the realm. An
	// error ends the attempt, and Open returns it. The complete identity is in Session.Identity. Nil admits everything.
	Admit func(Identity) error
	// Waiting is called now and then, from another goroutine, while pictures arrive and none is a key frame with which the stream
	// could begin. It may be nil, and must not block.
	Waiting func()
	// Neighbour returns the MAC address of a host on the same network, or "". Nil uses the system's table.
	Neighbour func(netip.Addr) string
}

// Item is a unit with the video parameters that apply from it on.
type Item struct {
	Unit  *media.Unit
	Video *media.VideoTrack // the same pointer until the parameters change
}

const (
	// ioTimeout bounds each read and write on the control connection.
	ioTimeout = 10 * time.Second
	// farewellTimeout bounds the TEARDOWN at the end.
	farewellTimeout = time.Second
	// queueUnits and queueBytes bound the queue between the network loop and the recorder.
	queueUnits = 1024
	queueBytes = 32 << 20
)

// Session is one connection to one stream of a camera.
type Session struct {
	opts   Options
	client *gortsplib.Client
	dialer *dialer
	video  *video
	sound  *audio
	audio  *media.AudioTrack
	udp    bool // RTP comes over UDP
	// soundRefused says why the camera refused its sound; "" if it did not.
	soundRefused string
	sounds       []Sound // that the camera offers

	items  chan Item
	queued atomic.Int64 // bytes in items
	lost   atomic.Uint64
	clock  atomic.Pointer[time.Duration] // see Clock
	opened time.Time
	packet atomic.Int64 // arrival of the newest packet of any medium, ns since opened
	watch  watchdog

	cancel context.CancelCauseFunc
	ctx    context.Context
	done   sync.WaitGroup
}

// Open connects to the camera and starts the stream. The caller closes the session. An error is a *Failure.
func Open(ctx context.Context, opts Options) (*Session, error) {
	if opts.FrameTimeout == 0 {
		opts.FrameTimeout = usualPatience
	}
	if opts.OpenTimeout == 0 {
		opts.OpenTimeout = 15 * time.Second
	}
	udp := opts.Transport == UDP
	s, err := open(ctx, opts, udp)
	if err != nil && opts.Transport == Auto && wantsUDP(err) {
		udp = true
		s, err = open(ctx, opts, udp)
	}
	if _, ok := errors.AsType[*soundError](err); ok && ctx.Err() == nil {
		refused := soundRefusal(err)
		opts.Audio = false // audio must never cost video
		if s, err = open(ctx, opts, udp); err == nil {
			s.withoutSound(refused)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, classify(err)
	}
	return s, nil
}

func open(ctx context.Context, opts Options, udp bool) (*Session, error) {
	s := &Session{opts: opts, items: make(chan Item, queueUnits), opened: time.Now(), watch: watchdog{least: opts.FrameTimeout}, udp: udp}
	protocol := gortsplib.ProtocolTCP
	if udp {
		protocol = gortsplib.ProtocolUDP
	}
	s.dialer = newDialer(opts)
	s.client = &gortsplib.Client{
		Scheme: opts.URL.Scheme, Host: opts.URL.Host,
		Protocol: &protocol, UserAgent: "Keepwatch",
		ReadTimeout: ioTimeout, WriteTimeout: ioTimeout,
		DialContext:       s.dialer.dial,
		DialTLSContext:    s.dialer.dialTLS,
		AnyPortEnable:     true, // some cameras do not say from which port they send; from which host is checked (dialer.listenPacket)
		OnTransportSwitch: func(error) {},
		OnPacketsLost:     func(n uint64) { s.lost.Add(n) },
		ListenPacket:      s.dialer.listenPacket,
		ResolveIPAddr:     s.dialer.resolve,
		OnDecodeError:     func(error) {},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	connect, stop := context.WithTimeout(ctx, opts.OpenTimeout)
	defer stop()
	if err := s.client.Start(); err != nil {
		return nil, err
	}
	// The library takes no context, so a slow handshake ends by cutting the connection.
	late := make(chan struct{})
	inTime := context.AfterFunc(connect, func() {
		defer close(late)
		s.dialer.cut()
		s.client.Close()
	})
	err := s.play()
	if !inTime() {
		<-late
		err = errors.Join(connect.Err(), err)
	}
	if refusal := s.dialer.refusal(); refusal != nil {
		err = refusal
	}
	if err != nil {
		s.cancel(errClosed)
		s.hangUp()
		s.done.Wait()
		if connect.Err() != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("%w: %w", errHandshake, err)
		}
		return nil, err
	}
	s.watch.begin(time.Now())
	s.done.Go(s.supervise)
	return s, nil
}

// play requests the description, sets up the media that are recorded, and starts them.
func (s *Session) play() error {
	u := (*base.URL)(s.opts.URL).CloneWithoutCredentials() // the connection signs in
	desc, _, err := s.client.Describe(u)
	if err != nil {
		return err
	}
	at := onHost(desc.BaseURL, u)
	v, err := s.chooseVideo(desc)
	if err != nil {
		return err
	}
	if err := s.setup(at, v.medium); err != nil {
		return s.dialer.aboutTransport(s.opts.Transport, err)
	}
	s.video = v
	s.client.OnPacketRTP(v.medium, v.format, v.packet)
	s.client.OnPacketRTCP(v.medium, v.report)
	silent := s.addSound(at, desc)
	if _, err = s.client.Play(nil); err != nil && silent != nil {
		return &soundError{refused: silent, cause: err}
	}
	return err
}

func (s *Session) setup(at *base.URL, m *description.Media) error {
	if err := checkControl(m, at); err != nil {
		return err
	}
	if s.udp && s.opts.URL.Scheme == "rtsps" && m.Profile != headers.TransportProfileSAVP {
		return errSecureUDP
	}
	s.dialer.settingUp(m)
	_, err := s.client.Setup(at, m, 0, 0)
	return err
}

// Audio returns the parameters of the audio, or nil if there is none.
func (s *Session) Audio() *media.AudioTrack { return s.audio }

// Identity returns the camera's identity as seen so far, with the video parameters of the given track.
func (s *Session) Identity(t *media.VideoTrack) Identity {
	id := s.dialer.identity()
	id.Picture = pictureOf(t)
	return id
}

// Lost returns the number of lost RTP packets.
func (s *Session) Lost() uint64 { return s.lost.Load() }

// Clock returns how far the camera's clock is ahead of the server's, from its sender reports (RFC 3550 section 6.4.1), without
// subtracting the network delay. It is unknown before the first report. Nothing is timed by it.
func (s *Session) Clock() (ahead time.Duration, known bool) {
	if off := s.clock.Load(); off != nil {
		return *off, true
	}
	return 0, false
}

// Pace returns how many seconds of ticks pass in a second of the camera's own clock, in pictures or sound, by its sender reports. It is
// 1 if the ticks run at their rate. It is unknown before there were some.
func (s *Session) Pace(kind media.Kind) (pace float64, known bool) {
	if kind == media.Audio {
		if s.sound == nil {
			return 0, false
		}
		s.sound.mu.Lock()
		defer s.sound.mu.Unlock()
		return s.sound.ticker.pace()
	}
	s.video.mu.Lock()
	defer s.video.mu.Unlock()
	return s.video.ticker.pace()
}

// Patience returns the FrameTimeout for the next session with this stream, once this one has ended. It is zero if nothing speaks
// against the usual one.
func (s *Session) Patience() time.Duration { return s.watch.next() }

// Next returns the next unit in decoding order. After the end of the session it returns the reason as a *Failure. If ctx ends,
// it returns ctx's error.
func (s *Session) Next(ctx context.Context) (Item, error) {
	select {
	case it := <-s.items:
		s.queued.Add(-int64(it.Unit.Size()))
		return it, nil
	default:
	}
	select {
	case it := <-s.items:
		s.queued.Add(-int64(it.Unit.Size()))
		return it, nil
	case <-s.ctx.Done():
		return Item{}, context.Cause(s.ctx)
	case <-ctx.Done():
		return Item{}, ctx.Err()
	}
}

// paused notes the arrival of a packet and returns the time since the one before.
func (s *Session) paused(at time.Time) time.Duration {
	now := int64(at.Sub(s.opened))
	return time.Duration(max(0, now-s.packet.Swap(now)))
}

// Close ends the session, with a TEARDOWN if the camera still listens, and waits for its goroutines.
func (s *Session) Close() {
	s.cancel(errClosed)
	s.done.Wait()
}

// fail ends the session; only the first reason counts.
func (s *Session) fail(err error) { s.cancel(classify(err)) }

// send queues a unit for the recorder without waiting. A full queue means that the recorder is stuck. It ends the session, so
// that footage is not dropped silently.
func (s *Session) send(it Item) {
	if s.queued.Add(int64(it.Unit.Size())) > queueBytes {
		s.fail(errQueueFull)
		return
	}
	select {
	case s.items <- it:
	case <-s.ctx.Done():
	default:
		s.fail(errQueueFull)
	}
}

// supervise ends the session when the connection ends or frames stop arriving, and then cleans up.
func (s *Session) supervise() {
	ended := make(chan error, 1)
	var wait sync.WaitGroup
	wait.Go(func() { ended <- s.client.Wait() })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for s.ctx.Err() == nil {
		select {
		case err := <-ended:
			s.video.flush(time.Now())
			s.fail(err)
		case <-s.ctx.Done():
		case <-tick.C:
			s.video.flush(time.Now().Add(-late))
			if s.watch.frozen(time.Now()) {
				s.fail(s.silent())
			} else if s.watch.useless(time.Now()) {
				s.fail(s.keyless())
			} else if s.opts.Waiting != nil && s.watch.waits(time.Now()) {
				s.opts.Waiting()
			}
		}
	}
	s.hangUp()
	wait.Wait()
}

// keyless returns what to call a stream that shows pictures and no key frame.
func (s *Session) keyless() error {
	if lost := s.lost.Load(); s.udp && lost > 0 {
		return &lossError{lost}
	}
	return s.video.useless()
}

// silent returns what to call a stream that shows nothing.
func (s *Session) silent() error {
	newest := s.packet.Load()
	switch lost := s.lost.Load(); {
	case s.udp && newest == 0:
		return errNoUDP
	case s.udp && lost > 0 && time.Since(s.opened)-time.Duration(newest) < s.opts.FrameTimeout/2: // packets go on coming
		return &lossError{lost}
	}
	return errFrozen
}

// hangUp sends TEARDOWN and closes the connection, whatever the camera responds.
func (s *Session) hangUp() {
	farewell := time.AfterFunc(farewellTimeout, s.dialer.cut)
	defer farewell.Stop()
	s.client.Close()
}

// chooseVideo returns the depacketizer of the first medium with a supported codec.
func (s *Session) chooseVideo(desc *description.Session) (*video, error) {
	var none codecError
	for _, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			if v, err := newVideo(s, m, f); v != nil || err != nil {
				return v, err
			}
			if m.Type == description.MediaTypeVideo {
				none.offered = append(none.offered, codecName(f))
			}
			none.sound = none.sound || m.Type == description.MediaTypeAudio
		}
	}
	return nil, &none
}

// codecName returns the encoding name of the format's rtpmap (RFC 8866 section 6.6), the name on the cameras' own pages.
func codecName(f format.Format) string {
	if name, _, _ := strings.Cut(f.RTPMap(), "/"); name != "" {
		return name
	}
	return "a codec without a name"
}
