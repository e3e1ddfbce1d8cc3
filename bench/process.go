package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// group is the processes of one program under measurement.
type group struct {
	commands []*exec.Cmd
	logs     []string
	waiting  sync.WaitGroup
	ended    chan error // one for each process
	stopped  bool
}

// stopTimeout is how long a program may take to close its files.
const stopTimeout = 30 * time.Second

// startGroup starts all command lines. Their output goes to files in dir. The caller stops the group.
func startGroup(ctx context.Context, dir string, lines [][]string) (*group, error) {
	g := &group{ended: make(chan error, len(lines))}
	for i, line := range lines {
		path := filepath.Join(dir, strconv.Itoa(i+1)+".log")
		log, err := os.Create(path)
		if err != nil {
			return nil, errors.Join(err, g.stop())
		}
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = stopTimeout
		err = cmd.Start()
		if err := errors.Join(err, log.Close()); err != nil {
			return nil, errors.Join(err, g.stop())
		}
		g.commands, g.logs = append(g.commands, cmd), append(g.logs, path)
		g.waiting.Go(func() { g.ended <- cmd.Wait() })
	}
	return g, nil
}

// pids returns the numbers of the processes.
func (g *group) pids() []int {
	pids := make([]int, len(g.commands))
	for i, cmd := range g.commands {
		pids[i] = cmd.Process.Pid
	}
	return pids
}

// pause waits for d. It returns an error if a process or ctx ends meanwhile.
func (g *group) pause(ctx context.Context, d time.Duration) error {
	select {
	case err := <-g.ended:
		if err == nil {
			err = errors.New("exit status 0")
		}
		return fmt.Errorf("a recording program ended early: %w\n%s", errors.Join(err, ctx.Err()), g.lastWords())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// stop asks all processes to close their files and exit, and waits for them. It ignores their exit status, since ffmpeg reports a
// failure when stopped; the recordings are checked instead.
func (g *group) stop() error {
	if g.stopped {
		return nil
	}
	g.stopped = true
	var errs []error
	for _, cmd := range g.commands {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	kill := time.AfterFunc(stopTimeout, func() {
		for _, cmd := range g.commands {
			_ = cmd.Process.Kill() // it may have ended meanwhile
		}
	})
	g.waiting.Wait()
	if !kill.Stop() {
		errs = append(errs, fmt.Errorf("a recording program did not end within %v\n%s", stopTimeout, g.lastWords()))
	}
	return errors.Join(errs...)
}

// lastWords returns the ends of what the processes printed.
func (g *group) lastWords() string {
	var b strings.Builder
	for _, path := range g.logs {
		text, err := os.ReadFile(path)
		if err != nil {
			text = []byte(err.Error())
		}
		if text = bytes.TrimSpace(text); len(text) > 0 && b.Len() < 4000 {
			fmt.Fprintf(&b, "%s: %s\n", filepath.Base(path), text[max(0, len(text)-1000):])
		}
	}
	return b.String()
}
