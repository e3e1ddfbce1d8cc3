package view

// Connections is the page of everything that the program connected to.
type Connections struct {
	Shell   Shell
	Verdict string
	Refused bool // something was wanted that the configuration does not name
	Rows    []ConnectionRow
	Footer  string
}

// ConnectionRow is a line of it.
type ConnectionRow struct {
	Address, Remote string
	Camera          string
	Words           string
	Refused         bool
}
