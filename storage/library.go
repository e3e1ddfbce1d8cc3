package storage

import (
	"context"
	"math"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// library opens footage for a permit: clips, segments, key frames.
type library struct {
	*permitCheck
	*database
	*cameraList
	*holds
	issues *integrity
	keys   func(media.CameraID) media.LabelKey // of a camera's labels
}

// OpenClip opens the span of the permit's camera as one progressive MP4 without re-encoding. It begins with the key
// frame at or before span.From, ends with the fragment that span.To lies in, and cuts out what gaps there are. Sound is in
// it when the permit allows to hear. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrSpan,
// ErrTooLong, ErrNoFootage, ErrQuarantined, or a *FormatChangedError when the coding changes inside the span.
func (l *library) OpenClip(ctx context.Context, p access.Permit, q media.Quality, span Span) (*Clip, error) {
	return l.openChosen(ctx, p, q, opening{span, MaxClip, (*reader).choose, (*Clip).layProgressive})
}

// OpenSegments opens the span of the permit's camera as fragmented MP4 for Media Source Extensions: an init header and
// fragments of one run, the one at span.From or else the first after. Where that ends before span.To, Clip.End says so and
// the caller asks for the rest. Permit and errors are those of OpenClip, without *FormatChangedError.
func (l *library) OpenSegments(ctx context.Context, p access.Permit, q media.Quality, span Span) (*Clip, error) {
	return l.openChosen(ctx, p, q, opening{span, MaxSegments, (*reader).choose, (*Clip).layFragments})
}

// opening says what kind of clip is wanted of what.
type opening struct {
	span   Span
	most   time.Duration
	choose func(*reader, context.Context, int64, int64) (selection, error)
	lay    func(*Clip, selection, Span) error
}

func (l *library) openChosen(ctx context.Context, p access.Permit, q media.Quality, o opening) (_ *Clip, err error) {
	r, err := l.reader(p, q)
	if err != nil {
		return nil, err
	}
	if err := o.span.check(o.most); err != nil {
		return nil, err
	}
	from, to := index.Micros(o.span.From), index.Micros(o.span.To)
	c := &Clip{r: r, hold: l.hold(r.stream, math.MinInt64, to), loaded: -1}
	c.permit.latest = p
	defer func() {
		if err != nil {
			l.endHold(c.hold)
		}
	}()
	r.look()
	x, err := o.choose(r, ctx, from, to)
	if err != nil {
		return nil, err
	}
	if err := o.lay(c, x, o.span); err != nil {
		return nil, err
	}
	l.narrowHold(c.hold, index.Micros(c.Start()), index.Micros(c.End()))
	return c, nil
}

// codings divides what was chosen where the coding changes.
func (c *Clip) codings(x selection, span Span) []Span {
	var spans []Span
	var last *media.Run
	for i := range x.parts {
		part := &x.parts[i]
		n := len(part.entries)
		from, to := part.entries[0].Start, part.entries[n-1].End()
		if from.Before(span.From) {
			from = span.From
		}
		if to.After(span.To) {
			to = span.To
		}
		same := last != nil && (last.SameCoding(part.run) || !c.permit.current().Audio() && last.Video.Equal(part.run.Video))
		if same {
			spans[len(spans)-1].To = to
		} else {
			spans = append(spans, Span{from.UTC(), to.UTC()})
		}
		last = part.run
	}
	return spans
}

// layProgressive lays out a plain MP4. It returns a *FormatChangedError when the coding changes inside the span.
func (c *Clip) layProgressive(x selection, span Span) (err error) {
	if parts := c.codings(x, span); len(parts) > 1 {
		return &FormatChangedError{parts}
	}
	c.parts = x.parts
	c.layout, err = segment.Progressive(c.layoutParts(), c.permit.current().Audio())
	c.dropEntries()
	return err
}

// layFragments lays out the init header and the fragments of the first run.
func (c *Clip) layFragments(x selection, _ Span) error {
	c.parts = x.parts
	for i := range c.parts {
		if c.parts[i].row.RunID != c.parts[0].row.RunID {
			c.parts = c.parts[:i]
			break
		}
	}
	c.layout = segment.Fragmented(c.layoutParts(), c.permit.current().Audio(), c.r.key)
	c.dropEntries()
	return nil
}

// layoutParts lists the parts for the layout: of each its run and entries.
func (c *Clip) layoutParts() []segment.Part {
	list := make([]segment.Part, len(c.parts))
	for i, x := range c.parts {
		list[i] = segment.Part{Run: x.run, Entries: x.entries}
	}
	return list
}

// dropEntries frees the tables: the layout has taken what it needs from them.
func (c *Clip) dropEntries() {
	for i := range c.parts {
		c.parts[i].entries = nil
	}
}
