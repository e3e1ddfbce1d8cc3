package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"keepwatch.internal/internal/advice"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/outbound"
)

// Request says which camera to look at: by its streams or by its address.
type Request struct {
	Streams            []*url.URL // main, then sub, with their login; one without a path and with TryCommon says where to try
	Address            string     // without Streams: host, host:port or http(s)://host:port/path, which is asked by ONVIF
	Username, Password string     // for Address
	TryCommon          bool       // try the commonest paths if nothing else tells where the streams are
	For                time.Duration
	Dialer             *outbound.CameraDialer // connects to the camera's host
	Logger             *slog.Logger
	Progress           func(string) // takes a line for people about what happens now; nil for none
}

// Camera is what was found of a camera.
type Camera struct {
	Device  *onvif.Device // what it says it is; nil without ONVIF
	Streams []Stream      // main first; at least one
	MaySub  *url.URL      // where its sub stream usually is, if that was not tried
	clock   onvif.Clock   // by ONVIF
}

// Stream is one stream of a camera.
type Stream struct {
	Quality media.Quality
	Result
}

// NotFoundError says in a sentence for people why no stream was found, and what to do.
type NotFoundError struct {
	Refused bool // the camera refused the login, which must not be tried again
	Reason  string
}

func (e *NotFoundError) Error() string { return e.Reason }

// Look looks at a camera. The error is a *NotFoundError, or ctx's. A stream that could not be watched is in the result.
func Look(ctx context.Context, q Request) (*Camera, error) {
	if q.Logger == nil {
		q.Logger = slog.New(slog.DiscardHandler)
	}
	if q.Progress == nil {
		q.Progress = func(string) {}
	}
	if len(q.Streams) == 0 {
		return q.lookAt(ctx)
	}
	var maySub *url.URL
	if len(q.Streams) == 1 {
		if u := q.Streams[0]; q.TryCommon && strings.Trim(u.RequestURI(), "/") == "" {
			return q.tryCommon(ctx, u)
		}
		maySub = SubOf(q.Streams[0])
		if q.TryCommon && maySub != nil {
			q.Streams, maySub = append(q.Streams[:1:1], maySub), nil
		}
	}
	return q.watch(ctx, &Camera{MaySub: maySub}, q.Streams...)
}

// watch watches streams and adds them to c.
func (q Request) watch(ctx context.Context, c *Camera, urls ...*url.URL) (*Camera, error) {
	var all []Options
	for _, u := range urls {
		all = append(all, q.options(u))
		q.Progress("watching " + Public(u))
	}
	for i, result := range Streams(ctx, all...) {
		quality := media.Main
		if i > 0 {
			quality = media.Sub
		}
		if r := result.Report; r != nil && !r.ClockKnown && c.clock.Known {
			r.Clock, r.ClockKnown = c.clock.Offset, true
		}
		c.Streams = append(c.Streams, Stream{quality, result})
	}
	return c, ctx.Err()
}

func (q Request) options(u *url.URL) Options {
	return Options{URL: u, For: q.For, Dialer: q.Dialer, Logger: q.Logger}
}

// lookAt asks the camera at an address where its streams are.
func (q Request) lookAt(ctx context.Context) (*Camera, error) {
	device, err := deviceAt(q.Address)
	if err != nil {
		return nil, &NotFoundError{Reason: err.Error()}
	}
	host, port := device.Address, ""
	if h, p, err := net.SplitHostPort(device.Address); err == nil {
		host, port = h, p
	}
	base := &url.URL{Scheme: "rtsp", Host: host}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		base.Host = "[" + host + "]"
	}
	if slices.Contains([]string{"554", "8554", "322"}, port) { // of RTSP, which people write in addresses all the same
		device.Address, base.Host = host, device.Address
	}
	if q.Username != "" {
		base.User = url.UserPassword(q.Username, q.Password)
	}
	q.Progress("asking " + device.Address + " by ONVIF")
	c, urls, err := q.ask(ctx, device, base.User)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return q.watch(ctx, c, urls...)
	case errors.Is(err, onvif.ErrRefused):
		reason := "the camera refused the user name or password (ONVIF); many cameras have users of their own for ONVIF: add one in the camera, or give the address of a stream"
		if q.Username == "" {
			reason = "the camera wants a user name and password (ONVIF)"
		}
		return nil, &NotFoundError{Refused: q.Username != "", Reason: reason}
	case !q.TryCommon:
		return nil, &NotFoundError{Reason: silence(err) + "; turn ONVIF on in the camera, give the address of a stream from its manual (rtsp://…), or let the fifteen commonest paths be tried"}
	}
	q.Progress(silence(err))
	return q.tryCommon(ctx, base)
}

// ask asks a camera by ONVIF what it is and where its streams are: main, and sub if there is one.
func (q Request) ask(ctx context.Context, o onvif.Options, user *url.Userinfo) (*Camera, []*url.URL, error) {
	o.Username, o.Password, o.Logger = q.Username, onvif.Password(q.Password), q.Logger
	if q.Dialer != nil {
		o.Dial = q.Dialer.Dial
	}
	client, err := onvif.New(o)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	clock, err := client.Clock(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	device, err := client.Device(ctx)
	if err != nil {
		return nil, nil, err
	}
	profiles, err := client.Profiles(ctx)
	if err != nil {
		return nil, nil, err
	}
	q.Progress(fmt.Sprintf("found %s %s with %d profiles", device.Manufacturer, device.Model, len(profiles)))
	var urls []*url.URL
	for _, address := range Choose(profiles) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, nil, errNoStreams
		}
		u.User = user
		urls = append(urls, u)
	}
	if len(urls) == 0 {
		return nil, nil, errNoStreams
	}
	return &Camera{Device: &device, clock: clock}, urls, nil
}

// deviceAt reads the address of a camera's device service.
func deviceAt(address string) (onvif.Options, error) {
	if !strings.Contains(address, "://") {
		return onvif.Options{Address: address}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return onvif.Options{}, errors.New("this is no address of a camera: write a host, host:port, or the URL of a stream, rtsp://host/path")
	}
	return onvif.Options{Address: u.Host, Path: strings.TrimSuffix(u.RequestURI(), "/"), Secure: u.Scheme == "https"}, nil
}

// AddressOf returns the address of a camera that was found on the network, for Request.
func AddressOf(f onvif.Found) string {
	const usual = "/onvif/device_service"
	switch {
	case f.Secure:
		return "https://" + f.Address + f.Path
	case f.Path != "" && f.Path != usual:
		return "http://" + f.Address + f.Path
	}
	if host, found := strings.CutSuffix(f.Address, ":80"); found && !strings.HasPrefix(host, "[") {
		return host
	}
	return f.Address
}

var errNoStreams = errors.New("no stream with video")

// Choose returns the addresses of the main stream and, if there is one, the sub stream: the largest H.264 or H.265 profile, and of the
// smaller ones of the same lens the one nearest to 640 pixels wide.
func Choose(profiles []onvif.Profile) []string {
	usable := slices.DeleteFunc(slices.Clone(profiles), func(p onvif.Profile) bool { return p.StreamURI == "" })
	coded := slices.DeleteFunc(slices.Clone(usable), func(p onvif.Profile) bool { return p.Encoding != "h264" && p.Encoding != "h265" })
	if len(coded) > 0 {
		usable = coded
	}
	if len(usable) == 0 {
		return nil
	}
	area := func(p onvif.Profile) int { return p.Width * p.Height }
	main := usable[0]
	for _, p := range usable {
		if area(p) > area(main) {
			main = p
		}
	}
	far := func(p onvif.Profile) int { return max(p.Width-640, 640-p.Width) }
	var sub *onvif.Profile
	for i, p := range usable {
		if p.StreamURI != main.StreamURI && p.Source == main.Source && area(p) < area(main) && (sub == nil || far(p) < far(*sub)) {
			sub = &usable[i]
		}
	}
	if sub == nil {
		return []string{main.StreamURI}
	}
	return []string{main.StreamURI, sub.StreamURI}
}

// silence says why a camera cannot be asked by ONVIF.
func silence(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("no address found for the name %q", dns.Name)
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errNoStreams):
		return "the camera names no stream with video by ONVIF"
	case errors.Is(err, onvif.ErrNotAllowed):
		return "the camera does not allow its user to ask by ONVIF"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers there by ONVIF (connection refused)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to this address"
	case ok && timeout.Timeout():
		return "nothing answers there by ONVIF"
	}
	return "what answers there does not speak ONVIF"
}

// tryCommon tries the commonest paths, one after the other, and stops at the first refusal.
func (q Request) tryCommon(ctx context.Context, base *url.URL) (*Camera, error) {
	all := Common()
	for i, p := range all {
		main, sub := p.On(base)
		q.Progress(fmt.Sprintf("trying %s (%d of %d)", Public(main), i+1, len(all)))
		w, err := Open(ctx, q.options(main))
		if err == nil {
			w.Close()
			if sub == nil {
				return q.watch(ctx, &Camera{}, main)
			}
			return q.watch(ctx, &Camera{}, main, sub)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		failure, ok := errors.AsType[*camera.Failure](err)
		if ok && (failure.Kind == camera.Refused || failure.Kind == camera.Unreachable || failure.Kind == camera.Busy) {
			return nil, &NotFoundError{Refused: failure.Kind == camera.Refused && base.User != nil, Reason: failure.Reason + " (at " + Public(main) + "); no other path was tried"}
		}
	}
	return nil, &NotFoundError{Reason: "none of the fifteen commonest paths has a stream; look for the camera's RTSP address in its manual"}
}

// stream returns the result of a quality, or nil.
func (c *Camera) stream(q media.Quality) *Stream {
	i := slices.IndexFunc(c.Streams, func(s Stream) bool { return s.Quality == q })
	if i < 0 {
		return nil
	}
	return &c.Streams[i]
}

// Advice returns what should be changed in the camera's settings.
func (c *Camera) Advice() []string {
	var all []string
	names := map[media.Quality]string{media.Sub: "sub stream: "}
	for _, s := range c.Streams {
		if s.Report != nil {
			all = append(all, s.Report.Advice(names[s.Quality])...)
		}
	}
	main, sub := c.stream(media.Main), c.stream(media.Sub)
	if main != nil && main.Report != nil && (sub == nil || sub.Report == nil) {
		all = append(all, advice.NoSub(main.Report.Width)...)
	}
	return all
}

// Propose returns the camera for the configuration, and false if its main stream cannot be recorded. The id may be empty.
func (c *Camera) Propose(id string) (Proposal, bool) {
	main, sub := c.stream(media.Main), c.stream(media.Sub)
	if main == nil || main.Report == nil {
		return Proposal{}, false
	}
	p := Proposal{ID: id, Main: main.URL}
	if p.ID == "" {
		p.ID = Identifier(main.URL.Hostname())
	}
	if sub != nil && sub.Report != nil {
		p.Sub = sub.URL
	}
	return p, true
}
