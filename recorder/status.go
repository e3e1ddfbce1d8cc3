package recorder

import (
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// State is what a stream is doing, as shown to people.
type State string

// The states.
const (
	Connecting State = "connecting" // first attempt
	Recording  State = "recording"
	Live       State = "live"              // received but not recorded: switched off, or the disk fails
	Offline    State = storage.KindOffline // retried automatically
	Refused    State = storage.KindRefused // wrong password; retried rarely
	// Quarantined: a new device answers in the camera's place. It is not recorded until the owner accepts it.
	Quarantined State = storage.KindQuarantined
)

// Status is the state of a stream.
type Status struct {
	State     State
	Reason    string    // in plain words; empty if there is no problem
	Since     time.Time // of this state
	NextTry   time.Time // zero unless waiting to connect again
	LastFrame time.Time // arrival of the newest frame; zero before the first
	Health    Health
}

// Health is the measurements of the current session.
type Health struct {
	Codec         string
	Width, Height int
	Sound         camera.Sound  // what the camera offers to hear; zero if nothing
	FPS           float64       // frames a second
	BitsPerSecond int64         // of video
	GOP           time.Duration // between the last two key frames
	Refresh       int           // decoding is exact so many frames after a key frame; 0 if at once
	Delay         time.Duration // by how much B-frames delay live video; zero without
	LostPackets   uint64
	Clock         time.Duration // how far the camera's own clock is ahead of the server's; zero until known
	Shift         time.Duration // how much later footage is filed than it happens, since existing footage reaches beyond this computer's clock
	SetBack       bool          // Shift is because this computer's clock was set back while it was watched
	Link          camera.Link
}

// sharedStatus is a Status that other goroutines can read.
type sharedStatus struct {
	mu      sync.Mutex
	status  Status
	session session // nil without
}

// get returns the status. What is lost on the way is known before there is a picture, and may be why there is none.
func (b *sharedStatus) get() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.measure()
	return b.status
}

// follow has the losses of a session reported, until it is nil.
func (b *sharedStatus) follow(s session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.measure()
	b.session = s
}

// measure notes the losses of the session. The caller holds mu.
func (b *sharedStatus) measure() {
	if b.session != nil {
		b.status.Health.LostPackets, b.status.Health.Link = b.session.Lost(), b.session.Link()
	}
}

// set changes state and reason, and reports whether either changed.
func (b *sharedStatus) set(state State, reason string, next time.Time) bool {
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

// wait notes that pictures arrive, and none is a key frame yet.
func (b *sharedStatus) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.status
	if s.State != Connecting && s.State != Offline {
		return
	}
	if s.State == Offline {
		s.Since = time.Now()
	}
	s.State, s.Reason, s.NextTry = Connecting, waitingForKey, time.Time{}
}

// waitingForKey is the reason while a stream has begun in the middle of a GOP.
const waitingForKey = "waiting for a key frame"

func (b *sharedStatus) frame(at time.Time, h Health) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.LastFrame, b.status.Health = at, h
}

// meterWindow is the interval over which rates are measured.
const meterWindow = 5 * time.Second

// meter measures the rates of units.
type meter struct {
	since   time.Time
	frames  int
	bytes   int
	lastKey int64
	shown   int64 // the latest presentation time
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
	m.reorder(u)
	if u.Random {
		m.health.Refresh = u.Refresh
		if gop := u.DTS - m.lastKey; m.lastKey != 0 && gop > 0 && gop < 3600*media.VideoTimescale {
			m.health.GOP = time.Duration(gop) * time.Second / media.VideoTimescale
		}
		m.lastKey = u.DTS
	}
}

// reorder notes whether pictures come after ones that are shown later, as B-frames do, and how long they waited for them in the camera.
func (m *meter) reorder(u *media.Unit) {
	late := m.shown - u.PTS
	if late < -10*media.VideoTimescale || late > 10*media.VideoTimescale { // at first, and after a jump
		m.shown, m.health.Delay = u.PTS, 0
		return
	}
	m.health.Delay = max(m.health.Delay, time.Duration(late)*time.Second/media.VideoTimescale)
	m.shown = max(m.shown, u.PTS)
}

func (m *meter) snapshot(v *media.VideoTrack, s session) Health {
	if v != nil {
		m.health.Codec, m.health.Width, m.health.Height = v.Codec.String(), v.Width, v.Height
	}
	m.health.LostPackets, m.health.Link = s.Lost(), s.Link()
	return m.health
}
