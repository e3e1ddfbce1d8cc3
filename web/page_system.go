package web

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/canary"
	"keepwatch.internal/web/view"
)

// systemPages are the pages that say how the recorder is.
type systemPages struct {
	*pages
	outgoing *connectionLog
	report   func(context.Context, access.Viewer) (SystemReport, error) // what the viewer may know of the system
}

// pageSystem shows what the API's system report says, with what is known of the streams. It shows no footage.
func (h *systemPages) pageSystem(w http.ResponseWriter, r *http.Request) error {
	report, err := h.report(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	known := map[string]visibleCamera{}
	for _, c := range cameras {
		known[c.Name] = c
	}
	v := view.System{Shell: withScript(h.shell(r, "System", "system"), "system"),
		Footer: fmt.Sprintf("Times are in %s. Keepwatch %s.", report.Timezone, report.Version)}
	failing := 0
	for _, h := range report.Cameras {
		c, ok := known[h.ID]
		if !ok {
			continue // a right that was taken away just now
		}
		if stateOf(c.Status) != "recording" {
			failing++
		}
		v.Cameras = append(v.Cameras, systemCameraOf(c, h, report.Now))
	}
	v.Verdict = verdictOf(len(v.Cameras), failing)
	v.Good = failing == 0 && len(v.Cameras) > 0
	if report.Disk != nil {
		v.Disk = diskOf(*report.Disk)
	}
	for _, a := range report.Alarms {
		v.Alarms = append(v.Alarms, view.Fact{Label: "Since " + h.site.when(a.Since), Value: a.Text})
	}
	v.Events = h.eventViews(report.Events)
	v.Canary = canaryOf(report.Canary, report.Now)
	v.Verification = verificationOf(report.Verification, h.site)
	if report.Others != nil {
		v.Others = othersText(*report.Others)
	}
	return writePage(w, r, http.StatusOK, view.SystemPage(v))
}

func canaryOf(r *canary.Report, now time.Time) *view.PrivacyCheck {
	if r == nil {
		return nil
	}
	state := map[string]string{canary.Sound: "recording", canary.Leaked: "offline"}[r.State]
	return &view.PrivacyCheck{State: cmp.Or(state, "connecting"), Words: canaryWords(*r, now) + "."}
}

func othersText(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 more camera belongs to someone else, so its status is not shown."
	}
	return fmt.Sprintf("%d more cameras belong to other people, so their status is not shown.", n)
}

func verdictOf(cameras, failing int) view.Verdict {
	switch {
	case cameras == 0:
		return view.Verdict{State: "paused", Title: "No cameras", Detail: "Nothing to record."}
	case failing == 0 && cameras == 1:
		return view.Verdict{State: "recording", Title: "Everything is recording", Detail: "The camera is recording."}
	case failing == 0:
		return view.Verdict{State: "recording", Title: "Everything is recording", Detail: fmt.Sprintf("All %d cameras are recording.", cameras)}
	case failing == cameras:
		return view.Verdict{State: "offline", Title: "Nothing is recording", Detail: "No camera is recording now. The reasons are below."}
	case failing == 1:
		return view.Verdict{State: "offline", Title: "1 camera is not recording", Detail: fmt.Sprintf("The other %d are. The reason is below.", cameras-failing)}
	}
	return view.Verdict{State: "offline", Title: fmt.Sprintf("%d cameras are not recording", failing),
		Detail: fmt.Sprintf("%d of %d are. The reasons are below.", cameras-failing, cameras)}
}

func diskOf(d DiskReport) *view.Disk {
	v := &view.Disk{Free: format.Size(d.FreeBytes), Footage: format.Size(d.FootageBytes), Total: format.Size(d.TotalBytes), UsedPercent: "0"}
	if d.TotalBytes > 0 {
		v.UsedPercent = strconv.FormatInt((d.TotalBytes-d.FreeBytes)*100/d.TotalBytes, 10)
	}
	v.Words = v.UsedPercent + " % in use."
	if d.KeptBytes > 0 {
		v.Kept = format.Size(d.KeptBytes)
	}
	if d.MinFreeBytes > 0 {
		v.Words += " The oldest footage is deleted when less than " + format.Size(d.MinFreeBytes) + " is free."
	}
	return v
}

func systemCameraOf(c visibleCamera, h CameraHealth, now time.Time) view.SystemCamera {
	today := h.Today
	v := view.SystemCamera{Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Words: stateWords(c.Status),
		Advice: c.Status.Advice}
	if today != nil {
		v.Facts = append(v.Facts, view.Fact{Label: "Recorded today", Value: coverageText(today.RecordedSeconds, today.MissingSeconds)})
		if reason := lastReason(today.Gaps); reason != "" {
			v.Facts = append(v.Facts, view.Fact{Label: "Last gap", Value: reason})
		}
	}
	if f := h.Forecast; f != nil {
		v.Facts = append(v.Facts, view.Fact{Label: "Expected retention", Value: f.Words})
		if f.KeptBytes > 0 {
			v.Facts = append(v.Facts, view.Fact{Label: "Saved clips", Value: format.Size(f.KeptBytes)})
		}
		if f.Advice != "" {
			v.Advice = append(v.Advice, f.Advice)
		}
	}
	v.Facts = append(v.Facts, view.Fact{Label: "Last picture", Value: format.Ago(c.Status.LastFrame, now)})
	if !c.Status.Since.IsZero() {
		v.Facts = append(v.Facts, view.Fact{Label: "In this state for", Value: format.Duration(now.Sub(c.Status.Since))})
	}
	for _, st := range c.Status.Streams {
		name := "Main stream"
		if st.Quality == media.Sub {
			name = "Sub stream"
		}
		v.Facts = append(v.Facts, view.Fact{Label: name, Value: streamText(st)})
	}
	v.Facts = append(v.Facts, soundFacts(c.Status)...)
	return v
}

// lastReason tells the newest gap worth telling.
func lastReason(gaps []gapJSON) string {
	for i := len(gaps) - 1; i >= 0; i-- {
		length := gaps[i].To.Sub(gaps[i].From)
		if length >= listedGap && gaps[i].Reason != storage.ReasonNotYet {
			return gaps[i].Reason + " (" + format.Duration(length) + ")"
		}
	}
	return ""
}

// coverageText says how much of the day so far was recorded. It never rounds up to all of it.
func coverageText(recorded, missing float64) string {
	whole := recorded + missing
	if whole < 1 {
		return "nothing yet: the day has just begun"
	}
	percent := math.Floor(recorded/whole*1000) / 10
	if missing < 2 {
		percent = 100 // what has arrived, but is not yet written
	}
	return fmt.Sprintf("%s, %g %%", format.Duration(time.Duration(recorded)*time.Second), percent)
}
