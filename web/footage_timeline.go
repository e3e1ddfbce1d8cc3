package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage"
)

// timelineJSON is the answer of the timeline: spans and gaps, in time order, which together cover the requested range.
type timelineJSON struct {
	Spans []runSpanJSON `json:"spans"`
	Gaps  []gapJSON     `json:"gaps"`
}

type runSpanJSON struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Run  string    `json:"run"`
	// ShiftSeconds is how much later than it happened the run is filed, because the clock had been set back.
	ShiftSeconds float64 `json:"shift_seconds,omitempty"`
}

type gapJSON struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Code   string    `json:"code"`   // for programs; never changes its meaning
	Reason string    `json:"reason"` // for people
}

func gapOf(g storage.Gap) gapJSON {
	return gapJSON{From: g.From.UTC(), To: g.To.UTC(), Code: string(g.Code), Reason: g.Reason}
}

// timeline answers GET /api/v1/cameras/{id}/timeline.
func (a *footageAPI) timeline(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	span, quality, err := spanOfStream(q, storage.MaxTimeline)
	if err != nil {
		return err
	}
	tl, err := a.store.Timeline(r.Context(), p, quality, span)
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, timelineOf(tl))
}

func timelineOf(tl storage.Timeline) timelineJSON {
	out := timelineJSON{Spans: []runSpanJSON{}, Gaps: []gapJSON{}}
	for _, sp := range tl.Spans {
		out.Spans = append(out.Spans, runSpanJSON{From: sp.From.UTC(), To: sp.To.UTC(), Run: sp.Run.String(),
			ShiftSeconds: sp.Shift.Seconds()})
	}
	for _, g := range tl.Gaps {
		out.Gaps = append(out.Gaps, gapOf(g))
	}
	return out
}
