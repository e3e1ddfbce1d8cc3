// Package camera turns an RTSP address into a stream of units (RFC 2326, RFC 7826). It is the only importer of the RTSP
// client library, and it keeps what cameras do wrong to itself: what comes out is access units with decoding times, the
// parameters that decode them, or one failure with a reason that a person can act on.
//
// A session connects to the address that it was given and to nothing else, never blocks the network loop, bounds its
// queue, and ends by itself when the camera stops sending pictures. Reconnecting is the recorder's.
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

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/outbound"
)

// Transport is how RTP travels.
type Transport uint8

// The transports. Auto takes TCP, and UDP from a camera that offers nothing else.
const (
	Auto Transport = iota
	TCP
	UDP
)

// Options says which camera, and how.
type Options struct {
	URL          *url.URL               // rtsp or rtsps, with user and password if the camera wants them
	Transport    Transport              // Auto unless set
	Audio        bool                   // take sound too, where it is in a codec we record
	OpenTimeout  time.Duration          // bounds everything up to the answer to PLAY; 15 s when zero
	FrameTimeout time.Duration          // without a picture for so long the session ends; 8 s when zero
	Dialer       *outbound.CameraDialer // connects to the camera; nil for one that connects to URL and nothing else
	Logger       *slog.Logger

	// Admit is asked as evidence comes in, before a password is sent: for the key of a secure connection, then for the realm. An
	// error ends the attempt and is what Open returns. It is not asked for the whole identity: that is Session.Identity's.
	// Nil admits all.
	Admit func(Identity) error
	// Neighbour returns the MAC address of a host on the same network, or "". Nil asks the system.
	Neighbour func(netip.Addr) string
}

// Item is a unit with the video parameters that are in force from it on.
type Item struct {
	Unit  *media.Unit
	Video *media.VideoTrack // the same pointer until the parameters change
}

const (
	// ioTimeout bounds each read and write on the control connection.
	ioTimeout = 10 * time.Second
	// farewellTimeout bounds the TEARDOWN at the end.
	farewellTimeout = time.Second
	// queueUnits and queueBytes bound what waits between the network loop and the recorder.
	queueUnits = 256
	queueBytes = 32 << 20
)

// Session is one connection to one stream of a camera.
type Session struct {
	opts   Options
	client *gortsplib.Client
	dialer *dialer
	audio  *media.AudioTrack

	items  chan Item
	queued atomic.Int64 // bytes in items
	lost   atomic.Uint64
	clock  atomic.Pointer[time.Duration] // see Clock
	frame  atomic.Int64                  // arrival of the newest picture, ns

	cancel context.CancelCauseFunc
	ctx    context.Context
	done   sync.WaitGroup
}

// Open connects to the camera and starts the stream. The caller closes the session. An error is a *Failure.
func Open(ctx context.Context, opts Options) (*Session, error) {
	if opts.FrameTimeout == 0 {
		opts.FrameTimeout = 8 * time.Second
	}
	if opts.OpenTimeout == 0 {
		opts.OpenTimeout = 15 * time.Second
	}
	s, err := open(ctx, opts, opts.Transport == UDP)
	if err != nil && opts.Transport == Auto && wantsUDP(err) {
		s, err = open(ctx, opts, true)
	}
	if errors.Is(err, errSound) && ctx.Err() == nil {
		opts.Audio = false // video is never lost for audio
		s, err = open(ctx, opts, opts.Transport == UDP)
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
	s := &Session{opts: opts, items: make(chan Item, queueUnits)}
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
		OnTransportSwitch: func(error) {},
		OnResponse:        s.dialer.answered,
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
	// The library takes no context: cutting the connection is how a slow handshake ends.
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
	s.frame.Store(time.Now().UnixNano())
	s.done.Go(s.supervise)
	return s, nil
}

// play asks for the description, sets up the media we take, and starts them.
func (s *Session) play() error {
	u := (*base.URL)(s.opts.URL).Clone()
	desc, answer, err := s.client.Describe(u)
	if err != nil {
		return err
	}
	s.dialer.described(answer.Body)
	at := onHost(desc.BaseURL, u)
	v, err := s.chooseVideo(desc)
	if err != nil {
		return err
	}
	if err := s.setup(at, v.medium); err != nil {
		return err
	}
	s.client.OnPacketRTP(v.medium, v.format, v.packet)
	var silent error // why there is no sound
	if a := s.chooseAudio(desc); a != nil {
		if silent = s.setup(at, a.medium); silent != nil {
			s.opts.Logger.Info("camera refused its sound", "err", silent)
		} else {
			s.audio = a.track
			s.client.OnPacketRTP(a.medium, a.format, a.packet)
		}
	}
	if _, err = s.client.Play(nil); err != nil && silent != nil {
		return fmt.Errorf("%w: %w", errSound, err)
	}
	return err
}

func (s *Session) setup(at *base.URL, m *description.Media) error {
	if err := checkControl(m, at); err != nil {
		return err
	}
	_, err := s.client.Setup(at, m, 0, 0)
	return err
}

// Audio returns the parameters of the sound, or nil without.
func (s *Session) Audio() *media.AudioTrack { return s.audio }

// Identity returns all that was seen of the camera, with the picture of the given track.
func (s *Session) Identity(t *media.VideoTrack) Identity {
	id := s.dialer.identity()
	id.Picture = pictureOf(t)
	return id
}

// Lost returns the number of RTP packets that did not arrive.
func (s *Session) Lost() uint64 { return s.lost.Load() }

// Clock returns by how much the camera's clock is ahead of this computer's, as its sender reports tell (RFC 3550 section
// 6.4.1), the way of a picture to us not taken off. It is not believed, and not known before the first report.
func (s *Session) Clock() (ahead time.Duration, known bool) {
	if off := s.clock.Load(); off != nil {
		return *off, true
	}
	return 0, false
}

// Next returns the next unit in decoding order. When the session has ended it returns the reason as a *Failure; when
// ctx ends, ctx's error.
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

// Close ends the session, with a TEARDOWN where the camera still listens, and waits for all it started.
func (s *Session) Close() {
	s.cancel(errClosed)
	s.done.Wait()
}

// fail ends the session; only the first reason counts.
func (s *Session) fail(err error) { s.cancel(classify(err)) }

// send queues a unit for the recorder without waiting. A full queue ends the session: the recorder is stuck, and what
// would be dropped silently would be footage.
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

// supervise ends the session when the connection does or when pictures stop coming, and then cleans up.
func (s *Session) supervise() {
	ended := make(chan error, 1)
	var wait sync.WaitGroup
	wait.Go(func() { ended <- s.client.Wait() })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for s.ctx.Err() == nil {
		select {
		case err := <-ended:
			s.fail(err)
		case <-s.ctx.Done():
		case <-tick.C:
			if silent := time.Since(time.Unix(0, s.frame.Load())); silent > s.opts.FrameTimeout {
				s.fail(errFrozen)
			}
		}
	}
	s.hangUp()
	wait.Wait()
}

// hangUp says goodbye and closes the connection, whether or not the camera takes the goodbye.
func (s *Session) hangUp() {
	farewell := time.AfterFunc(farewellTimeout, s.dialer.cut)
	defer farewell.Stop()
	s.client.Close()
}

// chooseVideo returns the depacketizer of the first medium in a codec we record.
func (s *Session) chooseVideo(desc *description.Session) (*video, error) {
	var offered []string
	for _, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			if v, err := newVideo(s, m, f); v != nil || err != nil {
				return v, err
			}
			if m.Type == description.MediaTypeVideo {
				offered = append(offered, codecName(f))
			}
		}
	}
	return nil, &codecError{offered: offered}
}

// codecName returns the encoding name of the format's rtpmap (RFC 8866 section 6.6), which is what cameras' own pages
// call it.
func codecName(f format.Format) string {
	if name, _, _ := strings.Cut(f.RTPMap(), "/"); name != "" {
		return name
	}
	return "a codec without a name"
}

// chooseAudio returns the depacketizer of the sound, if it is wanted and recordable.
func (s *Session) chooseAudio(desc *description.Session) *audio {
	if !s.opts.Audio {
		return nil
	}
	for _, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			if a := newAudio(s, m, f); a != nil {
				return a
			}
		}
	}
	return nil
}
