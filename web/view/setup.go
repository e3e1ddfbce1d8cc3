package view

// Setup is the page that makes the first account.
type Setup struct {
	Shell  Shell
	Notice Notice
}
