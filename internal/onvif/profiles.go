package onvif

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Profile is a stream that a camera offers, in its own words. What it does not say is zero.
type Profile struct {
	Token, Name string
	Source      string  // token of the video source: profiles of one lens have the same
	Encoding    string  // h264, h265, jpeg, mpeg4, av1
	Width       int     // pixels
	Height      int     // pixels
	FrameRate   float64 // pictures a second, at most
	GOP         int     // pictures from one key frame to the next (GovLength)
	Bitrate     int     // kbit/s, at most
	Audio       string  // pcm (G.711), g726, aac; other names as the camera writes them, in lower case
	AudioRate   int     // Hz
	Metadata    bool    // it has a metadata configuration
	PTZ         bool    // it has a PTZ configuration

	StreamURI   string // rtsp or rtsps, with the configured host, without a login; "" if the camera gives none
	SnapshotURI string // http or https, likewise
}

const (
	maxProfiles = 32
	maxToken    = 256
)

// Profiles asks for the streams of the camera and their addresses, in the camera's order. With media 2 it has H.265 streams that
// media 1 leaves out; media 1 answers for cameras without it.
func (c *Client) Profiles(ctx context.Context) ([]Profile, error) {
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	var profiles []Profile
	m := media{c: c, at: services.media2, space: media2Service}
	if services.Media2 {
		profiles, err = m.profiles(ctx)
	}
	if len(profiles) == 0 && ctx.Err() == nil && !errors.Is(err, ErrRefused) {
		m = media{c: c, at: services.media, space: mediaService}
		profiles, err = m.profiles(ctx)
	}
	if err != nil {
		return nil, err
	}
	for i := range profiles {
		if err := m.addresses(ctx, &profiles[i]); err != nil {
			return nil, err
		}
	}
	return profiles, nil
}

// media is one of the two media services.
type media struct {
	c     *Client
	at    endpoint
	space string
}

func (m media) two() bool { return m.space == media2Service }

func (m media) request(operation, arguments string) request {
	return request{at: m.at, action: m.space + "/" + operation,
		body: "<" + operation + ` xmlns="` + m.space + `">` + arguments + "</" + operation + ">"}
}

func (m media) call(ctx context.Context, operation, arguments string) (*node, error) {
	body, err := m.c.call(ctx, m.request(operation, arguments))
	return body.first(operation + "Response"), err
}

func (m media) profiles(ctx context.Context) ([]Profile, error) {
	arguments := ""
	if m.two() {
		arguments = "<Type>All</Type>"
	}
	n, err := m.call(ctx, "GetProfiles", arguments)
	if err != nil {
		return nil, err
	}
	found := n.all("Profiles")
	if len(found) == 0 && m.c.demandLogin(m.request("GetProfiles", arguments)) { // to those who are not logged in, some cameras have no profiles
		if n, err = m.call(ctx, "GetProfiles", arguments); err != nil {
			return nil, err
		}
		found = n.all("Profiles")
	}
	if len(found) == 0 && m.c.doubted() {
		return nil, fmt.Errorf("ask GetProfiles: %w", ErrRefused)
	}
	var profiles []Profile
	for _, p := range found {
		one := readProfile(p)
		if one.Token != "" && len(one.Token) <= maxToken && len(profiles) < maxProfiles &&
			!slices.ContainsFunc(profiles, func(other Profile) bool { return other.Token == one.Token }) {
			profiles = append(profiles, one)
		}
	}
	return profiles, nil
}

// doubted reports whether the login was refused last.
func (c *Client) doubted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.login.refusals > 0
}

// demandLogin notes that an operation wants a login though it does not say so. It reports false if that was known or there is none.
func (c *Client) demandLogin(r request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opts.Username == "" || c.login.demanded {
		return false
	}
	c.login.demand(r, nil)
	return true
}

// readProfile reads a profile of media 1 or media 2, whose parts have other names and places.
func readProfile(n *node) Profile {
	p := Profile{Token: n.attr("token"), Name: printable(n.value("Name"), 120)}
	in := n
	source, video, audio, metadata, ptz := "VideoSourceConfiguration", "VideoEncoderConfiguration", "AudioEncoderConfiguration", "MetadataConfiguration", "PTZConfiguration"
	if two := n.first("Configurations"); two != nil {
		in, source, video, audio, metadata, ptz = two, "VideoSource", "VideoEncoder", "AudioEncoder", "Metadata", "PTZ"
	}
	p.Source = printable(in.value(source, "SourceToken"), maxToken)
	p.Metadata, p.PTZ = in.first(metadata) != nil, in.first(ptz) != nil
	v := in.first(video)
	p.Encoding = codecName(v.value("Encoding"))
	p.Width, p.Height = v.number("Resolution", "Width"), v.number("Resolution", "Height")
	p.FrameRate = v.decimal("RateControl", "FrameRateLimit")
	p.Bitrate = v.number("RateControl", "BitrateLimit")
	if gop, err := strconv.Atoi(v.attr("GovLength")); err == nil {
		p.GOP = bounded(gop)
	} else if p.GOP = v.number("H264", "GovLength"); p.GOP == 0 {
		p.GOP = v.number("MPEG4", "GovLength")
	}
	a := in.first(audio)
	p.Audio = audioName(a.value("Encoding"))
	if p.AudioRate = a.number("SampleRate"); p.AudioRate < 1000 {
		p.AudioRate *= 1000 // the specification counts in kHz
	}
	return p
}

// codecName returns our name of a video encoding: media 2 has names of media types, media 1 its own.
func codecName(s string) string {
	s = strings.ToLower(printable(s, 20))
	s = strings.TrimPrefix(s, "video/")
	switch s {
	case "hevc", "h.265":
		return "h265"
	case "avc", "h.264":
		return "h264"
	case "mjpeg":
		return "jpeg"
	case "mpv4-es":
		return "mpeg4"
	}
	return s
}

func audioName(s string) string {
	s = strings.ToLower(printable(s, 20))
	switch s {
	case "g711", "pcmu", "pcma":
		return "pcm"
	case "mp4a-latm", "mpeg4-generic":
		return "aac"
	}
	return s
}

func bounded(v int) int { return max(0, min(v, 1<<20)) }

// number returns the whole number at the path, or 0. A fraction is cut off.
func (n *node) number(path ...string) int { return int(n.decimal(path...)) }

func (n *node) decimal(path ...string) float64 {
	v, err := strconv.ParseFloat(n.value(path...), 64)
	if err != nil || !(v >= 0 && v <= 1<<20) {
		return 0
	}
	return v
}

// addresses asks where a profile's stream and its snapshot are. A camera that has no snapshot, faults or leaves the address out is
// common; what is missing stays empty.
func (m media) addresses(ctx context.Context, p *Profile) error {
	token := "<ProfileToken>" + escape(p.Token) + "</ProfileToken>"
	stream := `<StreamSetup><Stream xmlns="http://www.onvif.org/ver10/schema">RTP-Unicast</Stream>` +
		`<Transport xmlns="http://www.onvif.org/ver10/schema"><Protocol>RTSP</Protocol></Transport></StreamSetup>` + token
	if m.two() {
		stream = "<Protocol>RtspUnicast</Protocol>" + token
	}
	for _, operation := range []string{"GetStreamUri", "GetSnapshotUri"} {
		arguments := token
		if operation == "GetStreamUri" {
			arguments = stream
		}
		n, err := m.call(ctx, operation, arguments)
		if err != nil && (ctx.Err() != nil || errors.Is(err, ErrRefused)) {
			return err
		}
		uri := n.deep("Uri")
		switch {
		case uri == nil:
		case operation == "GetStreamUri":
			p.StreamURI = m.c.streamURI(uri.value())
		default:
			p.SnapshotURI = m.c.snapshotURI(uri.value())
		}
	}
	return nil
}

// snapshotURI returns the address of a snapshot with the configured host and without a login, or "".
func (c *Client) snapshotURI(address string) string {
	if e, ok := c.believe(address, c.ports()); ok {
		return c.url(e)
	}
	return ""
}
