package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chromedp/chromedp"
)

// figure is one line of a table: a measurement and its goal, if it has one.
type figure struct {
	what, value, goal string
	met               bool
}

func (f figure) verdict() string {
	switch {
	case f.goal == "":
		return ""
	case f.met:
		return "met"
	}
	return "MISSED"
}

// sitting is a set of measurements in one browser, with a demo of some cameras, or with a recorder of cameras that send a film.
type sitting struct {
	what    string
	cameras int
	take    func(ctx context.Context, url, user, password string) ([]figure, error)
	film    film // zero: the cameras of the demo
}

// The sittings that a test runs by name.
const (
	pagesWeigh = "page sizes"
	tabMemory  = "memory of a tab"
)

// sittings is everything that is measured in a browser, in order.
func sittings(o options) []sitting {
	return []sitting{
		{pagesWeigh, 4, pageFigures, film{}},
		{"live video", 4, liveFigures, film{}},
		{"live video", 16, liveFigures, film{}},
		{"live video of a film", 16, smoothFigures, tileSize},
		{"recordings of one camera", 1, playbackFigures, film{}},
		{"recordings in full resolution", 1, seekFigures, fullSize},
		{"recordings of four cameras in sync", 4, wallFigures, film{}},
		{tabMemory, 4, func(ctx context.Context, url, user, password string) ([]figure, error) {
			return tabFigures(ctx, url, user, password, time.Duration(o.minutes*float64(time.Minute)))
		}, film{}},
	}
}

// chosen returns the sittings that have a text in their name.
func chosen(o options) ([]sitting, error) {
	all := sittings(o)
	some := slices.DeleteFunc(slices.Clone(all), func(s sitting) bool { return !strings.Contains(s.what, o.only) })
	if len(some) > 0 {
		return some, nil
	}
	var names []string
	for _, s := range all {
		names = append(names, s.what)
	}
	return nil, fmt.Errorf("-only %q matches no name; there are: %s", o.only, strings.Join(slices.Compact(names), ", "))
}

// benchBrowser measures the pages in Chromium, each sitting with its own demo, and prints one table.
func benchBrowser(ctx context.Context, o options, all []sitting, out, progress io.Writer) (err error) {
	if err := haveChromium(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "keepwatch-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(progress, "building nvr")
	nvr, err := buildNVR(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nIn headless Chromium against nvr on loopback. %d × %s, %s/%s, %s.\n\n", runtime.NumCPU(), cpuModel(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tcameras\tmeasured\tgoal\t")
	for i, s := range all {
		fmt.Fprintf(progress, "%s, %d cameras\n", s.what, s.cameras)
		place := filepath.Join(dir, strconv.Itoa(i))
		failed := os.Mkdir(place, 0o700)
		var figures []figure
		switch {
		case failed != nil:
		case s.film != film{}:
			figures, failed = atFilm(ctx, nvr, place, s)
		default:
			figures, failed = atDemo(ctx, nvr, place, s)
		}
		for _, f := range figures {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", f.what, s.cameras, f.value, f.goal, f.verdict())
		}
		if failed != nil { // the other figures are still useful
			err = errors.Join(err, fmt.Errorf("%s: %w", s.what, failed))
		}
		if ctx.Err() != nil {
			break // the figures so far are useful, too
		}
	}
	return errors.Join(err, ctx.Err(), w.Flush())
}

// haveChromium returns an error that says how to install the browser if it is missing.
func haveChromium() error {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell", "headless_shell"} {
		if _, err := exec.LookPath(name); err == nil {
			return nil
		}
	}
	return errors.New("chromium is missing: the pages are measured in it. Install it from the distribution's packages, for example: apt-get install chromium")
}

// demoSaid matches what the demo prints once its page can be opened.
var demoSaid = regexp.MustCompile(`(?s)Open +(http://[^/]+)/\s+User +(\S+)\s+Password +(\S+)`)

// demoStart bounds how long a demo may take to start on a busy machine.
const demoStart = 60 * time.Second

// atDemo runs a demo for the duration of its measurements.
func atDemo(ctx context.Context, nvr, dir string, s sitting) (figures []figure, err error) {
	g, err := startGroup(ctx, dir, [][]string{{nvr, "demo", "-cameras", strconv.Itoa(s.cameras), "-listen", "127.0.0.1:0", "-dir", filepath.Join(dir, "demo")}})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	m, err := g.says(ctx, demoSaid)
	if err != nil {
		return nil, err
	}
	return s.take(ctx, m[1], m[2], m[3])
}

// says waits until the output of the group's first program matches the pattern, and returns the submatches.
func (g *group) says(ctx context.Context, pattern *regexp.Regexp) ([]string, error) {
	for waited := time.Duration(0); ; waited += 100 * time.Millisecond {
		said, err := os.ReadFile(g.logs[0])
		if err != nil {
			return nil, err
		}
		if m := pattern.FindStringSubmatch(string(said)); m != nil {
			return m, nil
		}
		if waited > demoStart {
			return nil, fmt.Errorf("no address within %v\n%s", demoStart, g.lastWords())
		}
		if err := g.pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// signedIn opens a browser with one tab, signs the user in, and calls use with the tab.
func signedIn(ctx context.Context, url, user, password string, use func(tab context.Context) error) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1440, 900))
	alloc, stopAlloc := chromedp.NewExecAllocator(ctx, options...)
	defer stopAlloc()
	tab, stop := chromedp.NewContext(alloc)
	defer stop()
	for _, step := range []chromedp.Action[chromedp.Void]{chromedp.Navigate(url + "/login"), chromedp.SendKeys(`input[name=username]`, user),
		chromedp.SendKeys(`input[name=password]`, password), chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`.top`)} {
		if err := chromedp.Do(tab, step); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
	}
	return use(tab)
}
