package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

const (
	demoListen = "127.0.0.1:8080"
	demoUser   = "demo"
	maxDemo    = 64
)

// demoNames are the first simulated cameras.
var demoNames = [...]string{"front-door", "garden", "garage", "street"}

// demoCommand is nvr demo: simulated cameras in this process, recorded and served like real ones.
func demoCommand(ctx context.Context, t terminal, args []string) error {
	fs := newFlags()
	cameras := fs.Int("cameras", len(demoNames), "how many cameras to simulate")
	dir := fs.String("dir", "", "folder to keep everything in")
	listen := fs.String("listen", "", "address of the page")
	if err := parseNone(fs, args); err != nil {
		return err
	}
	if *cameras < 1 || *cameras > maxDemo {
		return usagef("-cameras %d: from 1 to %d", *cameras, maxDemo)
	}
	where, cleanUp, err := demoFolder(*dir)
	if err != nil {
		return err
	}
	return errors.Join(demo(ctx, t, where, *cameras, *listen), cleanUp())
}

// demoFolder returns the given folder, which is kept, or a temporary one that cleanUp removes.
func demoFolder(given string) (dir string, cleanUp func() error, err error) {
	if given != "" {
		dir, err = filepath.Abs(given)
		return dir, func() error { return nil }, err
	}
	dir, err = os.MkdirTemp("", "keepwatch-demo-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

func demo(ctx context.Context, t terminal, dir string, n int, listen string) error {
	log := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cams, err := startDemoCameras(ctx, n)
	if err != nil {
		return err
	}
	defer cams.Close()
	l, err := demoListener(t, listen)
	if err != nil {
		return err
	}
	conf, err := demoConfig(dir, cams, l.Addr().String())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	h, err := openApp(ctx, conf, log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	password, err := demoAccount(ctx, h.people)
	if err != nil {
		return errors.Join(err, l.Close(), h.close())
	}
	fmt.Fprintf(t.out, "\n  Keepwatch demo: %d simulated cameras, recorded to %s\n\n", n, conf.Recordings)
	fmt.Fprintf(t.out, "    Open      http://%s/\n    User      %s\n    Password  %s\n\n  Ctrl-C ends it", l.Addr(), demoUser, password)
	if strings.HasPrefix(filepath.Base(dir), "keepwatch-demo-") {
		fmt.Fprint(t.out, " and removes what was recorded")
	}
	fmt.Fprint(t.out, ".\n\n")
	err = h.run(ctx, h.pages(l))
	return errors.Join(err, h.close())
}

// demoListener listens on the given address. By default it uses the usual port, or any free one.
func demoListener(t terminal, given string) (net.Listener, error) {
	if given != "" {
		l, err := net.Listen("tcp", given)
		if err != nil {
			return nil, fmt.Errorf("-listen: %w", err)
		}
		return l, nil
	}
	l, err := net.Listen("tcp", demoListen)
	if err == nil {
		return l, nil
	}
	fmt.Fprintf(t.err, "nvr demo: %s is taken; using a free port\n", demoListen)
	return net.Listen("tcp", "127.0.0.1:0")
}

func startDemoCameras(ctx context.Context, n int) (*testcam.Server, error) {
	o := testcam.Options{Location: time.Local}
	for i := range n {
		name := "camera-" + strconv.Itoa(i+1)
		if i < len(demoNames) {
			name = demoNames[i]
		}
		o.Cameras = append(o.Cameras, testcam.Camera{Name: name, Audio: testcam.AAC, Username: "viewer", Password: rand.Text()})
	}
	return testcam.Start(ctx, o)
}

// demoConfig writes a configuration with the simulated cameras, and reads it like nvr run. The file stays in the folder for
// inspection. Its passwords are those of the simulated cameras.
func demoConfig(dir string, cams *testcam.Server, listen string) (*config.Config, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "data: %q\nrecordings: %q\ntimezone: %s\nweb: {listen: %q, tls: off}\nstorage: {min_free: 1%%}\ndefaults: {retain: {days: 1}}\ncameras:\n",
		filepath.Join(dir, "data"), filepath.Join(dir, "recordings"), localZone(), listen)
	for _, c := range cams.Cameras() {
		fmt.Fprintf(&b, "  %s:\n    label: %s\n    main: %q\n    sub: %q\n    transport: tcp\n    audio: true\n",
			c.Name(), demoLabel(c.Name()), c.URL(media.Main), c.URL(media.Sub))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return nil, err
	}
	return config.Load(path, func(string) (string, bool) { return "", false })
}

// localZone returns the name of this computer's time zone, or UTC if it is unknown.
func localZone() string {
	for _, name := range []string{os.Getenv("TZ"), time.Local.String()} {
		if _, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
			return name
		}
	}
	if target, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			if _, err := time.LoadLocation(name); err == nil {
				return name
			}
		}
	}
	return "UTC"
}

func demoLabel(name string) string {
	words := strings.ReplaceAll(name, "-", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// demoAccount creates the demo's account with a new random password. In a kept folder it resets the password.
func demoAccount(ctx context.Context, people *accounts.Directory) (password string, err error) {
	password = strings.ToLower(rand.Text()[:12])
	users, err := people.Users(ctx)
	if err != nil {
		return "", err
	}
	for _, u := range users {
		if u.Name == demoUser {
			return password, people.SetPassword(ctx, demoUser, password)
		}
	}
	return password, people.AddUser(ctx, demoUser, password, true)
}
