package view

// Link is the page of a share link: one camera, and what of it was shared.
type Link struct {
	Shell    Shell
	Label    string
	By       string
	Note     string
	Until    string
	Tile     *Tile // what happens now, if that was shared
	Pieces   []LinkPiece
	Shown    string // URL of the piece that is shown
	ShownAs  string
	Export   bool
	Footage  bool
	Rejected string
}

// LinkPiece is a stretch of footage to be watched or saved.
type LinkPiece struct {
	Words, Href, Save string
	Current           bool
}
