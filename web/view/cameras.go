package view

// Cameras is the list of cameras.
type Cameras struct {
	Shell   Shell
	Notice  Notice
	Cameras []CameraCard
	Admin   bool
}

// CameraCard is a camera in the list.
type CameraCard struct {
	Label, Href string
	State       string
	Words       string // the state with its reason
	Facts       []Fact
	Advice      []string
	Strip       *MonthStrip // nil for those who may not see recordings
	Share       bool        // the viewer may share the camera
	Manage      bool        // and see who watched it
}

// MonthStrip is the last thirty days of a camera, a bar a day, on a field of 300 by 100. All bars of a kind are one path: the
// page is fetched again every few seconds, with the strips of all cameras.
type MonthStrip struct {
	From, To                  string // the first day, and "today"
	Sum                       string
	Href                      string // of the calendar, which says the same of each day in words
	Footage, Missing, Deleted string // paths
}
