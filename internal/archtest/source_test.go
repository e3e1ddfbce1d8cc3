package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// source is one file of the tree. Files that are not Go have no syntax.
type source struct {
	path      string // slash-separated, from the root of the repository
	text      string
	test      bool // name ends in _test.go
	generated bool
	syntax    *ast.File
	unit      *unit
}

// dir is the folder that holds the file.
func (s *source) dir() string { return path.Dir(s.path) }

// beside reports whether the file is no part of the binary: a test file, or of a test kit.
func (s *source) beside() bool { return s.test || isKit(s.dir()) }

// isKit reports whether a folder holds a test kit, such as internal/media/mediatest: its name ends in "test".
func isKit(dir string) bool { return strings.HasSuffix(dir, "test") }

// unit is what the compiler takes as one package: a folder's files with the same package clause.
type unit struct {
	name  string
	files []*source
	info  *types.Info
	scope *types.Scope
}

// tree is everything the rules look at.
type tree struct {
	fsys   fs.FS
	fset   *token.FileSet
	module string
	files  []*source // Go files, in the order of their paths
	others []*source // further files that people write: JavaScript, CSS, templ, SQL, shell
}

// finding is one breach of one rule.
type finding struct {
	where string // path, or path:line
	what  string
	mend  string
}

func (f finding) String() string { return f.where + ": " + f.what + "\n\tto mend: " + f.mend }

var (
	generatedLine = regexp.MustCompile(`(?m)^(//|/\*|--|#) Code generated .* DO NOT EDIT\.`)
	moduleLine    = regexp.MustCompile(`(?m)^module\s+(\S+)`)
	majorVersion  = regexp.MustCompile(`^v[0-9]+$`)
)

// load reads and parses the tree below fsys. Folders that the go command ignores are left out.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, fset: token.NewFileSet()}
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, err
	}
	m := moduleLine.FindSubmatch(mod)
	if m == nil {
		return nil, fmt.Errorf("go.mod names no module")
	}
	t.module = string(m[1])
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") ||
				base == "testdata" || base == "node_modules" ||
				name == "dist" || name == "data" || name == "recordings") {
				return fs.SkipDir
			}
			return nil
		}
		return t.add(name)
	})
	if err != nil {
		return nil, err
	}
	t.check()
	return t, nil
}

// add reads one file when it is of a kind that a rule looks at.
func (t *tree) add(name string) error {
	ext := path.Ext(name)
	if !slices.Contains([]string{".go", ".js", ".mjs", ".css", ".templ", ".sql", ".sh"}, ext) {
		return nil
	}
	text, err := fs.ReadFile(t.fsys, name)
	if err != nil {
		return err
	}
	s := &source{path: name, text: string(text), test: strings.HasSuffix(name, "_test.go"), generated: generatedLine.Match(text)}
	if ext != ".go" {
		t.others = append(t.others, s)
		return nil
	}
	s.syntax, err = parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, s)
	return nil
}

// check resolves the identifiers of each package. Imports are stood in for by empty packages, so that no other source
// is needed; what they export stays unknown, and the errors that follow from it are of no interest here.
func (t *tree) check() {
	units := map[string]*unit{}
	for _, s := range t.files {
		key := s.dir() + " " + s.syntax.Name.Name
		if units[key] == nil {
			units[key] = &unit{name: s.syntax.Name.Name}
		}
		s.unit = units[key]
		s.unit.files = append(s.unit.files, s)
	}
	for key, u := range units {
		u.info = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		conf := types.Config{Importer: emptyPackages{}, Error: func(error) {}}
		syntax := make([]*ast.File, len(u.files))
		for i, s := range u.files {
			syntax[i] = s.syntax
		}
		p, _ := conf.Check(key, t.fset, syntax, u.info)
		u.scope = p.Scope()
	}
}

// emptyPackages is an importer that knows the names of packages and nothing in them.
type emptyPackages struct{}

func (emptyPackages) Import(p string) (*types.Package, error) {
	name := path.Base(p)
	if majorVersion.MatchString(name) {
		name = path.Base(path.Dir(p))
	}
	pkg := types.NewPackage(p, name)
	pkg.MarkComplete()
	return pkg, nil
}

// units returns the packages in the order of their folders.
func (t *tree) units() []*unit {
	var list []*unit
	for _, s := range t.files {
		if !slices.Contains(list, s.unit) {
			list = append(list, s.unit)
		}
	}
	return list
}

// at gives a node's place as path:line.
func (t *tree) at(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// dirs lists the folders that hold Go files, each once, in order.
func (t *tree) dirs() []string {
	var dirs []string
	for _, s := range t.files {
		dirs = append(dirs, s.dir())
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// imports lists the import specifications of a file with their unquoted paths.
func imports(s *source) map[*ast.ImportSpec]string {
	m := map[*ast.ImportSpec]string{}
	for _, spec := range s.syntax.Imports {
		m[spec] = strings.Trim(spec.Path.Value, "`\"")
	}
	return m
}

// mention is a name of an imported package used in a file, such as sync.Pool.
type mention struct {
	path, name string
	node       ast.Node
}

// mentions lists every use of an imported package's name in a file.
func mentions(s *source) []mention {
	var found []mention
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if p := importOf(s.unit, sel.X); p != "" {
				found = append(found, mention{p, sel.Sel.Name, sel})
			}
		}
		return true
	})
	return found
}

// importOf returns the path of the package that x names, or "" when x is not the name of an imported package.
func importOf(u *unit, x ast.Expr) string {
	id, ok := x.(*ast.Ident)
	if !ok {
		return ""
	}
	p, ok := u.info.Uses[id].(*types.PkgName)
	if !ok {
		return ""
	}
	return p.Imported().Path()
}

// within reports whether dir is one of the folders or lies in one.
func within(dir string, folders ...string) bool {
	for _, f := range folders {
		if dir == f || strings.HasPrefix(dir, f+"/") {
			return true
		}
	}
	return false
}
