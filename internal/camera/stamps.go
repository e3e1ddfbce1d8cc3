package camera

import "time"

// maxEarly is how far ahead of all others a stamp may be before it counts as wrong.
const maxEarly = 2 * time.Second

// stamps makes the timestamps of one medium increase. A network can only delay, so a stamp far ahead of its arrival, or not after
// the previous one, is wrong and is replaced by the usual step or the time of arrival. If the camera keeps its new count, that count
// is followed without a break.
type stamps struct {
	rate    int64 // ticks a second
	started bool
	origin  time.Time
	lead    int64 // how far stamps are ahead of arrivals, ticks since origin, for the least delayed recent unit
	shift   int64 // added to the camera's stamps
	last    int64 // the newest that was returned
	step    int64 // between the two newest plausible stamps
	lastAt  time.Time
	odd     *oddStamp // the previous stamp, if it was wrong
}

type oddStamp struct {
	raw, given int64
	at         time.Time
}

func (s *stamps) ticks(d time.Duration) int64 {
	return int64(d/time.Second)*s.rate + int64(d%time.Second)*s.rate/int64(time.Second)
}

// correct returns the time to use for a unit that the camera stamped raw and that arrived at the given time. It is after floor,
// the decoding time of the previous unit.
func (s *stamps) correct(raw int64, at time.Time, floor int64) int64 {
	if !s.started {
		s.started, s.origin, s.lead, s.last, s.lastAt = true, at, raw, raw, at
		return raw
	}
	t := raw + s.shift
	if s.believable(t, at, floor) {
		s.odd = nil
		s.keep(t, at)
		return t
	}
	if o := s.odd; o != nil {
		pace := raw - o.raw - s.ticks(at.Sub(o.at))
		if t = o.given + raw - o.raw; pace < s.rate/2 && pace > -s.rate/2 && t > floor {
			s.odd, s.shift = nil, o.given-o.raw
			s.keep(t, at)
			return t
		}
	}
	t = max(s.last+max(s.passed(t, at), 1), floor+1)
	s.odd = &oddStamp{raw: raw, given: t, at: at}
	s.last, s.lastAt = t, at
	return t
}

// passed returns how long after the newest unit one with the wrong stamp t was made. A camera that sets its clock goes on sending:
// its next unit is the usual step away, even if the network holds it up. Otherwise only the time of arrival is known.
func (s *stamps) passed(t int64, at time.Time) int64 {
	arrived := s.ticks(at.Sub(s.lastAt))
	jump, next := t-s.last-arrived, s.last+s.step
	delay := s.ticks(at.Sub(s.origin)) + s.lead - next // of the next unit, if the least delayed one had none
	if set := jump > s.ticks(maxEarly) || jump < -s.ticks(maxEarly); !set || delay < -s.rate/8 || delay > s.ticks(maxEarly) {
		return arrived
	}
	return s.step
}

func (s *stamps) believable(t int64, at time.Time, floor int64) bool {
	return t > floor && t-s.ticks(at.Sub(s.origin)) <= s.lead+s.ticks(maxEarly)
}

// keep follows a plausible stamp. The lead falls slowly, so that a slow camera clock is followed and a delay is not.
func (s *stamps) keep(t int64, at time.Time) {
	lead := t - s.ticks(at.Sub(s.origin))
	s.lead = max(lead, s.lead-(s.lead-lead)/64)
	if t > s.last {
		s.last, s.lastAt, s.step = t, at, t-s.last
	}
}
