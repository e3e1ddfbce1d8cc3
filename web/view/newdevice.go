package view

// NewDevice asks the owner about what answers in a camera's place.
type NewDevice struct {
	Label, Action string
	Since         string
	Differences   []string
	Claims        []string // what is asked about, so that nothing else is accepted
}
