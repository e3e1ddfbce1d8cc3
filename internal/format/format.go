// Package format writes figures and times for people: sizes, rates, durations, ages, dates and times of day, the same way on pages,
// on the command line and in logs. The caller chooses the time zone. Formats that programs read back (RFC 3339, file names) do
// not belong here.
package format

import (
	"fmt"
	"time"
)

// Size writes a number of bytes in the decimal units that disks are sold in: "999 B", "1.5 MB", "12 GB".
func Size(bytes int64) string {
	const units = "kMGTPE"
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	f, u := float64(bytes)/1000, 0
	for f >= 999.5 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %cB", f, units[u])
	}
	return fmt.Sprintf("%.0f %cB", f, units[u])
}

// Rate writes a bit rate: "410 kbit/s", "2.1 Mbit/s".
func Rate(bitsPerSecond int64) string {
	if bitsPerSecond < 1_000_000 {
		return fmt.Sprintf("%d kbit/s", (bitsPerSecond+500)/1000)
	}
	return fmt.Sprintf("%.1f Mbit/s", float64(bitsPerSecond)/1e6)
}

// Duration writes a duration: "0.4 s", "48 s", "17 min", "2 h 5 min", "3 days".
func Duration(d time.Duration) string {
	if d > 0 && d < 950*time.Millisecond {
		return fmt.Sprintf("%.1f s", max(d.Seconds(), 0.1))
	}
	switch d = d.Round(time.Second); {
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		if d%time.Hour == 0 {
			return fmt.Sprintf("%d h", int(d.Hours()))
		}
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Days writes an estimate in days: "less than an hour", "5 h", "12 days".
func Days(days float64) string {
	hours := time.Duration(days*24) * time.Hour
	if hours < time.Hour {
		return "less than an hour"
	}
	return Duration(hours)
}

// Ago writes how long before now t was: "just now", "12 s ago", "3 h ago"; "never" for the zero time.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 5*time.Second {
		return "just now"
	}
	return Duration(d) + " ago"
}
