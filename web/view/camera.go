package view

// Camera is the page of one camera.
type Camera struct {
	Shell          Shell
	Name, Label    string
	Href           string
	State, Reason  string
	Words          string // shown until there is a picture
	Zone           string // IANA name; empty where only the browser knows
	At             string // the moment asked for, RFC 3339 in UTC; empty is live
	Day, Today     string
	DayText        string
	DayWords       string // the same with the day of the week
	DaySeconds     int
	Clock, Date    string // of the moment shown first
	Previous, Next string // URLs of the days around
	Timeline       string // of the day, as the API answers it
	Gaps           []Gap
	NoGaps         string // what to say when there are none
	HasSub, Audio  bool
	Playback       bool   // the viewer may see recordings
	Export         bool   // and take them away
	Manage         bool   // and keep and delete them
	Plain          string // URL of a clip, for browsers without scripts
	ClipURL        string
	SidecarURL     string
	Together       []CameraChoice // what else the viewer may save
	SaveFrom       string
	SaveTo         string
	Facts          []Fact
	Advice         []string
	Others         []CameraLink
	InSync         string     // where this camera and others play in sync; empty when there is nothing to play in sync with
	NewDevice      *NewDevice // nil: nothing to ask
	Share          bool       // the viewer may share the camera
	SeenBy         string     // who can see the camera, in a sentence
	Here           string     // path of the page
}

// Gap is a stretch of the day that was not recorded.
type Gap struct{ Time, Reason, Length, Href string }

// CameraLink is a way to another camera.
type CameraLink struct {
	Label, Href string
	Current     bool
}
