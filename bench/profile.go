package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/recorder"
	"keepwatch.internal/storage"
)

// profile records the cameras inside this process for a window and writes profiles of time and memory. It records like nvr,
// without accounts and pages. nvr itself has no profiling port, by design.
func profile(ctx context.Context, o options, f *farm, dir string, out io.Writer) error {
	recordings := filepath.Join(dir, "recordings")
	stop, err := record(ctx, f.urls, recordings, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	self := []int{os.Getpid()}
	from, used, err := profileWindow(ctx, o, f, self)
	to := time.Now()
	held, memoryErr := memoryOf(self)
	if err := errors.Join(err, memoryErr, stop()); err != nil {
		return err
	}
	recorded, err := readRecording(recordings)
	if err != nil {
		return err
	}
	counted := recorded.within(from, to, o.cameras)
	fmt.Fprintf(out, "%d cameras for %v: %.3f cores, %.1f MB resident at the end; %d of %d frames lost\ngo tool pprof -top %s\n", o.cameras, o.window,
		used.Seconds()/to.Sub(from).Seconds(), float64(held.rss)/1e6, counted.lost, counted.sent, filepath.Join(o.profile, "cpu.pprof"))
	return nil
}

// profileWindow waits until all cameras are recording, and takes the profiles of a window. It returns the start of the window
// and the CPU time used in it.
func profileWindow(ctx context.Context, o options, f *farm, self []int) (from time.Time, used time.Duration, err error) {
	if err := errors.Join(os.MkdirAll(o.profile, 0o755), f.await(ctx, o.cameras), pause(ctx, o.warmup)); err != nil {
		return from, 0, err
	}
	cpu, err := os.Create(filepath.Join(o.profile, "cpu.pprof"))
	if err != nil {
		return from, 0, err
	}
	before, err := usageOf(self)
	if err := errors.Join(err, pprof.StartCPUProfile(cpu)); err != nil {
		return from, 0, errors.Join(err, cpu.Close())
	}
	from = time.Now()
	err = pause(ctx, o.window)
	after, usageErr := usageOf(self)
	pprof.StopCPUProfile()
	heap, heapErr := os.Create(filepath.Join(o.profile, "heap.pprof"))
	if err := errors.Join(err, usageErr, heapErr, cpu.Close()); err != nil {
		return from, 0, err
	}
	return from, after.cpu - before.cpu, errors.Join(pprof.WriteHeapProfile(heap), heap.Close())
}

// pause waits for d, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// record starts recording all addresses, as nvr does, and returns a function that stops it.
func record(ctx context.Context, addresses []string, recordings, data string) (stop func() error, err error) {
	log := slog.New(slog.DiscardHandler)
	if err := errors.Join(os.Mkdir(recordings, 0o700), os.Mkdir(data, 0o700)); err != nil {
		return nil, err
	}
	store, err := storage.Open(ctx, storage.Options{Recordings: recordings, Data: data, MasterKey: [32]byte{1}, Logger: log,
		MinFree: storage.MinFree{Bytes: 200e6}})
	if err != nil {
		return nil, err
	}
	all, err := recorders(ctx, store, addresses, log)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	var cameras, keeper sync.WaitGroup
	var keepErr error
	keeper.Go(func() { keepErr = store.Run(keeping) })
	for _, r := range all {
		cameras.Go(func() { _ = r.Run(ctx) }) // ends with ctx only
	}
	return func() error {
		cancel()
		cameras.Wait()
		stopKeeping()
		keeper.Wait()
		return errors.Join(keepErr, store.Close())
	}, nil
}

// recorders makes the recorder of each address.
func recorders(ctx context.Context, store *storage.Store, addresses []string, log *slog.Logger) ([]*recorder.Recorder, error) {
	var specs []storage.CameraSpec
	for i := range addresses {
		specs = append(specs, storage.CameraSpec{Name: cameraName(i), Label: cameraName(i)})
	}
	ids, err := store.Enrol(ctx, specs)
	if err != nil {
		return nil, err
	}
	hub, admission, backlog := live.NewHub(live.Options{}), recorder.NewAdmission(len(addresses)), recorder.NewBacklog()
	var all []*recorder.Recorder
	for i, address := range addresses {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		stream := media.StreamID{Camera: ids[cameraName(i)], Quality: media.Main}
		all = append(all, recorder.New(recorder.Options{Stream: stream, Record: true, Store: store, Ring: hub.Ring(stream),
			Admission: admission, Backlog: backlog, Logger: log, Source: camera.Options{URL: u, Transport: camera.TCP, Audio: true, Logger: log}}))
	}
	return all, nil
}
