package audit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	viewPause   = time.Minute      // what is watched after so long without anything is another view
	longestView = time.Hour        // then the view becomes an entry, and continues as the next one
	viewReach   = time.Minute      // recorded times that are no further apart are one view
	maxPlaces   = 16               // views of one viewer, camera and action at the same time; the next widens the latest
	maxOpen     = 8192             // views in memory
	maxOpenEach = maxOpen / 4      // of them, those of one account, or of all links together
	flushEvery  = 2 * time.Second  // what a killed process loses at most
	unwritten   = 30 * time.Second // footage is shown for so long after the log could last be written
	pruneEvery  = time.Hour
	sealLimit   = 5 * time.Second // for the last flush
)

// ErrUnrecorded is returned by Begin and Wrote when the audit log cannot be written. Nothing is shown without an entry that says
// to whom.
var ErrUnrecorded = errors.New("the audit log cannot be written, so nothing is shown")

// ErrTooManyViews is returned by Begin when an account, or all links together, have as many views open as one of them may: nobody
// can use up the memory that is for all.
var ErrTooManyViews = errors.New("too many views at once: close some")

// ViewLog puts on record who watches what. Views gather in memory, bounded, and reach the database every two seconds;
// handlers never wait for it. A view that has paused for a minute, or lasted for an hour, becomes an entry.
type ViewLog struct {
	log  *Log
	keep time.Duration

	good atomic.Pointer[time.Time] // when all there was to write had been written

	mu    sync.Mutex
	views map[viewKey][]*openView
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

// openView is a view that may still grow.
type openView struct {
	key   viewKey
	bytes atomic.Int64 // since it was opened, of all entries that it became
	last  atomic.Int64 // microseconds

	// Under ViewLog.mu.
	first    int64
	from, to int64
	handles  int
	entered  int64 // bytes of the entries that it became
	row      int64 // of viewing; 0 before it is stored
	stored   snapshot
}

// snapshot is the part of an openView that is written.
type snapshot struct {
	first, last, from, to, bytes int64
}

// NewViewLog returns what puts views on record in the log. Entries of all kinds are kept for so long; for ever when keep is
// zero. One process at a time has a ViewLog, and runs it.
func NewViewLog(log *Log, keep time.Duration) *ViewLog {
	l := &ViewLog{log: log, keep: keep, views: map[viewKey][]*openView{}, each: map[int64]int{}}
	l.isGood()
	return l
}

func (l *ViewLog) isGood() {
	now := l.log.o.Now()
	l.good.Store(&now)
}

// trouble returns ErrUnrecorded when what was watched has not reached the database for too long.
func (l *ViewLog) trouble(now time.Time) error {
	if since := now.Sub(*l.good.Load()); since > unwritten {
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
	log *ViewLog
	s   *openView

	once sync.Once
}

// Begin notes that the permit's viewer begins to watch. It is called before the first byte, and returns ErrUnrecorded,
// ErrTooManyViews, or access.ErrDenied for a permit that has expired.
func (l *ViewLog) Begin(p access.Permit, w Watch) (*Viewing, error) {
	now := l.log.o.Now()
	if err := p.Check(now, p.Action()); err != nil {
		return nil, err
	}
	if err := l.trouble(now); err != nil {
		return nil, err
	}
	v := p.Viewer()
	v.Admin, v.Metrics = false, false
	key := viewKey{viewer: v, camera: p.Camera(), action: p.Action(), address: access.CallerAddress(w.Address).String()}
	from, to := micros(w.From), micros(w.To)
	if w.To.Before(w.From) {
		to = from
	}
	if v.Synthetic() { // nobody watches, and the camera has no owner who could read of it
		return &Viewing{log: l, s: &openView{key: key, from: from, to: to, handles: 1}}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.find(key, snapshot{last: micros(now), from: from, to: to})
	if s == nil {
		if err := l.full(v); err != nil {
			return nil, err
		}
		s = &openView{key: key, first: micros(now), from: from, to: to}
		l.views[key] = append(l.views[key], s)
		l.count++
		l.each[v.AccountID]++
	}
	s.last.Store(max(s.last.Load(), micros(now)))
	s.from, s.to = min(s.from, from), max(s.to, to)
	s.handles++
	return &Viewing{log: l, s: s}, nil
}

// full returns why the viewer cannot have one more view, or nil. The caller holds ViewLog.mu.
func (l *ViewLog) full(v access.Viewer) error {
	switch {
	case l.each[v.AccountID] >= maxOpenEach:
		return ErrTooManyViews
	case l.count >= maxOpen:
		return ErrUnrecorded
	}
	return nil
}

// find returns the open view that continues with what begins now, or nil for a new one. When no more fit, it is the latest of its
// key.
func (l *ViewLog) find(key viewKey, x snapshot) *openView {
	reach := viewReach.Microseconds()
	all := l.views[key]
	var latest *openView
	for _, s := range all {
		if latest == nil || s.last.Load() >= latest.last.Load() {
			latest = s
		}
		lasts := s.handles > 0 || x.last-s.last.Load() <= viewPause.Microseconds()
		if lasts && x.from <= s.to+reach && x.to >= s.from-reach {
			return s
		}
	}
	if len(all) >= maxPlaces || l.full(key.viewer) != nil {
		return latest
	}
	return nil
}

// Wrote notes that n more bytes went out. It returns ErrUnrecorded when the answer has to end.
func (w *Viewing) Wrote(n int) error {
	now := w.log.log.o.Now()
	w.s.bytes.Add(int64(n))
	w.s.last.Store(max(w.s.last.Load(), micros(now)))
	return w.log.trouble(now)
}

// Saw widens the recorded time that was watched.
func (w *Viewing) Saw(from, to time.Time) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.s.from, w.s.to = min(w.s.from, micros(from)), max(w.s.to, micros(to))
}

// End notes that the answer is over. Ending twice is harmless.
func (w *Viewing) End() {
	w.once.Do(func() {
		w.log.mu.Lock()
		defer w.log.mu.Unlock()
		w.s.handles--
	})
}

// Run writes views until ctx ends, and then all that is left. Views that an earlier process left unfinished become entries
// first. It returns an error only when the last of it could not be written.
func (l *ViewLog) Run(ctx context.Context) error {
	report := func(err error) {
		if err != nil && ctx.Err() == nil {
			l.log.o.Trouble("the audit log cannot be written", err)
		}
	}
	left := l.adopt(ctx)
	report(left)
	report(l.prune(ctx))
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealLimit)
			defer cancel()
			if err := l.flush(last, true); err != nil {
				return wrote(err)
			}
			return nil
		case <-prune.C:
			report(l.prune(ctx))
		case <-flush.C:
			if left != nil {
				left = l.adopt(ctx)
			}
			report(errors.Join(left, l.flush(ctx, false)))
		}
	}
}
