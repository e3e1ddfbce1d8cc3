// Package trialtest is shared by long trials: how often to repeat, which seed to use, and where to write the result. It is
// for tests only.
//
// `make test` runs the short form of a trial. `make torture` sets KEEPWATCH_ROUNDS to run it longer. A figure goes to the
// test's log, and also to the file that KEEPWATCH_FIGURES names.
package trialtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The environment variables of the trials.
const (
	RoundsVar  = "KEEPWATCH_ROUNDS"  // length as a multiple of the short form; 1 by default
	SeedVar    = "KEEPWATCH_SEED"    // the seed from a run's log, to repeat it; "random" draws a new one
	FiguresVar = "KEEPWATCH_FIGURES" // a file to which every figure is appended as a line
)

// Rounds returns how often to repeat something that the short form repeats short times.
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

// gateSeed is the seed of the tests that a change must pass. It is fixed, so that they judge the change and not chance
// (docs/decisions/0013-seeds.md). The long trials draw new seeds.
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

// Report records the result of a trial. promise is a line of docs/trials.md; the figure may contain several values.
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
