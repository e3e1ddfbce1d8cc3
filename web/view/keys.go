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
			{[]string{"1", "…", "9"}, "open a camera"},
			{[]string{"G"}, "all cameras, live"},
			{[]string{"?"}, "this list"},
		}},
		{"Playing", []keyHelp{
			{[]string{"Space", "K"}, "play, pause"},
			{[]string{"←", "→"}, "10 s back, forward"},
			{[]string{"Shift"}, "with an arrow: 1 s"},
			{[]string{"Alt"}, "with an arrow: 1 min"},
			{[]string{",", "."}, "one picture back, forward"},
			{[]string{"[", "]"}, "slower, faster"},
			{[]string{"L"}, "live"},
		}},
		{"Finding", []keyHelp{
			{[]string{"T"}, "type a time"},
			{[]string{"D"}, "pick a day"},
			{[]string{"↑", "↓"}, "where footage last, next begins"},
			{[]string{"+", "−"}, "timeline closer, wider: a second to a month"},
		}},
		{"Keeping and seeing", []keyHelp{
			{[]string{"I", "O"}, "clip begins, ends here"},
			{[]string{"E"}, "save the clip"},
			{[]string{"S"}, "save this picture"},
			{[]string{"P"}, "picture in picture"},
			{[]string{"F"}, "full screen"},
			{[]string{"M"}, "sound on, off"},
		}},
	}
}
