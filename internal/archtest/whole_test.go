package archtest

import (
	"fmt"
	"go/ast"
	"regexp"
)

var constructor = regexp.MustCompile(`^(new|open|New|Open)([A-Z]\w*)?$`)

// wholeObjects checks that a type which has a constructor is made nowhere else: a literal elsewhere is a half-built object, which
// has some of its methods and not what they need. A constructor is a function called New, Open or alike that returns the type;
// whatever returns the type may make it.
func wholeObjects(t *tree) []finding {
	var found []finding
	for _, u := range t.units() {
		made := map[string]bool{}
		for _, s := range u.files {
			for _, f := range functions(s) {
				if constructor.MatchString(f.Name.Name) && !s.test {
					for _, name := range pointerResults(f) {
						made[name] = true
					}
				}
			}
		}
		for _, s := range u.files {
			if s.beside() || s.generated {
				continue
			}
			for _, f := range functions(s) {
				found = append(found, t.halfBuilt(f, made)...)
			}
		}
	}
	return found
}

// pointerResults returns the types of its package that a function returns pointers to. What is returned by value is data, and
// may be written down anywhere.
func pointerResults(f *ast.FuncDecl) (names []string) {
	if f.Type.Results == nil {
		return nil
	}
	for _, field := range f.Type.Results.List {
		if star, ok := field.Type.(*ast.StarExpr); ok {
			if id, ok := star.X.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
		}
	}
	return names
}

func (t *tree) halfBuilt(f *ast.FuncDecl, made map[string]bool) (found []finding) {
	for _, name := range pointerResults(f) {
		if made[name] {
			return nil
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		and, ok := n.(*ast.UnaryExpr)
		if !ok {
			return true
		}
		lit, ok := and.X.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if id, ok := lit.Type.(*ast.Ident); ok && made[id.Name] && len(lit.Elts) > 0 {
			found = append(found, finding{t.at(lit), fmt.Sprintf("%s makes a half-built %s", f.Name.Name, id.Name),
				"use its constructor, or give what is needed here a type of its own"})
		}
		return true
	})
	return found
}

func wholeBreaches() []breach {
	return []breach{{"an object that its constructor did not make", "objects are made whole",
		map[string]string{"storage/b.go": "package storage\n\ntype store struct{ a, b int }\n\nfunc open() *store { return &store{1, 2} }\n\nfunc look() int { s := &store{a: 1}; return s.a }\n"},
		[]string{"storage/b.go:7", "look makes a half-built store"}}}
}
