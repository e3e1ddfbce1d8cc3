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
	stopTime   = 2 * time.Second  // for answers under way to be finished when the server stops
)

// Run serves on the listeners until ctx ends, then stops within three seconds: streams are cut, answers under way are
// finished as far as time allows. It closes the listeners, and returns early when one of them fails. It is called once;
// a TLS listener whose configuration offers h2 gets HTTP/2.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := newHTTPServer(s.handler, s.Logger, base)
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
	select { // sockets are not the http.Server's any more
	case <-left:
	case <-time.After(time.Second):
		s.Logger.Warn("live connections are still open")
	}
	return failure
}

func newHTTPServer(h http.Handler, logger *slog.Logger, base context.Context) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // handshakes that failed and the like
		BaseContext:       func(net.Listener) context.Context { return base },
		// "OPTIONS *" too passes the checks of networks and hosts.
		DisableGeneralOptionsHandler: true,
	}
}

// RunRedirect answers plain HTTP on l with redirects to https at the same name and the given port, until ctx ends. The
// networks and hosts that may ask are those of the server.
func (s *Server) RunRedirect(ctx context.Context, l net.Listener, port string) error {
	srv := newHTTPServer(s.middleware.redirect(port), s.Logger, context.WithoutCancel(ctx))
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
