package view

// Error is the page that says what went wrong.
type Error struct {
	Shell         Shell
	Title, Detail string
	ShareLink     bool   // a share link led here: the reader probably has no account
	Request       string // its id in the log; empty if there is nothing in the log
}
