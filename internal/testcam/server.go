package testcam

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
)

// Server runs a number of simulated cameras.
type Server struct {
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	handles map[string]*Handle
	order   []*Handle
	mu      sync.Mutex // guards which camera is at which port
	close   sync.Once
}

// Start starts cameras. They run until ctx ends or Close is called. Close must be called in either case. No two cameras may
// have the same name or code.
func Start(ctx context.Context, options Options) (*Server, error) {
	if options.Host == "" {
		options.Host = "127.0.0.1"
	}
	if options.Run == 0 {
		options.Run = 1
	}
	if options.Location == nil {
		options.Location = time.UTC
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{cancel: cancel, handles: map[string]*Handle{}}
	studio := newStudio()
	codes := map[uint32]string{}
	for i, camera := range options.Cameras {
		camera, err := camera.withDefaults()
		if err == nil && s.handles[camera.Name] != nil {
			err = fmt.Errorf("two cameras named %s", camera.Name)
		}
		if other, ok := codes[camera.Code]; err == nil && ok {
			err = fmt.Errorf("cameras %s and %s have the same code %x", other, camera.Name, camera.Code)
		}
		var h *Handle
		if err == nil {
			codes[camera.Code] = camera.Name
			// Cameras start at different offsets within a frame's duration, so that their work does not come all at once.
			phase := time.Duration(i%16) * time.Second / time.Duration(camera.Main.FPS) / 16
			h, err = newHandle(camera, &options, studio, phase)
		}
		if err != nil {
			s.Close()
			return nil, err
		}
		s.handles[camera.Name] = h
		s.order = append(s.order, h)
	}
	for _, h := range s.order {
		for _, stream := range h.streams {
			s.wg.Go(func() { stream.run(ctx) })
		}
	}
	return s, nil
}

// Close stops all cameras and waits for them.
func (s *Server) Close() {
	s.close.Do(func() {
		s.cancel()
		s.wg.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, h := range s.order {
			h.detach()
			h.port.close()
		}
	})
}

// Camera returns the camera with a name. It panics on a name that was not passed to Start.
func (s *Server) Camera(name string) *Handle {
	h := s.handles[name]
	if h == nil {
		panic("testcam: no camera named " + name)
	}
	return h
}

// Cameras returns all cameras, in the order of Options.
func (s *Server) Cameras() []*Handle { return append([]*Handle(nil), s.order...) }

// URL returns the address of a stream, with the login in it. It panics like Camera.
func (s *Server) URL(name string, q media.Quality) string { return s.Camera(name).URL(q) }

// Swap exchanges the addresses of two cameras, as a router may after a power cut. It ends the sessions of both.
func (s *Server) Swap(a, b string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, y := s.Camera(a), s.Camera(b)
	x.detach()
	y.detach()
	px, py := x.port, y.port
	px.gate.cut()
	py.gate.cut()
	if err := x.attach(py); err != nil {
		return err
	}
	return y.attach(px)
}

// addressOf returns the URL of a stream at a port.
func addressOf(c *Camera, addr net.Addr, q media.Quality) string {
	u := url.URL{Scheme: "rtsp", Host: addr.String(), Path: c.path(q)}
	if c.TLS {
		u.Scheme = "rtsps"
	}
	if c.Username != "" {
		u.User = url.UserPassword(c.Username, c.Password)
	}
	return u.String()
}
