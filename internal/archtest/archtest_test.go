package archtest

import (
	"os"
	"slices"
	"testing"
)

// rule is one thing that holds for the whole tree.
type rule struct {
	name  string
	check func(*tree) []finding
}

// rules lists them all. Each has sources that break it in broken_test.go.
func rules() []rule {
	return []rule{
		{"rooms import as the table says", whoImportsWhom},
		{"reserved packages have one importer", onlyTheirs},
		{"test kits are for tests", kitsForTests},
		{"names keep their packages", noDotImports},
		{"permits have one mint", oneMint},
		{"nothing dials but the one dialer", localOnly},
		{"no program is started", noProcesses},
		{"serving rooms share no pool or cache", nothingShared},
		{"SQL of storage is in its index", sqlInTheIndex},
		{"nothing runs before main", noInit},
		{"no package-level maps, channels or locks", noSharedVars},
		{"package-level variables never change", noMutation},
		{"dates and times are written by one package", oneFormat},
		{"packages say what they are", packageComments},
		{"functions are short", shortFunctions},
		{"files are short", shortFiles},
		{"browser modules keep no state", statelessScripts},
		{"browser classes have names of their own", ownClassNames},
		{"functions take few parameters", fewParameters},
		{"the README names the dependencies", dependenciesNamed},
		{"links between pages lead somewhere", linksLead},
		{"tests that pages name are there", testsAreThere},
		{"tests that the Makefile names are there", listedTestsExist},
		{"rooms where goroutines meet are raced", racedRooms},
		{"objects are made whole", wholeObjects},
		{"types have few methods", fewMethods},
		{"packages have few files", fewFiles},
		{"large packages say in which order to read them", readingOrder},
	}
}

func TestTheHouseKeepsItsRules(t *testing.T) {
	tree, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(tree.dirs(), "internal/archtest") || !slices.Contains(tree.dirs(), "internal/access") {
		t.Fatalf("the walk missed packages; it found %v", tree.dirs())
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(tree) {
				t.Error(f)
			}
		})
	}
}
