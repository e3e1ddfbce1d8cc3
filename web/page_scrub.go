package web

import "fmt"

// scrubView says how far the slow reading of all footage has come, and what it found.
type scrubView struct {
	State string // of the mark
	Words string
}

// scrubOf tells it for people; nil for those who are not told.
func (s *Server) scrubOf(r *ScrubReport) *scrubView {
	if r == nil {
		return nil
	}
	v := &scrubView{State: "recording"}
	switch {
	case r.Round != nil && r.TotalBytes > 0:
		v.Words = fmt.Sprintf("All footage read again: %d %% of this round", min(100, r.ReadBytes*100/r.TotalBytes))
	case r.LastRound != nil:
		v.Words = "All footage was read again; that round ended on " + s.whenText(*r.LastRound)
	default:
		return &scrubView{State: "connecting", Words: "The first round has not begun."}
	}
	switch r.Found {
	case 0:
		v.Words += ", nothing found."
	case 1:
		v.State, v.Words = "offline", v.Words+"; one file was damaged, and is set aside."
	default:
		v.State, v.Words = "offline", v.Words+fmt.Sprintf("; %d files were damaged, and are set aside.", r.Found)
	}
	return v
}
