package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	viewPause   = time.Minute      // what is watched after so long without anything is another view
	longestView = time.Hour        // then the view enters the record, and goes on as the next one
	viewReach   = time.Minute      // recorded times that are no further apart are one view
	maxPlaces   = 16               // views of one viewer, camera and action at the same time; the next widens the latest
	maxOpen     = 8192             // views in memory
	maxOpenEach = maxOpen / 4      // of them, those of one account, or of all links together
	flushEvery  = 2 * time.Second  // what a killed process loses of the record at most
	unwritten   = 30 * time.Second // so long may the record be out of reach before nothing is shown any more
	pruneEvery  = time.Hour
	sealLimit   = 5 * time.Second // for the last flush
)

// ErrUnrecorded is returned by Begin and Wrote when the record of views cannot be written: footage that nobody could say
// later who saw is not shown.
var ErrUnrecorded = errors.New("the record of views cannot be written, so nothing is shown")

// ErrTooManyViews is returned by Begin to an account, or to a link, when that account or all links together watch from more
// sessions, addresses and cameras at once than the record keeps apart, so that nobody takes the room of all.
var ErrTooManyViews = errors.New("too many views at once: close some")

// RecorderOptions says how the record is kept.
type RecorderOptions struct {
	Keep time.Duration // how long entries are kept; for ever when zero
}

// Recorder puts on record who watches what. Views gather in memory, bounded, and reach the database every two seconds;
// handlers never wait for it. A view that has paused for a minute, or lasted for an hour, enters the chain.
type Recorder struct {
	d *Directory
	o RecorderOptions

	good atomic.Pointer[time.Time] // when all there was to write had been written

	mu    sync.Mutex
	views map[viewKey][]*stretch
	count int
	each  map[int64]int // of count, by account; 0 is all links
}

// viewKey says whose view of what it is.
type viewKey struct {
	viewer  access.Viewer
	camera  access.Camera
	action  access.Action
	address string
}

// stretch is a view that grows.
type stretch struct {
	key   viewKey
	bytes atomic.Int64 // of all views that this stretch was
	last  atomic.Int64 // microseconds

	// Under Recorder.mu.
	first    int64
	from, to int64
	handles  int
	entered  int64 // bytes of earlier views that it was
	row      int64 // of viewing; 0 before it is stored
	stored   snapshot
}

// snapshot is what of a stretch is written.
type snapshot struct {
	first, last, from, to, bytes int64
}

// NewRecorder returns the recorder for the views of d's cameras. One process at a time has one, and runs it.
func (d *Directory) NewRecorder(o RecorderOptions) *Recorder {
	r := &Recorder{d: d, o: o, views: map[viewKey][]*stretch{}, each: map[int64]int{}}
	r.isGood()
	return r
}

func (r *Recorder) isGood() {
	now := r.d.now()
	r.good.Store(&now)
}

// trouble returns ErrUnrecorded when what was watched has not reached the database for too long.
func (r *Recorder) trouble(now time.Time) error {
	if since := now.Sub(*r.good.Load()); since > unwritten {
		return ErrUnrecorded
	}
	return nil
}

// Watch says from where and what somebody begins to watch.
type Watch struct {
	Address  string    // the caller's IP address
	From, To time.Time // the recorded time; for live, From is now and To may be zero
}

// Viewing is one answer that shows footage. Wrote and Saw may be called from several goroutines.
type Viewing struct {
	r *Recorder
	s *stretch

	once sync.Once
}

// Begin notes that the permit's viewer begins to watch. It is called before the first byte, and returns ErrUnrecorded,
// ErrTooManyViews, or access.ErrDenied for a permit that has expired.
func (r *Recorder) Begin(p access.Permit, w Watch) (*Viewing, error) {
	now := r.d.now()
	if err := p.Check(now, p.Action()); err != nil {
		return nil, err
	}
	if err := r.trouble(now); err != nil {
		return nil, err
	}
	v := p.Viewer()
	v.Admin, v.Metrics = false, false
	key := viewKey{viewer: v, camera: p.Camera(), action: p.Action(), address: pairOf("", w.Address).address.String()}
	from, to := micros(w.From), micros(w.To)
	if w.To.Before(w.From) {
		to = from
	}
	if synthetic(v) { // nobody watches, and the camera has no owner who could read of it
		return &Viewing{r: r, s: &stretch{key: key, from: from, to: to, handles: 1}}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.find(key, snapshot{last: micros(now), from: from, to: to})
	if s == nil {
		if err := r.full(v); err != nil {
			return nil, err
		}
		s = &stretch{key: key, first: micros(now), from: from, to: to}
		r.views[key] = append(r.views[key], s)
		r.count++
		r.each[v.AccountID]++
	}
	s.last.Store(max(s.last.Load(), micros(now)))
	s.from, s.to = min(s.from, from), max(s.to, to)
	s.handles++
	return &Viewing{r: r, s: s}, nil
}

// full returns why there is no room for one more view of the viewer, or nil. The caller holds Recorder.mu.
func (r *Recorder) full(v access.Viewer) error {
	switch {
	case r.each[v.AccountID] >= maxOpenEach:
		return ErrTooManyViews
	case r.count >= maxOpen:
		return ErrUnrecorded
	}
	return nil
}

// find returns the stretch that what begins now belongs to, or nil. Where there is no room, that is the latest of its key.
func (r *Recorder) find(key viewKey, x snapshot) *stretch {
	reach := viewReach.Microseconds()
	all := r.views[key]
	var latest *stretch
	for _, s := range all {
		if latest == nil || s.last.Load() >= latest.last.Load() {
			latest = s
		}
		lasts := s.handles > 0 || x.last-s.last.Load() <= viewPause.Microseconds()
		if lasts && x.from <= s.to+reach && x.to >= s.from-reach {
			return s
		}
	}
	if len(all) >= maxPlaces || r.full(key.viewer) != nil {
		return latest
	}
	return nil
}

// Wrote notes that n more bytes went out. It returns ErrUnrecorded when the answer has to end.
func (w *Viewing) Wrote(n int) error {
	now := w.r.d.now()
	w.s.bytes.Add(int64(n))
	w.s.last.Store(max(w.s.last.Load(), micros(now)))
	return w.r.trouble(now)
}

// Saw widens the recorded time that was watched.
func (w *Viewing) Saw(from, to time.Time) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.s.from, w.s.to = min(w.s.from, micros(from)), max(w.s.to, micros(to))
}

// End notes that the answer is over. Ending twice is harmless.
func (w *Viewing) End() {
	w.once.Do(func() {
		w.r.mu.Lock()
		defer w.r.mu.Unlock()
		w.s.handles--
	})
}

// Run writes the record until ctx ends, and then all that is left. What an earlier process left unfinished enters the
// record first. It returns an error only when the last of it could not be written.
func (r *Recorder) Run(ctx context.Context) error {
	log := func(err error) {
		if err != nil && ctx.Err() == nil {
			r.d.failures.report(r.d.log, "the record of views cannot be written", err, r.d.now())
		}
	}
	left := r.adopt(ctx)
	log(left)
	log(r.prune(ctx))
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealLimit)
			defer cancel()
			if err := r.flush(last, true); err != nil {
				return fmt.Errorf("write the record of views: %w", err)
			}
			return nil
		case <-prune.C:
			log(r.prune(ctx))
		case <-flush.C:
			if left != nil {
				left = r.adopt(ctx)
			}
			log(errors.Join(left, r.flush(ctx, false)))
		}
	}
}
