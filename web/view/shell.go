package view

// Shell is what every page has around its content.
type Shell struct {
	Title   string
	Section string   // of the navigation; the body's data-section. It is no class, so that no style of a component meets it
	Icon    string   // URL of the program's icon
	Styles  []string // URLs of stylesheets
	Scripts []string // URLs of modules that run
	Modules []string // URLs of the modules that those import, so that a browser fetches all at once
	User    string   // empty for visitors who are not signed in
	Initial string
	Admin   bool
	Halted  bool   // the canary found a leak, and no footage is shown
	Now     string // the server's clock in unix milliseconds, for the ages that the browser shows
}

// Fact is a line of a list: what, and how much.
type Fact struct{ Label, Value string }
