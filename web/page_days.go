package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/view"
)

// pageDays shows a month of a camera: /cameras/{id}/days, with ?month=2026-11.
func (h *cameraPages) pageDays(w http.ResponseWriter, r *http.Request) error {
	c := cameraOf(r)
	q, err := query(r)
	if err != nil {
		return err
	}
	month, err := h.site.monthParameter(q)
	if err != nil {
		return err
	}
	here := cameraURL(c.Name)
	v := view.Days{Shell: h.shell(r, c.Label+", "+month.words(), "cameras"), Label: c.Label, Back: here, Month: month.words(),
		Previous: here + "/days?month=" + month.shift(-1).String()}
	if next := month.shift(1); next.first().from.Before(h.site.now()) {
		v.Next = here + "/days?month=" + next.String()
	}
	p, err := h.accounts.Authorize(r.Context(), viewerOf(r), access.Playback, access.Camera(c.ID))
	if errors.Is(err, access.ErrDenied) {
		v.Denied = true
		return writePage(w, r, http.StatusOK, view.DaysPage(v))
	}
	if err != nil {
		return err
	}
	days, err := h.coverage.of(r.Context(), p, media.Main, month.first(), month.last())
	if err != nil {
		return err
	}
	v.Weekdays = view.Weekdays()
	v.Weeks = h.weeksOf(month, days, here)
	v.Sum = sumWords(days)
	return writePage(w, r, http.StatusOK, view.DaysPage(v))
}

// weeksOf lays a month out in weeks, the first and the last filled up with fields without a number.
func (h *cameraPages) weeksOf(month siteMonth, days []dayCoverage, here string) [][]view.CalendarDay {
	known := map[string]dayCoverage{}
	for _, d := range days {
		known[d.String()] = d
	}
	today := dayOf(h.site.now(), h.site.location).String()
	lead := (int(time.Date(month.year, month.month, 1, 12, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
	fields := make([]view.CalendarDay, lead, 42)
	last := time.Date(month.year, month.month+1, 0, 12, 0, 0, 0, time.UTC).Day()
	for n := 1; n <= last; n++ {
		field := view.CalendarDay{Number: strconv.Itoa(n), State: "ahead"}
		date := fmt.Sprintf("%s-%02d", month, n)
		if d, ok := known[date]; ok {
			field.State, field.Words, field.Today = d.state(), d.words(), date == today
			if d.recorded > 0 {
				field.Href, field.Bar, field.Share = here+"?day="+date, strconv.Itoa(barHeight(d.fraction())), shareText(d)
			}
		}
		fields = append(fields, field)
	}
	for len(fields)%7 != 0 {
		fields = append(fields, view.CalendarDay{})
	}
	var weeks [][]view.CalendarDay
	for i := 0; i < len(fields); i += 7 {
		weeks = append(weeks, fields[i:i+7])
	}
	return weeks
}

// barHeight is the length of a bar, of 100, for a day with footage: never nothing, and never all for less.
func barHeight(share float64) int { return max(int(share*100), 6) }

// shareText says how much of the day was recorded where that is not all of it, and never rounds up to all.
func shareText(d dayCoverage) string {
	if d.state() == "whole" {
		return ""
	}
	percent := min(int(d.fraction()*100), 99)
	if percent == 0 {
		return "< 1 %"
	}
	return strconv.Itoa(percent) + " %"
}

// sumWords says what days add up to: "24 days with footage; 3 h 5 min are missing."
func sumWords(days []dayCoverage) string {
	with := 0
	var missing time.Duration
	for _, d := range days {
		missing += d.missing
		if d.recorded > 0 {
			with++
		}
	}
	text := fmt.Sprintf("%d days with footage", with)
	switch with {
	case 0:
		return "No footage."
	case 1:
		text = "1 day with footage"
	}
	if missing < listedGap {
		return text + "; nothing is missing."
	}
	return text + "; " + format.Duration(missing) + " missing."
}
