package view

import "strconv"

// Live is the page of moving tiles.
type Live struct {
	Shell       Shell
	Bar         *LiveBar // nil where there is nothing to choose
	Lead        *Tile    // the large one, in the layout that has one
	Tiles       []Tile   // the others
	Arrangement string   // class of the grid, by the number of tiles
	Empty       string   // why a group shows nothing
	Cameras     bool     // whether there is any
	Admin       bool
	Editor      *GroupEditor // nil unless it is being arranged
}

// LiveBar is above the tiles: it chooses the layout, the group and the page.
type LiveBar struct {
	State       []Field // of the page, for forms
	Shapes      []Option
	Groups      []Option // none where the account has made none
	Before, Now string   // other pages: addresses, "" for none
	After       string
	Arrange     string // address where they can be arranged, or of the end of that
	Arranging   bool
}

// Option is one of several.
type Option struct {
	Value, Words, Href string
	Chosen             bool
}

// GroupEditor makes and changes groups.
type GroupEditor struct {
	State  []Field
	Notice Notice
	Groups []GroupForm // those that are there, then an empty one
}

type GroupForm struct {
	Was, Name string // Was is "" for a new one
	Members   []GroupMember
}

type GroupMember struct {
	Name, Label string
	In          bool
}

// Tile is one camera in the grid.
type Tile struct {
	Name, Label   string
	Page          string // URL of the camera's page
	Href          string // where the picture leads: to that page, or to the same layout with this tile large; empty for nowhere
	State, Reason string
	Words         string // shown until there is a picture
	Sub           bool   // there is a small picture beside the full one
	Sound         bool   // may be heard
	Save          bool   // what is shown may be saved
	Large         bool
	Zone          string
	Opens         string // what its link does, beside opening the camera's page
	Move          *TileMove
}

// TileMove moves a tile. Before and After are the cameras whose place it can take, "" at the ends.
type TileMove struct {
	State         []Field
	Before, After string
}

// pressed is the value of aria-pressed.
func pressed(is bool) string { return strconv.FormatBool(is) }

// fieldID is the id of the n-th of several fields.
func fieldID(name string, n int) string { return name + "-" + strconv.Itoa(n) }
