package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/internal/probe"
)

// probeCall is one parsed "nvr camera probe …".
type probeCall struct {
	t             terminal
	user          string
	passwordStdin bool
	tryCommon     bool
	limit         time.Duration
	picture       string // file for a key frame; "" for none
	write         bool   // add the camera to the configuration
	id            string // for the configuration; "" for one made of the address
	config        string // as given with -config
}

// flags adds the flags of the command, all but -config.
func (c *probeCall) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.user, "user", "", "probe: user name of the camera")
	fs.BoolVar(&c.passwordStdin, "password-stdin", false, "probe: read the camera's password from standard input")
	fs.BoolVar(&c.tryCommon, "try-common", false, "probe: try the fifteen commonest paths at this address")
	fs.DurationVar(&c.limit, "for", probe.Usual, "probe: how long to watch at most")
	fs.StringVar(&c.picture, "picture", "", "probe: write a key frame to this file (MP4, or JPEG from a camera that sends that)")
	fs.BoolVar(&c.write, "write", false, "probe: add the camera to the configuration file")
	fs.StringVar(&c.id, "id", "", "probe: id of the camera in the configuration")
}

// subject is what a probe looks at.
type subject struct {
	request probe.Request
	known   string // id of a camera of the configuration; "" for another
}

// run looks at the camera and prints what it found.
func (c *probeCall) run(ctx context.Context, words []string) error {
	switch {
	case len(words) == 0 && (c.user != "" || c.passwordStdin || c.tryCommon || c.write || c.picture != "" || c.id != ""):
		return usagef("which camera is missing: its address, the URL of a stream, or its id in the configuration")
	case len(words) == 0:
		return c.discover(ctx, netip.Prefix{})
	case len(words) > 1:
		return usagef("probe looks at one camera at a time, not %d", len(words))
	case c.limit < time.Second || c.limit > probe.Longest:
		return usagef("-for is from 1s to %.0fm", probe.Longest.Minutes())
	case c.id != "" && !config.ValidID(c.id):
		return usagef("-id %q: the id of a camera has lower-case letters a-z, digits and '-' between them", c.id)
	}
	if network, err := netip.ParsePrefix(words[0]); err == nil {
		return c.discover(ctx, network)
	}
	conf, err := c.load()
	if err != nil {
		return err
	}
	s, err := c.subject(words[0], conf)
	if err != nil {
		return err
	}
	s.request.For, s.request.TryCommon, s.request.Logger = c.limit, c.tryCommon, slog.New(slog.DiscardHandler)
	s.request.Progress = func(line string) { fmt.Fprintf(c.t.err, "%s …\n", line) }
	found, err := probe.Look(ctx, s.request)
	if err != nil {
		return err
	}
	c.show(found)
	if main := found.Streams[0]; main.Err != nil {
		return c.doctor(s.known, found)
	}
	if err := c.keepPicture(found); err != nil {
		return err
	}
	if s.known != "" {
		return c.doctor(s.known, found)
	}
	return c.propose(found, conf)
}

// discover lists the cameras that answer on the local network. Nothing is asked of them but what they are, and no login is sent.
func (c *probeCall) discover(ctx context.Context, network netip.Prefix) error {
	fmt.Fprintln(c.t.err, "asking the local network which cameras are there (WS-Discovery) …")
	found, err := onvif.Discover(ctx, onvif.Search{Range: network})
	if err != nil && len(found) == 0 {
		return err
	}
	if len(found) == 0 {
		return errors.New("no camera answered. Cameras answer only in their own network and with ONVIF turned on; " +
			"in a container without the host's network, ask addresses instead: nvr camera probe 192.168.1.0/24, with your network")
	}
	w := tabwriter.NewWriter(c.t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tMODEL\tLOCATION")
	for _, f := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", probe.AddressOf(f), orDash(f.Name), orDash(f.Hardware), orDash(f.Location))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(c.t.out, "\nLook at one of them: nvr camera probe -user NAME ADDRESS")
	return nil
}

// load returns the configuration, or nil if there is none that can be read and none is needed.
func (c *probeCall) load() (*config.Config, error) {
	path, err := findConfig(c.config)
	switch {
	case c.write && err != nil:
		return nil, err
	case c.write:
		if err := config.Writable(path); err != nil {
			return nil, err // before anybody waits for the camera
		}
	case c.config != "":
		return loadConfig(c.t, c.config)
	case err != nil:
		return nil, nil
	}
	conf, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return nil, nil // a probe needs none; nvr validate and config.Add say why
	}
	return conf, nil
}

// subject finds out what a word means: a URL, a camera of the configuration, or an address.
func (c *probeCall) subject(word string, conf *config.Config) (subject, error) {
	if strings.Contains(word, "://") && !strings.HasPrefix(word, "http") {
		source, err := config.ParseSource(word)
		if err != nil {
			return subject{}, usagef("%v", err)
		}
		u := source.Reveal()
		_, complete := u.User.Password()
		if c.user != "" || c.passwordStdin || u.User != nil && !complete && term.IsTerminal(int(c.t.in.Fd())) {
			name := c.user
			if name == "" {
				name = u.User.Username()
			}
			password, err := c.password(name)
			if err != nil {
				return subject{}, err
			}
			u.User = url.UserPassword(name, password)
		}
		return subject{request: probe.Request{Streams: []*url.URL{u}, Dialer: dialerFor(u.Hostname())}}, nil
	}
	if conf != nil {
		if i := slices.IndexFunc(conf.Cameras, func(one config.Camera) bool { return one.ID == word }); i >= 0 {
			return c.configured(conf, conf.Cameras[i])
		}
	}
	host, err := config.ParseHost(word)
	if err != nil {
		return subject{}, usagef("%v", err)
	}
	s := subject{request: probe.Request{Address: word, Username: c.user, Dialer: dialerFor(host)}}
	if c.user != "" || c.passwordStdin {
		if c.user == "" {
			return subject{}, usagef("-password-stdin needs -user")
		}
		s.request.Password, err = c.password(c.user)
	}
	return s, err
}

// configured is the subject of a camera that the configuration has.
func (c *probeCall) configured(conf *config.Config, one config.Camera) (subject, error) {
	if c.write || c.user != "" || c.passwordStdin || c.tryCommon || c.id != "" {
		return subject{}, usagef("%s is in the configuration, with its login: -write, -id, -user, -password-stdin and -try-common are for other cameras", one.ID)
	}
	s := subject{known: one.ID, request: probe.Request{Dialer: newDialer(conf).ForCamera(one.ID)}}
	for _, source := range []config.Source{one.Main, one.Sub} {
		if !source.IsZero() {
			s.request.Streams = append(s.request.Streams, source.Reveal())
		}
	}
	return s, nil
}

func dialerFor(host string) *outbound.CameraDialer {
	return outbound.New(outbound.Options{}).ForProbe(host)
}

// password reads the camera's password from standard input, or asks for it on a terminal.
func (c *probeCall) password(name string) (string, error) {
	if c.passwordStdin {
		line, err := bufio.NewReader(io.LimitReader(c.t.in, 4096)).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", errors.New("no password on standard input")
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	fd := int(c.t.in.Fd())
	if !term.IsTerminal(fd) {
		return "", usagef("standard input is not a terminal; pass the password with -password-stdin")
	}
	fmt.Fprintf(c.t.err, "Password of %s at the camera: ", name)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(c.t.err)
	return string(b), err
}

// show prints the streams and the advice.
func (c *probeCall) show(found *probe.Camera) {
	out := c.t.out
	if d := found.Device; d != nil {
		fmt.Fprintf(out, "%s\n\n", deviceText(found))
	}
	for _, s := range found.Streams {
		fmt.Fprintf(out, "%s stream: %s\n", s.Quality, probe.Public(s.URL))
		if s.Report == nil {
			fmt.Fprintf(out, "  not available: %v\n\n", s.Err)
			continue
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, f := range s.Report.Facts() {
			fmt.Fprintf(w, "  %s\t%s\n", f.Label, f.Value)
		}
		_ = w.Flush() // as of the other lines
		fmt.Fprintln(out)
	}
	for i, a := range found.Advice() {
		if i == 0 {
			fmt.Fprintln(out, "Advice:")
		}
		fmt.Fprintf(out, "  - %s\n", a)
	}
	if found.MaySub != nil {
		fmt.Fprintf(out, "Its sub stream is usually at %s: -try-common looks there too.\n", probe.Public(found.MaySub))
	}
}

// deviceText says what a camera says it is.
func deviceText(found *probe.Camera) string {
	d := found.Device
	words := []string{strings.TrimSpace(d.Manufacturer + " " + d.Model)}
	for _, x := range []struct{ name, value string }{{"firmware", d.Firmware}, {"serial number", d.Serial}, {"MAC address", d.MAC}} {
		if x.value != "" {
			words = append(words, x.name+" "+x.value)
		}
	}
	return strings.Join(words, ", ")
}

func (c *probeCall) keepPicture(found *probe.Camera) error {
	if c.picture == "" {
		return nil
	}
	if r := found.Streams[0].Report; r.Picture != nil {
		return os.WriteFile(c.picture, r.Picture, 0o600)
	}
	return errors.New("no whole key frame came, so there is no picture to write")
}

// trouble returns why a stream could not be watched, or nil if all could.
func trouble(found *probe.Camera) error {
	for _, s := range found.Streams {
		if s.Err != nil {
			return fmt.Errorf("%s stream: %w", s.Quality, s.Err)
		}
	}
	return nil
}

// doctor ends the look at a camera that is in the configuration, or that cannot be recorded.
func (c *probeCall) doctor(id string, found *probe.Camera) error {
	err := trouble(found)
	if failure, ok := errors.AsType[*camera.Failure](err); ok && failure.Kind == camera.Busy && id != "" {
		return fmt.Errorf("%w. A camera that allows one viewer refuses a second one: if nvr run records it now, look at the advice on the camera's page instead", err)
	}
	if err == nil && len(found.Advice()) == 0 {
		fmt.Fprintf(c.t.out, "%s needs no advice.\n", id)
	}
	return err
}

// propose prints the lines for the configuration, or writes them.
func (c *probeCall) propose(found *probe.Camera, conf *config.Config) error {
	p, _ := found.Propose(c.id)
	if c.id == "" {
		p.ID = freeID(p.ID, conf)
	}
	if c.write {
		return c.writeDown(p)
	}
	fmt.Fprintln(c.t.out)
	secret := probe.PasswordOf(p.Main) != ""
	if secret {
		p.Reference = "${" + probe.Variable(p.ID) + "}"
		fmt.Fprintf(c.t.out, "Set %s to the camera's password in the environment of nvr (in compose.yaml under environment: or env_file:), ", probe.Variable(p.ID))
		fmt.Fprintln(c.t.out, "add these lines below cameras: in the configuration, and restart nvr. With -write, nvr adds the lines itself and keeps the password in a file.")
	} else {
		fmt.Fprintln(c.t.out, "Add these lines below cameras: in the configuration, and restart nvr. With -write, nvr adds them itself.")
	}
	fmt.Fprintf(c.t.out, "\n%s", p.YAML("  "))
	return nil
}

// freeID returns the id, with a number if the configuration has it already.
func freeID(id string, conf *config.Config) string {
	free := id
	for n := 2; conf != nil && slices.Contains(cameraNames(conf), free); n++ {
		free = fmt.Sprintf("%s-%d", id, n)
	}
	return free
}

// writeDown adds the camera to the configuration file.
func (c *probeCall) writeDown(p probe.Proposal) error {
	path, err := findConfig(c.config)
	if err != nil {
		return err
	}
	backup, err := addCamera(path, p)
	if mistakes := (*config.Error)(nil); errors.As(err, &mistakes) {
		fmt.Fprintln(c.t.err, strings.TrimRight(mistakes.Error(), "\n"))
		return errors.New("a configuration with mistakes is not extended: nothing was written")
	}
	if err != nil {
		return err
	}
	p.Reference = secretReference(p.ID)
	fmt.Fprintf(c.t.out, "\n%s", p.YAML("  "))
	fmt.Fprintf(c.t.out, "\nAdded to %s as %s; the file as it was before is %s. Restart nvr: it reads the configuration when it starts.\n", path, p.ID, backup)
	return nil
}

// addCamera writes a proposed camera to the configuration file, and its password to a file of its own.
func addCamera(path string, p probe.Proposal) (backup string, err error) {
	password := probe.PasswordOf(p.Main)
	p.Reference = secretReference(p.ID)
	return config.Add(path, os.LookupEnv, config.Addition{ID: p.ID, Lines: p.YAML, Password: password})
}

func secretReference(id string) string { return "${file:" + config.SecretPath(id) + "}" }
