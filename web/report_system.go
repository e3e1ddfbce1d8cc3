package web

import (
	"context"
	"errors"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/canary"
)

// reports makes reports on the system and its cameras, limited to what a viewer may know. Pages and the API use the same ones.
type reports struct {
	accounts *accounts.Directory
	cameras  *cameraList
	store    *storage.Store
	site     siteClock
	version  string
	canary   func() *canary.Report // nil without a canary
}

// SystemReport is the answer of /api/v1/system: the state of each camera that the viewer may see, and what is missing today. For
// administrators also the disk, and the number of cameras that they may not see.
type SystemReport struct {
	Now          time.Time           `json:"now"`
	Timezone     string              `json:"timezone"`
	Version      string              `json:"version"`
	Cameras      []CameraHealth      `json:"cameras"`
	Canary       *canary.Report      `json:"canary"`           // result of the privacy self-check; null without one
	Events       []EventReport       `json:"events"`           // of the last seven days, newest first
	Disk         *DiskReport         `json:"disk,omitempty"`   // administrators only
	Alarms       []AlarmReport       `json:"alarms,omitempty"` // administrators only: problems with disks and databases
	Verification *VerificationReport `json:"scrub,omitempty"`  // administrators only: the verification pass
	Others       *int                `json:"others,omitempty"` // administrators only: cameras not in Cameras
}

// CameraHealth is a camera in a SystemReport.
type CameraHealth struct {
	ID        string          `json:"id"`
	Label     string          `json:"label"`
	State     string          `json:"state"`
	Reason    string          `json:"reason"`
	Since     *time.Time      `json:"since"`
	LastFrame *time.Time      `json:"last_frame"`
	Today     *DayReport      `json:"today"`    // null for viewers who may not see recordings
	Forecast  *ForecastReport `json:"forecast"` // likewise
}

// DayReport is how much of a day was recorded so far. Time before the camera was added does not count.
type DayReport struct {
	From            time.Time          `json:"from"`
	To              time.Time          `json:"to"`
	RecordedSeconds float64            `json:"recorded_seconds"`
	MissingSeconds  float64            `json:"missing_seconds"`
	MissingByCode   map[string]float64 `json:"missing_seconds_by_code"` // by the codes of gaps
	Gaps            []gapJSON          `json:"gaps"`
}

// DiskReport is about the disk of the recordings.
type DiskReport struct {
	TotalBytes   int64 `json:"total_bytes"`
	FreeBytes    int64 `json:"free_bytes"`
	MinFreeBytes int64 `json:"min_free_bytes"` // kept free by deleting the oldest footage
	FootageBytes int64 `json:"footage_bytes"`
	KeptBytes    int64 `json:"kept_bytes"` // part of the footage that is kept clips
}

// AlarmReport is a lasting problem of the store, and what to do about it.
type AlarmReport struct {
	Code  string    `json:"code"` // for programs
	Since time.Time `json:"since"`
	Text  string    `json:"text"` // for people
}

// system returns the report on the system for a viewer.
func (r *reports) system(ctx context.Context, v access.Viewer) (SystemReport, error) {
	rights, err := r.accounts.Rights(ctx, v)
	if err != nil {
		return SystemReport{}, err
	}
	now := r.site.now()
	out := SystemReport{Now: now.UTC(), Timezone: r.site.location.String(), Version: r.version, Cameras: []CameraHealth{}, Canary: r.canary()}
	status := r.cameras.statusByID()
	expected, err := forecasts(ctx, r.store)
	if err != nil {
		return SystemReport{}, err
	}
	var own []Camera
	for _, c := range r.cameras.all {
		if rights[access.Camera(c.ID)] == 0 {
			continue
		}
		own = append(own, c)
		st := status[c.ID]
		health := CameraHealth{ID: c.Name, Label: c.Label, State: st.State, Reason: st.Reason, Since: moment(st.Since),
			LastFrame: moment(st.LastFrame), Forecast: forecastFor(expected, c, rights[access.Camera(c.ID)])}
		if health.Today, err = r.today(ctx, v, c, now); err != nil {
			return SystemReport{}, err
		}
		out.Cameras = append(out.Cameras, health)
	}
	if out.Events, err = r.events(ctx, v, own); err != nil {
		return SystemReport{}, err
	}
	if v.Admin {
		err = r.addManaged(ctx, &out, now)
	}
	return out, err
}

// addManaged adds what only administrators get.
func (r *reports) addManaged(ctx context.Context, out *SystemReport, now time.Time) error {
	usage, err := r.store.Usage(ctx, r.site.dayAt(now))
	if err != nil {
		return err
	}
	others := r.cameras.site - len(out.Cameras)
	out.Others = &others
	for _, a := range r.store.Alarms(ctx) {
		out.Alarms = append(out.Alarms, AlarmReport{Code: a.Code, Since: a.Since.UTC(), Text: a.Text})
	}
	if out.Verification, err = r.verification(ctx); err != nil {
		return err
	}
	out.Disk = &DiskReport{TotalBytes: usage.Total, FreeBytes: usage.Free, MinFreeBytes: usage.MinFree,
		FootageBytes: usage.Footage, KeptBytes: usage.Kept}
	return nil
}

// today returns the report on the day so far, in the site's time zone; nil for viewers who may not see recordings.
func (r *reports) today(ctx context.Context, v access.Viewer, c Camera, now time.Time) (*DayReport, error) {
	p, err := r.accounts.Authorize(ctx, v, access.Playback, access.Camera(c.ID))
	if errors.Is(err, access.ErrDenied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	span := r.site.dayAt(now)
	day := &DayReport{From: span.From, To: span.To, MissingByCode: map[string]float64{}, Gaps: []gapJSON{}}
	if !span.From.Before(span.To) {
		return day, nil
	}
	tl, err := r.store.Timeline(ctx, p, media.Main, span)
	if err != nil {
		return nil, err
	}
	sum := tl.Coverage()
	day.RecordedSeconds = sum.Recorded.Seconds()
	for code, length := range sum.Missing {
		day.MissingByCode[string(code)] = length.Seconds()
		day.MissingSeconds += length.Seconds()
	}
	for _, g := range tl.Gaps {
		if g.Code == storage.CodeBefore {
			continue
		}
		day.Gaps = append(day.Gaps, gapOf(g))
	}
	return day, nil
}
