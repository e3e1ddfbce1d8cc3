package view

// Error is the page that says what went wrong.
type Error struct {
	Shell         Shell
	Title, Detail string
	Stranger      bool   // one who has no account here, most likely
	Request       string // its id in the log; empty if there is nothing in the log
}
