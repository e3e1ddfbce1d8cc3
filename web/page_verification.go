package web

import (
	"fmt"

	"keepwatch.internal/web/view"
)

// verificationOf tells it for people; nil for those who are not told.
func verificationOf(r *VerificationReport, site siteClock) *view.Verification {
	if r == nil {
		return nil
	}
	v := &view.Verification{State: "recording"}
	switch {
	case r.Round != nil && r.TotalBytes > 0:
		v.Words = fmt.Sprintf("All footage read again: %d %% of this round", min(100, r.ReadBytes*100/r.TotalBytes))
	case r.LastRound != nil:
		v.Words = "All footage was read again; that round ended on " + site.when(*r.LastRound)
	default:
		return &view.Verification{State: "connecting", Words: "The first round has not begun."}
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
