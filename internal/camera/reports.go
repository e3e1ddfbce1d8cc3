package camera

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

// ticker counts the ticks of one medium: it unwraps the timestamps of its packets, and knows from its sender reports what the camera's
// clock said at a tick.
type ticker struct {
	rate   int64 // ticks a second
	begun  bool
	source uint32
	stamp  uint32 // newest timestamp
	ticks  int64  // the same, unwrapped

	early    *rtcp.SenderReport // came before the first packet
	reported bool
	clock    time.Time // NTP time of the newest sender report
	at       int64     // its tick
	first    time.Time // NTP time of the first report of this source
	firstAt  int64     // its tick
}

// enoughReports is how much time must lie between the first and the newest report.
const enoughReports = 8 * time.Second

// pace returns how many seconds of ticks pass in a second of the camera's clock, if that is known.
func (t *ticker) pace() (pace float64, known bool) {
	passed := t.clock.Sub(t.first)
	if !t.reported || passed < enoughReports {
		return 0, false
	}
	return float64(t.at-t.firstAt) / float64(t.rate) / passed.Seconds(), true
}

// maxReportAway is how far, in seconds, the tick of a sender report may be from the newest packet. Some cameras report ticks that have
// nothing to do with their packets.
const maxReportAway = 30

// unwrap returns a packet's timestamp without wrap-around.
func (t *ticker) unwrap(source, stamp uint32) int64 {
	if !t.begun {
		t.begun, t.source, t.stamp = true, source, stamp
		if t.early != nil {
			t.report(t.early)
			t.early = nil
		}
	}
	if t.source != source {
		t.source, t.reported = source, false
	}
	t.ticks += int64(int32(stamp - t.stamp))
	t.stamp = stamp
	return t.ticks
}

// ntpEpoch is the zero of NTP times (RFC 3550 section 4).
var ntpEpoch = time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC)

// report takes a sender report (RFC 3550 section 6.4.1). Many servers send the first one before the first packet.
func (t *ticker) report(p rtcp.Packet) {
	sr, ok := p.(*rtcp.SenderReport)
	if ok && !t.begun {
		t.early = sr
	}
	if !ok || !t.begun || sr.SSRC != t.source || sr.NTPTime>>32 == 0 {
		return
	}
	away := int64(int32(sr.RTPTime - t.stamp))
	if away > maxReportAway*t.rate || away < -maxReportAway*t.rate {
		return
	}
	fresh := !t.reported
	seconds, fraction := sr.NTPTime>>32, sr.NTPTime&math.MaxUint32
	t.reported, t.at = true, t.ticks+away
	t.clock = ntpEpoch.Add(time.Duration(seconds/2) * time.Second).Add(time.Duration(seconds-seconds/2) * time.Second).Add(time.Duration(fraction * 1e9 >> 32))
	if fresh {
		t.first, t.firstAt = t.clock, t.at
	}
}

// said returns what the camera's clock said at a tick, or zero if it has not reported it.
func (t *ticker) said(tick int64) time.Time {
	off := tick - t.at
	if !t.reported || off > math.MaxInt32 || off < math.MinInt32 {
		return time.Time{}
	}
	return t.clock.Add(time.Duration(off) * time.Second / time.Duration(t.rate))
}
