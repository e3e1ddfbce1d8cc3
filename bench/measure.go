package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// syncWindow is how long syncs are counted: several times the interval at which nvr syncs a file.
const syncWindow = 6 * time.Second

// benchmark measures the peers in turn on the same cameras.
type benchmark struct {
	options
	farm     *farm
	dir      string
	progress io.Writer
}

// peer is a program that records.
type peer struct {
	name  string
	lines func(dir string) ([][]string, error) // its command lines, to record to dir
}

// result is what one peer used in one window.
type result struct {
	cpu    float64 // cores
	memory memory  // maximum
	bits   float64 // footage, bit/s
	writes float64 // calls a second
	syncs  float64 // calls a second; negative: not known
	frames frames
}

// The peers, by place in what measure returns.
const (
	ffmpegPeer = iota
	nvrPeer
	peerCount
)

// measure returns the results of each peer, round by round.
func (b *benchmark) measure(ctx context.Context) ([peerCount][]result, error) {
	var all [peerCount][]result
	fmt.Fprintln(b.progress, "building nvr")
	nvr, err := buildNVR(ctx, b.dir)
	if err != nil {
		return all, err
	}
	peers := [peerCount]peer{ffmpegPeer: {"ffmpeg", b.ffmpegLines}, nvrPeer: {"nvr", func(dir string) ([][]string, error) {
		return b.nvrLines(nvr, dir)
	}}}
	for round := range b.rounds {
		// Every other round runs in reverse order, so that a steady change affects both equally.
		order := []int{ffmpegPeer, nvrPeer}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, i := range order {
			fmt.Fprintf(b.progress, "round %d of %d: %s records %d cameras for %v\n", round+1, b.rounds, peers[i].name, b.cameras, b.window)
			r, err := b.once(ctx, peers[i])
			if err != nil {
				return all, fmt.Errorf("measure %s: %w", peers[i].name, err)
			}
			all[i] = append(all[i], r)
		}
	}
	return all, nil
}

// once starts a peer, measures it for a window, stops it and counts what it recorded.
func (b *benchmark) once(ctx context.Context, p peer) (r result, err error) {
	dir, err := os.MkdirTemp(b.dir, p.name+"-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	lines, err := p.lines(dir)
	if err != nil {
		return r, err
	}
	g, err := startGroup(ctx, dir, lines)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	if err := b.farm.await(ctx, b.cameras); err != nil {
		return r, fmt.Errorf("%w\n%s", err, g.lastWords())
	}
	if err := g.pause(ctx, b.warmup); err != nil {
		return r, err
	}
	from := time.Now()
	if err := b.watch(ctx, g, dir, &r); err != nil {
		return r, err
	}
	to := time.Now()
	if r.syncs, err = syncsOf(ctx, g.pids(), min(b.window, syncWindow)); err != nil {
		return r, err
	}
	if err := g.pause(ctx, time.Second); err != nil { // what was sent up to the window's end is on its way
		return r, err
	}
	if err := errors.Join(g.stop(), b.farm.await(ctx, 0)); err != nil {
		return r, err
	}
	recorded, err := readRecording(dir)
	if err != nil {
		return r, err
	}
	r.frames = recorded.within(from, to, b.cameras)
	return r, nil
}

// watch waits for the window and takes the figures.
func (b *benchmark) watch(ctx context.Context, g *group, dir string, r *result) error {
	sizeBefore, err1 := footageSize(dir)
	before, err2 := usageOf(g.pids())
	began := time.Now()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for passed := time.Duration(0); passed < b.window; passed = time.Since(began) {
		if err := g.pause(ctx, min(time.Second, b.window-passed)); err != nil {
			return err
		}
		m, err := memoryOf(g.pids())
		if err != nil {
			return err
		}
		r.memory.rss, r.memory.pss = max(r.memory.rss, m.rss), max(r.memory.pss, m.pss)
	}
	after, err1 := usageOf(g.pids())
	seconds := time.Since(began).Seconds()
	sizeAfter, err2 := footageSize(dir)
	r.cpu = (after.cpu - before.cpu).Seconds() / seconds
	r.writes = float64(after.writes-before.writes) / seconds
	r.bits = float64(sizeAfter-sizeBefore) * 8 / seconds
	return errors.Join(err1, err2)
}

// ffmpegLines records with ffmpeg in the usual way: one process per camera, a new file every minute, no re-encoding.
func (b *benchmark) ffmpegLines(dir string) ([][]string, error) {
	var lines [][]string
	for i, url := range b.farm.urls {
		folder := filepath.Join(dir, cameraName(i))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
		lines = append(lines, []string{"ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy",
			"-f", "segment", "-segment_time", "60", "-segment_format", "mp4", "-reset_timestamps", "1", filepath.Join(folder, "%03d.mp4")})
	}
	return lines, nil
}

func cameraName(i int) string { return fmt.Sprintf("camera-%02d", i+1) }

// buildNVR builds the binary as it is released.
func buildNVR(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "nvr")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "timetzdata", "-ldflags", "-s -w", "-o", path, "keepwatch.internal/cmd/nvr")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build nvr: %w\n%s", err, out)
	}
	return path, nil
}

// nvrLines writes a configuration with all cameras and returns the one command line. All usual features are on, including the
// web pages, which nobody opens.
func (b *benchmark) nvrLines(nvr, dir string) ([][]string, error) {
	path := filepath.Join(dir, "config.yaml")
	text := configText(dir, b.farm.urls, `{listen: "127.0.0.1:0"}`)
	return [][]string{{nvr, "run", "-config", path}}, os.WriteFile(path, []byte(text), 0o600)
}

// configText is a configuration that records the cameras below dir, with the given settings of the web.
func configText(dir string, urls []string, web string) string {
	var c strings.Builder
	fmt.Fprintf(&c, "data: %s\nrecordings: %s\ntimezone: UTC\n", filepath.Join(dir, "data"), filepath.Join(dir, "recordings"))
	fmt.Fprintf(&c, "web: %s\nstorage: {min_free: 200MB}\ncameras:\n", web)
	for i, url := range urls {
		fmt.Fprintf(&c, "  %s: {main: %q, transport: tcp}\n", cameraName(i), url)
	}
	return c.String()
}
