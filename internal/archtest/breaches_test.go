package archtest

import "strings"

// in makes the text of a further file of a package, with an import and a body.
func in(pkg, imported, body string) string {
	return "package " + pkg + "\n\nimport \"" + imported + "\"\n\n" + body + "\n"
}

func importBreaches() []breach {
	const table, reserve = "rooms import as the table says", "reserved packages have one importer"
	return []breach{
		{"web imports accounts unasked", table, map[string]string{"web/b.go": in("web", "example.internal/internal/accounts", "var _ = accounts.A")},
			[]string{"web/b.go:3", "web may not import internal/accounts", tablePage}},
		{"a folder below a room is bound by its row", table, map[string]string{"internal/live/inner/b.go": in("inner", "example.internal/internal/sqlite", "var _ = sqlite.A")},
			[]string{"internal/live may not import internal/sqlite"}},
		{"a package without a row", table, map[string]string{"internal/helpers/a.go": "// Package helpers helps.\npackage helpers\n"},
			[]string{"internal/helpers", "add a row for it to the table in docs/architecture.md"}},
		{"a row without a package", table, map[string]string{tablePage: strings.Replace(page, "| access, ", "| access, attic, ", 1)},
			[]string{"attic", "remove the row"}},
		{"a room with two rows", table, map[string]string{tablePage: strings.Replace(page, "| live, camera |", "| live, camera, web |", 1)},
			[]string{"web has two rows"}},
		{"no table", table, map[string]string{tablePage: "# Architecture\n"}, []string{"no table"}},
		{"the client outside camera", reserve, map[string]string{"storage/b.go": in("storage", "github.com/bluenviron/gortsplib/v5/pkg/base", "var _ = base.A")},
			[]string{"storage/b.go:3", "only internal/camera, internal/testcam"}},
		{"a second driver", reserve, map[string]string{"storage/b_test.go": in("storage", "modernc.org/sqlite", "var _ = sqlite.A")},
			[]string{"only internal/sqlite", "the one right way"}},
		{"bench reads the configuration", reserve, map[string]string{"bench/b.go": in("main", "example.internal/internal/config", "var _ = config.A")},
			[]string{"only cmd/nvr", "Options"}},
		{"a download is looked for in its folder", reserve, map[string]string{"web/b_test.go": in("web", "github.com/chromedp/cdproto/browser", "var _ = browser.A")},
			[]string{"only internal/browsertest", "knows when a file is whole"}},
		{"HTTP in a room without", reserve, map[string]string{"storage/b.go": in("storage", "net/http", "var _ = http.MethodGet")},
			[]string{"web is the only room with HTTP to people"}},
		{"a program is run", reserve, map[string]string{"web/b.go": in("web", "os/exec", "var _ = exec.Command")},
			[]string{"starts no other program"}},
		{"cgo", reserve, map[string]string{"web/b.go": in("web", "C", "")}, []string{"CGO_ENABLED=0"}},
		{"a test kit in the program", "test kits are for tests", map[string]string{
			"storage/b.go":             in("storage", "example.internal/storage/storagetest", "var _ = storagetest.A"),
			"storage/storagetest/a.go": "// Package storagetest is a kit.\npackage storagetest\n"},
			[]string{"storage/b.go:3", "storage/storagetest is imported outside tests"}},
		{"a dot import", "names keep their packages", map[string]string{"web/b.go": "package web\n\nimport . \"strings\"\n\nvar _ = ToUpper\n"},
			[]string{"dot import of strings"}},
	}
}

func trustBreaches() []breach {
	const mint, dial, shared = "permits have one mint", "nothing dials but the one dialer", "serving rooms share no pool or cache"
	const access = "example.internal/internal/access"
	return []breach{
		{"web makes its own permit", mint, map[string]string{"web/b.go": in("web", access, "func f() { access.Decide() }")},
			[]string{"web/b.go:5", "the one mint"}},
		{"under another name", mint, map[string]string{"web/b.go": "package web\n\nimport a \"" + access + "\"\n\nvar decide = a.Decide\n"},
			[]string{"web/b.go:5"}},
		{"a second mint in accounts", mint, map[string]string{"internal/accounts/b.go": in("accounts", access, "func f() { access.Decide() }")},
			[]string{"2 times"}},
		{"no mint at all", mint, map[string]string{"internal/accounts/a.go": "// Package accounts keeps people.\npackage accounts\n"},
			[]string{"nowhere"}},
		{"storage imports database/sql", "SQL of storage is in its index", map[string]string{"storage/b.go": in("storage", "database/sql", "var _ sql.DB")},
			[]string{"storage/b.go:3", "database/sql", "index.Reader"}},
		{"storage speaks SQL", "SQL of storage is in its index", map[string]string{"storage/b.go": "package storage\n\nconst q = `SELECT 1`\n"},
			[]string{"storage/b.go:3", "SQL statement", "index.Reader"}},
		{"storage phones", dial, map[string]string{"storage/b.go": in("storage", "net", "func f() { net.Dial(\"tcp\", \"\") }")},
			[]string{"storage/b.go:5", "net.Dial", "I8"}},
		{"the camera client dials by itself", dial, map[string]string{"internal/camera/b.go": in("camera", "net", "var d net.Dialer")},
			[]string{"internal/camera/b.go:5", "net.Dialer", "internal/outbound"}},
		{"a room sends datagrams", dial, map[string]string{"web/b.go": in("web", "net", "func f() { net.ListenPacket(\"udp\", \"\") }")},
			[]string{"net.ListenPacket"}},
		{"the main program fetches", dial, map[string]string{"cmd/nvr/update.go": in("main", "net/http", "func f() { http.Get(\"\") }")},
			[]string{"cmd/nvr/update.go", "net/http.Get"}},
		{"web proxies", dial, map[string]string{"web/b.go": in("web", "net/http", "var tr http.RoundTripper = http.DefaultTransport")},
			[]string{"net/http.DefaultTransport"}},
		{"a process by another way", "no program is started", map[string]string{"storage/b.go": in("storage", "os", "func f() { os.StartProcess(\"\", nil, nil) }")},
			[]string{"os.StartProcess"}},
		{"a pool in web", shared, map[string]string{"web/b.go": in("web", "sync", "type s struct{ bufs sync.Pool }")},
			[]string{"web/b.go:5", "sync.Pool"}},
		{"an LRU in storage", shared, map[string]string{"storage/b.go": in("storage", "github.com/hashicorp/golang-lru/v2", "var _ = lru.New")},
			[]string{"golang-lru"}},
		{"a home-made cache in accounts", shared, map[string]string{"internal/accounts/b.go": "package accounts\n\ntype d struct{ rightsCache []int }\n"},
			[]string{"rightsCache"}},
	}
}

func styleBreaches() []breach {
	const vars, change, comment = "no package-level maps, channels or locks", "package-level variables never change", "packages say what they are"
	long := strings.Repeat("\n", 69)
	return []breach{
		{"a date in a style of its own", "dates and times are written by one package",
			map[string]string{"web/b.go": "package web\n\nconst machine = `2006-01-02T15:04:05Z`\n\nconst people = \"15:04 on Jan 2\"\n"},
			[]string{"web/b.go:5", "internal/format"}},
		{"an init function", "nothing runs before main", map[string]string{"web/b.go": "package web\n\nfunc init() {}\n"}, []string{"web/b.go:3"}},
		{"a table as a map", vars, map[string]string{"web/b.go": "package web\n\nvar types = map[string]string{}\n"}, []string{"types", "a map"}},
		{"a map by way of a function and a type", vars, map[string]string{"web/b.go": "package web\n\ntype m map[int]int\n\nfunc mk() m { return nil }\n\nvar x = mk()\n"}, []string{"a map"}},
		{"a channel", vars, map[string]string{"web/b.go": "package web\n\nvar done = make(chan int)\n"}, []string{"a channel"}},
		{"a lock", vars, map[string]string{"web/b.go": in("web", "sync", "var mu sync.Mutex")}, []string{"sync.Mutex"}},
		{"a counter behind a pointer", vars, map[string]string{"web/b.go": in("web", "sync/atomic", "var n = new(atomic.Int64)")}, []string{"sync/atomic.Int64"}},
		{"a counter", change, map[string]string{"web/b.go": "package web\n\nvar n int\n", "web/c.go": "package web\n\nfunc f() { n++ }\n"}, []string{"web/c.go:3", "variable n"}},
		{"an element of a list", change, map[string]string{"web/b.go": "package web\n\nvar l []int\n\nfunc f() { (l)[0] = 1 }\n"}, []string{"variable l"}},
		{"a field behind a pointer", change, map[string]string{"web/b.go": "package web\n\nvar p = &struct{ a int }{}\n\nfunc f() { p.a = 1; p := 2; p = 3; _ = p }\n"}, []string{"web/b.go:5", "variable p"}},
		{"another package's variable", change, map[string]string{"web/b.go": in("web", "os", "func f() { os.Args = nil }")}, []string{"os.Args"}},
		{"no package comment", comment, map[string]string{"internal/config/a.go": "package config\n"}, []string{"internal/config", "no package comment"}},
		{"two package comments", comment, map[string]string{"internal/config/b.go": "// Package config again.\npackage config\n"}, []string{"2 package comments"}},
		{"a line above the package clause of a generated file", comment, map[string]string{"internal/config/b_templ.go": "// Code generated by templ - DO NOT EDIT.\n\n// templ: version: v1\npackage config\n"}, []string{"2 package comments"}},
		{"a comment about something else", comment, map[string]string{"internal/config/a.go": "// Reads things.\npackage config\n"}, []string{"does not begin with"}},
		{"a comment in a test file only", comment, map[string]string{"internal/config/a.go": "package config\n", "internal/config/a_test.go": "// Package config is tested.\npackage config\n"}, []string{"no package comment"}},
		{"a long function", "functions are short", map[string]string{"web/b.go": "package web\n\nfunc f() {\n" + long + "}\n"}, []string{"71 lines"}},
		{"a long file", "files are short", map[string]string{"web/b.go": "package web\n" + strings.Repeat("\n", 500)}, []string{"501 lines"}},
		{"a long style sheet", "files are short", map[string]string{"web/static/a.css": strings.Repeat("\n", 501)}, []string{"web/static/a.css"}},
		{"a variable of a script's module", "browser modules keep no state", map[string]string{"web/static/a.js": "export let day = 0;\n"}, []string{"web/static/a.js", "day"}},
		{"two classes of one name", "browser classes have names of their own", map[string]string{"web/static/b.js": "export class Tile {}\n", "web/static/live/c.js": "class Tile {}\n"}, []string{"Tile", "web/static/b.js"}},
		{"six parameters", "functions take few parameters", map[string]string{"web/b.go": in("web", "context", "func f(ctx context.Context, a, b int, c, d string, _ bool, g int) {}")}, []string{"6 parameters"}},
	}
}
