package format

import (
	"testing"
	"time"
)

func TestFiguresAreWrittenForPeople(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Size(0), "0 B"},
		{Size(999), "999 B"},
		{Size(1_500_000), "1.5 MB"},
		{Size(9_960_000), "10 MB"},
		{Size(12_300_000_000), "12 GB"},
		{Size(999_900_000), "1.0 GB"},
		{Size(4_000_000_000_000), "4.0 TB"},
		{Size(1<<63 - 1), "9.2 EB"},
		{Rate(410_400), "410 kbit/s"},
		{Rate(2_100_000), "2.1 Mbit/s"},
		{Duration(0), "0 s"},
		{Duration(20 * time.Millisecond), "0.1 s"},
		{Duration(400 * time.Millisecond), "0.4 s"},
		{Duration(960 * time.Millisecond), "1 s"},
		{Duration(48 * time.Second), "48 s"},
		{Duration(17 * time.Minute), "17 min"},
		{Duration(125 * time.Minute), "2 h 5 min"},
		{Duration(72 * time.Hour), "3 days"},
		{Days(0.01), "less than an hour"},
		{Days(0.5), "12 h"},
		{Days(1.99), "47 h"},
		{Days(12.7), "12 days"},
		{Ago(time.Time{}, now), "never"},
		{Ago(now.Add(-time.Second), now), "just now"},
		{Ago(now.Add(-3*time.Hour), now), "3 h ago"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
