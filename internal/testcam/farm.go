package testcam

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// FarmOptions configures StartFarm.
type FarmOptions struct {
	File  string // as Camera.File; only its video is sent
	FPS   int    // of an elementary stream; default 15
	Count int    // number of cameras; default 1
	Addr  string // default 127.0.0.1:0
}

// Farm is many cameras that send the same clip at little cost, for measurements. The clip is split into RTP payloads once. Each
// camera sends them with its own timestamps and start. The cameras share one port, have no login, and send RTP only over the
// RTSP connection. If the clip is H.264, an SEI message with a mark precedes each frame. The mark's camera is the number of the
// camera in the farm, from 1.
type Farm struct {
	server  *gortsplib.Server
	gate    *gate
	streams []*stream
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	close   sync.Once

	mu       sync.Mutex
	sessions map[*gortsplib.ServerSession]*stream
}

// StartFarm reads the clip and starts the cameras. They run until ctx ends or Close is called. Close must be called in either
// case.
func StartFarm(ctx context.Context, options FarmOptions) (*Farm, error) {
	if options.FPS == 0 {
		options.FPS = 15
	}
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	c, err := readClip(options.File, options.FPS)
	if err != nil {
		return nil, err
	}
	c.audio = nil
	payloads, err := c.payloads()
	if err != nil {
		return nil, err
	}
	g, err := newGate(options.Addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &Farm{gate: g, cancel: cancel, sessions: map[*gortsplib.ServerSession]*stream{}}
	f.server = newRTSPServer(g, f)
	if err := f.server.Start(); err != nil {
		cancel()
		g.Close()
		return nil, err
	}
	now := time.Now().Truncate(time.Microsecond)
	count := max(1, options.Count)
	for i := range count {
		// The starts are spread over the length of the clip, so that key frames do not all come at once.
		phase := ticksToDuration(c.length) * time.Duration(i) / time.Duration(count)
		s := newStream(media.Main, &shared{filmed: filmed{clip: c}, code: uint32(i + 1), payloads: payloads}, 1, now.Add(-phase))
		if err := s.attach(f.server); err != nil {
			f.Close()
			return nil, err
		}
		f.streams = append(f.streams, s)
	}
	for _, s := range f.streams {
		f.wg.Go(func() { s.run(ctx) })
	}
	return f, nil
}

// payloads splits every access unit of the clip into RTP payloads.
func (c *clip) payloads() ([][][]byte, error) {
	video, _ := (&filmed{clip: c}).formats()
	t, err := newTrack(nil, video)
	if err != nil {
		return nil, err
	}
	var out [][][]byte
	for _, s := range c.video {
		packets, err := t.encode(s.data)
		if err != nil {
			return nil, err
		}
		var payloads [][]byte
		for _, p := range packets {
			payloads = append(payloads, p.Payload)
		}
		out = append(out, payloads)
	}
	return out, nil
}

// shared is the source of one camera of a farm.
type shared struct {
	filmed
	code     uint32
	epoch    time.Time
	payloads [][][]byte
	sequence uint16
}

func (s *shared) restart(run uint32, epoch time.Time) {
	s.filmed.restart(run, epoch)
	s.epoch = epoch
}

func (s *shared) next(watched, key bool) unit {
	u := s.filmed.next(watched, key)
	if u.data == nil {
		return u
	}
	u.data = nil
	payloads := s.payloads[(u.frame-1)%uint64(len(s.payloads))]
	u.packets = make([]*rtp.Packet, 0, len(payloads)+1)
	if s.clip.codec == media.H264 {
		m := Mark{Camera: s.code, Quality: media.Main, Run: 1, Frame: u.frame, Time: s.epoch.Add(u.at)}
		u.packets = append(u.packets, s.packet(markSEI(m)))
	}
	for _, p := range payloads {
		u.packets = append(u.packets, s.packet(p))
	}
	u.packets[len(u.packets)-1].Marker = true
	return u
}

func (s *shared) packet(payload []byte) *rtp.Packet {
	s.sequence++
	return &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: s.sequence}, Payload: payload}
}

// Close stops all cameras and waits for them.
func (f *Farm) Close() {
	f.close.Do(func() {
		f.cancel()
		f.wg.Wait()
		for _, s := range f.streams {
			s.detach()
		}
		f.server.Close()
		f.gate.Close()
	})
}

// Count returns the number of cameras.
func (f *Farm) Count() int { return len(f.streams) }

// URL returns the address of camera i, from 1.
func (f *Farm) URL(i int) string { return fmt.Sprintf("rtsp://%s/%d", f.gate.Addr(), i) }

// LastFrame returns the number of the last frame of camera i, sent or not; the first has number 1.
func (f *Farm) LastFrame(i int) uint64 {
	last, _, _ := f.streams[i-1].state()
	return last
}

// Viewers returns the number of playing sessions of all cameras.
func (f *Farm) Viewers() int {
	n := 0
	for _, s := range f.streams {
		_, viewers, _ := s.state()
		n += viewers
	}
	return n
}

var errNoCamera = errors.New("no such camera")

func (f *Farm) stream(path string) (*stream, error) {
	n, err := strconv.Atoi(strings.Trim(path, "/"))
	if err != nil || n < 1 || n > len(f.streams) {
		return nil, fmt.Errorf("%w: %q", errNoCamera, path)
	}
	return f.streams[n-1], nil
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (f *Farm) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	s, err := f.stream(ctx.Path)
	if err != nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return s.published()
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (f *Farm) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	s, err := f.stream(ctx.Path)
	if err != nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return s.published()
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (f *Farm) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	s, err := f.stream(ctx.Path)
	if err != nil {
		return &base.Response{StatusCode: base.StatusNotFound}, nil
	}
	f.mu.Lock()
	f.sessions[ctx.Session] = s
	f.mu.Unlock()
	s.watch(ctx.Session)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnSessionClose implements gortsplib.ServerHandlerOnSessionClose.
func (f *Farm) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	f.mu.Lock()
	s := f.sessions[ctx.Session]
	delete(f.sessions, ctx.Session)
	f.mu.Unlock()
	if s != nil {
		s.leave(ctx.Session)
	}
}
