package recorder

import (
	"log/slog"
	"math"
	"time"

	"keepwatch.internal/internal/media"
)

const (
	// honest is how far off, as a fraction, a camera's ticks may run without being touched: a muxer mends that much
	// (docs/time.md).
	honest = 500e-6
	// slowest and fastest bound the pace that is learned: delay gained by a second of ticks. Beyond, it is the network.
	slowest, fastest = 0.2, -0.25
	// clearly and surely are how many seconds ticks must have run off to be believed wrong: clearly while that was seen
	// for less than surelyAfter seconds, since a network that fills up looks the same for a while.
	clearly, surely = 0.8, 0.2
	surelyAfter     = 60
	// straight is how many times larger than its points' distances from the line the way of a trend must be.
	straight = 12
	// hurry bounds by how much the pace is changed to make good what had run off.
	hurry = 0.05
	// maxTick is the longest step between two units, in seconds, that says something of the pace.
	maxTick = 10
)

// pacer holds media time to this computer's monotonic clock where a camera's timestamps run at a wrong rate: one that
// stamps for 25 pictures a second and delivers 21, say. It learns the pace of pictures and of sound, each by the arrival of its own, and
// keeps it from session to session. Until one of them is found to be off by more than a muxer mends, nothing is changed;
// from then on both are held, so that they stay together.
type pacer struct {
	video, audio pacedTrack
	active       bool
	log          *slog.Logger
}

// connected begins a session: ticks count from anywhere, and at the pace of the session before.
func (p *pacer) connected() { p.video.begun, p.audio.begun = false, false }

// anchored notes that a run began with a new anchor, so that what had run off before is none of its business.
func (p *pacer) anchored() { p.settle(p.video.late) }

// settle moves what both tracks are held to. It is done as one, since both count from one zero.
func (p *pacer) settle(by float64) {
	for _, t := range []*pacedTrack{&p.video, &p.audio} {
		t.base += by
		t.late -= by
	}
}

// of returns the unit at the pace that it should have: u itself if that is its own. The rate is of its ticks.
func (p *pacer) of(u *media.Unit, rate int) *media.Unit {
	t, name := &p.video, "pictures"
	if u.Kind == media.Audio {
		t, name = &p.audio, "sound"
	}
	t.rate = float64(rate)
	dts, closed := t.take(u.DTS, u.Arrived)
	if closed > 0 {
		p.judge(t, name, closed)
	}
	pts := dts + int64(math.Round(float64(u.PTS-u.DTS)*t.pace()))
	if dts == u.DTS && pts == u.PTS {
		return u
	}
	paced := *u
	paced.DTS, paced.PTS = dts, pts
	return &paced
}

// judge looks at a track's trend when a window of the given length has ended.
func (p *pacer) judge(t *pacedTrack, name string, length float64) {
	if slope, ok := t.wrong(p.active); ok {
		if math.Abs(slope-t.slope) > 2*honest {
			p.log.Info("the camera's timestamps run at a wrong rate; they are scaled", "of", name, "by", math.Round(1e4/(1-slope))/1e4)
		}
		t.slope, p.active = slope, true
	}
	switch {
	case p.active:
		t.push = min(max(t.late/(4*max(t.trend.width, 4)), -hurry), hurry)
	case t == &p.video: // the muxer mends it
		p.settle(min(max(t.late, -honest*length), honest*length))
	}
}

// pacedTrack is the pace of pictures or of sound.
type pacedTrack struct {
	rate  float64 // ticks a second that the camera claims
	slope float64 // what was learned: delay gained by a second of ticks
	push  float64 // by how much faster ticks go to make good what had run off

	begun         bool
	origin        time.Time // of the times below
	firstIn, in   int64     // ticks by the camera
	firstOut, out float64   // the same, scaled
	given         int64     // out, rounded
	least         float64   // delay of what was given out, of the open window, seconds
	windowFrom    float64
	base          float64 // what that is held to
	based         bool
	late          float64 // by how much it was more in the last window
	trend         trend   // of the camera's own ticks
}

// pace is by how much the camera's ticks are too short.
func (t *pacedTrack) pace() float64 { return (1 + t.push) / (1 - t.slope) }

// begin counts anew from a unit whose stamp says nothing of the time since the one before.
func (t *pacedTrack) begin(in int64, out float64, at time.Time) {
	*t = pacedTrack{rate: t.rate, slope: t.slope, begun: true, origin: at, firstIn: in, in: in, firstOut: out, out: out, given: int64(out)}
	t.trend.add(delay{})
}

// take returns the scaled time of a unit, and the length of the window that it ended, in seconds, or 0.
func (t *pacedTrack) take(in int64, at time.Time) (out int64, closed float64) {
	step := in - t.in
	switch {
	case !t.begun:
		t.begin(in, float64(in), at)
		return in, 0
	case step <= 0 || float64(step) > maxTick*t.rate: // the run ends for it, and is to
		t.begin(in, math.Round(t.out)+float64(step), at)
		return t.given, 0
	}
	t.in = in
	t.out += float64(step) * t.pace()
	t.given = max(t.given+1, int64(math.Round(t.out)))
	now := at.Sub(t.origin).Seconds()
	late := now - (t.out-t.firstOut)/t.rate
	if !t.trend.add(delay{now, now - float64(in-t.firstIn)/t.rate}) {
		t.least = min(t.least, late)
		return t.given, 0
	}
	if !t.based {
		t.base, t.based = t.least, true
	}
	t.late, t.least = t.least-t.base, late
	closed, t.windowFrom = now-t.windowFrom, now
	return t.given, closed
}

// wrong returns the slope of the camera's ticks if that is surely another one than what was learned. While nothing is
// learned of any track, honest ticks are left alone.
func (t *pacedTrack) wrong(active bool) (slope float64, wrong bool) {
	l := t.trend.fit()
	off := math.Abs(l.slope - t.slope)
	enough := clearly
	if l.span >= surelyAfter {
		enough = surely
	}
	if !l.known || off*l.span < max(enough, straight*l.off) || !active && off <= honest {
		return 0, false
	}
	return min(max(l.slope, fastest), slowest), true
}
