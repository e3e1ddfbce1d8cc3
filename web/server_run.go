package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTime = 10 * time.Second // for a request's header to arrive
	idleTime   = 2 * time.Minute  // between the requests of a connection
	maxHeader  = 16 << 10         // bytes
	stopTime   = 2 * time.Second  // to finish open answers when the server stops
)

// Run serves on the listeners until ctx ends, then stops within three seconds: streams are cut off, other answers are finished
// as far as time allows. It closes the listeners, and returns early when one of them fails. It is called once. TLS listeners
// that offer h2 get HTTP/2.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := newHTTPServer(s.handler, s.options.Logger, base)
	var serving sync.WaitGroup
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		serving.Go(func() { ended <- srv.Serve(l) })
	}
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-ended:
	}
	close(s.stopping)
	left := s.live.slots.shut()
	deadline, stop := context.WithTimeout(base, stopTime)
	defer stop()
	if err := srv.Shutdown(deadline); err != nil {
		failure = errors.Join(failure, srv.Close())
	}
	cancel()
	serving.Wait()
	select { // http.Server does not wait for WebSockets
	case <-left:
	case <-time.After(time.Second):
		s.options.Logger.Warn("live connections are still open")
	}
	return failure
}

func newHTTPServer(h http.Handler, logger *slog.Logger, base context.Context) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // failed handshakes and the like
		BaseContext:       func(net.Listener) context.Context { return base },
		// So that "OPTIONS *" too passes the checks of networks and hosts.
		DisableGeneralOptionsHandler: true,
	}
}

// RunRedirect redirects plain HTTP on l to https on the same name and the given port, until ctx ends. Networks and hosts are
// checked as on the server itself.
func (s *Server) RunRedirect(ctx context.Context, l net.Listener, port string) error {
	srv := newHTTPServer(s.middleware.redirect(port), s.options.Logger, context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { ended <- srv.Serve(l) })
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-ended:
	}
	failure = errors.Join(failure, srv.Close())
	serving.Wait()
	return failure
}
