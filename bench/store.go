package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// The size of the synthetic store. It has the rows of a year. Files exist only for segments that are read, and where the number
// of files in a folder matters.
const (
	storeCameras  = 16
	storeSegments = storeCameras * 30 * 24 * 60 // of a minute each
	storeSought   = 20                          // real segments of each camera
	storeExport   = 10 * time.Minute
	seeks         = 800
)

// compared is one line of the store's table: a figure and its comparison.
type compared struct {
	figure
	peer string
}

// benchStore measures the cost of finding footage in a store of that many segments, and prints a table.
func benchStore(ctx context.Context, o options, out, progress io.Writer) (err error) {
	if o.segments < storeCameras*24*60 {
		return fmt.Errorf("-segments %d: at least a day of %d cameras is needed, %d", o.segments, storeCameras, storeCameras*24*60)
	}
	dir, err := os.MkdirTemp(o.dir, "keepwatch-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a := &archive{dir: dir, minutes: o.segments / storeCameras, real: o.sought, exported: o.exported, progress: progress}
	if err := a.make(ctx); err != nil {
		return errors.Join(err, a.close())
	}
	figures, err := a.measure(ctx)
	if err := errors.Join(err, a.close()); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nFinding footage among %d segments of a minute: %d cameras, %.1f days, %d MB of index.\n", a.minutes*storeCameras, storeCameras,
		float64(a.minutes)/24/60, a.indexBytes/1e6)
	fmt.Fprintf(out, "%d × %s, %s/%s, %s. Inside one process, each call with its own permit; files are in memory.\n\n",
		runtime.NumCPU(), cpuModel(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tmeasured\tgoal\t\tfor comparison")
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.what, f.value, f.goal, f.verdict(), f.peer)
	}
	return w.Flush()
}

// measure takes all figures.
func (a *archive) measure(ctx context.Context) ([]compared, error) {
	var all []compared
	for _, step := range []struct {
		what string
		take func(context.Context) ([]compared, error)
	}{
		{"seeking", a.seek}, {"listing", a.list}, {"exporting", a.export}, {"restarting", a.restart},
	} {
		fmt.Fprintln(a.progress, step.what)
		figures, err := step.take(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		all = append(all, figures...)
	}
	return all, nil
}

// quantiles returns the median and the 99th percentile.
func quantiles(times []time.Duration) (median, p99 time.Duration) {
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}

// ms writes a time in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

// within is a figure with a goal.
func within(name string, took, goal time.Duration, peer string) compared {
	return compared{figure{name, ms(took), "≤ " + ms(goal), took <= goal}, peer}
}

// timed calls f n times and returns how long each took.
func timed(n int, f func(i int) error) ([]time.Duration, error) {
	times := make([]time.Duration, 0, n)
	for i := range n {
		began := time.Now()
		if err := f(i); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

// walkFor finds the file of a moment without an index: list the folder, read the time from every name, open the last file that
// begins before the moment.
func walkFor(folder string, at time.Time) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	best := ""
	for _, e := range entries {
		start, err := time.Parse(walkedLayout, e.Name())
		if err != nil {
			return err
		}
		if start.After(at) {
			break
		}
		best = e.Name()
	}
	f, err := os.Open(filepath.Join(folder, best))
	if err != nil {
		return err
	}
	_, err = f.ReadAt(make([]byte, 1), 0)
	return errors.Join(err, f.Close())
}

const walkedLayout = "2006-01-02_15-04-05.mp4"
