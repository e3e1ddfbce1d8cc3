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

// OpenClip opens the span of the permit's camera as one progressive MP4 without re-encoding. It begins with the key
// frame at or before span.From, ends with the fragment that span.To lies in, and cuts out what gaps there are. Sound is in
// it when the permit allows to hear. It needs a permit for Playback or Export, and returns access.ErrDenied, ErrSpan,
// ErrTooLong, ErrNoFootage, ErrQuarantined, or a *FormatChangedError when the coding changes inside the span.
func (s *Store) OpenClip(ctx context.Context, p access.Permit, q media.Quality, span Span) (*Clip, error) {
	return s.openChosen(ctx, p, q, opening{span, MaxClip, (*reader).choose, (*Clip).layProgressive})
}

// OpenSegments opens the span of the permit's camera as fragmented MP4 for Media Source Extensions: an init header and
// fragments of one run, the one at span.From or else the first after. Where that ends before span.To, Clip.End says so and
// the caller asks for the rest. Permit and errors are those of OpenClip, without *FormatChangedError.
func (s *Store) OpenSegments(ctx context.Context, p access.Permit, q media.Quality, span Span) (*Clip, error) {
	return s.openChosen(ctx, p, q, opening{span, MaxSegments, (*reader).choose, (*Clip).layFragments})
}

// opening says what kind of clip is wanted of what.
type opening struct {
	span   Span
	most   time.Duration
	choose func(*reader, context.Context, int64, int64) (chosen, error)
	lay    func(*Clip, chosen, opening) error
}

func (s *Store) openChosen(ctx context.Context, p access.Permit, q media.Quality, o opening) (_ *Clip, err error) {
	r, err := s.reader(p, q)
	if err != nil {
		return nil, err
	}
	if err := o.span.check(o.most); err != nil {
		return nil, err
	}
	from, to := index.Micros(o.span.From), index.Micros(o.span.To)
	c := &Clip{r: r, pin: s.pin(r.stream, math.MinInt64, to), loaded: -1}
	c.gate.permit = p
	defer func() {
		if err != nil {
			s.unpin(c.pin)
		}
	}()
	r.look()
	x, err := o.choose(r, ctx, from, to)
	if err != nil {
		return nil, err
	}
	if err := o.lay(c, x, o); err != nil {
		return nil, err
	}
	s.narrow(c.pin, index.Micros(c.start), index.Micros(c.end))
	return c, nil
}

// about takes over what a clip says of itself.
func (c *Clip) about(x chosen) {
	run := x.parts[0].run
	c.start, c.end, c.run = index.FromMicros(x.start()), index.FromMicros(x.end()), run.ID
	c.audio = c.gate.permit.Audio() && run.Audio != nil
	c.mime = run.SilentMIME()
	if c.audio {
		c.mime = run.MIME()
	}
}

// layProgressive lays out a plain MP4: its header, then the payload of each fragment.
func (c *Clip) layProgressive(x chosen, o opening) error {
	if parts := c.codings(x, o.span); len(parts) > 1 {
		return &FormatChangedError{parts}
	}
	c.about(x)
	n := 0
	for i := range x.parts {
		n += len(x.parts[i].entries)
	}
	entries := make([]media.Entry, 0, n)
	for i := range x.parts {
		entries = append(entries, x.parts[i].entries...)
	}
	var err error
	if c.head, err = media.ProgressiveHeader(x.parts[0].run, entries, c.audio); err != nil {
		return fmt.Errorf("clip header: %w", err)
	}
	c.lay(x, func(e *media.Entry) (skip, keep int64) {
		keep = e.VideoBytes()
		if c.audio {
			keep += e.AudioBytes()
		}
		return int64(e.Payload), keep
	})
	return nil
}

// codings divides what was chosen where the coding changes.
func (c *Clip) codings(x chosen, span Span) []Span {
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
		same := last != nil && (last.SameCoding(part.run) || !c.gate.permit.Audio() && last.Video.Equal(part.run.Video))
		if same {
			spans[len(spans)-1].To = to
		} else {
			spans = append(spans, Span{from.UTC(), to.UTC()})
		}
		last = part.run
	}
	return spans
}

// layFragments lays out the init header and the fragments of the first run.
func (c *Clip) layFragments(x chosen, _ opening) error {
	for i := range x.parts {
		if x.parts[i].row.RunID != x.parts[0].row.RunID {
			x.parts = x.parts[:i]
			break
		}
	}
	c.about(x)
	run := x.parts[0].run
	c.head = run.Init
	c.silent = run.Audio != nil && !c.audio
	if c.silent {
		c.head = run.SilentInit(c.r.key)
	}
	c.lay(x, func(e *media.Entry) (skip, keep int64) {
		if c.silent {
			return 0, media.SilentSize(e)
		}
		return 0, int64(e.Size)
	})
	return nil
}

// lay places the share of every fragment behind the header.
func (c *Clip) lay(x chosen, share func(*media.Entry) (skip, keep int64)) {
	c.size = int64(len(c.head))
	for i := range x.parts {
		part := x.parts[i]
		for k := range part.entries {
			e := &part.entries[k]
			skip, keep := share(e)
			if keep > 0 {
				c.pieces = append(c.pieces, piece{at: c.size, offset: e.Offset, seq: e.Seq, start: index.Micros(e.Start),
					part: int32(i), size: e.Size, skip: uint32(skip), keep: uint32(keep)})
			}
			c.size += keep
		}
		part.entries = nil
		c.parts = append(c.parts, part)
	}
}
