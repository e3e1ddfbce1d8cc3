package web

import (
	"context"
	"fmt"
	"math"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// ForecastReport is the expected retention of a camera if recording continues as in the last day.
type ForecastReport struct {
	BytesPerDay *int64   `json:"bytes_per_day"` // null while not known yet
	Days        *float64 `json:"days"`          // null while not known yet, and when there is no limit or nothing is recorded
	Limit       string   `json:"limit"`         // age, size, space, none; empty while not known yet
	KeptBytes   int64    `json:"kept_bytes"`    // part of it that is kept clips
	Words       string   `json:"words"`
	Advice      string   `json:"advice"` // empty if there is none
}

// forecasts returns the forecast of each camera.
func forecasts(ctx context.Context, store *storage.Store) (map[media.CameraID]*ForecastReport, error) {
	list, err := store.Forecast(ctx)
	if err != nil {
		return nil, err
	}
	out := map[media.CameraID]*ForecastReport{}
	for _, f := range list {
		x := &ForecastReport{Limit: string(f.Limit), KeptBytes: f.Kept, Words: outlookText(f), Advice: keptAdvice(f)}
		if !f.TooEarly {
			x.BytesPerDay = &f.BytesPerDay
		}
		if f.Limit != "" && !math.IsInf(f.Days, 1) {
			x.Days = &f.Days
		}
		out[f.ID] = x
	}
	return out, nil
}

// forecastFor returns the forecast to viewers who may see the camera's recordings, nil to others.
func forecastFor(all map[media.CameraID]*ForecastReport, c Camera, rights access.Rights) *ForecastReport {
	if !rights.Has(access.Playback) {
		return nil
	}
	return all[c.ID]
}

// outlookText is a forecast in words.
func outlookText(f storage.CameraForecast) string {
	switch {
	case f.TooEarly:
		return "not known yet"
	case f.Limit == "":
		return "nothing recorded in the last 24 hours"
	}
	at := " at " + format.Size(f.BytesPerDay) + " a day"
	switch f.Limit {
	case storage.LimitAge:
		return format.Days(f.Days) + at + ", as configured"
	case storage.LimitSize:
		return format.Days(f.Days) + at + ", limited by its size limit"
	case storage.LimitSpace:
		return format.Days(f.Days) + at + ", limited by the disk"
	}
	return "unlimited" + at
}

// keptAdvice warns when kept clips leave little space for other footage.
func keptAdvice(f storage.CameraForecast) string {
	if f.Kept == 0 || f.Days >= 1 || f.TooEarly || f.Limit != storage.LimitSize && f.Limit != storage.LimitSpace {
		return ""
	}
	return fmt.Sprintf("Saved clips take %s, so other footage reaches back only %s. Remove some of them, or raise this camera's limit.",
		format.Size(f.Kept), format.Days(f.Days))
}
