package view

import (
	"fmt"
	"time"
	"unicode"
)

// Ago says how long ago t was: "just now", "12 s ago", "3 h ago"; "never" for no time.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 5*time.Second {
		return "just now"
	}
	return Length(d) + " ago"
}

// Length is a length of time in words: "48 s", "17 min", "2 h 5 min", "3 days".
func Length(d time.Duration) string {
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

// Size is an amount of data in the units that disks are sold in.
func Size(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1000, 0
	for f >= 999.5 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	if f < 10 {
		return fmt.Sprintf("%.1f %cB", f, units[u])
	}
	return fmt.Sprintf("%.0f %cB", f, units[u])
}

// Unbroken returns the text with its numbers tied to their units, so that no line ends between them.
func Unbroken(text string) string {
	b := []rune(text)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == ' ' && unicode.IsDigit(b[i-1]) && (unicode.IsLetter(b[i+1]) || b[i+1] == '%') {
			b[i] = '\u00a0'
		}
	}
	return string(b)
}

// Rate is a bit rate.
func Rate(bitsPerSecond int64) string {
	if bitsPerSecond < 1_000_000 {
		return fmt.Sprintf("%d kbit/s", (bitsPerSecond+500)/1000)
	}
	return fmt.Sprintf("%.1f Mbit/s", float64(bitsPerSecond)/1e6)
}
