package onvif

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dateTime is xsd:dateTime as cameras write it: a blank for the T, a zone without colon or none (then UTC).
var dateTime = regexp.MustCompile(`^(\d{4})-(\d{1,2})-(\d{1,2})[Tt ]+(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?\s*(Z|z|[+-]\d{2}:?\d{2})?$`)

// readTime reads a time of a camera. Times that are none, such as 0000-00-00 or minute 61, are reported as false.
func readTime(s string) (time.Time, bool) {
	m := dateTime.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return time.Time{}, false
	}
	var v [6]int
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1]) // digits
	}
	if v[0] < 1970 || v[0] > 2200 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60 {
		return time.Time{}, false
	}
	part := time.Duration(0)
	if m[7] != "" {
		f, _ := strconv.ParseFloat("0"+m[7], 64)
		part = time.Duration(f * float64(time.Second))
	}
	t := time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], int(part), time.UTC)
	if zone := strings.ReplaceAll(m[8], ":", ""); len(zone) == 5 {
		hours, _ := strconv.Atoi(zone[1:3])
		minutes, _ := strconv.Atoi(zone[3:])
		east := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
		if zone[0] == '+' {
			east = -east
		}
		t = t.Add(east)
	}
	return t, true
}

var duration = regexp.MustCompile(`^P(?:(\d{1,4})D)?T?(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})(?:\.\d+)?S)?$`)

// readDuration reads an xsd:duration without years and months.
func readDuration(s string) (time.Duration, bool) {
	m := duration.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	total := time.Duration(0)
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(m[i+1]) // digits, or nothing
		total += time.Duration(n) * unit
	}
	return total, true
}

// seconds writes a duration in seconds only: some cameras take minutes for seconds.
func seconds(d time.Duration) string { return fmt.Sprintf("PT%dS", int(d/time.Second)) }
