package web

import (
	"context"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// coverage says how much of each day of the site was recorded.
type coverage struct {
	store *storage.Store
	site  siteClock
}

// dayCoverage says how much of a day, as far as it has gone, was recorded. Recorded, missing and deleted are all of it but
// the time before the camera was added.
type dayCoverage struct {
	siteDay
	until                      time.Time // its end, or now
	recorded, missing, deleted time.Duration
}

// of returns the coverage of the days from first to last that have begun and that the permit opens, in order.
func (c *coverage) of(ctx context.Context, p access.Permit, q media.Quality, first, last siteDay) ([]dayCoverage, error) {
	span := storage.Span{From: first.from, To: earlier(last.to, c.site.now())}
	if w := p.Window(); !w.Open() {
		span = storage.Span{From: later(span.From, w.From), To: earlier(span.To, w.To)}
	}
	days := []dayCoverage{}
	if !span.From.Before(span.To) {
		return days, nil
	}
	tl, err := c.store.Timeline(ctx, p, q, span)
	if err != nil {
		return nil, err
	}
	for d := dayOf(span.From, c.site.location); d.from.Before(span.To); d = d.shift(1) {
		if !d.from.Before(d.to) {
			continue // a day that the zone left out
		}
		x := dayCoverage{siteDay: d, until: earlier(d.to, span.To)}
		for _, r := range tl.Spans {
			x.recorded += overlap(r.From, r.To, d.from, d.to)
		}
		for _, g := range tl.Gaps {
			length := overlap(g.From, g.To, d.from, d.to)
			switch g.Code {
			case storage.CodeBefore, storage.CodeNotYet:
			case storage.CodeDeleted, storage.CodeDeletedByOwner:
				x.deleted += length
			default:
				x.missing += length
			}
		}
		days = append(days, x)
	}
	return days, nil
}

// overlap returns how long [a, b) and [from, to) have in common.
func overlap(a, b, from, to time.Time) time.Duration {
	return max(0, earlier(b, to).Sub(later(a, from)))
}

// fraction returns how much of what should be there was recorded, from 0 to 1.
func (d dayCoverage) fraction() float64 {
	if whole := d.recorded + d.missing + d.deleted; whole > 0 {
		return float64(d.recorded) / float64(whole)
	}
	return 0
}

// words say what there is of the day: "22 h 5 min recorded, 1 h 55 min missing".
func (d dayCoverage) words() string {
	missing := ""
	if d.missing >= listedGap {
		missing = ", " + format.Duration(d.missing) + " missing"
	}
	switch {
	case d.recorded == 0 && d.deleted > 0:
		return "deleted" + missing
	case d.recorded == 0 && d.missing == 0:
		return "before this camera was added"
	case d.recorded == 0:
		return "nothing recorded"
	case d.deleted >= listedGap:
		return format.Duration(d.recorded) + " recorded, " + format.Duration(d.deleted) + " deleted" + missing
	case missing == "":
		return "fully recorded"
	}
	return format.Duration(d.recorded) + " recorded" + missing
}

// state is how a day is drawn: whole, partly, the rest of one that was deleted in part, deleted, nothing, or before the
// camera was added.
func (d dayCoverage) state() string {
	switch {
	case d.recorded > 0 && d.missing < listedGap && d.deleted < listedGap:
		return "whole"
	case d.recorded > 0 && d.missing >= listedGap:
		return "partly"
	case d.recorded > 0:
		return "rest"
	case d.deleted > 0:
		return "deleted"
	case d.missing > 0:
		return "nothing"
	}
	return "before"
}

// siteMonth is a month on the site's clock.
type siteMonth struct {
	year  int
	month time.Month
	loc   *time.Location
}

func (m siteMonth) first() siteDay { return newSiteDay(m.year, m.month, 1, m.loc) }
func (m siteMonth) last() siteDay  { return newSiteDay(m.year, m.month+1, 0, m.loc) }

// shift returns the month so many later.
func (m siteMonth) shift(by int) siteMonth {
	t := time.Date(m.year, m.month+time.Month(by), 1, 0, 0, 0, 0, time.UTC)
	return siteMonth{t.Year(), t.Month(), m.loc}
}

// String returns the month as "2026-11".
func (m siteMonth) String() string {
	return time.Date(m.year, m.month, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// words names the month: "November 2026".
func (m siteMonth) words() string {
	return format.Month(time.Date(m.year, m.month, 1, 0, 0, 0, 0, time.UTC))
}
