package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// The measures of the style.
const (
	maxFuncLines = 70
	maxFileLines = 500
	maxParams    = 5
)

// packageVars lists a file's var specifications at package level.
func packageVars(s *source) []*ast.ValueSpec {
	var vars []*ast.ValueSpec
	for _, d := range s.syntax.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, spec := range g.Specs {
				vars = append(vars, spec.(*ast.ValueSpec))
			}
		}
	}
	return vars
}

// functions lists a file's function declarations.
func functions(s *source) []*ast.FuncDecl {
	var list []*ast.FuncDecl
	for _, d := range s.syntax.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			list = append(list, f)
		}
	}
	return list
}

// noInit forbids functions that run before main without being called.
func noInit(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		for _, f := range functions(s) {
			if f.Recv == nil && f.Name.Name == "init" {
				found = append(found, finding{t.at(f), "init function", "do it in a constructor, or in main"})
			}
		}
	}
	return found
}

// noSharedVars forbids package-level variables that exist to be changed: maps, channels and what comes from sync.
func noSharedVars(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.test || s.generated {
			continue
		}
		for _, v := range packageVars(s) {
			for _, name := range v.Names {
				if kind := sharedKind(s, v, name); kind != "" {
					found = append(found, finding{t.at(name), "package-level variable " + name.Name + " holds " + kind,
						"make it a field of the type that needs it; for a table that never changes, write a function with a switch, or an array"})
				}
			}
		}
	}
	return found
}

// sharedKind says what a package-level variable holds that makes it shared state, or "".
func sharedKind(s *source, v *ast.ValueSpec, name *ast.Ident) string {
	if obj := s.unit.info.Defs[name]; obj != nil {
		switch obj.Type().Underlying().(type) {
		case *types.Map:
			return "a map"
		case *types.Chan:
			return "a channel"
		}
	}
	kind := ""
	look := func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			once := strings.HasPrefix(sel.Sel.Name, "OnceValue") // worked out once from nothing that varies: a constant
			if p := importOf(s.unit, sel.X); p == "sync" && !once || p == "sync/atomic" {
				kind = p + "." + sel.Sel.Name
			}
		}
		return true
	}
	if v.Type != nil {
		ast.Inspect(v.Type, look)
	}
	for _, value := range v.Values {
		ast.Inspect(value, look)
	}
	return kind
}

// noMutation forbids changing any package-level variable, ours or another package's, outside tests.
func noMutation(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.test || s.generated {
			continue
		}
		report := func(n ast.Node, targets ...ast.Expr) {
			for _, e := range targets {
				if name := packageVarIn(s.unit, e); name != "" {
					found = append(found, finding{t.at(n), "the package-level variable " + name + " is changed here",
						"make it a field of the type that needs it, or a local variable"})
				}
			}
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					report(n, n.Lhs...)
				}
			case *ast.IncDecStmt:
				report(n, n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					report(n, n.Key, n.Value)
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear" || id.Name == "copy") && len(n.Args) > 0 {
					report(n, n.Args[0])
				}
			}
			return true
		})
	}
	return found
}

// packageVarIn returns the name of the package-level variable that the expression reaches into, or "".
func packageVarIn(u *unit, e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			if v, ok := u.info.Uses[x].(*types.Var); ok && v.Parent() == u.scope {
				return x.Name
			}
			return ""
		case *ast.SelectorExpr:
			if p := importOf(u, x.X); p != "" {
				return p + "." + x.Sel.Name
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// packageComments checks that each package says what it is, once.
func packageComments(t *tree) []finding {
	var found []finding
	seen := map[*unit]bool{}
	for _, s := range t.files {
		if seen[s.unit] || strings.HasSuffix(s.unit.name, "_test") {
			continue
		}
		seen[s.unit] = true
		var docs []string
		for _, f := range s.unit.files {
			if doc := f.syntax.Doc.Text(); doc != "" && !f.test {
				docs = append(docs, doc)
			}
		}
		start := "Package " + s.unit.name + " "
		switch {
		case len(docs) == 0:
			found = append(found, finding{s.dir(), "package " + s.unit.name + " has no package comment",
				"say above the package clause of one file what it keeps, what it promises and what does not belong"})
		case len(docs) > 1:
			found = append(found, finding{s.dir(), "package " + s.unit.name + " has " + fmt.Sprint(len(docs)) + " package comments", "keep one, in one file"})
		case s.unit.name != "main" && !strings.HasPrefix(docs[0], start):
			found = append(found, finding{s.dir(), "the package comment does not begin with \"" + start + "\"", "begin it so; go doc expects it"})
		}
	}
	return found
}

// shortFunctions bounds the lines of a function, from its func to its closing brace.
func shortFunctions(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.generated {
			continue
		}
		for _, f := range functions(s) {
			lines := t.fset.Position(f.End()).Line - t.fset.Position(f.Pos()).Line + 1
			if lines > maxFuncLines {
				found = append(found, finding{t.at(f), fmt.Sprintf("%s has %d lines; at most %d", f.Name.Name, lines, maxFuncLines),
					"give its steps names: each becomes a function"})
			}
		}
	}
	return found
}

// shortFiles bounds the lines of a file that people write, in any language.
func shortFiles(t *tree) []finding {
	var found []finding
	for _, list := range [][]*source{t.files, t.others} {
		for _, s := range list {
			if lines := strings.Count(s.text, "\n"); lines > maxFileLines && !s.generated {
				found = append(found, finding{s.path, fmt.Sprintf("%d lines; at most %d", lines, maxFileLines),
					"move what belongs together to a file of its own"})
			}
		}
	}
	return found
}

// fewParameters bounds the parameters of a function. The receiver, a context and a test's t are not counted.
func fewParameters(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.generated {
			continue
		}
		for _, f := range functions(s) {
			if n := countParams(f.Type); n > maxParams {
				found = append(found, finding{t.at(f), fmt.Sprintf("%s has %d parameters; at most %d", f.Name.Name, n, maxParams),
					"group what belongs together in a struct with named fields"})
			}
		}
	}
	return found
}

// countParams counts parameters other than contexts and *testing.T and its kin.
func countParams(f *ast.FuncType) int {
	n := 0
	for _, field := range f.Params.List {
		typ := field.Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if sel, ok := typ.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && (id.Name == "testing" || id.Name == "context" && sel.Sel.Name == "Context") {
				continue
			}
		}
		n += max(1, len(field.Names))
	}
	return n
}

// peopleLayout matches a layout of package time that people read. With a T before the hour it is RFC 3339, which programs read.
var peopleLayout = regexp.MustCompile(`\bJan\b|\bMon\b|(^|[^T])15:04`)

// oneFormat checks that dates and times for people are written by internal/format alone, so that they look alike everywhere.
// internal/testcam draws the clock of a camera.
func oneFormat(t *tree) []finding {
	var found []finding
	for _, s := range t.files {
		if s.beside() || s.dir() == "internal/format" || s.dir() == "internal/testcam" {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && peopleLayout.MatchString(text.Value) {
				found = append(found, finding{t.at(text), "a layout of dates or times", "use a function of internal/format, or add one there"})
			}
			return true
		})
	}
	return found
}
