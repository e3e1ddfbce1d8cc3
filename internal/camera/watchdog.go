package camera

import (
	"sync"
	"time"
)

const (
	// usualPatience is how long a stream may show nothing before it counts as frozen.
	usualPatience = 8 * time.Second
	// longestPatience bounds what it may become for streams that show few pictures.
	longestPatience = 2 * time.Minute
	// intervals is how many times the longest interval between recent pictures a stream may show nothing.
	intervals = 4
)

// watchdog notices that a stream has frozen: the connection lives, but no picture arrives. It watches every picture, also those that
// cannot be recorded because no key frame has come yet. Its patience follows what the stream has shown: some cameras send a picture
// every ten seconds.
type watchdog struct {
	least time.Duration // patience with a stream that has not shown two pictures

	mu       sync.Mutex
	sent     time.Time // when a picture was last passed on
	begun    bool      // one was
	newest   time.Time
	pictures int
	longest  time.Duration // interval between recent pictures
}

// begin starts to wait for the first picture.
func (w *watchdog) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newest, w.sent = now, now
}

// passed notes that a picture was passed on.
func (w *watchdog) passed(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.begun = at, true
}

// noticeable is how long pictures may come without a key frame before people are told.
const noticeable = 2 * time.Second

// waits reports whether pictures arrive and none could be passed on yet.
func (w *watchdog) waits(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pictures > 0 && !w.begun && now.Sub(w.sent) >= noticeable
}

// keyless is how many times the patience a stream may show pictures of which none can be recorded. Key frames may be a minute apart.
const keyless = 12

// useless reports whether pictures have been arriving for long, and none could be passed on.
func (w *watchdog) useless(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Sub(w.sent) > keyless*max(w.least, min(intervals*w.longest, longestPatience))
}

// saw notes a picture.
func (w *watchdog) saw(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pictures++; w.pictures > 1 {
		w.longest = max(at.Sub(w.newest), w.longest*15/16)
	}
	w.newest = at
}

// frozen reports whether the stream has shown nothing for too long.
func (w *watchdog) frozen(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Sub(w.newest) > max(w.least, min(intervals*w.longest, longestPatience))
}

// next returns the patience for the next session. A stream that froze after a single picture may be a slow one.
func (w *watchdog) next() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.pictures {
	case 0:
		return w.least
	case 1:
		return min(2*w.least, longestPatience)
	}
	return 0
}
