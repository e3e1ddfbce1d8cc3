package archtest

import (
	"fmt"
	"go/ast"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

var raceList = regexp.MustCompile(`(?m)^RACE :=((?:.*\\\n)*.*)`)

// racedRooms checks that each package that starts goroutines or locks is among those that the Makefile runs under the race
// detector, so that a new one is not left out. What runs the whole program is not: its parts are raced where they are.
func racedRooms(t *tree) []finding {
	text, err := fs.ReadFile(t.fsys, makefile)
	if err != nil {
		return []finding{{makefile, err.Error(), "make it readable"}}
	}
	var raced []string
	for _, word := range strings.Fields(raceList.FindString(string(text))) {
		if dir, ok := strings.CutPrefix(word, "./"); ok {
			raced = append(raced, dir)
		}
	}
	var found []finding
	for _, u := range t.units() {
		dir := u.files[0].dir()
		if u.name == "main" || within(dir, "internal/testcam") || strings.HasSuffix(u.name, "_test") || isRaced(raced, dir) {
			continue
		}
		if where := t.concurrent(u); where != "" {
			found = append(found, finding{where, "goroutines meet in " + dir + ", and it is not raced", fmt.Sprintf("add ./%s to RACE in the %s", dir, makefile)})
		}
	}
	return found
}

// isRaced reports whether a list of packages, each with or without all below it, has the folder.
func isRaced(list []string, dir string) bool {
	return slices.ContainsFunc(list, func(have string) bool {
		above, all := strings.CutSuffix(have, "/...")
		return have == dir || all && within(dir, above)
	})
}

// concurrent returns the first place where a package starts a goroutine or names a lock; empty when there is none.
func (t *tree) concurrent(u *unit) string {
	for _, s := range u.files {
		if s.beside() {
			continue
		}
		where := ""
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok && where == "" {
				where = t.at(n)
			}
			return where == ""
		})
		for _, m := range mentions(s) {
			if where == "" && m.path == "sync" && slices.Contains([]string{"Mutex", "RWMutex", "WaitGroup", "Cond"}, m.name) {
				where = t.at(m.node)
			}
		}
		if where != "" {
			return where
		}
	}
	return ""
}

func racedBreaches() []breach {
	const rule = "rooms where goroutines meet are raced"
	return []breach{
		{"a goroutine that no detector sees", rule, map[string]string{"internal/config/b.go": "package config\n\nfunc f() { go f() }\n"}, []string{"internal/config/b.go:3", "add ./internal/config to RACE"}},
		{"a lock that no detector sees", rule, map[string]string{"internal/config/b.go": in("config", "sync", "func f() { var m sync.Mutex; m.Lock() }")}, []string{"internal/config"}},
	}
}
