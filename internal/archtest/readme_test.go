package archtest

import (
	"io/fs"
	"regexp"
	"strings"
)

var (
	requireLine = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.-]+\.[a-z]+/\S+) (v\S+)( // indirect)?$`)
	moduleRow   = regexp.MustCompile(`(?m)^\| ([a-z0-9.-]+\.[a-z]+/\S+) \| (v\S+) \| `)
)

// dependenciesNamed checks that the table of the README names what go.mod requires directly, at the same versions, and
// nothing that go.mod does not have.
func dependenciesNamed(t *tree) []finding {
	mod, err := fs.ReadFile(t.fsys, "go.mod")
	if err != nil {
		return []finding{{"go.mod", err.Error(), "restore it"}}
	}
	readme, err := fs.ReadFile(t.fsys, "README.md")
	if err != nil {
		return []finding{{"README.md", err.Error(), "restore it"}}
	}
	rows := map[string]string{}
	for _, m := range moduleRow.FindAllStringSubmatch(string(readme), -1) {
		rows[m[1]] = m[2]
	}
	var found []finding
	required := map[string]bool{}
	for _, m := range requireLine.FindAllStringSubmatch(string(mod), -1) {
		module, version, direct := m[1], m[2], m[3] == ""
		required[module] = true
		row, named := rows[module]
		switch {
		case named && row != version:
			found = append(found, finding{"README.md", module + " is named at " + row + "; go.mod has " + version, "write the version of go.mod"})
		case direct && !named:
			found = append(found, finding{"README.md", module + " is not in the table of dependencies", "add its row: module, version, licence, why; it must need no cgo, and suit the MIT licence"})
		}
	}
	for module := range rows {
		if !required[module] {
			found = append(found, finding{"README.md", module + " is in the table of dependencies but not in go.mod", "remove its row"})
		}
	}
	return found
}

func readmeBreaches() []breach {
	const rule = "the README names the dependencies"
	with := func(line, row string) map[string]string {
		return map[string]string{"go.mod": houseModule + line, "README.md": houseReadme + row}
	}
	return []breach{
		{"a dependency that is not named", rule, with("require example.com/b v1.0.0\n", ""), []string{"example.com/b", "add its row"}},
		{"another version", rule, with("require example.com/b v1.0.0 // indirect\n", "| example.com/b | v1.0.1 | MIT | b |\n"), []string{"v1.0.1", "v1.0.0"}},
		{"a row that is left over", rule, with("", "| example.com/b | v1.0.1 | MIT | b |\n"), []string{"example.com/b", "remove its row"}},
	}
}

// houseModule and houseReadme belong to the tree of broken_test.go.
var (
	houseModule = strings.Join([]string{"module example.internal", "", "go 1.26", "", "require (", "\texample.com/a v0.1.0",
		"\texample.com/c v0.2.0 // indirect", ")", ""}, "\n")
	houseReadme = "# House\n\n| Module | Version |\n| --- | --- |\n| example.com/a | v0.1.0 | MIT | a |\n"
)
