package recorder

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"keepwatch.internal/internal/camera"
)

const (
	firstPause = time.Second
	// reachPause bounds the pause while nothing answers. An attempt costs the camera nothing, and a camera that has booted
	// must be recorded within five seconds.
	reachPause = 4 * time.Second
	// longestPause bounds the pause while a camera answers but does not deliver.
	longestPause = 30 * time.Second
	// newDevicePause bounds the pause while another device answers in the camera's place. The camera may return any moment.
	newDevicePause = 8 * time.Second
	// lockoutPause prevents a lockout: many cameras lock an account after three to five wrong logins.
	lockoutPause = 30 * time.Minute
	// steady is how long a session must last before pauses become short again. A brief success does not count.
	steady = time.Minute
)

// Logins counts the refused logins of a camera over all its streams, since they share the account that may be locked.
type Logins struct {
	mu       sync.Mutex
	refusals int
	until    time.Time // no login before then
	reason   string    // of the last refusal
}

// NewLogins returns the count for one camera.
func NewLogins() *Logins { return &Logins{} }

// left returns how long to wait before the next login, and why.
func (l *Logins) left() (time.Duration, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(time.Until(l.until), 0), l.reason
}

// refused counts a refusal and returns how long to wait. A login that began before an earlier refusal was known counts too.
func (l *Logins) refused(reason string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reason = reason
	pause := longestPause
	if l.refusals++; l.refusals >= 2 {
		pause = lockoutPause
	}
	l.until = time.Now().Add(pause)
	return pause
}

// accepted resets the count after a successful login.
func (l *Logins) accepted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusals = 0
}

// errNoLogin is the error of a session that was not tried, since another stream of the camera was refused.
var errNoLogin = errors.New("not tried: the camera has refused this login")

// backoff decides how long to wait before the next connection.
type backoff struct {
	pause  time.Duration
	logins *Logins
}

// next returns the pause after a session that lasted for a time and ended with err. Pauses double, with jitter, so that many
// cameras that failed together do not reconnect together.
func (b *backoff) next(err error, lasted time.Duration) time.Duration {
	kind, reason := camera.Broken, ""
	if f := (*camera.Failure)(nil); errors.As(err, &f) {
		kind, reason = f.Kind, f.Reason
	}
	if errors.Is(err, errNoLogin) {
		left, _ := b.logins.left()
		return left
	}
	if errors.Is(err, errMakesRoom) {
		return firstPause*3/4 + rand.N(firstPause/2)
	}
	if kind == camera.Refused {
		return b.logins.refused(reason)
	}
	if kind == camera.Frozen || kind == camera.Overrun || kind == camera.Unsupported || lasted >= steady {
		b.logins.accepted() // the login worked; a camera that was only offline keeps its own count, and so do we
	}
	if lasted >= steady || b.pause == 0 {
		b.pause = firstPause
	} else {
		b.pause *= 2
	}
	if kind == camera.Unreachable || kind == camera.Frozen {
		b.pause = min(b.pause, reachPause)
	}
	if kind == camera.UnexpectedDevice {
		b.pause = min(b.pause, newDevicePause)
	}
	b.pause = min(b.pause, longestPause)
	return b.pause*3/4 + rand.N(b.pause/2)
}
