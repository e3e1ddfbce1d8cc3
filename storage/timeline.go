package storage

import (
	"context"
	"fmt"
	"math"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// Span is a piece of wall time, half-open: From belongs to it, To does not.
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

// interval is the span as the index counts time.
func (sp Span) interval() index.Interval {
	return index.Interval{From: index.Micros(sp.From), To: index.Micros(sp.To)}
}

// Timeline is what a span of a stream holds. Spans and Gaps, taken together, add up to the span exactly: they do not
// overlap and leave nothing out. Both are in order.
type Timeline struct {
	Spans []RunSpan
	Gaps  []Gap
}

// RunSpan is footage of one run without a break.
type RunSpan struct {
	From, To time.Time
	Run      media.RunID
	Shift    time.Duration // at the run's begin: by which it is filed later than our clock said, since that had been set back
}

// Gap is time without footage, and why: Code for programs, Reason for people.
type Gap struct {
	From, To time.Time
	Code     Code
	Reason   string
}

// timelines answers what there is of a time, from the index and from what is being written.
type timelines struct {
	db          *database
	clock       *storeClock
	cameraList  *cameraList
	permitCheck *permitCheck
}

// Timeline returns what the span of the permit's camera holds, up to the last appended fragment. Time that has not come
// yet is a gap. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrUnknownCamera, ErrSpan or
// ErrTooLong.
func (ts *timelines) Timeline(ctx context.Context, p access.Permit, q media.Quality, span Span) (Timeline, error) {
	if _, err := ts.permitCheck.admit(p); err != nil {
		return Timeline{}, err
	}
	span = Span{span.From.UTC().Truncate(time.Microsecond), span.To.UTC().Truncate(time.Microsecond)}
	if err := span.check(MaxTimeline); err != nil {
		return Timeline{}, err
	}
	if !p.Window().Covers(span.From, span.To) {
		return Timeline{}, access.ErrDenied
	}
	sections, err := ts.sections(ctx, media.CameraID(p.Camera()), q, span)
	if err != nil {
		return Timeline{}, fmt.Errorf("timeline: %w", err)
	}
	var t Timeline
	for _, x := range sections {
		from, to := index.FromMicros(x.from), index.FromMicros(x.to)
		if x.Run != 0 {
			t.Spans = append(t.Spans, RunSpan{from, to, x.id, x.shift})
		} else {
			t.Gaps = append(t.Gaps, Gap{from, to, x.Code, x.Reason})
		}
	}
	return t, nil
}

// section is a part of a timeline for which one thing holds.
type section struct {
	index.LedgerEntry
	id       media.RunID
	shift    time.Duration
	from, to int64
}

// sections divides the span, of whole microseconds. It is for callers that have checked a permit for the camera, and
// for sums that show no footage.
func (ts *timelines) sections(ctx context.Context, camera media.CameraID, q media.Quality, span Span) ([]section, error) {
	// What is being written is looked at first: a run that ends in between has its end in the ledger then.
	stream := media.StreamID{Camera: camera, Quality: q}
	live := ts.cameraList.writtenOf(stream)
	d := timelineBuilder{from: index.Micros(span.From), to: index.Micros(span.To), now: index.Micros(ts.clock.now()), live: live}
	last := section{LedgerEntry: gap(ReasonBefore), from: math.MinInt64}
	err := ts.db.index.Ledger(ctx, stream, index.Interval{From: d.from, To: d.to}, func(x index.LedgerRow) {
		last.to = x.Start
		d.add(last)
		last = section{LedgerEntry: x.LedgerEntry, id: x.RunID, shift: x.Shift, from: x.Start}
	})
	if err != nil {
		return nil, ts.db.suspect(err)
	}
	last.to = index.Forever
	d.add(last)
	return d.out, nil
}

// timelineBuilder gathers sections, cut to a span and to what has happened so far.
type timelineBuilder struct {
	from, to, now int64
	live          beingWritten
	out           []section
}

// add takes the next section of the ledger.
func (d *timelineBuilder) add(x section) {
	if x.IsGap() && x.to != index.Forever { // over, even if the clock was set back since
		d.put(x)
		return
	}
	if x.IsGap() {
		past := x
		past.to = max(d.now, x.from)
		d.put(past)
		d.put(section{LedgerEntry: gap(ReasonNotYet), from: past.to, to: x.to})
		return
	}
	if x.to != index.Forever {
		d.put(x)
		return
	}
	// The run goes on: it reaches as far as it is written.
	written := x
	written.to = x.from
	if d.live.run == x.Run {
		written.to = max(x.from, d.live.end)
	}
	d.put(written)
	d.put(section{LedgerEntry: gap(ReasonNotYet), from: written.to, to: index.Forever})
}

// put appends what of x lies in the span, in one piece with an equal neighbour.
func (d *timelineBuilder) put(x section) {
	x.from, x.to = max(x.from, d.from), min(x.to, d.to)
	if x.from >= x.to {
		return
	}
	if n := len(d.out); n > 0 && d.out[n-1].LedgerEntry == x.LedgerEntry && d.out[n-1].to == x.from {
		d.out[n-1].to = x.to
		return
	}
	d.out = append(d.out, x)
}

// Days returns the days, as "2026-11-22" in the time zone, on which the permit's camera has footage, in order. It needs
// a permit as Timeline does.
func (ts *timelines) Days(ctx context.Context, p access.Permit, q media.Quality, loc *time.Location) ([]string, error) {
	if _, err := ts.permitCheck.admit(p); err != nil {
		return nil, err
	}
	all := Span{time.UnixMicro(0), ts.clock.now().Add(24 * time.Hour)}
	if w := p.Window(); !w.Open() {
		all = Span{w.From, w.To}
	}
	sections, err := ts.sections(ctx, media.CameraID(p.Camera()), q, all)
	if err != nil {
		return nil, fmt.Errorf("days: %w", err)
	}
	days := []string{}
	for _, x := range sections {
		if x.IsGap() {
			continue
		}
		end := index.FromMicros(x.to - 1).In(loc)
		year, month, day := index.FromMicros(x.from).In(loc).Date()
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

// touched lists the segments of a stream that hold anything of the span. The one that is being written ends, and has the
// size, as it is now; another open one, which a crash left, ends where it begins.
func (ts *timelines) touched(ctx context.Context, c *camera, quality media.Quality, span Span) ([]index.Segment, error) {
	now := ts.cameraList.writtenOf(media.StreamID{Camera: c.id, Quality: quality}) // first: what is closed meanwhile has its row
	rows, err := ts.db.index.Touching(ctx, index.Stream{Camera: c.row, Quality: quality}, span.interval())
	if err != nil {
		return nil, ts.db.suspect(err)
	}
	out := rows[:0]
	for _, r := range rows {
		if r.State == index.StateOpen && now.run == r.Run && now.start == r.Start && len(now.entries) > 0 {
			r.End, r.Size = now.end, now.size
			if r.End <= index.Micros(span.From) {
				continue
			}
		}
		out = append(out, r)
	}
	return out, nil
}
