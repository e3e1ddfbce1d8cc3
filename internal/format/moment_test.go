package format

import (
	"testing"
	"time"
)

func TestTimesAreWrittenForPeople(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 13, 5, 20, 0, zone)
	// A year later by the zone of the moment, not yet by UTC.
	newYear := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Clock(at), "13:05"},
		{ClockSeconds(at), "13:05:20"},
		{Date(at), "22 Nov 2026"},
		{DayMonth(at), "22 Nov"},
		{WeekdayDate(at), "Sun, 22 Nov 2026"},
		{Month(at), "November 2026"},
		{Minute(at), "22 Nov 2026, 13:05"},
		{Second(at), "22 Nov 2026, 13:05:20"},
		{Recent(at, at.Add(time.Hour)), "22 Nov, 13:05"},
		{Recent(at, newYear), "22 Nov 2026, 13:05"},
		{Recent(newYear, newYear), "31 Dec, 23:30"},
		{Period(at, at.Add(28*time.Second), at), "22 Nov, 13:05:20–13:05:48"},
		{Period(at, at.Add(65*time.Minute), at), "22 Nov, 13:05–14:10"},
		{Period(at, at.Add(20*time.Hour), at), "22 Nov, 13:05 – 23 Nov, 09:05"},
		{Period(at, at, at), "22 Nov, 13:05–13:05"},
		{Span(at, at.Add(220*time.Second)), "Sun, 22 Nov 2026, 13:05:20\u00a0–\u00a013:09:00"},
		{Span(at, at.Add(11*time.Hour)), "Sun, 22 Nov 2026, 13:05:20\u00a0–\u00a0Mon, 23 Nov 2026, 00:05:20"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
