package view

import "time"

// Days is the calendar of what a camera recorded in a month.
type Days struct {
	Shell          Shell
	Label, Back    string // of the camera, and its page
	Month          string // "November 2026"
	Sum            string // what the month adds up to
	Previous, Next string // URLs; Next is empty for this month
	Weekdays       []Weekday
	Weeks          [][]CalendarDay // of seven days each
	Denied         bool            // the viewer may not see recordings
}

type Weekday struct{ Short, Long string }

// CalendarDay is a field of the calendar. Those that belong to another month have no number.
type CalendarDay struct {
	Number string
	Href   string // of the recorded day; empty where there is nothing to see
	State  string // whole, partly, rest, deleted, nothing, before, ahead
	Bar    string // how much of 100 was recorded
	Share  string // the same in words that fit: "98 %"; empty for all of it
	Words  string // the same for who does not see it
	Today  bool
}

// Weekdays names the days of the week, Monday first (ISO 8601).
func Weekdays() []Weekday {
	var names []Weekday
	for i := range 7 {
		long := time.Weekday((i + 1) % 7).String()
		names = append(names, Weekday{long[:2], long})
	}
	return names
}
