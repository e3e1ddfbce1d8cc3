package view

// Passkey is the page on which a browser is asked for a passkey.
type Passkey struct {
	Shell     Shell
	Title     string
	Lead      string
	New       bool   // a new one is made
	Options   string // for the browser, JSON
	Ceremony  string
	Next      string
	Label     string
	Complaint string
}
