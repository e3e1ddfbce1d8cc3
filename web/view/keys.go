package view

// keyGroup is a part of the list of keys.
type keyGroup struct {
	Name string
	Keys []keyHelp
}

// keyHelp says what a key does.
type keyHelp struct {
	Keys []string
	Does string
}

// keyGroups is the list that the page shows on "?".
func keyGroups() []keyGroup {
	return []keyGroup{
		{"Everywhere", []keyHelp{
			{[]string{"1", "…", "9"}, "Open a camera"},
			{[]string{"G"}, "All cameras, live"},
			{[]string{"?"}, "Keyboard shortcuts"},
		}},
		{"Playback", []keyHelp{
			{[]string{"Space", "K"}, "Play or pause"},
			{[]string{"←", "→"}, "10 s back or forward"},
			{[]string{"Shift"}, "With an arrow: 1 s"},
			{[]string{"Alt"}, "With an arrow: 1 min"},
			{[]string{",", "."}, "Previous or next frame"},
			{[]string{"[", "]"}, "Slower or faster"},
			{[]string{"L"}, "Live"},
		}},
		{"Navigation", []keyHelp{
			{[]string{"T"}, "Go to a time"},
			{[]string{"D"}, "Choose a day"},
			{[]string{"↑", "↓"}, "Previous or next recording"},
			{[]string{"+", "−"}, "Zoom the timeline, from a second to a month"},
		}},
		{"Saving and viewing", []keyHelp{
			{[]string{"I", "O"}, "Set clip start or end"},
			{[]string{"E"}, "Save the clip"},
			{[]string{"S"}, "Save snapshot"},
			{[]string{"P"}, "Picture in picture"},
			{[]string{"F"}, "Full screen"},
			{[]string{"M"}, "Sound on or off"},
		}},
	}
}
