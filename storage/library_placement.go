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

// SegmentPlacement describes the bytes that OpenStored gives for the span [From, To) under the same rights: an init header, and
// behind it fragments without a byte between them.
type SegmentPlacement struct {
	From, To      time.Time
	Run           media.RunID
	MIME          string
	Width, Height int
	HeadBytes     int64 // of the init header
	Bytes         int64 // of the whole
	Fragments     []FragmentPlacement
}

// FragmentPlacement says where one fragment stands.
type FragmentPlacement struct {
	Offset, Bytes int64
	KeyBytes      int64         // from Offset to the end of the key frame that it begins with; 0 when it begins with none that is exact at once
	Start         time.Time     // wall clock of its first picture
	Plays         time.Duration // how long its pictures are shown, by the camera's ticks
	Continues     bool          // it is the very next after the one before, which may stand in the segment before
}

// Placement returns where the footage of the span is, in the order of time: which segments, and which bytes of them, from the
// key frame at or before span.From to the fragment that contains span.To. It reads the tables, and no footage. Permit, limit
// and errors are those of OpenClip, without *FormatChangedError.
func (l *library) Placement(ctx context.Context, p access.Permit, q media.Quality, span Span) ([]SegmentPlacement, error) {
	r, err := l.reader(p, q)
	if err != nil {
		return nil, err
	}
	if err := span.check(MaxClip); err != nil {
		return nil, err
	}
	from, to := index.Micros(span.From), index.Micros(span.To)
	held := l.hold(r.stream, math.MinInt64, to)
	defer l.endHold(held)
	r.look()
	x, err := r.choose(ctx, from, to)
	if err != nil {
		return nil, err
	}
	var last *media.Entry
	var lastRun media.RunID
	out := make([]SegmentPlacement, 0, len(x.parts))
	for i := range x.parts {
		part := x.parts[i]
		l := segment.Fragmented([]segment.Part{{Run: part.run, Entries: part.entries}}, p.Audio(), r.key) // as OpenStored does
		one := SegmentPlacement{From: l.Start, To: l.End, Run: l.Run, MIME: l.MIME, Width: part.run.Video.Width, Height: part.run.Video.Height,
			HeadBytes: int64(len(l.Head)), Bytes: l.Size}
		for k := range part.entries {
			e, piece := &part.entries[k], &l.Pieces[k]
			f := FragmentPlacement{Offset: piece.At, Bytes: int64(piece.Keep), Start: e.Start, Plays: played(e)}
			f.Continues = last != nil && follows(lastRun, part.row.RunID, last, e)
			if e.Random && e.Refresh == 0 {
				f.KeyBytes = l.Payload(e) + int64(e.Video[0].Size)
			}
			one.Fragments = append(one.Fragments, f)
			last, lastRun = e, part.row.RunID
		}
		out = append(out, one)
	}
	return out, nil
}

// played returns how long a fragment's pictures are shown.
func played(e *media.Entry) time.Duration {
	ticks := uint64(0)
	for _, s := range e.Video {
		ticks += uint64(s.Duration)
	}
	return time.Duration(ticks) * time.Second / media.VideoTimescale
}

// OpenStored opens what one stored segment holds of the span as fragmented MP4, exactly as Placement said: its first fragment
// begins at span.From. What is not there any more is ErrNoFootage, and no other footage is in its place, since whoever
// asks knows where in the bytes everything stands. Permit and errors are those of OpenSegments.
func (l *library) OpenStored(ctx context.Context, p access.Permit, q media.Quality, span Span) (*Clip, error) {
	return l.openChosen(ctx, p, q, opening{span, MaxSegments, (*reader).chooseStored, (*Clip).layFragments})
}

// chooseStored opens the fragments of [from, to) of the segment that has a fragment beginning at from.
func (r *reader) chooseStored(ctx context.Context, from, to int64) (selection, error) {
	parts, err := r.parts(ctx, from, to)
	if err != nil {
		return selection{}, err
	}
	for i := range parts {
		whole := parts[i].entries
		first, end := len(whole), 0
		for k := range whole {
			e := &whole[k]
			if at := index.Micros(e.Start); at < from || at >= to || !r.window.Covers(e.Start, e.End()) {
				continue
			}
			first, end = min(first, k), k+1
		}
		if first < end && index.Micros(whole[first].Start) == from {
			parts[i].entries = whole[first:end:end]
			return selection{parts[i : i+1]}, nil
		}
	}
	return selection{}, ErrNoFootage
}
