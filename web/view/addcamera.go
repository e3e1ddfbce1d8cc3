package view

// AddCamera is the page on which administrators look for a camera and add it.
type AddCamera struct {
	Shell    Shell
	Notice   Notice
	Searched bool // the network was asked
	Found    []FoundCamera
	Result   *ProbeResult // of a look; nil before one
}

// FoundCamera is a camera that answered on the network.
type FoundCamera struct{ Address, Name, Model, Location string }

// ProbeResult is what a look at a camera showed.
type ProbeResult struct {
	Device                           string
	Streams                          []ProbedStream
	Advice                           []string
	MaySub                           string // where the sub stream usually is
	ID, Lines, Hint, Proposal, Fixed string // see web.ProbeResult
}

// ProbedStream is one stream of it.
type ProbedStream struct {
	Name, Address, Trouble string
	Facts                  []Fact
	Picture                string // data URL; empty without
	Still                  bool   // Picture is a JPEG, and otherwise an MP4 of one picture
	NoPicture              string
}

// CheckedCamera is the page of a check of a camera that is in the configuration.
type CheckedCamera struct {
	Shell       Shell
	Label, Href string
	Result      ProbeResult
	Trouble     string // why it could not be checked
}

// words says what a found camera is.
func (f FoundCamera) words() string {
	text := f.Name
	for _, more := range []string{f.Model, f.Location} {
		if more != "" && text != "" {
			text += ", "
		}
		text += more
	}
	return text
}
