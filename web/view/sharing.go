package view

// Sharing is the page that says who can see a camera, and lets its owner change that.
type Sharing struct {
	Shell       Shell
	Notice      Notice
	Camera      string // URL of its page
	Label       string
	Owner       bool // the viewer may know of everybody
	Seers       []Grantee
	Shares      []Share
	ForAccounts []Choice
	ForLinks    []Choice
	From, To    string // proposed for a link
	Zone        string
}

type Grantee struct{ Name, Kind, Words string }

type Share struct{ ID, To, Words string }
