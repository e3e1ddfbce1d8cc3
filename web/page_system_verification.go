package web

import (
	"fmt"

	"keepwatch.internal/web/view"
)

// verificationOf puts a report into words; nil for no report.
func verificationOf(r *VerificationReport, site siteClock) *view.Verification {
	if r == nil {
		return nil
	}
	v := &view.Verification{State: "recording"}
	switch {
	case r.Round != nil && r.TotalBytes > 0:
		v.Words = fmt.Sprintf("Verification pass %d %% done", min(100, r.ReadBytes*100/r.TotalBytes))
	case r.LastRound != nil:
		v.Words = "Last verification pass finished " + site.when(*r.LastRound)
	default:
		return &view.Verification{State: "connecting", Words: "The first verification pass has not started."}
	}
	switch r.Found {
	case 0:
		v.Words += ", no damage found."
	case 1:
		v.State, v.Words = "offline", v.Words+"; 1 damaged file was set aside."
	default:
		v.State, v.Words = "offline", v.Words+fmt.Sprintf("; %d damaged files were set aside.", r.Found)
	}
	return v
}
