package web

import (
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
)

// daysJSON is the answer of days: the days of a month that have begun, on the site's clock.
type daysJSON struct {
	Days []dayJSON `json:"days"`
}

// dayJSON says how much of a day was recorded. Time before the camera was added is in none of the figures.
type dayJSON struct {
	Day             string    `json:"day"` // 2026-11-22
	From            time.Time `json:"from"`
	To              time.Time `json:"to"` // of today: now
	RecordedSeconds float64   `json:"recorded_seconds"`
	MissingSeconds  float64   `json:"missing_seconds"`
	DeletedSeconds  float64   `json:"deleted_seconds"` // by retention or the owner; not in MissingSeconds
}

// days answers GET /api/v1/cameras/{id}/days.
func (a *footageAPI) days(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	month, err := a.site.monthParameter(q)
	if err != nil {
		return err
	}
	quality, err := qualityParameter(q)
	if err != nil {
		return err
	}
	list, err := a.coverage.of(r.Context(), p, quality, month.first(), month.last())
	if err != nil {
		return err
	}
	out := daysJSON{Days: []dayJSON{}}
	for _, d := range list {
		out.Days = append(out.Days, dayJSON{Day: d.String(), From: d.from.UTC(), To: d.until.UTC(), RecordedSeconds: d.recorded.Seconds(),
			MissingSeconds: d.missing.Seconds(), DeletedSeconds: d.deleted.Seconds()})
	}
	return writeJSON(w, r, http.StatusOK, out)
}
