package recorder

import (
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// State is what a stream is doing, in the word that people see.
type State string

// The states.
const (
	Connecting State = "connecting" // first attempt
	Recording  State = "recording"
	Live       State = "live"              // seen but not recorded: switched off, or the disk fails
	Offline    State = storage.KindOffline // tried again by itself
	Refused    State = storage.KindRefused // wrong password; tried again rarely
	// Quarantined: another camera answers in this one's place; nothing is taken from it until its owner accepts it.
	Quarantined State = storage.KindQuarantined
)

// Status is how a stream is doing.
type Status struct {
	State     State
	Reason    string    // in plain words; empty when all is well
	Since     time.Time // of this state
	NextTry   time.Time // zero unless waiting to connect again
	LastFrame time.Time // arrival of the newest picture; zero before the first
	Health    Health
}

// Health are the measurements of the running session.
type Health struct {
	Codec         string
	Width, Height int
	Audio         string        // codec; empty without sound
	FPS           float64       // pictures a second
	BitsPerSecond int64         // of video
	GOP           time.Duration // between the last two key frames
	LostPackets   uint64
	Clock         time.Duration // by which the camera's own clock is ahead of ours; zero until it tells
	Shift         time.Duration // by which footage is filed later than it happens, after the clock was set back
}

// board holds a Status for readers on other goroutines.
type board struct {
	mu     sync.Mutex
	status Status
}

func (b *board) get() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// set changes state and reason, and reports whether either is new.
func (b *board) set(state State, reason string, next time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.status
	s.NextTry = next
	if s.State == state && s.Reason == reason {
		return false
	}
	if s.State != state {
		s.Since = time.Now()
	}
	s.State, s.Reason = state, reason
	return true
}

func (b *board) frame(at time.Time, h Health) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.LastFrame, b.status.Health = at, h
}

// meterWindow is the time over which rates are measured.
const meterWindow = 5 * time.Second

// meter measures the units that pass.
type meter struct {
	since   time.Time
	frames  int
	bytes   int
	lastKey int64
	health  Health
}

func (m *meter) add(u *media.Unit) {
	if m.since.IsZero() || u.Arrived.Sub(m.since) > 2*meterWindow {
		m.since, m.frames, m.bytes = u.Arrived, 0, 0
	}
	if d := u.Arrived.Sub(m.since); d >= meterWindow {
		m.health.FPS = float64(m.frames) / d.Seconds()
		m.health.BitsPerSecond = int64(float64(m.bytes) * 8 / d.Seconds())
		m.since, m.frames, m.bytes = u.Arrived, 0, 0
	}
	m.frames++
	m.bytes += u.Size()
	if u.Random {
		if gop := u.DTS - m.lastKey; m.lastKey != 0 && gop > 0 && gop < 3600*media.VideoTimescale {
			m.health.GOP = time.Duration(gop) * time.Second / media.VideoTimescale
		}
		m.lastKey = u.DTS
	}
}

func (m *meter) snapshot(v *media.VideoTrack, s session) Health {
	if v != nil {
		m.health.Codec, m.health.Width, m.health.Height = v.Codec.String(), v.Width, v.Height
	}
	m.health.Audio = ""
	if a := s.Audio(); a != nil {
		m.health.Audio = a.Codec.String()
	}
	m.health.LostPackets = s.Lost()
	return m.health
}
