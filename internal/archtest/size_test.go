package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	maxMethods      = 60 // of a type
	maxPackageFiles = 45 // of a package, tests and generated files not counted
	manyFiles       = 15 // from which on a package tells in which order to read it
	orderLines      = 5  // of that order, at least
)

// flatRooms are packages that may have more files: each of them is one handler, found by its name.
func flatRooms() []string { return []string{"web"} }

// fewMethods bounds the methods of a type: one with more is several things.
func fewMethods(t *tree) []finding {
	var found []finding
	for _, u := range t.units() {
		count := map[string]int{}
		for _, s := range u.files {
			for _, f := range functions(s) {
				if name := receiver(f); name != "" && !s.test && !s.generated {
					count[name]++
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(count)) {
			if n := count[name]; n > maxMethods {
				found = append(found, finding{u.files[0].dir(), fmt.Sprintf("%s has %d methods; at most %d", name, n, maxMethods),
					"give each of its concerns a type of its own, with what that one needs"})
			}
		}
	}
	return found
}

// receiver returns the name of the type that a function is a method of.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	x := f.Recv.List[0].Type
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	if index, ok := x.(*ast.IndexExpr); ok {
		x = index.X
	}
	if id, ok := x.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// written counts the files of a package that people write and that are in the binary.
func (u *unit) written() (n int) {
	for _, s := range u.files {
		if !s.test && !s.generated {
			n++
		}
	}
	return n
}

// fewFiles bounds the files of a package.
func fewFiles(t *tree) []finding {
	var found []finding
	for _, u := range t.units() {
		dir := u.files[0].dir()
		if n := u.written(); n > maxPackageFiles && !slices.Contains(flatRooms(), dir) {
			found = append(found, finding{dir, fmt.Sprintf("%d files; at most %d", n, maxPackageFiles), "carve out what has its own outside thing, as a package below it"})
		}
	}
	return found
}

var orderItem = regexp.MustCompile(`(?m)^ +(?:[0-9]+\.|-) +\S`)

// readingOrder checks that the comment of a large package says in which order to read it, as a list.
func readingOrder(t *tree) []finding {
	var found []finding
	for _, u := range t.units() {
		if u.written() <= manyFiles {
			continue
		}
		ordered := false
		for _, s := range u.files {
			text := s.syntax.Doc.Text()
			ordered = ordered || strings.Contains(text, "Read in this order") && len(orderItem.FindAllString(text, -1)) >= orderLines
		}
		if !ordered {
			found = append(found, finding{u.files[0].dir(), fmt.Sprintf("%d files, and the package comment gives no order to read them in", u.written()),
				fmt.Sprintf("add \"Read in this order:\" and a list of %d lines, each a file and what it is about", orderLines)})
		}
	}
	return found
}

func sizeBreaches() []breach {
	many := func(dir, name string, n int) map[string]string {
		files := map[string]string{}
		for i := range n {
			files[fmt.Sprintf("%s/many%d.go", dir, i)] = "package " + name + "\n"
		}
		return files
	}
	order := "// Package access decides.\n//\n// Read in this order:\n//   - a.go\n//   - b.go\n//   - c.go\n//   - d.go\n//   - e.go\npackage access\n\nfunc Decide() {}\n"
	crowd := many("internal/access", "access", maxPackageFiles)
	crowd["internal/access/a.go"] = order
	return []breach{
		{"a type of many concerns", "types have few methods", map[string]string{"web/b.go": "package web\n\ntype all struct{}\n" + strings.Repeat("\nfunc (*all) m() {}", maxMethods+1)},
			[]string{"web", "all has 61 methods"}},
		{"a crowded package", "packages have few files", crowd, []string{"internal/access", "46 files"}},
		{"a large package without an order", "large packages say in which order to read them", many("internal/config", "config", manyFiles),
			[]string{"internal/config", "16 files"}},
	}
}
