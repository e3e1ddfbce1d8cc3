package archtest

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// makefile is where tests are chosen by name: the trials, and what the race detector leaves out.
const makefile = "Makefile"

var (
	chosenTest = regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9]*`)
	trialFile  = regexp.MustCompile(`\btrialtest\.Rounds\(`)
)

// listedTestsExist checks the names of tests in the Makefile both ways. Each is that of a test, so that a test which is
// renamed cannot silently leave a list. And each file that tries something as often as it is told to has a test in the
// Makefile, so that a new trial cannot be left out of the long runs.
func listedTestsExist(t *tree) []finding {
	text, err := fs.ReadFile(t.fsys, makefile)
	if err != nil {
		return []finding{{makefile, err.Error(), "make it readable"}}
	}
	listed := map[string]bool{}
	var found []finding
	declared := t.testNames()
	line := 0
	for row := range strings.Lines(string(text)) {
		line++
		for _, name := range chosenTest.FindAllString(row, -1) {
			listed[name] = true
			if !declared[name] {
				found = append(found, finding{fmt.Sprintf("%s:%d", makefile, line), name + " is no test", "write the whole name of a test that exists"})
			}
		}
	}
	for _, s := range t.files {
		if s.test && s.dir() != "internal/archtest" && trialFile.MatchString(s.text) && !anyListed(s, listed) {
			found = append(found, finding{s.path, "a trial that no list of the " + makefile + " names",
				"add its test to TRIALS, or to the target that runs it for long"})
		}
	}
	return found
}

func anyListed(s *source, listed map[string]bool) bool {
	for _, m := range writtenTest.FindAllStringSubmatch(s.text, -1) {
		if listed[m[1]] {
			return true
		}
	}
	return false
}

func listedTestBreaches() []breach {
	const rule = "tests that the Makefile names are there"
	trial := in("storage", "example.internal/internal/planted/trialtest", "func TestItHolds() { trialtest.Rounds(nil, 1) }")
	return []breach{
		{"a list that names a test by its beginning", rule, map[string]string{makefile: "RACE := ./web/...\nTRIALS := \\\n\tTestNobody\n"}, []string{"Makefile:3", "TestNobody is no test"}},
		{"a trial that is on no list", rule, map[string]string{"storage/b_test.go": trial}, []string{"storage/b_test.go", "a trial that no list"}},
	}
}
