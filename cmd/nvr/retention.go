package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/storage"
)

// retentionCommand is nvr retention, which lists what would be deleted. Only the server deletes.
func retentionCommand(ctx context.Context, t terminal, args []string) error {
	fs := newFlags()
	path := configFlag(fs)
	dry := fs.Bool("dry-run", false, "show what would be deleted, delete nothing")
	asJSON := fs.Bool("json", false, "print the report as JSON")
	if err := parseNone(fs, args); err != nil {
		return err
	}
	if !*dry {
		return usagef("this command needs -dry-run, since it deletes nothing: the running server deletes what exceeds the limits in the configuration")
	}
	c, err := loadConfig(t, *path)
	if err != nil {
		return err
	}
	o := storage.PlanOptions{Recordings: c.Recordings, Data: c.Data, Retain: map[string]storage.Retain{}, Now: time.Now(),
		MinFree: storage.MinFree{Percent: c.Storage.MinFree.Percent, Bytes: c.Storage.MinFree.Bytes}}
	for _, camera := range c.Cameras {
		o.Retain[camera.ID] = storage.Retain{Age: camera.Retain.Age, MaxBytes: camera.Retain.MaxBytes}
	}
	plan, err := storage.PlanRetention(ctx, o)
	if err != nil {
		return err
	}
	plan.Cameras = slices.DeleteFunc(plan.Cameras, func(c storage.CameraPlan) bool { return storage.Synthetic(c.Name) })
	if *asJSON {
		e := json.NewEncoder(t.out)
		e.SetIndent("", "  ")
		return e.Encode(planReport(plan, o))
	}
	printPlan(t.out, plan, c)
	return nil
}

// retentionReport is what -json prints. Its fields keep their names and meanings.
type retentionReport struct {
	Now          time.Time         `json:"now"`
	TotalBytes   int64             `json:"total_bytes"`
	FreeBytes    int64             `json:"free_bytes"`
	MinFreeBytes int64             `json:"min_free_bytes"`
	LackingBytes int64             `json:"lacking_bytes"` // within a day, after everything that may be deleted is gone
	Cameras      []retentionCamera `json:"cameras"`
}

type retentionCamera struct {
	ID          string           `json:"id"`
	UUID        string           `json:"uuid"`
	Retired     bool             `json:"retired"` // no longer configured; its old limits still apply
	Bytes       int64            `json:"bytes"`
	KeptBytes   int64            `json:"kept_bytes"`
	BytesPerDay *int64           `json:"bytes_per_day"` // null while not known yet
	Days        *float64         `json:"days"`          // expected retention; null if unknown or unlimited
	Limit       string           `json:"limit"`         // age, size, space, none, or "" if unknown
	Retain      retentionLimits  `json:"retain"`        // in the configuration file
	Applied     retentionLimits  `json:"applied"`       // at the server's last start
	Now         []retentionGoing `json:"now"`
	Within24h   []retentionGoing `json:"within_24h"` // including what goes now
}

type retentionLimits struct {
	Days     float64 `json:"days"`      // 0: no limit
	MaxBytes int64   `json:"max_bytes"` // 0: no limit
}

type retentionGoing struct {
	Limit    storage.Limit `json:"limit"`
	Segments int           `json:"segments"`
	Bytes    int64         `json:"bytes"`
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
}

func planReport(p storage.Plan, o storage.PlanOptions) retentionReport {
	out := retentionReport{Now: o.Now.UTC(), TotalBytes: p.Total, FreeBytes: p.Free, MinFreeBytes: p.MinFree, LackingBytes: p.Lacking,
		Cameras: []retentionCamera{}}
	for _, c := range p.Cameras {
		x := retentionCamera{ID: c.Name, UUID: c.ID.String(), Retired: c.Retired, Bytes: c.Bytes, KeptBytes: c.Kept, Limit: string(c.Limit),
			Retain: limitsOf(c.Retain), Applied: limitsOf(c.Applied), Now: goingOf(c.Now), Within24h: goingOf(c.Day)}
		if !c.TooEarly {
			x.BytesPerDay = &c.BytesPerDay
		}
		if c.Days > 0 && !math.IsInf(c.Days, 1) {
			x.Days = &c.Days
		}
		out.Cameras = append(out.Cameras, x)
	}
	return out
}

func limitsOf(r storage.Retain) retentionLimits {
	return retentionLimits{Days: r.Age.Hours() / 24, MaxBytes: r.MaxBytes}
}

func goingOf(list []storage.Going) []retentionGoing {
	out := []retentionGoing{}
	for _, g := range list {
		out = append(out, retentionGoing{g.Limit, g.Segments, g.Bytes, g.Span.From.UTC(), g.Span.To.UTC()})
	}
	return out
}

// printPlan writes the plan for people.
func printPlan(w io.Writer, p storage.Plan, c *config.Config) {
	fmt.Fprintf(w, "%s: %s free of %s; at least %s is kept free\n", c.Recordings, format.Size(p.Free), format.Size(p.Total), format.Size(p.MinFree))
	for _, x := range p.Cameras {
		retired := ""
		if x.Retired {
			retired = ", no longer configured"
		}
		fmt.Fprintf(w, "\n%s%s: %s of footage%s; %s\n", x.Name, retired, format.Size(x.Bytes), keptText(x.Kept), outlookText(x.CameraForecast))
		if x.Retain != x.Applied {
			fmt.Fprintf(w, "  the running limits are %s; this file says %s, which applies from the next start\n", retainText(x.Applied), retainText(x.Retain))
		}
		printGoing(w, "now", x.Now, x.Retain, c)
		printGoing(w, "within 24 hours", x.Day, x.Retain, c)
	}
	if p.Lacking > 0 {
		fmt.Fprintf(w, "\n%s too little will be free, with nothing left that may be deleted: remove kept clips, or free disk space\n", format.Size(p.Lacking))
	}
}

func printGoing(w io.Writer, when string, list []storage.Going, r storage.Retain, c *config.Config) {
	if len(list) == 0 {
		fmt.Fprintf(w, "  %s: nothing to delete\n", when)
	}
	for _, g := range list {
		why := "the disk is at its limit"
		switch g.Limit {
		case storage.LimitAge:
			why = "older than " + format.Days(r.Age.Hours()/24)
		case storage.LimitSize:
			why = "more than " + format.Size(r.MaxBytes)
		}
		segments := "segments"
		if g.Segments == 1 {
			segments = "segment"
		}
		fmt.Fprintf(w, "  %s: %d %s, %s, %s: %s\n", when, g.Segments, segments, format.Size(g.Bytes),
			format.Span(g.Span.From.In(c.Timezone), g.Span.To.In(c.Timezone)), why)
	}
}

func keptText(n int64) string {
	if n == 0 {
		return ""
	}
	return ", " + format.Size(n) + " of it in kept clips"
}

// outlookText returns a forecast as text.
func outlookText(f storage.CameraForecast) string {
	switch {
	case f.TooEarly:
		return "less than an hour recorded, too early for a forecast"
	case f.BytesPerDay == 0:
		return "nothing was recorded in the last 24 hours"
	}
	rate := format.Size(f.BytesPerDay) + " a day"
	switch f.Limit {
	case storage.LimitAge:
		return fmt.Sprintf("%s: reaches back %s, as configured", rate, format.Days(f.Days))
	case storage.LimitSize:
		return fmt.Sprintf("%s: will reach back %s, limited by its size", rate, format.Days(f.Days))
	case storage.LimitSpace:
		return fmt.Sprintf("%s: will reach back %s, limited by the disk", rate, format.Days(f.Days))
	}
	return rate
}

func retainText(r storage.Retain) string {
	var limits []string
	if r.Age > 0 {
		limits = append(limits, format.Days(r.Age.Hours()/24))
	}
	if r.MaxBytes > 0 {
		limits = append(limits, format.Size(r.MaxBytes))
	}
	if len(limits) == 0 {
		return "no limit but the disk"
	}
	return strings.Join(limits, " and ")
}
