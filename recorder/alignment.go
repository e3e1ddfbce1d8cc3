package recorder

import (
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
)

const (
	// settleAfter is how long the least delay of a medium must not have fallen before its first units are recorded, and
	// longestSettle how long they are held at most.
	settleAfter   = 250 * time.Millisecond
	longestSettle = 3 * time.Second
	// settleBytes bounds what is held of a medium.
	settleBytes = 16 << 20
	// falls is by how much, in seconds, the least delay must fall to count.
	falls = 0.02
	// believable is by how much, in seconds, the distance between pictures and sound may differ between the camera's reports and
	// arrivals. Some cameras report nonsense.
	believable = 3
	// gently and hastily are how much the times of sound are changed at most, as fractions of the time that passes, and far is what
	// is worth haste, in seconds: everybody notices it.
	gently, hastily, far = 0.02, 0.1, 0.2
)

// alignment puts the sound of a session on the timeline of its pictures, and holds the first units of each until it is known how late
// they come. What arrives first is no measure: many servers begin with a backlog of several seconds, and sound may come later than
// pictures.
//
// Each medium counts from a zero of its own. The camera's sender reports name one clock for both (RFC 3550 section 6.4.1), and are
// exact. Without them the least delay of both is taken for the same: of pictures by decoding order, in which they are sent.
type alignment struct {
	origin   time.Time
	pictures medium
	sound    medium
	offset   float64 // seconds to add to times of sound
}

// medium is what is known of the times of pictures or sound, in seconds.
type medium struct {
	rate    float64 // ticks a second
	delay   leastDelay
	zero    float64 // when its time was zero, by the camera's clock
	known   bool    // zero is
	last    int64   // time of the newest unit, ticks
	settled bool
	held    []camera.Item
	bytes   int
	fell    time.Time // when the least delay last fell
}

// newAlignment returns the alignment of a session whose sound has the given rate, or 0 without sound.
func newAlignment(soundRate int) *alignment {
	return &alignment{pictures: medium{rate: media.VideoTimescale}, sound: medium{rate: float64(max(soundRate, 1))}}
}

// put takes the next unit of a session and returns those that can be recorded, with sound on the timeline of the pictures.
func (a *alignment) put(it camera.Item) []camera.Item {
	u, m := it.Unit, &a.pictures
	if u.Kind == media.Audio {
		m = &a.sound
	}
	if a.origin.IsZero() {
		a.origin = u.Arrived
	}
	if !u.Clock.IsZero() {
		m.zero, m.known = u.Clock.Sub(a.origin.Round(0)).Seconds()-float64(u.PTS)/m.rate, true
	}
	at := u.Arrived.Sub(a.origin).Seconds()
	fell := m.delay.note(at, at-float64(u.DTS)/m.rate) > falls
	if m.settled {
		if u.Kind == media.Audio {
			a.follow(float64(u.DTS-m.last) / m.rate)
		}
		m.last = u.DTS
		return []camera.Item{a.shifted(it)}
	}
	if len(m.held) == 0 || fell {
		m.fell = u.Arrived
	}
	m.held, m.bytes, m.last = append(m.held, it), m.bytes+u.Size(), u.DTS
	waited := u.Arrived.Sub(m.held[0].Unit.Arrived)
	if u.Arrived.Sub(m.fell) < settleAfter && waited < longestSettle && m.bytes < settleBytes {
		return nil
	}
	return a.settle(m)
}

// settle passes on what is held of a medium. Sound waits for the pictures, since it cannot be recorded without them.
func (a *alignment) settle(m *medium) []camera.Item {
	if m == &a.sound && !a.pictures.settled {
		for m.bytes > settleBytes || len(m.held) > 1 && m.held[len(m.held)-1].Unit.Arrived.Sub(m.held[0].Unit.Arrived) > longestSettle {
			m.bytes -= m.held[0].Unit.Size()
			m.held = m.held[1:]
		}
		return nil
	}
	m.settled = true
	if m == &a.sound {
		a.offset = a.target()
	}
	return a.take(m)
}

// take returns what is held of a medium.
func (a *alignment) take(m *medium) []camera.Item {
	held := m.held
	m.held, m.bytes = nil, 0
	for i, it := range held {
		held[i] = a.shifted(it)
	}
	return held
}

// rest returns what is still held when the session ends.
func (a *alignment) rest() []camera.Item {
	if !a.sound.settled {
		a.offset = a.target()
	}
	return append(a.take(&a.pictures), a.take(&a.sound)...)
}

// holdsSound reports whether sound waits to be recorded, until it is known how late it comes. Sound that stopped while it was held does
// not count.
func (a *alignment) holdsSound(now time.Time) bool {
	held := a.sound.held
	return len(held) > 0 && now.Sub(held[len(held)-1].Unit.Arrived) <= longestSettle
}

// late returns how much later a picture has come than the least delayed of its time.
func (a *alignment) late(u *media.Unit) time.Duration {
	delay := u.Arrived.Sub(a.origin).Seconds() - float64(u.DTS)/a.pictures.rate
	return max(0, time.Duration((delay-a.pictures.delay.least())*float64(time.Second)))
}

// target returns what has to be added to times of sound.
func (a *alignment) target() float64 {
	if !a.sound.delay.begun || !a.pictures.delay.begun {
		return a.offset
	}
	arrivals := a.sound.delay.least() - a.pictures.delay.least()
	if reports := a.sound.zero - a.pictures.zero; a.sound.known && a.pictures.known && reports-arrivals < believable && arrivals-reports < believable {
		return reports
	}
	return arrivals
}

// follow moves the offset towards its target while some seconds of sound pass.
func (a *alignment) follow(passed float64) {
	off, most := a.target()-a.offset, gently
	if off > far || off < -far {
		most = hastily
	}
	most *= max(0, passed)
	a.offset += min(max(off, -most), most)
}

// shifted returns an item with its sound on the timeline of the pictures.
func (a *alignment) shifted(it camera.Item) camera.Item {
	if ticks := int64(a.offset * a.sound.rate); it.Unit.Kind == media.Audio && ticks != 0 {
		u := *it.Unit
		u.PTS, u.DTS = u.PTS+ticks, u.DTS+ticks
		it.Unit = &u
	}
	return it
}

// delayWindow is how long a least delay counts, in seconds: until the end of the next such window.
const delayWindow = 10

// leastDelay is the smallest difference between arrival and time of recent units, in seconds. A network can only delay, so it is the
// reliable one.
type leastDelay struct {
	begun     bool
	from      float64 // of the open window
	now, last float64 // least in it, and in the one before
}

// note takes a delay at a moment. It returns by how much it is smaller than all recent ones, or 0.
func (l *leastDelay) note(at, delay float64) (less float64) {
	switch {
	case !l.begun:
		*l = leastDelay{begun: true, from: at, now: delay, last: delay}
		return 0
	case at-l.from >= delayWindow:
		l.from, l.last, l.now = at, l.now, delay
	}
	less = max(0, l.least()-delay)
	l.now = min(l.now, delay)
	return less
}

func (l *leastDelay) least() float64 { return min(l.now, l.last) }
