// Command bench measures the cost of recording: nvr compared with ffmpeg, the simplest way to record cameras. Both record the
// same simulated cameras in turn, in one run. The last column of its table matters most: absolute figures vary between machines
// and with other load, ratios much less.
//
//	go run ./bench                     the table
//	go run ./bench -store              another table: the cost of finding footage in a synthetic archive of a year
//	go run ./bench -browser            another: the pages in Chromium, their size and memory; -minutes 1 for a short run
//	go run ./bench -cameras-matrix     another: what nvr, ffmpeg and MediaMTX keep of cameras that are odd
//	go run ./bench -profile DIR        no table: the same recording inside this process, with profiles of time and memory
//
// The cameras run in a separate process, which is not counted. Every frame contains its number, and the frames in the recorded
// files are counted, so that nobody gets faster by losing some. The program needs Linux (/proc), the go command and ffmpeg, or
// Chromium. With strace it also counts syncs.
//
// Read in this order:
//
//  1. main.go: the flags, and which table they choose; table.go: a row of it.
//  2. farm.go: the cameras; frames.go: the frames that they sent and that were recorded.
//  3. measure.go, process.go, proc.go: what a program under measurement costs; profile.go: the same recording in this process.
//  4. store*.go: the synthetic archive, how it is made and what is measured in it.
//  5. browser*.go: the pages in Chromium.
//  6. matrix*.go: odd cameras, recorded by several programs; a judge compares every picture and the sound with their source.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	cameras, rounds int
	window, warmup  time.Duration
	dir             string // where to record
	profile         string // where profiles go; empty for the table
	store           bool   // measure the archive instead
	segments        int    // of the archive
	sought          int    // of them with files, of each camera
	exported        time.Duration
	matrix          bool // compare what recorders keep of odd cameras instead
	browser         bool // measure the pages in a browser instead
	minutes         float64
	only            string // text in the names of the sittings to run
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit status: 0 success, 1 a problem, 2 wrong usage.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	if len(args) > 0 && args[0] == farmCommand {
		return status(serveFarm(ctx, args[1:], in, out), errs)
	}
	o, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	return status(bench(ctx, o, out, errs), errs)
}

func status(err error, errs io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "bench:", err)
	return 1
}

func parse(args []string, errs io.Writer) (options, error) {
	o := options{sought: storeSought, exported: storeExport}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.IntVar(&o.cameras, "cameras", 32, "how many cameras")
	fs.IntVar(&o.rounds, "rounds", 2, "how often each program is measured")
	fs.DurationVar(&o.window, "window", 20*time.Second, "how long it is measured each time")
	fs.DurationVar(&o.warmup, "warmup", 8*time.Second, "how long it records before that, from when all cameras send")
	fs.StringVar(&o.dir, "dir", "", "folder to record to, on the disk of interest (default: a temporary folder)")
	fs.StringVar(&o.profile, "profile", "", "record inside this process, and write cpu.pprof and heap.pprof to this folder")
	fs.BoolVar(&o.store, "store", false, "measure how footage is found in a large store, instead of recording")
	fs.IntVar(&o.segments, "segments", storeSegments, "with -store: how many segments of a minute it holds")
	fs.BoolVar(&o.browser, "browser", false, "measure the pages of nvr demo in Chromium, instead of recording")
	fs.BoolVar(&o.matrix, "cameras-matrix", false, "compare what nvr, ffmpeg and MediaMTX (where mediamtx is installed) keep of odd cameras")
	fs.Float64Var(&o.minutes, "minutes", 10, "with -browser: how long the memory of a tab is watched")
	fs.StringVar(&o.only, "only", "", "with -browser: only what has this in its name, such as live, recordings, pages or memory; with -cameras-matrix: only such rows")
	err := fs.Parse(args)
	if err == nil && (fs.NArg() > 0 || o.cameras < 1 || o.rounds < 1 || o.window < time.Second || o.warmup < 0 || o.minutes <= 0) {
		err = errors.New("bench takes flags only: at least one camera, one round and a window of a second")
		fmt.Fprintln(errs, err)
		fs.Usage()
	}
	return o, err
}

// bench measures and prints. It removes all files it created, except for the profiles.
func bench(ctx context.Context, o options, out, progress io.Writer) (err error) {
	if o.store {
		return benchStore(ctx, o, out, progress)
	}
	if o.matrix {
		return benchMatrix(ctx, o, out, progress)
	}
	if o.browser {
		some, err := chosen(o)
		if err != nil {
			return err
		}
		return benchBrowser(ctx, o, some, out, progress)
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return errors.New("ffmpeg is missing: it encodes the clip that the cameras send, and nvr is compared with it. " +
			"Install it from the distribution's packages, for example: apt-get install ffmpeg")
	}
	dir, err := os.MkdirTemp(o.dir, "keepwatch-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(progress, "making the clip")
	clip, err := makeClip(ctx, dir, fullSize)
	if err != nil {
		return err
	}
	f, err := startFarm(clip, o.cameras)
	if err != nil {
		return fmt.Errorf("start the cameras: %w", err)
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	if o.profile != "" {
		return profile(ctx, o, f, dir, out)
	}
	b := &benchmark{options: o, farm: f, dir: dir, progress: progress}
	results, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return printTable(ctx, out, o, results)
}
