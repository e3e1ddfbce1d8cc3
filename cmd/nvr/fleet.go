package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/advice"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/recorder"
	"keepwatch.internal/web"
)

// fleet is all recorders, and their status for the web.
type fleet struct {
	zone       *time.Location
	cameras    []fleetCamera
	identities *recorder.IdentityRegistry
	running    atomic.Bool
}

// fleetCamera is the recorders of one camera.
type fleetCamera struct {
	id        media.CameraID
	main, sub *recorder.Recorder // sub may be nil
}

// newFleet assembles a recorder for each configured stream.
func newFleet(a *app) *fleet {
	f := &fleet{zone: a.conf.Timezone}
	admission, backlog := recorder.NewAdmission(handshakes), recorder.NewBacklog()
	f.identities = recorder.NewIdentityRegistry(fingerprintStore{a.identity}, streamsOf(a.conf, a.ids), a.log)
	for _, c := range a.conf.Cameras {
		member := fleetCamera{id: a.ids[c.ID]}
		logins, sharing := recorder.NewLogins(), sharingOf(c)
		make := func(q media.Quality, source config.Source) *recorder.Recorder {
			stream := media.StreamID{Camera: member.id, Quality: q}
			log := a.log.With("camera", c.ID, "stream", q.String())
			return recorder.New(recorder.Options{
				Stream: stream, Record: c.Record, Store: a.store, Ring: a.hub.Ring(stream), Admission: admission, Backlog: backlog, Logins: logins, Sharing: sharing, Identities: f.identities, Logger: log,
				Source: sourceOptions(c, source, a.out.ForCamera(c.ID), log),
			})
		}
		member.main = make(media.Main, c.Main)
		if !c.Sub.IsZero() {
			member.sub = make(media.Sub, c.Sub)
		}
		f.cameras = append(f.cameras, member)
	}
	return f
}

// sharingOf returns what keeps the streams of a camera from throwing each other out, or nil if they come from two devices.
func sharingOf(c config.Camera) *recorder.Sharing {
	if c.Sub.IsZero() || c.Main.Reveal().Hostname() != c.Sub.Reveal().Hostname() {
		return nil
	}
	return recorder.NewSharing()
}

func sourceOptions(c config.Camera, source config.Source, dialer *outbound.CameraDialer, log *slog.Logger) camera.Options {
	transport := map[config.Transport]camera.Transport{
		config.TransportAuto: camera.Auto, config.TransportTCP: camera.TCP, config.TransportUDP: camera.UDP,
	}[c.Transport]
	return camera.Options{URL: source.Reveal(), Transport: transport, Audio: c.Audio, Dialer: dialer, Logger: log}
}

// run runs all recorders until ctx ends.
func (f *fleet) run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, c := range f.cameras {
		for _, r := range []*recorder.Recorder{c.main, c.sub} {
			if r != nil {
				all.Go(func() { _ = r.Run(ctx) }) // ends with ctx only
			}
		}
	}
	f.running.Store(true)
	all.Wait()
	return ctx.Err()
}

// Ready implements web.Status.
func (f *fleet) Ready() error {
	if !f.running.Load() {
		return errors.New("recorders are starting")
	}
	return nil
}

// Cameras implements web.Status.
func (f *fleet) Cameras() []web.CameraStatus {
	all := make([]web.CameraStatus, 0, len(f.cameras))
	for _, c := range f.cameras {
		main := c.main.Status()
		status := web.CameraStatus{ID: c.id, State: string(main.State), Reason: f.reason(main), Since: main.Since, LastFrame: main.LastFrame}
		status.Streams = append(status.Streams, f.streamStatus(media.StreamID{Camera: c.id, Quality: media.Main}, main))
		status.Advice = f.adviceOf("", media.StreamID{Camera: c.id, Quality: media.Main}, main.Health)
		if c.sub != nil {
			sub := c.sub.Status()
			if sub.State != main.State {
				status.Advice = append(status.Advice, strings.TrimRight(fmt.Sprintf("sub stream %s: %s", sub.State, f.reason(sub)), ": "))
			}
			status.Streams = append(status.Streams, f.streamStatus(media.StreamID{Camera: c.id, Quality: media.Sub}, sub))
			status.Advice = append(status.Advice, f.adviceOf("sub stream: ", media.StreamID{Camera: c.id, Quality: media.Sub}, sub.Health)...)
		} else if main.State == recorder.Recording {
			status.Advice = append(status.Advice, advice.NoSub(main.Health.Width)...)
		}
		all = append(all, status)
	}
	return all
}

// mainState returns what the main stream of a camera is doing, and why.
func (f *fleet) mainState(id media.CameraID) (recorder.State, string) {
	for _, c := range f.cameras {
		if c.id == id {
			s := c.main.Status()
			return s.State, f.reason(s)
		}
	}
	return recorder.Connecting, ""
}

// reason adds the time of the next try to a stream's reason, unless that is soon.
func (f *fleet) reason(s recorder.Status) string {
	if time.Until(s.NextTry) < time.Minute {
		return s.Reason
	}
	return s.Reason + ", next try " + format.Clock(s.NextTry.In(f.zone))
}

func (f *fleet) streamStatus(id media.StreamID, s recorder.Status) web.StreamStatus {
	h := s.Health
	return web.StreamStatus{Quality: id.Quality, Identity: f.identities.Strength(id), Codec: h.Codec, Width: h.Width, Height: h.Height, FPS: h.FPS,
		BitsPerSecond: h.BitsPerSecond, GOP: h.GOP, LostPackets: h.LostPackets, Link: linkOf(h.Link), Sound: soundOf(h.Sound)}
}

// soundOf returns a stream's sound for the web.
func soundOf(s camera.Sound) web.Sound {
	return web.Sound{Codec: s.Codec, Recorded: s.Recorded, Why: s.Why}
}

// unheard returns why the sound of a stream is not recorded although it is wanted, or "".
func unheard(s camera.Sound) string {
	if s.Codec == "" || s.Recorded || s.Off {
		return ""
	}
	return s.Why
}

// adviceOf returns suggestions for the settings of a stream. Each begins with name.
func (f *fleet) adviceOf(name string, id media.StreamID, h recorder.Health) []string {
	known, met := f.identities.Fingerprint(id)
	return advice.ForStream(name, advice.Stream{GOP: h.GOP, JPEG: h.Codec == media.JPEG.String(), Refresh: h.Refresh, Delay: h.Delay, Clock: h.Clock, Shift: h.Shift, SetBack: h.SetBack, LostPackets: h.LostPackets,
		UDP: h.Link.Transport == camera.UDP, Buffer: h.Link.Buffer, WeakTLS: weakTLS(h.Link.TLS), Unheard: unheard(h.Sound),
		ClearPassword: met && known.Identity.Key == "" && strings.HasPrefix(known.Identity.Realm, "basic ")})
}

// weakTLS says in which way a secure connection is weak, or "".
func weakTLS(t camera.TLS) string {
	if t.Weak == "" {
		return ""
	}
	return t.Version + ": " + t.Weak
}

// linkOf returns how a stream arrives, for the web; it is zero before the first picture.
func linkOf(l camera.Link) web.Link {
	name := map[camera.Transport]string{camera.TCP: "tcp", camera.UDP: "udp"}[l.Transport]
	return web.Link{Transport: name, Buffer: int64(l.Buffer), TLS: l.TLS.Version, Weak: l.TLS.Weak}
}
