package accounts

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

const (
	ceremonyTime  = 5 * time.Minute
	maxCeremonies = 1024
	maxPerOrigin  = 16 // of one address, or of one account that is logged in
)

// ceremonies keeps the challenges given to passkeys until they are answered. Each can be answered once. It is in memory and
// bounded: a caller with too many challenges loses its own first.
type ceremonies struct {
	mu   sync.Mutex
	open map[string]ceremony
}

type ceremony struct {
	data    webauthn.SessionData
	at      Relying
	account int64  // that registers; 0 for a login
	by      string // who asked
	until   time.Time
}

func newCeremonies() *ceremonies { return &ceremonies{open: map[string]ceremony{}} }

// put remembers a ceremony and returns its name.
func (c *ceremonies) put(x ceremony, now time.Time) string {
	name := rand.Text()
	x.until = now.Add(ceremonyTime)
	c.mu.Lock()
	defer c.mu.Unlock()
	own := 0
	var oldest, ownOldest string
	for k, o := range c.open {
		if !now.Before(o.until) {
			delete(c.open, k)
			continue
		}
		if oldest == "" || o.until.Before(c.open[oldest].until) {
			oldest = k
		}
		if o.by == x.by {
			own++
			if ownOldest == "" || o.until.Before(c.open[ownOldest].until) {
				ownOldest = k
			}
		}
	}
	switch {
	case own >= maxPerOrigin:
		delete(c.open, ownOldest)
	case len(c.open) >= maxCeremonies:
		delete(c.open, oldest)
	}
	c.open[name] = x
	return name
}

// take returns a ceremony and forgets it.
func (c *ceremonies) take(name string, now time.Time) (ceremony, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x, ok := c.open[name]
	delete(c.open, name)
	return x, ok && now.Before(x.until)
}
