package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// siteClock is the time where the cameras are, written and read for people.
type siteClock struct {
	now      func() time.Time
	location *time.Location
}

// dayAt is the day in the site's time zone from its begin until now.
func (c siteClock) dayAt(now time.Time) storage.Span {
	return storage.Span{From: dayOf(now, c.location).from.UTC(), To: now.UTC()}
}

// monthParameter reads month, "2026-11"; without it, the one of now.
func (c siteClock) monthParameter(q url.Values) (siteMonth, error) {
	text, err := parameter(q, "month")
	if err != nil {
		return siteMonth{}, err
	}
	now := c.now().In(c.location)
	if text == "" {
		return siteMonth{now.Year(), now.Month(), c.location}, nil
	}
	t, err := time.Parse("2006-01", text)
	if err != nil || t.Year() < firstYear+1 || t.Year() >= lastYear {
		return siteMonth{}, problem(http.StatusBadRequest, fmt.Sprintf("The parameter month must be a month like 2026-11, from the years %d to %d.", firstYear+1, lastYear-1))
	}
	return siteMonth{t.Year(), t.Month(), c.location}, nil
}

// localTime reads a moment on the site's clock, as browsers send it.
func (c siteClock) localTime(text string) (time.Time, error) {
	for _, form := range []string{localMoment, "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(form, text, c.location); err == nil && t.Year() >= firstYear && t.Year() < lastYear {
			return t.UTC(), nil
		}
	}
	return time.Time{}, problem(http.StatusBadRequest, "Enter a time like 2026-11-22 13:05:20.")
}

// lastUsed says when something was last used, which is known to the hour.
func (c siteClock) lastUsed(t time.Time) string {
	if ago := c.now().Sub(t); ago < 2*time.Hour {
		return "recently"
	}
	return format.Ago(t, c.now())
}

// daysFromNow reads how long something shall last; empty is for ever.
func (c siteClock) daysFromNow(days string) (time.Time, error) {
	if days == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > 3660 {
		return time.Time{}, problem(http.StatusBadRequest, "Enter a number of days.")
	}
	return c.now().AddDate(0, 0, n), nil
}

// momentParameter returns the moment that the query asks for, and whether it asks for one; otherwise it is now.
func (c siteClock) momentParameter(q url.Values, now time.Time) (t time.Time, given bool, err error) {
	if at := q.Get("at"); at != "" {
		t, err := time.Parse(time.RFC3339, at)
		if err != nil || t.Year() < 1970 || t.Year() > 9998 {
			return now, false, problem(http.StatusBadRequest, "The time in the address must look like 2026-11-22T13:05:20Z.")
		}
		return t, true, nil
	}
	if day := q.Get("day"); day != "" && day != dayOf(now, c.location).String() {
		t, err := time.ParseInLocation(time.DateOnly, day, c.location)
		if err != nil || t.Year() < 1970 || t.Year() > 9998 {
			return now, false, problem(http.StatusBadRequest, "The day in the address must look like 2026-11-22.")
		}
		return dayOf(t.Add(12*time.Hour), c.location).from, true, nil
	}
	return now, false, nil
}

// gapView is a gap in the list of a day.
func (c siteClock) gapView(g storage.Gap) view.Gap {
	clock := format.Clock
	if g.To.Sub(g.From) < 2*time.Minute {
		clock = format.ClockSeconds
	}
	return view.Gap{
		Time:   clock(g.From.In(c.location)) + "–" + clock(g.To.In(c.location)),
		Reason: g.Reason, Length: format.Duration(g.To.Sub(g.From)), Href: "?at=" + url.QueryEscape(rfc3339(g.To)),
	}
}

// span writes a span on the site's clock.
func (c siteClock) span(s storage.Span) string {
	return format.Span(s.From.In(c.location), s.To.In(c.location))
}

// when writes a moment on the site's clock.
func (c siteClock) when(t time.Time) string { return format.Recent(t.In(c.location), c.now()) }

// between writes a span of time on the site's clock.
func (c siteClock) between(from, to time.Time) string {
	return format.Period(from.In(c.location), to.In(c.location), c.now())
}

// siteDay is a day on the site's clock: 23, 24 or 25 hours.
type siteDay struct {
	year     int
	month    time.Month
	day      int
	loc      *time.Location
	from, to time.Time
}

func dayOf(t time.Time, loc *time.Location) siteDay {
	year, month, day := t.In(loc).Date()
	return newSiteDay(year, month, day, loc)
}

func newSiteDay(year int, month time.Month, day int, loc *time.Location) siteDay {
	noon := time.Date(year, month, day, 12, 0, 0, 0, loc)
	d := siteDay{loc: loc, from: dayStart(year, month, day, loc), to: dayStart(year, month, day+1, loc)}
	d.year, d.month, d.day = noon.Date()
	return d
}

// dayStart is the first instant of a day, which is not midnight where clocks are moved at midnight: then time.Date may
// give an instant of the day before (package time, func Date).
func dayStart(year int, month time.Month, day int, loc *time.Location) time.Time {
	t := time.Date(year, month, day, 0, 0, 0, 0, loc)
	_, _, wanted := time.Date(year, month, day, 12, 0, 0, 0, loc).Date()
	if t.Day() != wanted {
		_, change := t.ZoneBounds()
		return change
	}
	if start, _ := t.ZoneBounds(); t.Sub(start) < 3*time.Hour && start.Day() == wanted && start.Before(t) {
		return start
	}
	return t
}

func (d siteDay) shift(by int) siteDay { return newSiteDay(d.year, d.month, d.day+by, d.loc) }

// String returns the day as "2026-11-22".
func (d siteDay) String() string {
	return strconv.Itoa(d.year) + time.Date(2000, d.month, d.day, 0, 0, 0, 0, time.UTC).Format("-01-02")
}

// zoneName returns the name of the zone for browsers.
func zoneName(loc *time.Location) string {
	if loc == time.Local {
		return ""
	}
	return loc.String()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
