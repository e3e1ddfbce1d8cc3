package storage

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// Span is a stretch of wall time, half-open: From belongs to it, To does not.
type Span struct{ From, To time.Time }

// check returns ErrSpan or ErrTooLong unless the span is not empty and at most limit long.
func (sp Span) check(limit time.Duration) error {
	if !sp.From.Before(sp.To) {
		return ErrSpan
	}
	if sp.To.Sub(sp.From) > limit {
		return fmt.Errorf("%w: at most %v", ErrTooLong, limit)
	}
	return nil
}

// Timeline is what a span of a stream holds. Spans and Gaps, taken together, add up to the span exactly: they do not
// overlap and leave nothing out. Both are in order.
type Timeline struct {
	Spans []RunSpan
	Gaps  []Gap
}

// RunSpan is a stretch of footage of one run.
type RunSpan struct {
	From, To time.Time
	Run      media.RunID
	Shift    time.Duration // at the run's begin: by which it is filed later than our clock said, since that had been set back
}

// Gap is a stretch without footage, and why: Code for programs, Reason for people.
type Gap struct {
	From, To time.Time
	Code     Code
	Reason   string
}

// Timeline returns what the span of the permit's camera holds, up to the last appended fragment. Time that has not come
// yet is a gap. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrUnknownCamera, ErrSpan or
// ErrTooLong.
func (s *Store) Timeline(ctx context.Context, p access.Permit, q media.Quality, span Span) (Timeline, error) {
	if _, err := s.admit(p); err != nil {
		return Timeline{}, err
	}
	span = Span{span.From.UTC().Truncate(time.Microsecond), span.To.UTC().Truncate(time.Microsecond)}
	if err := span.check(MaxTimeline); err != nil {
		return Timeline{}, err
	}
	if !p.Window().Covers(span.From, span.To) {
		return Timeline{}, access.ErrDenied
	}
	stretches, err := s.stretches(ctx, media.CameraID(p.Camera()), q, span)
	if err != nil {
		return Timeline{}, fmt.Errorf("timeline: %w", err)
	}
	var t Timeline
	for _, x := range stretches {
		from, to := fromMicros(x.from), fromMicros(x.to)
		if x.run != 0 {
			t.Spans = append(t.Spans, RunSpan{from, to, x.id, x.shift})
		} else {
			t.Gaps = append(t.Gaps, Gap{from, to, x.code, x.reason})
		}
	}
	return t, nil
}

// admit checks that the permit allows to see footage now, and returns its camera.
func (s *Store) admit(p access.Permit) (*camera, error) {
	if err := p.Check(s.o.Now(), access.Playback, access.Export); err != nil {
		return nil, err
	}
	return s.camera(media.CameraID(p.Camera()))
}

// stretch is a piece of time for which one thing holds.
type stretch struct {
	holding
	id       media.RunID
	shift    time.Duration
	from, to int64
}

// ledgerQuery finds the rows that hold anywhere in [?3, ?4), and the first after them, of the camera with the UUID ?1.
const ledgerQuery = `SELECT l.start_us, coalesce(l.run, 0), coalesce(r.uuid, x''), coalesce(r.shift_us, 0), coalesce(l.code, ''), coalesce(l.reason, '')
	FROM camera c
	JOIN ledger l ON l.camera = c.id AND l.quality = ?2
		AND l.start_us >= coalesce((SELECT max(f.start_us) FROM ledger f WHERE f.camera = c.id AND f.quality = ?2 AND f.start_us <= ?3), ?3)
		AND l.start_us <= coalesce((SELECT min(n.start_us) FROM ledger n WHERE n.camera = c.id AND n.quality = ?2 AND n.start_us >= ?4), ?4)
	LEFT JOIN run r ON r.camera = l.camera AND r.quality = l.quality AND r.id = l.run
	WHERE c.uuid = ?1 ORDER BY l.start_us`

// stretches divides the span, of whole microseconds. It is for callers that have checked a permit for the camera, and
// for sums that show no footage.
func (s *Store) stretches(ctx context.Context, camera media.CameraID, q media.Quality, span Span) ([]stretch, error) {
	// What is being written is looked at first: a run that ends in between has its end in the ledger then.
	live := s.liveOf(media.StreamID{Camera: camera, Quality: q})
	d := divider{from: micros(span.From), to: micros(span.To), now: micros(s.now()), live: live}
	last := stretch{holding: gap(ReasonBefore), from: math.MinInt64}
	err := each(ctx, s.index.Read(), ledgerQuery, []any{camera[:], q, d.from, d.to}, func(rows *sql.Rows) error {
		var x stretch
		var id []byte
		var shift int64
		if err := rows.Scan(&x.from, &x.run, &id, &shift, &x.code, &x.reason); err != nil {
			return err
		}
		copy(x.id[:], id)
		x.shift = time.Duration(shift) * time.Microsecond
		last.to = x.from
		d.add(last)
		last = x
		return nil
	})
	if err != nil {
		return nil, s.suspect(err)
	}
	last.to = forever
	d.add(last)
	return d.out, nil
}

// divider gathers stretches, cut to a span and to what has happened so far.
type divider struct {
	from, to, now int64
	live          live
	out           []stretch
}

// add takes the next stretch of the ledger.
func (d *divider) add(x stretch) {
	if x.isGap() && x.to != forever { // over, even if the clock was set back since
		d.put(x)
		return
	}
	if x.isGap() {
		past := x
		past.to = max(d.now, x.from)
		d.put(past)
		d.put(stretch{holding: gap(ReasonNotYet), from: past.to, to: x.to})
		return
	}
	if x.to != forever {
		d.put(x)
		return
	}
	// The run goes on: it reaches as far as it is written.
	written := x
	written.to = x.from
	if d.live.run == x.run {
		written.to = max(x.from, d.live.end)
	}
	d.put(written)
	d.put(stretch{holding: gap(ReasonNotYet), from: written.to, to: forever})
}

// put appends what of x lies in the span, in one piece with an equal neighbour.
func (d *divider) put(x stretch) {
	x.from, x.to = max(x.from, d.from), min(x.to, d.to)
	if x.from >= x.to {
		return
	}
	if n := len(d.out); n > 0 && d.out[n-1].holding == x.holding && d.out[n-1].to == x.from {
		d.out[n-1].to = x.to
		return
	}
	d.out = append(d.out, x)
}

// Days returns the days, as "2026-11-22" in the time zone, on which the permit's camera has footage, in order. It needs
// a permit as Timeline does.
func (s *Store) Days(ctx context.Context, p access.Permit, q media.Quality, loc *time.Location) ([]string, error) {
	if _, err := s.admit(p); err != nil {
		return nil, err
	}
	all := Span{time.UnixMicro(0), s.now().Add(24 * time.Hour)}
	if w := p.Window(); !w.Open() {
		all = Span{w.From, w.To}
	}
	stretches, err := s.stretches(ctx, media.CameraID(p.Camera()), q, all)
	if err != nil {
		return nil, fmt.Errorf("days: %w", err)
	}
	days := []string{}
	for _, x := range stretches {
		if x.isGap() {
			continue
		}
		end := fromMicros(x.to - 1).In(loc)
		year, month, day := fromMicros(x.from).In(loc).Date()
		for n := 0; ; n++ {
			noon := time.Date(year, month, day+n, 12, 0, 0, 0, loc)
			text := noon.Format(time.DateOnly)
			if text > end.Format(time.DateOnly) {
				break
			}
			if len(days) == 0 || days[len(days)-1] != text {
				days = append(days, text)
			}
		}
	}
	return days, nil
}

// Coverage is what a timeline adds up to, without the time before the camera was configured.
type Coverage struct {
	Recorded time.Duration
	Missing  map[Code]time.Duration
}

// Coverage adds up the timeline.
func (t Timeline) Coverage() Coverage {
	c := Coverage{Missing: map[Code]time.Duration{}}
	for _, s := range t.Spans {
		c.Recorded += s.To.Sub(s.From)
	}
	for _, g := range t.Gaps {
		if g.Code != CodeBefore {
			c.Missing[g.Code] += g.To.Sub(g.From)
		}
	}
	return c
}
