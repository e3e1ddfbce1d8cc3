package web

import (
	"net/url"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// TestSpansAndGapsAddUpToLocalDaysOfAnyLength requests days on which clocks change, and their neighbours.
func TestSpansAndGapsAddUpToLocalDaysOfAnyLength(t *testing.T) {
	w := inhabited(t)
	front := w.cameras["front"]
	for _, c := range []struct {
		zone, day string
		length    time.Duration
	}{
		{"Pacific/Apia", "2011-12-29", 24 * time.Hour}, // the day before one that was skipped
		{"Australia/Lord_Howe", "2025-04-06", 24*time.Hour + 30*time.Minute},
		{"America/Santiago", "2025-09-07", 23 * time.Hour}, // it begins at 01:00
		{"Australia/Lord_Howe", "2025-10-05", 23*time.Hour + 30*time.Minute},
		{"Europe/Berlin", "2025-10-26", 25 * time.Hour},
		{"Asia/Beirut", "2026-03-29", 23 * time.Hour},      // it begins at 01:00
		{"America/Santiago", "2026-04-04", 25 * time.Hour}, // its last hour comes twice
		{"Africa/Cairo", "2026-04-24", 23 * time.Hour},     // it begins at 01:00
		{"Asia/Kathmandu", "2026-05-01", 24 * time.Hour},
	} {
		loc, err := time.LoadLocation(c.zone)
		check(t, err)
		noon, err := time.ParseInLocation(time.DateOnly+" 15", c.day+" 12", loc)
		check(t, err)
		day := dayOf(noon, loc)
		if got := day.to.Sub(day.from); got != c.length || day.String() != c.day {
			t.Errorf("%s in %s has %v, want %v", day, c.zone, got, c.length)
		}
		for _, start := range []time.Time{day.from.Add(-5 * time.Second), day.from.Add(3*time.Hour - 10*time.Second), day.to.Add(-10 * time.Second)} {
			run, fragments := w.shoot(front, media.Main, start, 20) // 15 s, 20 s and 10 s of them on this day
			writer, err := w.store.Begin(t.Context(), run)
			check(t, err)
			for _, f := range fragments {
				check(t, writer.Append(t.Context(), f))
			}
			check(t, writer.End(t.Context(), "offline: the test is over"))
		}
		q := url.Values{"from": {day.from.In(loc).Format(time.RFC3339)}, "to": {day.to.In(loc).Format(time.RFC3339)}}
		resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/timeline?" + q.Encode()}))
		tl := decode[timelineJSON](t, resp, body)
		var recorded, missing time.Duration
		for _, s := range tl.Spans {
			recorded += s.To.Sub(s.From)
		}
		for _, g := range tl.Gaps {
			missing += g.To.Sub(g.From)
		}
		if recorded != 45*time.Second || recorded+missing != c.length {
			t.Errorf("%s in %s: %v of footage and %v of gaps, want 45 s and together %v", c.day, c.zone, recorded, missing, c.length)
		}
		if next := day.shift(1); !next.from.Equal(day.to) || !day.shift(-1).to.Equal(day.from) {
			t.Errorf("%s in %s does not touch its neighbours: it ends at %v, the next begins at %v", c.day, c.zone, day.to, next.from)
		}
	}
}
