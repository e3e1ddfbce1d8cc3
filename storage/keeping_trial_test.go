package storage

import (
	"context"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage/index"
)

// keeping is a kept clip in the model.
type keeping struct {
	id   KeptID
	span Span
	sure bool // Keep returned, and Unkeep has not begun
}

// keepOrNot keeps a clip or removes a kept one.
func (l *life) keepOrNot() {
	if len(l.kept) > 0 && l.r.IntN(2) == 0 {
		l.unkeep(l.r.IntN(len(l.kept)))
		return
	}
	p := l.tapes[l.r.IntN(len(l.tapes))]
	if len(p.shots) == 0 {
		return
	}
	from := p.shots[l.r.IntN(len(p.shots))].f.Start
	l.keep(Span{from, from.Add(time.Duration(1+l.r.IntN(6000)) * time.Millisecond)})
}

// keep keeps a span of both streams.
func (l *life) keep(span Span) {
	l.did("keep %v to %v", span.From.Sub(epoch), span.To.Sub(epoch))
	k, err := l.k.Keep(context.Background(), l.manage(), BothStreams, span, "worth it")
	if err == nil {
		span = k.Span
	}
	l.kept = append(l.kept, keeping{k.ID, span, err == nil && !l.x.dead})
}

// unkeep removes a kept clip.
func (l *life) unkeep(i int) {
	k := &l.kept[i]
	if k.id == (KeptID{}) {
		return
	}
	l.did("let go of %v", k.span.From.Sub(epoch))
	err := l.k.Unkeep(context.Background(), l.manage(), k.id)
	if k.sure = false; err == nil && !l.x.dead {
		l.kept = slices.Delete(l.kept, i, i+1)
	}
}

// keeps reports whether a kept clip, certain or possible, overlaps the segment.
func (l *life) keeps(r index.Segment, sure bool) bool {
	return slices.ContainsFunc(l.kept, func(k keeping) bool {
		return (k.sure || !sure) && r.Start < index.Micros(k.span.To) && r.End > index.Micros(k.span.From)
	})
}

// compareKept checks that everything that Keep acknowledged is kept, and nothing that Unkeep removed. It updates the model where
// it could not know the result.
func (l *life) compareKept() {
	all, err := l.k.Kept(context.Background(), l.k.permit(l.tapes[0].stream.Camera, access.Playback))
	ok(l, err)
	var now []keeping
	for _, k := range all {
		now = append(now, keeping{k.ID, k.Span, true})
	}
	for _, k := range l.kept {
		if k.sure && !slices.Contains(now, k) {
			l.fatal("the kept clip of %v is forgotten; kept are %+v", k.span, all)
		}
	}
	for _, k := range now {
		known := func(x keeping) bool { return x.id == k.id || !x.sure }
		if !slices.ContainsFunc(l.kept, known) {
			l.fatal("the kept clip of %v was let go of and is back", k.span)
		}
	}
	l.kept = now
}
