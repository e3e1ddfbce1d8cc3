// Command nvr is Keepwatch, a self-hosted network video recorder. It records the RTSP cameras listed in one YAML file to plain
// MP4, and plays live video and recordings in a web page on the owner's own network.
//
// This package joins the others: flags, configuration, wiring, signals and exit codes. What another package could own does not
// belong here. Exit status: 0 fine, 1 a problem was found or met (named on standard error), 2 wrong usage.
//
// Read in this order:
//
//  1. main.go: the table of commands; flags.go: how each reads its flags and the configuration.
//  2. app.go: nvr run: what is opened, started and stopped, in which order.
//  3. fleet.go: a recorder for each stream, and what pages show of them; fingerprints.go, outbound.go: what recorders are given.
//  4. accounts.go, keys.go: the databases and keys that every command opens alike.
//  5. check.go, retention.go, user.go, camera.go and the rest: one command each.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Exit statuses, for scripts.
const (
	exitFine    = 0
	exitProblem = 1
	exitUsage   = 2
)

// terminal is the input, output and environment of a command.
type terminal struct {
	in  *os.File
	out io.Writer
	err io.Writer
}

// command is one subcommand of nvr.
type command struct {
	name, args, about string
	run               func(ctx context.Context, t terminal, args []string) error
}

// commands returns the table of all commands, in the order of the help.
func commands() []command {
	return []command{
		{"run", "[-config FILE]", "record and serve", runCommand},
		{"demo", "[-cameras N] [-dir DIR] [-listen ADDR]", "try it with simulated cameras, without a configuration", demoCommand},
		{"validate", "[-config FILE]", "check a configuration and list its mistakes", validateCommand},
		{"retention", "-dry-run [-config FILE] [-json]", "show what retention would delete and why, while the server runs or not", retentionCommand},
		{"check", "[-config FILE] [-read-data] [-repair] [-json] [-rate SIZE]", "verify footage against index, while the server runs or not", checkCommand},
		{"user", "add | list | passwd | remove | token | … [NAME]", "manage accounts, while the server runs or not", userCommand},
		{"camera", "list | probe URL|ADDRESS|ID | accept ID", "look at a camera before adding it; which device each is; accept a replacement", cameraCommand},
		{"healthcheck", "[-config FILE]", "check that the server is running and ready", healthCommand},
		{"version", "", "print the version", versionCommand},
	}
}

// usageError is a wrong command line.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func main() {
	os.Exit(run(terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// run executes one command line and returns the exit status.
func run(t terminal, args []string) int {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		help(t.out)
		if len(args) == 0 {
			return exitUsage
		}
		return exitFine
	}
	for _, c := range commands() {
		if c.name == args[0] {
			ctx, stop := untilSignal(t)
			defer stop()
			return report(t, c, c.run(ctx, t, args[1:]))
		}
	}
	fmt.Fprintf(t.err, "nvr: unknown command %q; the commands are %s. See \"nvr help\".\n", args[0], names())
	return exitUsage
}

// untilSignal returns a context that ends at the first SIGINT or SIGTERM. The second one ends the process at once.
func untilSignal(t terminal) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, ok := <-signals; !ok {
			return
		}
		cancel()
		if _, ok := <-signals; ok {
			fmt.Fprintln(t.err, "nvr: second signal, exiting at once")
			os.Exit(exitProblem)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel()
	}
}

// report prints an error and returns its exit status.
func report(t terminal, c command, err error) int {
	usage := (*usageError)(nil)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errHelp):
		fmt.Fprintf(t.out, "usage: nvr %s %s\n%s\n", c.name, c.args, c.about)
		return exitFine
	case errors.As(err, &usage):
		fmt.Fprintf(t.err, "nvr %s: %s\nusage: nvr %s %s\n", c.name, usage.text, c.name, c.args)
		return exitUsage
	case errors.Is(err, errSaid):
		return exitProblem
	}
	fmt.Fprintf(t.err, "nvr %s: %v\n", c.name, err)
	return exitProblem
}

// errSaid is returned by a command that has already printed its error.
var errSaid = errors.New("said already")

func names() string {
	all := make([]string, 0, len(commands()))
	for _, c := range commands() {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

func help(w io.Writer) {
	fmt.Fprint(w, "Keepwatch: a network video recorder for your own cameras.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  nvr %-11s %-39s %s\n", c.name, c.args, c.about)
	}
	fmt.Fprint(w, "\nFILE defaults to $NVR_CONFIG, /config/config.yaml or ./config.yaml.\nTo try it out: nvr demo\n")
}
