package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/authority"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/layout"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/storage"
	"keepwatch.internal/web"
)

// handshakes is how many cameras may connect at the same time.
const handshakes = 16

// app is the assembled program.
type app struct {
	conf     *config.Config
	log      *slog.Logger
	people   *accounts.Directory
	views    *audit.ViewLog
	identity *identity.Store // of cameras
	store    *storage.Store
	ids      map[string]media.CameraID // by name in the configuration
	canary   [2]media.CameraID         // the synthetic cameras
	hub      *live.Hub
	out      *outbound.Dialer
	fleet    *fleet
	web      *web.Server
	ca       *authority.Authority // nil unless the server uses its own authority
	tls      *tls.Config          // nil for plain HTTP
}

// openApp opens databases and store and assembles the rest. It starts nothing. The caller closes it.
func openApp(ctx context.Context, c *config.Config, log *slog.Logger) (_ *app, err error) {
	a := &app{conf: c, log: log, hub: live.NewHub(live.Options{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return nil, err
	}
	if a.people, err = openAccounts(ctx, c, key, log); err != nil {
		return nil, err
	}
	a.identity = identity.New(a.people.DB(), time.Now)
	a.views = audit.NewViewLog(a.people.Audit(), c.Views.Keep)
	if a.store, err = storage.Open(ctx, storage.Options{
		Recordings: c.Recordings, Data: c.Data, MasterKey: key, Sync: c.Storage.Sync,
		MinFree: storage.MinFree{Percent: c.Storage.MinFree.Percent, Bytes: c.Storage.MinFree.Bytes}, Logger: log,
	}); err != nil {
		return nil, err
	}
	if err := a.enrol(ctx); err != nil {
		return nil, err
	}
	a.out = newDialer(c)
	a.fleet = newFleet(a)
	if err := a.secure(); err != nil {
		return nil, err
	}
	a.web, err = web.New(a.webOptions())
	return a, err
}

// enrol registers the configured cameras with the store, and their owners with the accounts.
func (a *app) enrol(ctx context.Context) (err error) {
	specs := make([]storage.CameraSpec, 0, len(a.conf.Cameras))
	for _, c := range a.conf.Cameras {
		specs = append(specs, storage.CameraSpec{Name: c.ID, Label: c.Label,
			Retain: storage.Retain{Age: c.Retain.Age, MaxBytes: c.Retain.MaxBytes}})
	}
	synthetic := storage.SyntheticCameras()
	if a.ids, err = a.store.Enrol(ctx, append(specs, synthetic[:]...)); err != nil {
		return err
	}
	for i, c := range synthetic {
		a.canary[i] = a.ids[c.Name]
		delete(a.ids, c.Name)
	}
	names := map[access.Camera]string{}
	for name, id := range a.ids {
		names[access.Camera(id)] = name
	}
	if err := a.identity.SetCameraNames(ctx, names); err != nil {
		return err
	}
	owners := make([]accounts.Ownership, 0, len(a.conf.Cameras))
	for _, c := range a.conf.Cameras {
		owners = append(owners, accounts.Ownership{Camera: access.Camera(a.ids[c.ID]), Name: c.ID, Owners: c.Owners})
	}
	return a.people.SetOwners(ctx, owners)
}

// secure prepares TLS as configured.
func (a *app) secure() (err error) {
	switch a.conf.Web.TLS.Mode {
	case config.TLSOff:
		return nil
	case config.TLSFiles:
		if a.tls, err = authority.FromFiles(a.conf.Web.TLS.Cert, a.conf.Web.TLS.Key, a.log); err != nil {
			return fmt.Errorf("web.tls: %w", err)
		}
		return nil
	}
	if a.ca, err = authority.Open(filepath.Join(a.conf.Data, "keys")); err != nil {
		return err
	}
	a.tls = a.ca.TLSConfig(a.conf.Web.Hosts)
	return nil
}

func (a *app) webOptions() web.Options {
	o := web.Options{
		Accounts: a.people, Views: a.views, Identity: a.identity, Layouts: layout.New(a.people.DB(), time.Now), Store: a.store, Hub: a.hub, Status: a.fleet, Location: a.conf.Timezone,
		Hosts: a.conf.Web.Hosts, Networks: a.conf.Web.Networks, Proxies: a.conf.Web.Proxies,
		Connections: a.connections, Probe: newProber(a), Canary: a.canary, Secure: a.tls != nil, Version: versionText(), Logger: a.log,
	}
	if a.ca != nil {
		o.CertificatePEM = a.ca.CertificatePEM()
	}
	for _, c := range a.conf.Cameras {
		o.Cameras = append(o.Cameras, web.Camera{ID: a.ids[c.ID], Name: c.ID, Label: c.Label, HasSub: !c.Sub.IsZero(), Audio: c.Audio})
	}
	return o
}

// run serves on the listeners and records until ctx ends or a part fails. It stops in an order that loses nothing: HTTP, camera
// sessions, segments. Then close closes the databases.
func (a *app) run(ctx context.Context, listeners ...served) error {
	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRecording()
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	defer stopKeeping()
	ctx, stopAll := context.WithCancelCause(ctx)
	defer stopAll(nil)

	var store, cameras, http sync.WaitGroup
	guard := func(name string, f func() error) func() {
		return func() {
			if err := f(); err != nil && !errors.Is(err, context.Canceled) {
				stopAll(fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	store.Go(guard("store", func() error { return a.store.Run(keeping) }))
	store.Go(guard("accounts", func() error { return a.views.Run(keeping) }))
	cameras.Go(guard("cameras", func() error { return a.fleet.run(recording) }))
	http.Go(guard("canary", func() error { return a.web.RunCanary(ctx) }))
	for _, l := range listeners {
		http.Go(guard("web", func() error { return l.serve(ctx, l.listener) }))
	}
	<-ctx.Done()
	http.Wait()
	stopRecording()
	cameras.Wait()
	stopKeeping()
	hung := within(diskPatience, "write the rest to the disk", func() error { store.Wait(); return nil })
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return errors.Join(cause, hung)
	}
	return hung
}

// diskPatience is how long the shutdown waits for a disk that hangs.
const diskPatience = 10 * time.Second

// within runs f and gives up on it after the limit. It then leaves the goroutine behind until the process ends.
func within(limit time.Duration, what string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%s: the disk does not answer within %v; the next start recovers what was left open", what, limit)
	}
}

// served is a listener and its handler.
type served struct {
	listener net.Listener
	serve    func(context.Context, net.Listener) error
}

// listen opens the configured ports.
func (a *app) listen() ([]served, error) {
	main, err := net.Listen("tcp", a.conf.Web.Listen)
	if err != nil {
		return nil, fmt.Errorf("web.listen: %w", err)
	}
	all := []served{a.pages(main)}
	if a.conf.Web.Redirect == "" {
		return all, nil
	}
	redirect, err := net.Listen("tcp", a.conf.Web.Redirect)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("web.redirect: %w", err), main.Close())
	}
	_, port, err := net.SplitHostPort(main.Addr().String())
	return append(all, served{redirect, func(ctx context.Context, l net.Listener) error {
		return a.web.RunRedirect(ctx, l, port)
	}}), err
}

// pages returns the server of the pages on l, with TLS if enabled.
func (a *app) pages(l net.Listener) served {
	if a.tls != nil {
		conf := a.tls.Clone()
		conf.NextProtos = []string{"h2", "http/1.1"} // with HTTP/2 a page's requests do not wait for each other
		l = tls.NewListener(l, conf)
	}
	return served{l, func(ctx context.Context, l net.Listener) error { return a.web.Run(ctx, l) }}
}

// greet logs the server's addresses, and the code for the first account while there is none.
func (a *app) greet(ctx context.Context, t terminal, addr net.Addr) error {
	scheme := "http"
	if a.tls != nil {
		scheme = "https"
	}
	a.log.Info("listening", "url", scheme+"://"+addr.String(), "cameras", len(a.conf.Cameras))
	if a.ca != nil { // for comparison with what devices display
		a.log.Info("own certificate authority, see the page /certificate", "sha256", web.Fingerprint(a.ca.CertificatePEM()))
	}
	code, needed, err := a.people.SetupCode(ctx)
	if err != nil || !needed {
		return err
	}
	a.log.Info("no account yet: open the page and enter the set-up code", "code", code)
	fmt.Fprintf(t.out, "\n  No account yet. Open the page above and enter this set-up code: %s\n\n", code)
	return nil
}

// close closes everything that openApp opened. It may be called twice.
func (a *app) close() error {
	store, people := a.store, a.people
	a.store, a.people = nil, nil
	return within(diskPatience, "close the databases", func() error {
		var errs []error
		if store != nil {
			errs = append(errs, store.Close())
		}
		if people != nil {
			errs = append(errs, people.Close())
		}
		return errors.Join(errs...)
	})
}

// frugal makes the garbage collector run twice as often as usual, unless $GOGC is set. The heap is mostly the last seconds of
// video. This costs a tenth of the little CPU time that recording takes, and halves the memory (bench).
func frugal() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// runCommand is nvr run.
func runCommand(ctx context.Context, t terminal, args []string) error {
	frugal()
	c, err := configOf(t, args)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelInfo}))
	log.Info("keepwatch starting", "version", versionText())
	for anew := (time.Time{}); ; anew = time.Now() {
		err := runApp(ctx, t, c, log)
		if !errors.Is(err, storage.ErrIndexDamaged) || ctx.Err() != nil || time.Since(anew) < soonest {
			return err
		}
		log.Error("restarting, to rebuild the index from the recordings", "err", err)
	}
}

// soonest is the shortest time between two rebuilds of a damaged index. If the index is damaged again sooner, the program ends,
// since somebody must check the disk.
const soonest = 20 * time.Second

// runApp opens everything, records and serves, and closes it again.
func runApp(ctx context.Context, t terminal, c *config.Config, log *slog.Logger) error {
	began := time.Now()
	a, err := openApp(ctx, c, log)
	if err != nil {
		return err
	}
	listeners, err := a.listen()
	if err != nil {
		return errors.Join(err, a.close())
	}
	if err := a.greet(ctx, t, listeners[0].listener.Addr()); err != nil {
		return errors.Join(err, a.close())
	}
	log.Info("started", "took", time.Since(began).Round(time.Millisecond))
	err = a.run(ctx, listeners...)
	return errors.Join(err, a.close())
}
