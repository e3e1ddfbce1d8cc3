package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of times in /proc: USER_HZ is 100 on every architecture that Go runs on (proc(5)).
const tick = 10 * time.Millisecond

// usage is what processes have used since they started.
type usage struct {
	cpu    time.Duration // user and system, all threads
	writes int64         // write calls
}

// usageOf returns the sum of the processes' usage.
func usageOf(pids []int) (usage, error) {
	var u usage
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return u, err
		}
		// The name, in parentheses, may hold anything; utime and stime are the 12th and 13th fields after it.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 13 {
			return u, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
		}
		user, err1 := strconv.ParseInt(fields[11], 10, 64)
		system, err2 := strconv.ParseInt(fields[12], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return u, err
		}
		u.cpu += time.Duration(user+system) * tick
		writes, err := procField(fmt.Sprintf("/proc/%d/io", pid), "syscw:")
		if err != nil {
			return u, err
		}
		u.writes += writes
	}
	return u, nil
}

// memory is the memory of processes, in bytes.
type memory struct {
	rss int64 // resident; pages that processes share count for each
	pss int64 // proportional: a page shared by n processes counts 1/n for each
}

// memoryOf returns the sum of the processes' memory.
func memoryOf(pids []int) (memory, error) {
	var m memory
	for _, pid := range pids {
		path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
		rss, err1 := procField(path, "Rss:")
		pss, err2 := procField(path, "Pss:")
		if err := errors.Join(err1, err2); err != nil {
			return m, err
		}
		m.rss += rss * 1024
		m.pss += pss * 1024
	}
	return m, nil
}

// procField returns the number after the name at the beginning of a line in a /proc file.
func procField(path, name string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name {
			return strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no field %s", path, name)
}

// syncsOf returns the number of syncs a second of the processes, or a negative number if strace is missing or not permitted. It
// slows them down, and so is not part of the window.
func syncsOf(ctx context.Context, pids []int, d time.Duration) (float64, error) {
	args := []string{"-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,msync"}
	for _, pid := range pids {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	if _, err := exec.LookPath("strace"); err != nil {
		return -1, nil
	}
	window, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	cmd := exec.CommandContext(window, "strace", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	out, _ := cmd.CombinedOutput() // ends by our signal, which is an error
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if !bytes.Contains(out, []byte("attached")) {
		return -1, nil
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		// % time, seconds, usecs/call, calls, errors or nothing, name
		fields := strings.Fields(line)
		if len(fields) >= 5 && strings.Contains(fields[len(fields)-1], "sync") {
			calls, err := strconv.Atoi(fields[3])
			if err != nil {
				return 0, fmt.Errorf("strace said %q: %w", line, err)
			}
			n += calls
		}
	}
	return float64(n) / d.Seconds(), nil
}
