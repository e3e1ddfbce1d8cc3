package view

// Remove asks before a kept clip is removed from the list, or footage deleted.
type Remove struct {
	Shell        Shell
	Camera       string
	Note         string
	Kept         bool   // a kept clip is asked about
	When, Length string // of what was asked for
	LetGo        string // where to let it go
	Fate         string // what becomes of it then
	Delete       string // where to delete it
	From, To     string
	Named        string // the kept clip's id
	Going        string // exactly what is deleted
	Gone         bool   // there is no footage any more
	InTheWay     []SavedClip
	Back         string
}
