package recorder

import (
	"errors"
	"math/rand/v2"
	"time"

	"keepwatch.internal/internal/camera"
)

const (
	firstPause = time.Second
	// reachPause bounds the pause while nothing answers at all: a connection attempt costs a camera nothing, and a camera
	// that has booted is to be recorded within five seconds.
	reachPause = 4 * time.Second
	// longestPause bounds the pause where a camera answers but does not deliver.
	longestPause = 30 * time.Second
	// lockoutPause keeps us from locking an account out: many cameras do so after three to five wrong logins.
	lockoutPause = 30 * time.Minute
	// steady is how long a session must have lasted for the next pause to be short again; a brief success does not count.
	steady = time.Minute
)

// backoff decides how long to wait before the next connection.
type backoff struct {
	pause    time.Duration
	refusals int
}

// next returns the pause after a session that lasted and then ended with err. Pauses double, with jitter so that many
// cameras that left together do not return together.
func (b *backoff) next(err error, lasted time.Duration) time.Duration {
	kind := camera.Broken
	if f := (*camera.Failure)(nil); errors.As(err, &f) {
		kind = f.Kind
	}
	if kind == camera.Refused {
		if b.refusals++; b.refusals >= 2 {
			return lockoutPause
		}
		return longestPause
	}
	if kind == camera.Frozen || kind == camera.Overrun || kind == camera.Unsupported || lasted >= steady {
		b.refusals = 0 // it let us in; one that was away in between counts on, and so may we
	}
	if lasted >= steady || b.pause == 0 {
		b.pause = firstPause
	} else {
		b.pause *= 2
	}
	if kind == camera.Unreachable || kind == camera.Frozen {
		b.pause = min(b.pause, reachPause)
	}
	b.pause = min(b.pause, longestPause)
	return b.pause*3/4 + rand.N(b.pause/2)
}
