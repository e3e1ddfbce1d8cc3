package planted

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// root is the folder of the module, from that of this package.
const root = "../.."

// whichVar says which bugs to plant: "all", a pattern of names and groups, or a number. A number plants that many; which ones
// depends on the code. The default is 1.
const whichVar = "KEEPWATCH_PLANTED"

// patience is how long a test with a planted bug may take.
const patience = 5 * time.Minute

// bug is one file of testdata: a txtar archive with a comment that says what and where, and pairs of old and new text.
type bug struct {
	name  string // of the file
	what  string // what is wrong
	group string // durability or trust
	file  string // the file to change
	pkg   string // the package of the test that must fail
	run   string // that test, as a pattern
	env   []string
	swaps [][2]string
}

func bugs(t *testing.T) []bug {
	t.Helper()
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no planted bugs: %v", err)
	}
	var all []bug
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, strings.TrimSuffix(filepath.Base(name), ".txt"), a))
	}
	return all
}

func parse(t *testing.T, name string, a *txtar.Archive) bug {
	t.Helper()
	b := bug{name: name}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "what" && ok:
			b.what = value
		case key == "group" && ok:
			b.group = value
		case key == "file" && ok:
			b.file = value
		case key == "package" && ok:
			b.pkg = value
		case key == "run" && ok:
			b.run = value
		case key == "env" && ok:
			b.env = append(b.env, value)
		case strings.TrimSpace(line) != "":
			t.Fatalf("%s: unknown line %q", name, line)
		}
	}
	for i := 0; i+1 < len(a.Files); i += 2 {
		if a.Files[i].Name != "old" || a.Files[i+1].Name != "new" {
			t.Fatalf("%s: want pairs of old and new", name)
		}
		b.swaps = append(b.swaps, [2]string{string(a.Files[i].Data), string(a.Files[i+1].Data)})
	}
	if b.what == "" || b.file == "" || b.pkg == "" || b.run == "" || !slices.Contains([]string{"durability", "trust"}, b.group) || len(b.swaps) == 0 {
		t.Fatalf("%s: what, group, file, package, run, old and new are needed: %+v", name, b)
	}
	return b
}

// plant returns the bug's file as it is and with the bug in it.
func (b bug) plant(t *testing.T) (sound, harmed string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, b.file))
	if err != nil {
		t.Fatalf("%s: %v", b.name, err)
	}
	sound, harmed = string(text), string(text)
	for _, swap := range b.swaps {
		if n := strings.Count(harmed, swap[0]); n != 1 {
			t.Fatalf("%s: %s contains this %d times, want once; update the bug to where the code is now:\n%s", b.name, b.file, n, swap[0])
		}
		harmed = strings.Replace(harmed, swap[0], swap[1], 1)
	}
	return sound, harmed
}

// TestPlantedBugsFitTheCode checks that each bug can still be planted, and that the test that should catch it exists.
func TestPlantedBugsFitTheCode(t *testing.T) {
	for _, b := range bugs(t) {
		if sound, harmed := b.plant(t); sound == harmed {
			t.Errorf("%s changes nothing", b.name)
		}
		tests, err := filepath.Glob(filepath.Join(root, b.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		run := regexp.MustCompile(strings.SplitN(b.run, "/", 2)[0])
		found := false
		for _, name := range tests {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				found = found || run.MatchString(m[1])
			}
		}
		if !found {
			t.Errorf("%s: %s has no test %s", b.name, b.pkg, b.run)
		}
	}
}

// TestPlantedBugsTurnTrialsRed plants bugs, and runs the test that should catch each. That test must pass without the bug.
func TestPlantedBugsTurnTrialsRed(t *testing.T) {
	green := map[string]bool{}
	table := "| Bug | Caught by | In | After |\n| --- | --- | --- | --- |\n"
	for _, b := range chosen(t, bugs(t)) {
		t.Run(b.name, func(t *testing.T) {
			sane := fmt.Sprint(b.pkg, b.run, b.env)
			if !green[sane] {
				if out, err := b.try(t, ""); err != nil {
					t.Fatalf("%s of %s fails without any bug: %v\n%s", b.run, b.pkg, err, tail(out))
				}
				green[sane] = true
			}
			_, harmed := b.plant(t)
			began := time.Now()
			out, err := b.try(t, harmed)
			switch {
			case err == nil:
				t.Errorf("%s (%s)\nwas not caught: %s of %s passes with it", b.name, b.what, b.run, b.pkg)
			case !strings.Contains(out, "--- FAIL: "):
				t.Errorf("%s does not run: %v\n%s", b.name, err, tail(out))
			default:
				took := time.Since(began).Round(time.Second)
				t.Logf("caught in %v by %s: %s", took, b.run, firstComplaint(out))
				table += fmt.Sprintf("| %.2s: %s | `%s` | `%s` | %v |\n", b.name, b.what, strings.Trim(b.run, "^$"), b.pkg, took)
			}
		})
	}
	t.Logf("planted and caught:\n%s", table)
}

// chosen returns the bugs that whichVar selects.
func chosen(t *testing.T, all []bug) []bug {
	t.Helper()
	which := cmp.Or(os.Getenv(whichVar), "1")
	if which == "all" {
		return all
	}
	n, err := strconv.Atoi(which)
	if err != nil {
		pattern, err := regexp.Compile(which)
		if err != nil {
			t.Fatalf("%s: %v", whichVar, err)
		}
		return slices.DeleteFunc(all, func(b bug) bool { return !pattern.MatchString(b.name) && !pattern.MatchString(b.group) })
	}
	// The choice depends on the code: a changed tree selects others, and a repeated run the same.
	sum := fnv.New64a()
	for _, b := range all {
		_, harmed := b.plant(t)
		sum.Write([]byte(harmed))
	}
	start := int(sum.Sum64() % uint64(len(all)))
	return append(all[start:], all[:start]...)[:min(n, len(all))]
}

// try runs the bug's test, with its file replaced unless harmed is empty.
func (b bug) try(t *testing.T, harmed string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := []string{"test", "-count=1", "-vet=off", "-run", b.run, "-timeout", patience.String()}
	if harmed != "" {
		args = append(args, "-overlay", b.overlay(t, harmed))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+b.pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), b.env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// overlay writes the files that make the go command use the harmed file instead of the real one.
func (b bug) overlay(t *testing.T, harmed string) string {
	t.Helper()
	dir := t.TempDir()
	file, err := filepath.Abs(filepath.Join(root, b.file))
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: filepath.Join(dir, "harmed.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"harmed.go": harmed, "overlay.json": string(list)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "overlay.json")
}

// tail is the end of what a test printed.
func tail(out string) string { return out[max(0, len(out)-2000):] }

// firstComplaint returns the first message of a failed test.
func firstComplaint(out string) string {
	for line := range strings.Lines(out) {
		if place, said, ok := strings.Cut(line, "_test.go:"); ok && !strings.Contains(said, "to repeat this run") && !strings.Contains(place, "kit") {
			return strings.TrimSpace(line)
		}
	}
	return "(nothing that can be quoted)"
}
