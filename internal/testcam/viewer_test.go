package testcam

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// seen is an access unit as a viewer received it.
type seen struct {
	mark      Mark
	key       bool
	timestamp uint32
	ntp       time.Time // zero before the first sender report
}

// viewer watches one stream, as a recorder would.
type viewer struct {
	client *gortsplib.Client
	sdp    *format.H264
	frames chan seen
	ended  chan error
}

// patience is how long a test waits for an expected event, and timeout how long a client waits for a response.
const (
	patience = 30 * time.Second
	timeout  = 10 * time.Second
)

func serve(t testing.TB, cameras ...Camera) *Server {
	t.Helper()
	s, err := Start(t.Context(), Options{Cameras: cameras})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t testing.TB, address string, protocol gortsplib.Protocol) (*gortsplib.Client, *base.URL, error) {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c := &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, TLSConfig: &tls.Config{InsecureSkipVerify: true},
		ReadTimeout: timeout, WriteTimeout: timeout,
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	t.Cleanup(c.Close)
	return c, u, nil
}

// describe makes the first two requests of every session.
func describe(t testing.TB, address string) error {
	t.Helper()
	c, u, err := connect(t, address, gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.Close()
	_, _, err = c.Describe(u)
	return err
}

func tryWatch(t testing.TB, address string, protocol gortsplib.Protocol) (*viewer, error) {
	t.Helper()
	c, u, err := connect(t, address, protocol)
	if err != nil {
		return nil, err
	}
	desc, _, err := c.Describe(u)
	if err != nil {
		return nil, err
	}
	v := &viewer{client: c, frames: make(chan seen, 4096), ended: make(chan error, 1)}
	medium := desc.FindFormat(&v.sdp)
	if medium == nil {
		return nil, errors.New("no H.264")
	}
	if _, err := c.Setup(desc.BaseURL, medium, 0, 0); err != nil {
		return nil, err
	}
	decoder, err := v.sdp.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	c.OnPacketRTP(medium, v.sdp, func(p *rtp.Packet) {
		au, err := decoder.Decode(p)
		if err != nil {
			if !errors.Is(err, rtph264.ErrMorePacketsNeeded) {
				t.Errorf("RTP: %v", err)
			}
			return
		}
		m, err := MarkOf(au)
		if err != nil {
			t.Errorf("a frame without mark: %v", err)
		}
		s := seen{mark: m, key: len(au) > 2, timestamp: p.Timestamp}
		s.ntp, _ = c.PacketNTP(medium, p)
		v.frames <- s
	})
	if _, err := c.Play(nil); err != nil {
		return nil, err
	}
	go func() { v.ended <- c.Wait() }()
	return v, nil
}

func watch(t testing.TB, address string) *viewer {
	t.Helper()
	v, err := tryWatch(t, address, gortsplib.ProtocolTCP)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// next returns the next frame.
func (v *viewer) next(t testing.TB) seen {
	t.Helper()
	select {
	case s := <-v.frames:
		return s
	case err := <-v.ended:
		v.ended <- err
		t.Fatalf("the stream ended: %v", err)
	case <-time.After(patience):
		t.Fatal("no frame came")
	}
	return seen{}
}

// end waits until the session is over.
func (v *viewer) end(t testing.TB) {
	t.Helper()
	select {
	case <-v.ended:
	case <-time.After(patience):
		t.Fatal("the session goes on")
	}
}

// pass waits until n more frames of a camera are due, watched or not.
func pass(t testing.TB, h *Handle, n uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.WaitFrame(ctx, media.Main, h.LastFrame(media.Main)+n); err != nil {
		t.Fatal(err)
	}
}
