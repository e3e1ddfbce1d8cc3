package view

// Timeline is the page on which several cameras' recordings play in sync.
type Timeline struct {
	Shell          Shell
	Zone           string // IANA name; empty where only the browser knows
	At             string // the moment asked for, RFC 3339 in UTC; empty where none is
	Day, Today     string
	DayWords       string
	DaySeconds     int
	Clock, Date    string // of the moment shown first
	Previous, Next string // URLs of the days around
	Cameras        string // the cameras asked for, as they stand in the URL; empty where none are
	Chosen         string // the cameras to play at first, in order
	Most           int    // how many are played at once
	Rows           []TimelineRow
	Admin          bool
}

// TimelineRow is one camera's day.
type TimelineRow struct {
	Name, Label, Href string
	Chosen            bool
	HasSub, Audio     bool
	Timeline          string // of the day, as the API answers it
	Stretches         []TimelinePart
}

// TimelinePart is a part of a day that was recorded, or was not for the reason given.
type TimelinePart struct {
	Time, Reason, Length, Href string
	Gap                        bool
}
