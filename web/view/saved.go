package view

// Saved is the list of kept clips.
type Saved struct {
	Shell  Shell
	Any    bool // anything is kept at all
	Filter SavedFilter
	Clips  []SavedClip
	Total  string // of those found
	Older  string // where to see those that did not find room; empty when there are none
	Zip    bool   // there are clips that the viewer may take away
}

// SavedFilter is what the list is searched for, by the query: words, camera and day.
type SavedFilter struct {
	Words, Camera, Day string
	Cameras            []CameraChoice // those with kept clips
	On                 bool
}

// SavedClip is a kept clip in the list.
type SavedClip struct {
	Anchor       string
	Title        string // the note, or a text for clips without one
	Camera       string
	When, Length string
	Size         string
	By           string
	Play         string // where to watch it
	Download     string // empty for those who may not take it away
	Sidecar      string // its facts, for the same
	Ticket       string // names it in a zip, for the same
	Remove       string // empty for those who may not let it go
}
