// Package probe looks at a camera for some seconds and reports what a person wants to know before adding it: what each stream is,
// what should be changed in the camera's settings, and the lines for the configuration. It is "nvr camera probe" and the page "Add a
// camera" without their words around it.
//
// A probe connects only to the address that it is given, through the dialer that it is given. It never tries a name and password
// again that the camera refused, since cameras lock accounts. What a camera sends leaves this package as measurements, a coded
// picture, or a sentence of package camera; never as raw bytes.
//
// Read in this order: find.go (what is looked at), probe.go (watching streams), measure.go (what units say), report.go (the report and its words), common.go (the
// commonest paths), proposal.go (lines for the configuration).
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/outbound"
)

const (
	// Usual is how long a stream is watched unless asked otherwise: long enough for two key frames of most cameras.
	Usual = 12 * time.Second
	// Longest bounds how long a stream may be watched.
	Longest = 2 * time.Minute
	// enoughKeys and enoughTime end the watching early, if the newest two intervals between key frames agree. enoughSteps intervals
	// are enough in any case.
	enoughKeys  = 4
	enoughTime  = 4 * time.Second
	enoughSteps = 8
	// clockTime is how long a report about the camera's clock (RTCP) is waited for.
	clockTime = 7 * time.Second
)

// Options says what to watch.
type Options struct {
	URL       *url.URL               // rtsp or rtsps, with user and password if the camera needs them
	Transport camera.Transport       // Auto unless set
	For       time.Duration          // longest time to watch; Usual if zero, at most Longest
	Dialer    *outbound.CameraDialer // connects; nil for one that connects only to URL
	Logger    *slog.Logger
}

// Watching is a stream that was opened. The caller calls Watch once, or Close.
type Watching struct {
	o       Options
	session *camera.Session
}

// Open connects to a stream and starts it. An error is a *camera.Failure, or ctx's.
func Open(ctx context.Context, o Options) (*Watching, error) {
	if o.For <= 0 {
		o.For = Usual
	}
	o.For = min(o.For, Longest)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := camera.Open(ctx, camera.Options{URL: o.URL, Transport: o.Transport, Audio: true, FrameTimeout: o.For, Dialer: o.Dialer, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	return &Watching{o, s}, nil
}

// Close ends the stream.
func (w *Watching) Close() { w.session.Close() }

// Watch watches the stream until enough is known or the time is over, and ends it. An error is a *camera.Failure, or ctx's.
func (w *Watching) Watch(ctx context.Context) (*Report, error) {
	defer w.session.Close()
	limited, stop := context.WithTimeout(ctx, w.o.For)
	defer stop()
	m := measurer{began: time.Now()}
	var ended error
	for ended == nil && !m.enough() {
		item, err := w.session.Next(limited)
		if err == nil {
			m.add(item)
			m.time(w.session)
		}
		ended = err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	failure, failed := errors.AsType[*camera.Failure](ended)
	switch {
	case m.track != nil:
	case failed:
		return nil, failure
	default:
		return nil, &camera.Failure{Kind: camera.Broken, Err: ended,
			Reason: fmt.Sprintf("no key frame came within %.0f s; watch longer, or set the camera's key frame (I-frame) interval to 2 s", w.o.For.Seconds())}
	}
	r := m.report()
	if failed {
		r.Ended = failure.Reason
	}
	w.describe(r)
	return r, nil
}

// describe adds what the session knows.
func (w *Watching) describe(r *Report) {
	id := w.session.Identity(r.track)
	r.Address, r.Lost, r.Realm = Public(w.o.URL), w.session.Lost(), id.Realm
	link := w.session.Link()
	r.Secure, r.TLS, r.UDP = w.o.URL.Scheme == "rtsps", link.TLS, link.Transport == camera.UDP
	r.Buffer, r.Sounds = link.Buffer, w.session.Sounds()
	if a := w.session.Audio(); a != nil {
		r.Sound = &Sound{Codec: a.Codec.String(), SampleRate: a.SampleRate, Channels: a.Channels}
	}
}

// Public returns the address of a stream without user and password.
func Public(u *url.URL) string {
	public := *u
	public.User = nil
	return public.String()
}

// Result is a stream's report, or why there is none.
type Result struct {
	URL    *url.URL // with its login
	Report *Report  // nil after a failure
	Err    error    // a *camera.Failure, ctx's error, or ErrStopped
}

// ErrStopped is the result of streams that were not tried because the camera had refused the login.
var ErrStopped = errors.New("not tried, because the camera refused the login")

// Streams watches the streams of one camera at the same time, as a recorder does. They are opened one after the other, so that the
// rest is not tried after a refused login.
func Streams(ctx context.Context, all ...Options) []Result {
	results := make([]Result, len(all))
	var wait sync.WaitGroup
	refused := false
	for i, o := range all {
		results[i].URL = o.URL
		if refused {
			results[i].Err = ErrStopped
			continue
		}
		w, err := Open(ctx, o)
		if err != nil {
			results[i].Err = err
			refused = Refused(err)
			continue
		}
		wait.Go(func() { results[i].Report, results[i].Err = w.Watch(ctx) })
	}
	wait.Wait()
	return results
}

// Refused reports whether the camera refused the name and password, so that they must not be tried again.
func Refused(err error) bool {
	f, ok := errors.AsType[*camera.Failure](err)
	return ok && f.Kind == camera.Refused
}

// pictureOf returns a key frame as an MP4 of one picture, and its type with the codecs parameter (RFC 6381). A JPEG stays one.
func pictureOf(track media.VideoTrack, unit *media.Unit) (file []byte, mime string, err error) {
	if track.Codec == media.JPEG && len(unit.Data) == 1 {
		return unit.Data[0], "image/jpeg", nil
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	stream := media.StreamID{Camera: media.NewCameraID(), Quality: media.Main}
	key := media.DeriveLabelKey(secret, stream.Camera)
	run, err := media.NewRun(stream, unit.Arrived, track, nil, key)
	if err != nil {
		return nil, "", err
	}
	muxer := media.NewMuxer(run, key)
	if _, err := muxer.Write(unit); err != nil {
		return nil, "", err
	}
	fragment, err := muxer.Flush()
	if err != nil {
		return nil, "", err
	}
	file, err = media.KeyFrameFile(run, key, fragment.Bytes)
	return file, run.SilentMIME(), err
}
