package view

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
