package onvif

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Clock is what a camera's clock shows.
type Clock struct {
	Known  bool          // false if the camera gives no time that can be read
	Time   time.Time     // UTC, when asked
	Offset time.Duration // how much it is ahead of this computer's clock, within half a request's time
	NTP    bool          // the camera says that it is set by NTP
	Zone   string        // as the camera writes it, a POSIX TZ string (IEEE 1003.1 section 8.3); "" if it says none
	Local  bool          // it gives local time only; Time is worked out from the zone, or else to a quarter of an hour
}

// Clock asks for the camera's time, without a login (GetSystemDateAndTime). The answer is what later logins are dated by.
func (c *Client) Clock(ctx context.Context) (Clock, error) {
	before := time.Now()
	body, err := c.call(ctx, request{at: c.device, action: deviceService + "/GetSystemDateAndTime", open: true,
		body: `<GetSystemDateAndTime xmlns="` + deviceService + `"/>`})
	if err != nil {
		return Clock{}, err
	}
	clock := readClock(body.deep("SystemDateAndTime"), before.Add(time.Since(before)/2))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clocked = true
	c.clock = clock
	return clock, nil
}

// cameraNow returns the time that the camera's clock shows now, as far as it is known.
func (c *Client) cameraNow() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.clock.Offset)
}

// readClock reads SystemDateAndTime, which was right at the time given.
func readClock(n *node, at time.Time) Clock {
	clock := Clock{NTP: n.value("DateTimeType") == "NTP", Zone: printable(n.value("TimeZone", "TZ"), 60)}
	if t, ok := readDateTime(n.first("UTCDateTime")); ok {
		clock.Known, clock.Time, clock.Offset = true, t, t.Sub(at)
		return clock
	}
	local, ok := readDateTime(n.first("LocalDateTime"))
	if !ok {
		return clock
	}
	clock.Known, clock.Local = true, true
	if east, ok := readZone(clock.Zone, n.value("DaylightSavings") == "true"); ok {
		clock.Time = local.Add(-east)
	} else {
		// Zones are whole quarters of an hour. What remains is what the clock is wrong by, if that is less than 7 minutes.
		ahead := local.Sub(at)
		clock.Time = at.Add(ahead)
		if ahead.Abs() < 15*time.Hour {
			clock.Time = at.Add(ahead - ahead.Round(15*time.Minute))
		}
	}
	clock.Offset = clock.Time.Sub(at)
	return clock
}

// readDateTime reads a tt:DateTime, and reports false for one that is no time.
func readDateTime(n *node) (time.Time, bool) {
	number := func(least, most int, path ...string) int {
		v, err := strconv.Atoi(n.value(path...))
		if err != nil || v < least || v > most {
			return -1
		}
		return v
	}
	year, month, day := number(1970, 2200, "Date", "Year"), number(1, 12, "Date", "Month"), number(1, 31, "Date", "Day")
	hour, minute, second := number(0, 23, "Time", "Hour"), number(0, 59, "Time", "Minute"), number(0, 60, "Time", "Second")
	if min(year, month, day, hour, minute, second) < 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
}

// posixZone is the beginning of a POSIX TZ string: a name and how far west of Greenwich it is.
var posixZone = regexp.MustCompile(`^(?:[A-Za-z]{3,}|<[^<>]{1,20}>)([+-]?\d{1,2})(?::([0-5]\d))?(?::[0-5]\d)?([A-Za-z<]?)`)

// readZone returns how far east of Greenwich a zone is.
func readZone(s string, summer bool) (time.Duration, bool) {
	m := posixZone.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	west, err := time.ParseDuration(fmt.Sprintf("%sh%sm", m[1], "0"+m[2]))
	if err != nil || west.Abs() > 15*time.Hour {
		return 0, false
	}
	east := -west
	if summer && m[3] != "" {
		east += time.Hour
	}
	return east, true
}
