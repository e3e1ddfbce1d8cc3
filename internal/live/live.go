// Package live keeps the last seconds of every stream in memory. A viewer sees a picture at once, and gets the same bytes
// that go to disk.
//
// A Ring holds the fragments of one stream from a recent key frame on, bounded by bytes and by time. Publishing never
// waits for a reader: a Cursor that falls behind learns how much it missed and resumes at a key frame. Footage leaves
// only through a Cursor. A Cursor opens only with a permit, and stops when its permit ends. Footage older than a few
// seconds belongs to storage.
package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// ErrNoStream is returned by Open for a stream with nothing in memory: it has not begun, or has ended.
var ErrNoStream = errors.New("no live picture at the moment")

// Options configures a Hub.
type Options struct {
	MaxBytes int64            // of each ring; 48 MiB when zero
	MaxAge   time.Duration    // footage kept beyond what the newest key frame needs; 1 s when zero
	Now      func() time.Time // time.Now when nil
}

// Hub holds the rings of all streams, each under the identity of its camera.
type Hub struct {
	opts  Options
	mu    sync.Mutex
	rings map[media.StreamID]*Ring
}

// NewHub returns an empty Hub.
func NewHub(opts Options) *Hub {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 48 << 20
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = time.Second
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Hub{opts: opts, rings: map[media.StreamID]*Ring{}}
}

// Ring returns the ring of the stream, for its recorder to publish to. It panics on an invalid identity, which only a bug
// in this program can cause.
func (h *Hub) Ring(id media.StreamID) *Ring {
	if !id.Valid() {
		panic("live: ring for invalid stream " + id.String())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rings[id]
	if r == nil {
		r = &Ring{id: id, opts: h.opts, wake: make(chan struct{})}
		h.rings[id] = r
	}
	return r
}

// Open returns a cursor on the permit's camera that starts at the newest key frame. The caller closes it. Open returns
// access.ErrDenied unless the permit allows Live now, and ErrNoStream if there is no key frame to start at.
func (h *Hub) Open(p access.Permit, q media.Quality) (*Cursor, error) {
	if err := p.Check(h.opts.Now(), access.Live); err != nil {
		return nil, err
	}
	h.mu.Lock()
	r := h.rings[media.StreamID{Camera: p.Camera(), Quality: q}]
	h.mu.Unlock()
	if r == nil {
		return nil, ErrNoStream
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.newestKey()
	if r.over || key < 0 {
		return nil, ErrNoStream
	}
	return &Cursor{ring: r, now: h.opts.Now, permit: p, next: r.first + uint64(key)}, nil
}

// Ring is the recent footage of one stream.
type Ring struct {
	id   media.StreamID
	opts Options

	mu        sync.Mutex
	fragments []*media.Fragment
	first     uint64 // number of fragments[0], counted since the ring was created
	bytes     int64
	over      bool          // the content is no longer live; the next fragment replaces it
	wake      chan struct{} // closed and replaced at each change
}

// Publish adds the stream's newest fragment and wakes the viewers. It never waits for them. It panics on a fragment of
// another stream, and on one whose bytes name another camera: passing those on would be the worst possible bug.
func (r *Ring) Publish(f *media.Fragment) {
	label, err := media.ParseLabel(f.Bytes)
	if err != nil || f.Run.Stream != r.id || label.Camera != r.id.Camera || label.Run != f.Run.ID {
		panic("live: fragment of another stream published to " + r.id.String())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		r.drop(len(r.fragments))
		r.over = false
	}
	r.fragments = append(r.fragments, f)
	r.bytes += int64(len(f.Bytes))
	r.trim()
	close(r.wake)
	r.wake = make(chan struct{})
}

// End marks the ring's content as no longer live, so that no new cursor starts at it. Open cursors get the rest of it,
// and then wait for the next fragment.
func (r *Ring) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

// trim drops fragments beyond the limits on age and size. It keeps everything from the newest key frame on, unless that
// alone exceeds the size limit.
func (r *Ring) trim() {
	n, key, end := 0, r.newestKey(), r.fragments[len(r.fragments)-1].End()
	for ; n < key && end.Sub(r.fragments[n].End()) > r.opts.MaxAge; n++ {
	}
	size := r.bytes
	for i, f := range r.fragments {
		if i >= n && size <= r.opts.MaxBytes {
			break
		}
		n = max(n, i+1)
		size -= int64(len(f.Bytes))
	}
	r.drop(n)
}

// drop removes the n oldest fragments.
func (r *Ring) drop(n int) {
	for i, f := range r.fragments[:n] {
		r.bytes -= int64(len(f.Bytes))
		r.fragments[i] = nil
	}
	r.fragments = r.fragments[n:]
	r.first += uint64(n)
}

// newestKey returns the index of the newest fragment that begins with a key frame, or -1. If pictures get exact only some time after
// their key frame, it is the newest from which on the newest picture is exact, or else the oldest.
func (r *Ring) newestKey() int {
	key, frames := -1, 0
	for i := len(r.fragments) - 1; i >= 0; i-- {
		f := r.fragments[i]
		if frames += f.Frames; !f.Random {
			continue
		}
		if key = i; f.Refresh == 0 || frames > f.Refresh {
			break
		}
	}
	return key
}

// Cursor is one viewer's position in a ring. It is not safe for concurrent use, except for Close.
type Cursor struct {
	ring   *Ring
	now    func() time.Time
	permit access.Permit
	next   uint64
	closed bool
	mu     sync.Mutex
}

// Camera returns the camera whose footage the cursor returns.
func (c *Cursor) Camera() media.CameraID { return c.ring.id.Camera }

// Next waits for the next fragment. It also returns how many fragments were skipped because the viewer was slower than
// the camera. The fragment is shared: its bytes must not be changed. Next returns access.ErrDenied once the permit has
// ended (Renew extends it), ErrNoStream after Close, and ctx's error.
func (c *Cursor) Next(ctx context.Context) (f *media.Fragment, lost int, err error) {
	for {
		c.mu.Lock()
		closed, permit := c.closed, c.permit
		c.mu.Unlock()
		if closed {
			return nil, 0, ErrNoStream
		}
		now := c.now()
		if err := permit.Check(now, access.Live); err != nil {
			return nil, 0, err
		}
		f, lost, wake := c.take()
		if f != nil {
			return f, lost, nil
		}
		timer := time.NewTimer(permit.Expires().Sub(now))
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, 0, ctx.Err()
		}
		timer.Stop()
	}
}

// take returns the next fragment if there is one, and otherwise the channel that closes at the next change.
func (c *Cursor) take() (f *media.Fragment, lost int, wake <-chan struct{}) {
	r := c.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	from := c.next
	if c.next < r.first {
		key := r.newestKey()
		if key < 0 {
			return nil, 0, r.wake // to resume at a key frame, it has to wait for one
		}
		c.next = r.first + uint64(key)
		lost = int(c.next - from)
	}
	if c.next == r.first+uint64(len(r.fragments)) {
		return nil, 0, r.wake
	}
	f = r.fragments[c.next-r.first]
	c.next++
	return f, lost, nil
}

// Renew replaces the permit with a later one for the same viewer, camera and action. For any other permit it returns
// access.ErrDenied and keeps the old one.
func (c *Cursor) Renew(p access.Permit) error {
	if err := p.Check(c.now(), access.Live); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.Camera() != c.permit.Camera() || p.Viewer() != c.permit.Viewer() || p.Audio() != c.permit.Audio() {
		return access.ErrDenied
	}
	c.permit = p
	return nil
}

// Close ends the cursor. It may be called more than once, and during Next.
func (c *Cursor) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}
