package recorder

import (
	"log/slog"
	"math"
	"time"

	"keepwatch.internal/internal/media"
)

const (
	// honest is the error of a camera's ticks, as a fraction, that the pacer leaves to the muxer, which corrects that much
	// (docs/time.md).
	honest = 500e-6
	// slowest and fastest bound the learned pace: delay gained per second of ticks. Anything beyond is caused by the network.
	slowest, fastest = 0.2, -0.25
	// Ticks are wrong if they drifted by surely seconds, or by clearly seconds within the first surelyAfter seconds, since a
	// network that fills up looks the same for a while.
	clearly, surely = 0.8, 0.2
	surelyAfter     = 60
	// straight is the smallest ratio of a trend's change to its points' distances from the line.
	straight = 12
	// nearly is by how much, as a fraction, ticks may differ from the camera's own clock. Some derive that from the ticks, so that it
	// counts for vouchedFor seconds of a trend only.
	nearly, vouchedFor = 0.01, 120
	// hurry bounds the change of pace that corrects the accumulated error.
	hurry = 0.05
	// maxTick is the longest step between two units, in seconds, that is used to learn the pace.
	maxTick = 10
)

// pacer makes media time follow the server's monotonic clock if a camera's timestamps run at a wrong rate, such as 25 frames a
// second for 21 delivered ones. It learns the pace of video and of audio, each from its own arrival times, and keeps it from
// session to session. It changes nothing until one of them is off by more than a muxer corrects. From then on it scales both, so
// that they stay in sync.
type pacer struct {
	video, audio pacedTrack
	active       bool
	reported     func(media.Kind) (pace float64, known bool) // what the camera reports of its own ticks; nil for nothing
	log          *slog.Logger
}

// connected begins a session. Its ticks have a new origin and the pace of the previous session.
func (p *pacer) connected(reported func(media.Kind) (float64, bool)) {
	p.video.begun, p.audio.begun, p.reported = false, false, reported
}

// vouched reports whether the camera's own clock says that its ticks run at their rate. Then what looks like a wrong one for a while is
// the network, or a server that works off a backlog.
func (p *pacer) vouched(kind media.Kind) bool {
	if p.reported == nil {
		return false
	}
	pace, known := p.reported(kind)
	return known && math.Abs(pace-1) < nearly
}

// anchored is called when a run begins with a new anchor. Earlier drift does not matter to it.
func (p *pacer) anchored() { p.settle(p.video.late) }

// settle moves the base delay of both tracks together, since they share one origin: by what the muxer corrects itself, in seconds.
func (p *pacer) settle(by float64) {
	for _, t := range []*pacedTrack{&p.video, &p.audio} {
		t.base += by
		t.late -= by
	}
}

// of returns the unit with corrected times, or u itself if its pace is right. rate is the rate of its ticks.
func (p *pacer) of(u *media.Unit, rate int) *media.Unit {
	t, name := &p.video, "pictures"
	if u.Kind == media.Audio {
		t, name = &p.audio, "sound"
	}
	t.rate = float64(rate)
	dts, closed := t.take(u)
	if closed {
		p.judge(t, name, u.Kind)
	}
	pts := dts + int64(math.Round(float64(u.PTS-u.DTS)*t.pace()))
	if dts == u.DTS && pts == u.PTS {
		return u
	}
	paced := *u
	paced.DTS, paced.PTS = dts, pts
	return &paced
}

// judge checks a track's trend at the end of a window.
func (p *pacer) judge(t *pacedTrack, name string, kind media.Kind) {
	if slope, ok := t.wrong(p.active, p.vouched(kind)); ok {
		if math.Abs(slope-t.slope) > 2*honest {
			p.log.Info("the camera's timestamps run at a wrong rate and are scaled", "of", name, "by", math.Round(1e4/(1-slope))/1e4)
		}
		t.slope, p.active = slope, true
	}
	if p.active {
		t.push = min(max(t.late/(4*max(t.trend.width, 4)), -hurry), hurry)
	}
}

// pacedTrack is the pace of video or audio.
type pacedTrack struct {
	rate  float64 // ticks a second that the camera claims
	slope float64 // learned: delay gained per second of ticks
	push  float64 // extra speed of ticks that corrects the accumulated error

	begun         bool
	origin        time.Time // of the times below
	firstIn, in   int64     // the camera's ticks
	firstOut, out float64   // the same, scaled
	given         int64     // out, rounded
	least         float64   // smallest delay of the output in the open window, seconds
	base          float64   // target of that delay
	based         bool
	late          float64 // excess over base in the last window
	trend         trend   // of the camera's own ticks
}

// pace returns the factor by which the camera's ticks are too short.
func (t *pacedTrack) pace() float64 { return (1 + t.push) / (1 - t.slope) }

// begin restarts from a unit whose stamp is unrelated to the previous one.
func (t *pacedTrack) begin(u *media.Unit, out float64) {
	*t = pacedTrack{rate: t.rate, slope: t.slope, begun: true, origin: u.Arrived, firstIn: u.DTS, in: u.DTS, firstOut: out, out: out, given: int64(out)}
	t.trend.add(delay{})
}

// take returns the scaled time of a unit, and whether it ended a window. What comes out
// of a backlog says nothing of the camera's clock.
func (t *pacedTrack) take(u *media.Unit) (out int64, closed bool) {
	in, at := u.DTS, u.Arrived
	step := in - t.in
	switch {
	case !t.begun:
		t.begin(u, float64(in))
		return in, false
	case step <= 0 || float64(step) > maxTick*t.rate: // this must end the run
		t.begin(u, math.Round(t.out)+float64(step))
		return t.given, false
	}
	t.in = in
	t.out += float64(step) * t.pace()
	t.given = max(t.given+1, int64(math.Round(t.out)))
	now := at.Sub(t.origin).Seconds()
	late := now - (t.out-t.firstOut)/t.rate
	if !u.Fresh(time.Duration(float64(step) / t.rate * float64(time.Second))) {
		return t.given, false
	}
	if !t.trend.add(delay{now, now - float64(in-t.firstIn)/t.rate}) {
		t.least = min(t.least, late)
		return t.given, false
	}
	if !t.based {
		t.base, t.based = t.least, true
	}
	t.late, t.least = t.least-t.base, late
	return t.given, true
}

// wrong returns the slope of the camera's ticks if it surely differs from the learned one. Before anything is learned, it
// ignores honest ticks.
func (t *pacedTrack) wrong(active, vouched bool) (slope float64, wrong bool) {
	l := t.trend.fit()
	off := math.Abs(l.slope - t.slope)
	enough := clearly
	if l.span >= surelyAfter {
		enough = surely
	}
	if !l.known || vouched && l.span < vouchedFor || off*l.span < max(enough, straight*l.off) || !active && off <= honest {
		return 0, false
	}
	return min(max(l.slope, fastest), slowest), true
}
