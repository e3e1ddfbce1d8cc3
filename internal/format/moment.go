package format

import "time"

// Times of day are written on the clock of the time that is passed, so the caller chooses the zone with In.

// Clock writes a time of day to the minute: "13:05".
func Clock(t time.Time) string { return t.Format("15:04") }

// ClockSeconds writes a time of day: "13:05:20".
func ClockSeconds(t time.Time) string { return t.Format(time.TimeOnly) }

// Date writes a day: "22 Nov 2026".
func Date(t time.Time) string { return t.Format("2 Jan 2006") }

// DayMonth writes a day of the current year: "22 Nov".
func DayMonth(t time.Time) string { return t.Format("2 Jan") }

// WeekdayDate writes a day with its name: "Sun, 22 Nov 2026".
func WeekdayDate(t time.Time) string { return t.Format("Mon, 2 Jan 2006") }

// Month writes a month: "November 2026".
func Month(t time.Time) string { return t.Format("January 2006") }

// Minute writes a moment to the minute: "22 Nov 2026, 13:05".
func Minute(t time.Time) string { return Date(t) + ", " + Clock(t) }

// Second writes a moment to the second: "22 Nov 2026, 13:05:20".
func Second(t time.Time) string { return Date(t) + ", " + ClockSeconds(t) }

// Recent writes a moment to the minute, and its year only when that is not the year of now: "22 Nov, 13:05".
func Recent(t, now time.Time) string {
	if t.Year() != now.In(t.Location()).Year() {
		return Minute(t)
	}
	return DayMonth(t) + ", " + Clock(t)
}

// Period writes a span of time within one day or across days: "22 Nov, 13:05–14:10", "22 Nov, 13:05 – 23 Nov, 09:00". Spans of
// less than two minutes have seconds: "22 Nov, 13:05:20–13:05:48".
func Period(from, to, now time.Time) string {
	if to.Sub(from) < 2*time.Minute && to.After(from) {
		return Recent(from, now) + from.Format(":05") + "–" + ClockSeconds(to)
	}
	if Date(from) == Date(to) {
		return Recent(from, now) + "–" + Clock(to)
	}
	return Recent(from, now) + " – " + Recent(to, now)
}

// Span writes a span of footage to the second: "Sun, 22 Nov 2026, 13:05:20 – 13:09:00". The spaces around the dash do not break.
func Span(from, to time.Time) string {
	end := ClockSeconds(to)
	if Date(from) != Date(to) {
		end = WeekdayDate(to) + ", " + end
	}
	return WeekdayDate(from) + ", " + ClockSeconds(from) + "\u00a0–\u00a0" + end
}
