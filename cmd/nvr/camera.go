package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/recorder"
)

// cameraCall is one parsed "nvr camera …".
type cameraCall struct {
	t        terminal
	conf     *config.Config
	people   *accounts.Directory
	identity *identity.Store
	ids      map[string]media.CameraID // by name, of cameras that a server has started with
}

// cameraCommand opens the accounts database itself, so that it works with or without a running server.
func cameraCommand(ctx context.Context, t terminal, args []string) (err error) {
	fs := newFlags()
	path := configFlag(fs)
	look := probeCall{t: t}
	look.flags(fs)
	words, err := parse(fs, args)
	if err != nil {
		return err
	}
	if len(words) > 0 && words[0] == "probe" {
		look.config = *path
		return look.run(ctx, words[1:])
	}
	fs.Visit(func(f *flag.Flag) {
		if f.Name != "config" && err == nil {
			err = usagef("-%s is for probe only", f.Name)
		}
	})
	switch {
	case err != nil:
		return err
	case len(words) == 1 && words[0] == "list", len(words) == 2 && words[0] == "accept":
	case len(words) > 0 && words[0] == "accept":
		return usagef("accept needs the id of one camera, not %d", len(words)-1)
	case len(words) > 0 && words[0] == "list":
		return usagef("unexpected argument %q", strings.Join(words[1:], " "))
	default:
		return usagef("what to do is missing: list, probe or accept ID")
	}
	call := cameraCall{t: t, ids: map[string]media.CameraID{}}
	if call.conf, err = loadConfig(t, *path); err != nil {
		return err
	}
	if words[0] == "accept" && !slices.ContainsFunc(call.conf.Cameras, func(c config.Camera) bool { return c.ID == words[1] }) {
		return fmt.Errorf("the configuration has no camera %q; it has %s", words[1], strings.Join(cameraNames(call.conf), ", "))
	}
	if call.people, err = openMetAccounts(ctx, call.conf); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, call.people.Close()) }()
	call.identity = identity.New(call.people.DB(), time.Now)
	names, err := call.identity.CameraNames(ctx)
	if err != nil {
		return err
	}
	for id, name := range names {
		call.ids[name] = media.CameraID(id)
	}
	if words[0] == "list" {
		return call.list(ctx)
	}
	return call.accept(ctx, words[1])
}

// openMetAccounts opens the accounts database of a server that has run before. It does not create one.
func openMetAccounts(ctx context.Context, c *config.Config) (*accounts.Directory, error) {
	path := filepath.Join(c.Data, "accounts.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: the server has not run with this configuration yet, so it knows no camera", path)
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return nil, err
	}
	return openAccounts(ctx, c, key, slog.New(slog.DiscardHandler))
}

func cameraNames(c *config.Config) []string {
	var all []string
	for _, one := range c.Cameras {
		all = append(all, one.ID)
	}
	return all
}

// list prints how reliably each stream's camera is recognised.
func (c cameraCall) list(ctx context.Context) error {
	registry := recorder.NewIdentityRegistry(fingerprintStore{c.identity}, streamsOf(c.conf, c.ids), slog.New(slog.DiscardHandler))
	if err := registry.Load(ctx); err != nil {
		return err
	}
	devices, err := c.identity.NewDevices(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CAMERA\tSTREAM\tADDRESS\tKNOWN SINCE\tIDENTITY")
	for _, one := range c.conf.Cameras {
		for _, p := range streamsOf(&config.Config{Cameras: []config.Camera{one}}, c.ids) {
			since, strength := "-", "not connected yet"
			if known, met := registry.Fingerprint(p.Stream); met && c.met(one.ID) {
				since, strength = format.Date(known.Since.In(c.conf.Timezone)), registry.Strength(p.Stream)
			}
			quality := p.Stream.Quality.String()
			if slices.ContainsFunc(devices, func(k identity.NewDevice) bool {
				return c.met(one.ID) && media.CameraID(k.Camera) == p.Stream.Camera && k.Stream == quality
			}) {
				strength += "; QUARANTINED: another camera answers in its place"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", one.ID, quality, p.Address, since, strength)
		}
	}
	return w.Flush()
}

// met reports whether a server has started with the camera.
func (c cameraCall) met(name string) bool { _, ok := c.ids[name]; return ok }

// accept accepts a new device as the camera.
func (c cameraCall) accept(ctx context.Context, name string) error {
	if !c.met(name) {
		return fmt.Errorf("camera %s has not connected yet: nothing to accept", name)
	}
	devices, err := c.identity.NewDevicesOf(ctx, access.Camera(c.ids[name]))
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(devices))
	for _, k := range devices {
		ids = append(ids, k.ID())
		fmt.Fprintf(c.t.out, "%s stream, at %s since %s:\n", k.Stream, k.Address, format.Second(k.Since.In(c.conf.Timezone)))
		for _, d := range k.Differences {
			fmt.Fprintf(c.t.out, "  %s\n", d)
		}
		if k.Resembles != "" {
			fmt.Fprintf(c.t.out, "  it looks like camera %s\n", k.Resembles)
		}
	}
	if err := c.identity.AcceptNewDevices(ctx, access.Camera(c.ids[name]), ids, "console"); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(c.t.out, "accepted as %s: its recordings continue, and a running server records it within two seconds\n", name)
	return nil
}
