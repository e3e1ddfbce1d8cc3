package view

// Event is an event in the list on the page.
type Event struct {
	When, Length string
	Text         string
	Cameras      string // their labels; empty for the server as a whole
	Href         string // URL of that moment, for an event of one camera
}

// Verification says how far the slow reading of all footage has come, and what it found.
type Verification struct {
	State string // of the mark
	Words string
}

// System is the page that says whether everything is recorded.
type System struct {
	Shell        Shell
	Good         bool
	Verdict      Verdict
	Disk         *Disk  // for administrators
	Alarms       []Fact // for administrators: since when, and what
	Cameras      []SystemCamera
	Canary       *PrivacyCheck
	Verification *Verification // for administrators
	Events       []Event
	Others       string // for administrators: that there are cameras that are not theirs
	Footer       string
}

// Verdict is the answer to the question that the page is for.
type Verdict struct{ State, Title, Detail string }

// Disk is how full the recordings' disk is.
type Disk struct {
	Free, Footage, Total string
	Kept                 string // empty when nothing is kept
	UsedPercent          string
	Words                string // how full, and what happens when it is
}

// SystemCamera is how one camera does.
type SystemCamera struct {
	Label, Href  string
	State, Words string
	Facts        []Fact
	Advice       []string
}

// PrivacyCheck is what the server's test of itself found.
type PrivacyCheck struct {
	State string // of the mark
	Words string
}
