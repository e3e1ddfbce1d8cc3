package view

// Setup is the page that makes the first account.
type Setup struct {
	Shell  Shell
	Notice Notice
}

// Login is the page that begins a session.
type Login struct {
	Shell     Shell
	Username  string
	Next      string // where to go then
	Ended     bool   // a session ended while something was watched
	Complaint string

	NeedsCode    bool   // the password was right; now the second factor is asked for
	Password     string // then
	Passkeys     bool   // passkeys work under this address
	OwnAuthority bool   // the box signs for itself
}

// Error is the page that says what went wrong.
type Error struct {
	Shell         Shell
	Title, Detail string
	Stranger      bool   // one who has no account here, most likely
	Request       string // its id in the log; empty if there is nothing in the log
}
