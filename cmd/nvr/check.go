package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/storage"
	"keepwatch.internal/storage/check"
)

// checkRate is how much nvr check reads per second by default, so that it does not disturb recording.
const checkRate = 50_000_000

// checkCall is one parsed nvr check.
type checkCall struct {
	t                      terminal
	conf                   *config.Config
	readData, repair, json bool
	rate                   int64
	record                 *recordReport // for -json; nil until the audit log is checked
}

// checks returns the checks of nvr check, in order. A check that found errors returns errSaid.
func checks() []func(context.Context, *checkCall) error {
	return []func(context.Context, *checkCall) error{checkViews, checkFootage}
}

// checkCommand is nvr check. It works with or without a running server.
func checkCommand(ctx context.Context, t terminal, args []string) error {
	fs := newFlags()
	path := configFlag(fs)
	call := &checkCall{t: t, rate: checkRate}
	fs.BoolVar(&call.readData, "read-data", false, "read and verify every byte of footage")
	fs.BoolVar(&call.repair, "repair", false, "repair what can be repaired")
	fs.BoolVar(&call.json, "json", false, "print the report as JSON")
	fs.Func("rate", "at most so many bytes a second, for example 50MB; 0 for no limit", func(text string) (err error) {
		call.rate, err = parseRate(text)
		return err
	})
	if err := parseNone(fs, args); err != nil {
		return checkUsage(err)
	}
	var err error
	if call.conf, err = loadConfig(t, *path); err != nil {
		return err
	}
	found := false
	for _, look := range checks() {
		switch err := look(ctx, call); {
		case errors.Is(err, errSaid):
			found = true
		case err != nil:
			return err
		}
	}
	if found {
		return errSaid
	}
	return nil
}

// checkUsage explains flags that people know from other programs.
func checkUsage(err error) error {
	if usage, ok := errors.AsType[*usageError](err); ok && strings.Contains(usage.text, "not defined: -fix") {
		return usagef("there is no -fix; -repair repairs what can be repaired, and deletes no footage")
	}
	return err
}

// parseRate reads a size, or 0 for no limit.
func parseRate(text string) (int64, error) {
	if text == "0" {
		return 0, nil
	}
	n, ok := config.ParseSize(text)
	if !ok {
		return 0, errors.New("a size with its unit is needed, for example 50MB, or 0 for no limit")
	}
	return n, nil
}

// checkFootage compares footage, index and ledger.
func checkFootage(ctx context.Context, call *checkCall) error {
	c := call.conf
	if _, err := os.Stat(filepath.Join(c.Recordings, "store.json")); err != nil {
		if _, known := os.Stat(filepath.Join(c.Data, "store.json")); known != nil {
			return fmt.Errorf("there is no footage yet: no store in %s or %s; start nvr run first", c.Recordings, c.Data)
		}
		return fmt.Errorf("%s has no store.json, but %s expects a store there: is its disk mounted?", c.Recordings, c.Data)
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return err
	}
	line := newProgressLine(call)
	report, err := check.Run(ctx, check.Options{
		Recordings: c.Recordings, Data: c.Data, MasterKey: key, ReadData: call.readData, Repair: call.repair, Rate: call.rate,
		Progress: line.show, Store: storage.Options{Sync: c.Storage.Sync, Logger: slog.New(slog.DiscardHandler)},
	})
	line.end()
	if err != nil && (report == nil || len(report.Errors) == 0) {
		return explainCheck(err)
	}
	if call.json {
		enc := json.NewEncoder(call.t.out)
		enc.SetIndent("", "  ")
		err = errors.Join(err, enc.Encode(struct {
			*check.Report
			Record *recordReport `json:"record"`
		}{report, call.record}))
	} else {
		printReport(call.t.out, report)
	}
	if err != nil {
		return explainCheck(err)
	}
	if len(report.Errors) > 0 {
		return errSaid
	}
	return nil
}

// explainCheck says what to do about an error that prevented the check.
func explainCheck(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; nothing is left half done, and the rest was not checked")
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run it as the user that nvr runs as", err)
	}
	return err
}

// printReport writes the report for people.
func printReport(w io.Writer, r *check.Report) {
	for _, f := range r.Errors {
		fmt.Fprintf(w, "%s: %s\n", place(f), f.Text)
		if f.Seconds > 0 {
			fmt.Fprintf(w, "    footage: %s\n", duration(f.Seconds))
		}
		if f.Done != "" {
			fmt.Fprintf(w, "    done: %s\n", f.Done)
		} else {
			fmt.Fprintf(w, "    -repair: %s\n", f.Remedy)
		}
	}
	for _, f := range r.Warnings {
		fmt.Fprintf(w, "warning: %s: %s\n", place(f), f.Text)
		if f.Done != "" {
			fmt.Fprintf(w, "    done: %s\n", f.Done)
		}
	}
	if r.Omitted > 0 {
		fmt.Fprintf(w, "and %d more, not listed\n", r.Omitted)
	}
	depth := "headers, tables and index; -read-data reads every byte"
	if r.ReadData {
		depth = "every byte"
	}
	fmt.Fprintf(w, "checked %d segments of %d cameras, %s of footage (%s): ", r.Segments, r.Cameras, format.Size(r.Bytes), depth)
	if len(r.Errors) == 0 {
		fmt.Fprintln(w, "no errors")
		return
	}
	var lost float64
	left := 0
	for _, f := range r.Errors {
		if f.Done == "" {
			left, lost = left+1, lost+f.Seconds
		}
	}
	fmt.Fprintf(w, "%d errors", len(r.Errors)+r.Omitted)
	switch {
	case !r.Repair:
		fmt.Fprintf(w, "; %s of footage affected; -repair repairs what can be repaired, and deletes no footage\n", duration(lost))
	case left == 0:
		fmt.Fprintln(w, ", all repaired; check again to confirm")
	default:
		fmt.Fprintf(w, ", %d not repaired\n", left)
	}
}

// place names the subject of a finding.
func place(f check.Problem) string {
	switch {
	case f.File != "" && f.Camera != "":
		return f.Camera + ": " + f.File
	case f.File != "":
		return f.File
	case f.From != nil && f.To != nil:
		return fmt.Sprintf("%s %s from %s to %s", f.Camera, f.Stream, f.From.Format(time.RFC3339), f.To.Format(time.RFC3339))
	case f.Camera != "":
		return f.Camera + " " + f.Stream
	}
	return "index.db"
}

func duration(seconds float64) string {
	return format.Duration(time.Duration(seconds * float64(time.Second)))
}

// progressLine prints the progress of the check to standard error: four times a second on a terminal, every ten seconds otherwise.
type progressLine struct {
	w        io.Writer
	terminal bool
	byBytes  bool
	began    time.Time
	last     time.Time
	shown    bool
}

func newProgressLine(call *checkCall) *progressLine {
	f, isFile := call.t.err.(*os.File)
	now := time.Now()
	return &progressLine{w: call.t.err, terminal: isFile && term.IsTerminal(int(f.Fd())), byBytes: call.readData, began: now, last: now}
}

func (l *progressLine) show(p check.Progress) {
	every := 10 * time.Second
	if l.terminal {
		every = 250 * time.Millisecond
	}
	now := time.Now()
	if now.Sub(l.last) < every {
		return
	}
	l.last, l.shown = now, true
	text := progressText(p, l.byBytes, now.Sub(l.began))
	if l.terminal {
		fmt.Fprintf(l.w, "\r\x1b[K%s", text)
	} else {
		fmt.Fprintln(l.w, text)
	}
}

// end leaves the line.
func (l *progressLine) end() {
	if l.terminal && l.shown {
		fmt.Fprint(l.w, "\r\x1b[K")
	}
}

// progressText returns the progress, and the remaining time at this rate.
func progressText(p check.Progress, byBytes bool, took time.Duration) string {
	if p.AllIssues > 0 {
		return fmt.Sprintf("resolved %d of %d", p.Resolved, p.AllIssues)
	}
	done, all := p.Segments, p.AllSegments
	if byBytes {
		done, all = p.Bytes, p.AllBytes
	}
	if all <= 0 || done <= 0 {
		return fmt.Sprintf("checked %d segments", p.Segments)
	}
	share := min(float64(done)/float64(all), 1)
	left := time.Duration(float64(took) * (1 - share) / share)
	return fmt.Sprintf("checked %.1f %%: %d of %d segments, %s; about %s left", 100*share, p.Segments, max(p.Segments, p.AllSegments), format.Size(p.Bytes), format.Duration(left))
}
