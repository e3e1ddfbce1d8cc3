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
	SeedVar    = "KEEPWATCH_SEED"    // the seed that a run's log names, to repeat it; "random" draws a new one
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

// gateSeed is the seed of the tests that a change must pass: the same each time, so that they judge the change and not the
// luck of the draw (docs/decisions/0013-seeds.md). The long trials draw.
const gateSeed = 20261127

// Seed returns the seed of a run and logs how to repeat it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(gateSeed)
	switch text := os.Getenv(SeedVar); text {
	case "":
	case "random":
		seed = uint64(time.Now().UnixNano())
	default:
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
