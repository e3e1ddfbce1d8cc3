package web

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// systemView is the page that says whether everything is recorded.
type systemView struct {
	Frame   frame
	Good    bool
	Verdict verdict
	Disk    *diskView // for administrators
	Alarms  []fact    // for administrators: since when, and what
	Cameras []systemCameraView
	Canary  *canaryView
	Scrub   *scrubView // for administrators
	Events  []eventView
	Others  string // for administrators: that there are cameras that are not theirs
	Footer  string
}

// verdict is the answer to the question that the page is for.
type verdict struct{ State, Title, Detail string }

// diskView is how full the recordings' disk is.
type diskView struct {
	Free, Footage, Total string
	Kept                 string // empty when nothing is kept
	UsedPercent          string
	Words                string // how full, and what happens when it is
}

// systemCameraView is how one camera does.
type systemCameraView struct {
	Label, Href  string
	State, Words string
	Facts        []fact
	Advice       []string
}

// pageSystem shows what the API's system report says, with what is known of the streams. It shows no footage.
func (s *Server) pageSystem(w http.ResponseWriter, r *http.Request) error {
	report, err := s.systemFor(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	cameras, err := s.camerasOf(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	known := map[string]seen{}
	for _, c := range cameras {
		known[c.Name] = c
	}
	v := systemView{Frame: s.frame(r, "System", "system").with("refresh.js", "link.js", "bytes.js", "edge.js"),
		Footer: fmt.Sprintf("Days are those of %s. Keepwatch %s.", report.Timezone, report.Version)}
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
		v.Alarms = append(v.Alarms, fact{"Since " + a.Since.In(s.Location).Format("2 January, 15:04"), a.Text})
	}
	v.Events = s.eventViews(report.Events)
	v.Canary = canaryOf(report.Canary, report.Now)
	v.Scrub = s.scrubOf(report.Scrub)
	if report.Others != nil {
		v.Others = othersText(*report.Others)
	}
	return writePage(w, r, http.StatusOK, systemPage(v))
}

// canaryView is what the server's test of itself found.
type canaryView struct {
	State string // of the mark
	Words string
}

func canaryOf(r *CanaryReport, now time.Time) *canaryView {
	if r == nil {
		return nil
	}
	state := map[string]string{canarySound: "recording", canaryLeaked: "offline"}[r.State]
	return &canaryView{State: cmp.Or(state, "connecting"), Words: r.words(now) + "."}
}

func othersText(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "One more camera belongs to others; how it does is theirs to see."
	}
	return fmt.Sprintf("%d more cameras belong to others; how they do is theirs to see.", n)
}

func verdictOf(cameras, failing int) verdict {
	switch {
	case cameras == 0:
		return verdict{"paused", "No cameras", "There is nothing to record."}
	case failing == 0 && cameras == 1:
		return verdict{"recording", "It is recording", "The camera delivers pictures, and they are kept."}
	case failing == 0:
		return verdict{"recording", "It is recording", fmt.Sprintf("All %d cameras deliver pictures, and they are kept.", cameras)}
	case failing == cameras:
		return verdict{"offline", "Nothing is recorded", "No camera is being recorded now; each says why below."}
	case failing == 1:
		return verdict{"offline", "One camera is not recorded", fmt.Sprintf("The other %d are. It says why below.", cameras-failing)}
	}
	return verdict{"offline", fmt.Sprintf("%d cameras are not recorded", failing),
		fmt.Sprintf("%d of %d are. Each says why below.", cameras-failing, cameras)}
}

func diskOf(d DiskReport) *diskView {
	v := &diskView{Free: sizeText(d.FreeBytes), Footage: sizeText(d.FootageBytes), Total: sizeText(d.TotalBytes), UsedPercent: "0"}
	if d.TotalBytes > 0 {
		v.UsedPercent = strconv.FormatInt((d.TotalBytes-d.FreeBytes)*100/d.TotalBytes, 10)
	}
	v.Words = v.UsedPercent + " % in use."
	if d.KeptBytes > 0 {
		v.Kept = sizeText(d.KeptBytes)
	}
	if d.MinFreeBytes > 0 {
		v.Words += " The oldest footage is deleted when less than " + sizeText(d.MinFreeBytes) + " are free."
	}
	return v
}

func systemCameraOf(c seen, h CameraHealth, now time.Time) systemCameraView {
	today := h.Today
	v := systemCameraView{Label: c.Label, Href: cameraURL(c.Name), State: stateOf(c.Status), Words: stateWords(c.Status),
		Advice: c.Status.Advice}
	if today != nil {
		v.Facts = append(v.Facts, fact{"Recorded today", coverageText(today.RecordedSeconds, today.MissingSeconds)})
		if reason := lastReason(today.Gaps); reason != "" {
			v.Facts = append(v.Facts, fact{"Last gap", reason})
		}
	}
	if f := h.Forecast; f != nil {
		v.Facts = append(v.Facts, fact{"Will reach back", f.Words})
		if f.KeptBytes > 0 {
			v.Facts = append(v.Facts, fact{"Saved clips", sizeText(f.KeptBytes)})
		}
		if f.Advice != "" {
			v.Advice = append(v.Advice, f.Advice)
		}
	}
	v.Facts = append(v.Facts, fact{"Last picture", agoText(c.Status.LastFrame, now)})
	if !c.Status.Since.IsZero() {
		v.Facts = append(v.Facts, fact{"In this state for", lengthText(now.Sub(c.Status.Since))})
	}
	for _, st := range c.Status.Streams {
		name := "Main stream"
		if st.Quality == media.Sub {
			name = "Sub stream"
		}
		v.Facts = append(v.Facts, fact{name, streamText(st)})
	}
	return v
}

// lastReason tells the newest gap worth telling.
func lastReason(gaps []gapJSON) string {
	for i := len(gaps) - 1; i >= 0; i-- {
		length := gaps[i].To.Sub(gaps[i].From)
		if length >= listedGap && gaps[i].Reason != storage.ReasonNotYet {
			return gaps[i].Reason + " (" + lengthText(length) + ")"
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
	return fmt.Sprintf("%s, %g %%", lengthText(time.Duration(recorded)*time.Second), percent)
}
