package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	namedTest   = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	writtenTest = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(`)
)

// testNames returns the tests that the tree has.
func (t *tree) testNames() map[string]bool {
	names := map[string]bool{}
	for _, s := range t.files {
		for _, m := range writtenTest.FindAllStringSubmatch(s.text, -1) {
			names[m[1]] = true
		}
	}
	return names
}

// testsAreThere checks that the tests which pages name, as what shows a claim, exist.
func testsAreThere(t *tree) []finding {
	written := t.testNames()
	var found []finding
	for _, folder := range []string{".", "docs", "docs/decisions"} {
		pages, err := fs.Glob(t.fsys, path.Join(folder, "*.md"))
		if err != nil {
			return []finding{{folder, err.Error(), "mend the folder"}}
		}
		for _, page := range pages {
			text, err := fs.ReadFile(t.fsys, page)
			if err != nil {
				return append(found, finding{page, err.Error(), "make it readable"})
			}
			line := 0
			for row := range strings.Lines(string(text)) {
				line++
				for _, m := range namedTest.FindAllStringSubmatch(row, -1) {
					if !written[m[1]] {
						found = append(found, finding{fmt.Sprintf("%s:%d", page, line), m[1] + " is not there", "name the test that shows it now, or take the claim back"})
					}
				}
			}
		}
	}
	return found
}

func namedTestBreaches() []breach {
	return []breach{{"a claim that no test shows", "tests that pages name are there", map[string]string{"docs/b.md": "Nobody gets in\n(`TestNobodyGetsIn`).\n"},
		[]string{"docs/b.md:2", "TestNobodyGetsIn is not there"}}}
}
