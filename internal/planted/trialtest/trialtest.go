// Package trialtest is what long trials share: how often to try, which seed to begin with, and where to write what came
// out. It is for tests only.
//
// A trial has a short form, which `make test` runs, and grows with KEEPWATCH_ROUNDS, which `make torture` sets. A figure
// goes to the test's log and, when KEEPWATCH_FIGURES names a file, to that file as well.
package trialtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The variables of the environment that the trials obey.
const (
	RoundsVar  = "KEEPWATCH_ROUNDS"  // how many times the short form; 1 when it is not set
	SeedVar    = "KEEPWATCH_SEED"    // repeats a run: the seed that its log names
	FiguresVar = "KEEPWATCH_FIGURES" // a file to which a line for every figure is appended
)

// Rounds returns how often to try what the short form tries so many times.
func Rounds(t testing.TB, short int) int {
	t.Helper()
	text := os.Getenv(RoundsVar)
	if text == "" {
		return short
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is no positive number", RoundsVar, text)
	}
	return max(1, int(n*float64(short)))
}

// Seed returns the seed of a run and logs how to repeat it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(SeedVar); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q is no seed", SeedVar, text)
		}
		seed = n
	}
	t.Logf("to repeat this run: %s=%d go test -run '^%s$'", SeedVar, seed, t.Name())
	return seed
}

// Report notes what a trial came to. promise is a line of docs/trials.md; the figure may say several things.
func Report(t testing.TB, promise, figure string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(figure, args...)
	t.Logf("%s: %s", promise, text)
	name := os.Getenv(FiguresVar)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	verdict := "held"
	if t.Failed() {
		verdict = "BROKEN"
	}
	line := strings.Join([]string{"", promise, t.Name(), text, verdict, ""}, " | ")
	if _, err := f.WriteString(strings.TrimSpace(line) + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
