package main

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// poll calls ok until it returns true. It returns false if that does not happen within the limit.
func poll(ctx context.Context, limit time.Duration, ok func() bool) bool {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ok()
		}
	}
	return true
}

// until fails the test unless ok becomes true within the limit.
func until(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	if !poll(t.Context(), limit, ok) {
		t.Fatalf("%s: not within %v", what, limit)
	}
}

// waitFor runs a command until it succeeds, for half a minute.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: waitfor COMMAND [ARG …]")
	}
	if !poll(context.Background(), 30*time.Second, func() bool { return ts.Exec(args[0], args[1:]...) == nil }) {
		ts.Fatalf("%v never succeeded", args)
	}
}

// buffer is a bytes.Buffer for writers and readers on several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
