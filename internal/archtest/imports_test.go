package archtest

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// tablePage holds the import table; it is the rule, and the tests read it.
const tablePage = "docs/architecture.md"

// room is a row of the import table.
type room struct {
	everything bool
	may        map[string]bool // folders of the rooms that it may import
}

// importTable reads the table below the heading "Who imports whom" of the page. Its keys are folders.
func importTable(t *tree) (map[string]room, []finding) {
	page, err := fs.ReadFile(t.fsys, tablePage)
	if err != nil {
		return nil, []finding{{tablePage, err.Error(), "write the page with the table of who imports whom"}}
	}
	_, section, _ := strings.Cut(string(page), "\n## Who imports whom")
	section, _, _ = strings.Cut(section, "\n## ")
	rooms, findings := map[string]room{}, []finding(nil)
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 2 || !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| Package") || strings.HasPrefix(line, "| ---") {
			continue
		}
		r := room{may: map[string]bool{}}
		for _, name := range names(cells[1]) {
			r.everything = r.everything || name == "everything"
			if name != "everything" && name != "nothing" {
				r.may[t.folder(name)] = true
			}
		}
		for _, name := range names(cells[0]) {
			if _, twice := rooms[t.folder(name)]; twice {
				findings = append(findings, finding{tablePage, name + " has two rows", "keep one"})
			}
			rooms[t.folder(name)] = r
		}
	}
	if len(rooms) == 0 {
		findings = append(findings, finding{tablePage, `no table under "Who imports whom"`, "restore the table; the tests read it"})
	}
	return rooms, findings
}

// names splits a cell at its commas.
func names(cell string) []string {
	var list []string
	for name := range strings.SplitSeq(cell, ",") {
		list = append(list, strings.Trim(name, " `"))
	}
	return list
}

// folder turns a room's short name into its folder: that of the root when there is one, else the one under internal.
func (t *tree) folder(name string) string {
	if info, err := fs.Stat(t.fsys, name); err == nil && info.IsDir() {
		return name
	}
	return "internal/" + name
}

// roomOf finds the room that a folder belongs to: its own row, or that of the nearest folder above it.
func roomOf(rooms map[string]room, dir string) (string, bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, ok := rooms[d]; ok {
			return d, true
		}
	}
	return "", false
}

// whoImportsWhom holds every non-test file against the table, and the table against the tree.
func whoImportsWhom(t *tree) []finding {
	rooms, found := importTable(t)
	if len(rooms) == 0 {
		return found
	}
	for _, dir := range t.dirs() {
		if _, ok := roomOf(rooms, dir); !ok {
			found = append(found, finding{dir, "this package is no room of the house",
				"add a row for it to the table in " + tablePage + ", or move its code to the room that owns it"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		if info, err := fs.Stat(t.fsys, name); err != nil || !info.IsDir() {
			found = append(found, finding{tablePage, "the table has a row for " + name + ", which is not there", "remove the row"})
		}
		if loop := reaches(rooms, name, name, map[string]bool{}); loop {
			found = append(found, finding{tablePage, name + " may, by way of others, import itself", "remove one of the permissions in the ring"})
		}
	}
	for _, s := range t.files {
		if !s.test {
			found = append(found, t.againstTable(rooms, s)...)
		}
	}
	return found
}

// againstTable checks what one file imports of ours.
func (t *tree) againstTable(rooms map[string]room, s *source) []finding {
	from, ok := roomOf(rooms, s.dir())
	if !ok {
		return nil
	}
	var found []finding
	for spec, p := range imports(s) {
		dir, ours := strings.CutPrefix(p, t.module+"/")
		if !ours {
			continue
		}
		to, ok := roomOf(rooms, dir)
		if !ok || to == from || rooms[from].everything || rooms[from].may[to] {
			continue
		}
		found = append(found, finding{t.at(spec), fmt.Sprintf("%s may not import %s", from, to),
			"let the caller pass in what is needed (an interface, a value in Options), or, when the rooms themselves changed, change the row in " + tablePage})
	}
	return found
}

// reaches reports whether the table lets one room import another, directly or not. Rooms that may import everything are
// the roof: nobody imports them, and following them would say nothing.
func reaches(rooms map[string]room, from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	for next := range rooms[from].may {
		if next == to || reaches(rooms, next, to, seen) {
			return true
		}
	}
	return false
}

// reserved is a package that only some folders may import.
type reserved struct {
	paths   []string // the package or any below it
	folders []string // who may
	tests   bool     // and test files anywhere
	mend    string
}

// reservations lists them, for a tree of the module.
func reservations(module string) []reserved {
	return []reserved{
		{[]string{"github.com/bluenviron/gortsplib"}, []string{"internal/camera", "internal/testcam"}, false,
			"cameras are reached through internal/camera and played by internal/testcam; use those"},
		{[]string{"modernc.org/sqlite", "github.com/mattn/go-sqlite3", "github.com/ncruces/go-sqlite3"}, []string{"internal/sqlite"}, false,
			"open databases with internal/sqlite, the one right way"},
		{[]string{module + "/internal/config"}, []string{"cmd/nvr", "internal/config"}, false,
			"take a small Options value; cmd/nvr fills it from the configuration"},
		{[]string{module + "/internal/testcam"}, []string{"cmd/nvr", "bench", "internal/testcam"}, true,
			"simulated cameras belong in tests, the demo and the benchmarks"},
		{[]string{"github.com/chromedp/cdproto/browser"}, []string{"internal/browsertest"}, false,
			"take downloads from internal/browsertest, which knows when a file is whole"},
		{[]string{"net/http"}, []string{"web", "cmd/nvr", "bench", "internal/outbound", "internal/onvif"}, true,
			"web is the only room with HTTP to people, and internal/onvif asks cameras; keep the other rooms free of it"},
		{[]string{"os/exec", "plugin"}, []string{"bench"}, true,
			"the program starts no other program; do it in Go"},
		{[]string{"C"}, nil, false, "the binary is built with CGO_ENABLED=0; do it in Go"},
	}
}

// onlyTheirs checks that reserved packages are imported by nobody else.
func onlyTheirs(t *tree) []finding {
	var found []finding
	for _, r := range reservations(t.module) {
		for _, s := range t.files {
			if r.tests && s.beside() || within(s.dir(), r.folders...) {
				continue
			}
			for spec, p := range imports(s) {
				if within(p, r.paths...) {
					found = append(found, finding{t.at(spec), "only " + orNobody(r.folders) + " may import " + p, r.mend})
				}
			}
		}
	}
	return found
}

// kitsForTests checks that test kits are imported by tests and other kits only.
func kitsForTests(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		for spec, p := range imports(s) {
			if dir, ours := strings.CutPrefix(p, t.module+"/"); ours && isKit(dir) && !s.beside() {
				found = append(found, finding{t.at(spec), "the test kit " + dir + " is imported outside tests",
					"move what the program needs into the room that owns it"})
			}
		}
	}
	return found
}

func orNobody(folders []string) string {
	if len(folders) == 0 {
		return "nobody"
	}
	return strings.Join(folders, ", ")
}

// noDotImports keeps names attached to their packages, without which the other rules could be walked around.
func noDotImports(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		for spec, p := range imports(s) {
			if spec.Name != nil && spec.Name.Name == "." {
				found = append(found, finding{t.at(spec), "dot import of " + p, "import it under its name"})
			}
		}
	}
	return found
}
