package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage/index"
)

// deletion is a deletion in the model.
type deletion struct {
	why     string // what the timeline says of it afterwards
	certain []*shot
	perhaps []*shot // what is kept, or not
}

// add adds a segment of a stream to the deletion. If the clock was set back, lost fragments of an earlier run may have had the
// same time.
func (d *deletion) add(p *tape, r index.Segment, perhaps bool) {
	for i := range p.shots {
		s := &p.shots[i]
		if at := index.Micros(s.f.Start); at < r.Start || at >= r.End || s.f.Run.ID != r.RunID {
			continue
		}
		if perhaps {
			d.perhaps = append(d.perhaps, s)
		} else {
			d.certain = append(d.certain, s)
		}
	}
	p.gaps = slices.DeleteFunc(p.gaps, func(g noted) bool {
		return !g.at.Before(index.FromMicros(r.Start)) && index.Micros(g.at) <= r.End || d.why == ReasonDeleted && index.Micros(g.at) <= r.End
	})
}

// over sets the result. Deleted footage never returns, and the timeline keeps saying why it is gone.
func (l *life) over(d deletion, err error) {
	whole := err == nil && !l.x.dead && l.x.harm != eio && l.x.harm != enospc
	for _, s := range d.certain {
		s.state, s.why = doubtful, ""
		if whole {
			s.state, s.why = gone, d.why
		}
	}
	for _, s := range d.perhaps {
		s.state, s.why = doubtful, ""
	}
	if !whole {
		return
	}
	for _, p := range l.tapes {
		l.compareNow(p)
	}
}

// forgetWhy is called when the timeline need no longer say why fragments that end after at are gone.
func (p *tape) forgetWhy(at time.Time) {
	for i := range p.shots {
		if p.shots[i].f.End().After(at) {
			p.shots[i].why = ""
		}
	}
}

// retain has retention delete everything older than some age, and nothing newer or kept.
func (l *life) retain(age time.Duration) {
	l.did("retain %v", age)
	l.keepFor(age)
	d := deletion{why: ReasonDeleted}
	limit := index.Micros(l.k.ageNow().Add(-age)) // a clock jump is ignored at first
	for _, p := range l.tapes {
		for _, r := range l.rows(p) {
			if r.State == index.StateClosed && r.End <= limit && !l.keeps(r, true) {
				d.add(p, r, l.keeps(r, false))
			}
		}
	}
	err := l.k.retain(context.Background())
	if err != nil && l.x.harm == none {
		l.fatal("retention: %v", err)
	}
	l.over(d, err)
	l.keepFor(0)
}

// deleteSome has the owner delete footage of both streams, unless part of it is kept.
func (l *life) deleteSome() {
	p := l.tapes[l.r.IntN(len(l.tapes))]
	if len(p.shots) == 0 {
		return
	}
	from := p.shots[l.r.IntN(len(p.shots))].f.Start
	l.deleteSpan(Span{from, from.Add(time.Duration(1+l.r.IntN(6000)) * time.Millisecond)})
}

func (l *life) deleteSpan(span Span) {
	for _, p := range l.tapes { // the model does not know where an interrupted recording resumes
		l.stop(p)
	}
	l.did("owner deletes %v to %v", span.From.Sub(epoch), span.To.Sub(epoch))
	d := deletion{why: ReasonDeletedByOwner}
	held := false
	for _, p := range l.tapes {
		for _, r := range l.rows(p) {
			if r.Start >= index.Micros(span.To) || r.End <= index.Micros(span.From) {
				continue
			}
			d.add(p, r, false)
			held = held || l.keeps(r, true)
		}
	}
	_, err := l.k.DeleteFootage(context.Background(), l.manage(), span)
	switch kept := (*KeptError)(nil); {
	case errors.As(err, &kept), errors.Is(err, ErrNoFootage):
		for _, p := range l.tapes {
			l.compareNow(p)
		}
		return
	case err == nil && held:
		l.fatal("kept footage was deleted")
	case err != nil && l.x.harm == none:
		l.fatal("delete: %v", err)
	}
	l.over(d, err)
}

// manage is a permit to keep and delete.
func (l *life) manage() access.Permit { return l.k.permit(l.tapes[0].stream.Camera, access.Manage) }
