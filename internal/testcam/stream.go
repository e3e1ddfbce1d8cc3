package testcam

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// stream sends the units of one source to all viewers.
type stream struct {
	quality media.Quality
	title   string // of the session description

	mu       sync.Mutex
	source   source
	epoch    time.Time // when the run started
	out      *gortsplib.ServerStream
	video    track
	audio    *track // nil without sound
	viewers  map[*gortsplib.ServerSession]struct{}
	keyFrom  time.Time // the first frame from then on must be a key frame; zero: no request
	frozen   bool
	muted    bool
	shift    uint32        // added to every RTP timestamp
	clockOff time.Duration // of the time in sender reports
	last     uint64        // number of the last frame
	moved    chan struct{} // closed at the next frame
	restart  chan struct{} // wakes the sender after a change of epoch
}

// track is one medium of a stream on its way into RTP.
type track struct {
	medium *description.Media
	base   uint32 // RTP timestamp of tick zero
	encode func(data [][]byte) ([]*rtp.Packet, error)
}

func newStream(q media.Quality, s source, run uint32, epoch time.Time) *stream {
	s.restart(run, epoch)
	return &stream{
		quality: q, source: s, epoch: epoch,
		viewers: map[*gortsplib.ServerSession]struct{}{},
		moved:   make(chan struct{}), restart: make(chan struct{}, 1),
	}
}

// attach publishes the stream on an RTSP server.
func (s *stream) attach(server *gortsplib.Server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	video, audio := s.source.formats()
	desc := &description.Session{Title: s.title, Medias: []*description.Media{
		{Type: description.MediaTypeVideo, Formats: []format.Format{video}},
	}}
	var err error
	if s.video, err = newTrack(desc.Medias[0], video); err != nil {
		return err
	}
	s.audio = nil
	if audio != nil {
		desc.Medias = append(desc.Medias, &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{audio}})
		t, err := newTrack(desc.Medias[1], audio)
		if err != nil {
			return err
		}
		s.audio = &t
	}
	out := &gortsplib.ServerStream{Server: server, Desc: desc}
	if err := out.Initialize(); err != nil {
		return fmt.Errorf("publish %s: %w", s.quality, err)
	}
	s.out = out
	return nil
}

// detach ends the stream for all viewers.
func (s *stream) detach() {
	s.mu.Lock()
	out := s.out
	s.out = nil
	clear(s.viewers)
	s.mu.Unlock()
	if out != nil {
		out.Close()
	}
}

// newTrack returns the track of a medium with one format. RTP timestamps and sequence numbers begin at random values.
func newTrack(medium *description.Media, f format.Format) (track, error) {
	t := track{medium: medium, base: rand.Uint32()}
	switch f := f.(type) {
	case *format.H264:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = e.Encode
	case *format.H265:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = e.Encode
	case *format.MJPEG:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = func(data [][]byte) ([]*rtp.Packet, error) { return e.Encode(data[0]) }
	case *format.AV1:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = e.Encode
	case *format.MPEG4Audio:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = e.Encode
	case *format.G711:
		e, err := f.CreateEncoder()
		if err != nil {
			return t, err
		}
		t.encode = func(data [][]byte) ([]*rtp.Packet, error) { return e.Encode(data[0]) }
	case *format.Generic:
		t.encode = packed(f.PayloadTyp)
	default:
		return t, fmt.Errorf("cannot packetize %s", f.RTPMap())
	}
	return t, nil
}

// run sends units when they are due, until ctx ends. A late sender catches up at once and leaves out no frame.
func (s *stream) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		wait := time.Until(s.epoch.Add(s.source.due()))
		s.mu.Unlock()
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-s.restart:
			case <-timer.C:
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		s.step()
	}
}

// step makes the next unit and sends it.
func (s *stream) step() {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.epoch.Add(s.source.due())
	watched := len(s.viewers) > 0 && !s.frozen && s.out != nil
	key := watched && !s.keyFrom.IsZero() && !at.Before(s.keyFrom)
	u := s.source.next(watched, key)
	captured := s.epoch.Add(u.at + s.clockOff)
	if u.frame > 0 {
		if key {
			s.keyFrom = time.Time{}
		}
		s.last = u.frame
		close(s.moved)
		s.moved = make(chan struct{})
	}
	if !watched || u.data == nil && u.packets == nil || u.audio && s.muted {
		return
	}
	t := &s.video
	if u.audio {
		t = s.audio
	}
	packets := u.packets
	if packets == nil {
		var err error
		if packets, err = t.encode(u.data); err != nil {
			panic(fmt.Sprintf("testcam: packetize: %v", err)) // cannot happen for our own frames
		}
	}
	for _, p := range packets {
		p.Timestamp = t.base + uint32(u.ticks) + s.shift
		// An error means that a viewer was too slow or went away; the server ends its session.
		_ = s.out.WritePacketRTPWithNTP(t.medium, p, captured)
	}
}

// keyDelay is the time from PLAY to the key frame for the new viewer. The server must have begun to send by then.
const keyDelay = 30 * time.Millisecond

// watch registers a session that began to play and requests a key frame for it, as most cameras do.
func (s *stream) watch(session *gortsplib.ServerSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keyFrom = time.Now().Add(keyDelay)
	s.viewers[session] = struct{}{}
}

// leave unregisters a session that ended or paused.
func (s *stream) leave(session *gortsplib.ServerSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, session)
}

func (s *stream) freeze(frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.frozen && !frozen {
		s.keyFrom = time.Now()
	}
	s.frozen = frozen
}

func (s *stream) mute(muted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.muted = muted
}

func (s *stream) setClock(off time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clockOff = off
}

func (s *stream) stamp(ticks int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shift = uint32(ticks)
}

// reboot starts a new run now.
func (s *stream) reboot(run uint32, epoch time.Time) {
	s.mu.Lock()
	s.epoch, s.last = epoch, 0
	s.source.restart(run, epoch)
	s.mu.Unlock()
	select {
	case s.restart <- struct{}{}:
	default:
	}
}

// state returns the number of the last frame, the number of viewers, and a channel that is closed at the next frame.
func (s *stream) state() (last uint64, viewers int, moved <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, len(s.viewers), s.moved
}
