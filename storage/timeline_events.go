package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage/index"
)

// ServerEvent is something that happened to the server as a whole: it was stopped or down, or its clock was set.
type ServerEvent struct {
	Code     Code
	From, To time.Time // to the second; when the first stream was looked after again, or now while none is
}

// eventTogether is how far apart the streams of a server may report the same event.
const eventTogether = int64(time.Minute / time.Microsecond)

// ServerEvents returns what happened to the server since then, the oldest first. Each event is listed once, however many streams it
// cost footage, and at the same times whoever asks: it names no camera and needs no permit. What happened to single cameras,
// a full disk among it, is on their timelines.
func (ts *timelines) ServerEvents(ctx context.Context, since time.Time) ([]ServerEvent, error) {
	type event struct {
		code     Code
		from, to int64
	}
	var all []event
	err := ts.db.index.ServerEvents(ctx, index.Micros(since), index.Micros(ts.clock.now()), func(code Code, x index.Interval) {
		all = append(all, event{code, x.From, x.To})
	})
	if err != nil {
		return nil, fmt.Errorf("server events: %w", ts.db.suspect(err))
	}
	slices.SortFunc(all, func(a, b event) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.from, b.from)) })
	var merged []event
	for _, x := range all {
		if n := len(merged); n > 0 && merged[n-1].code == x.code && x.from-merged[n-1].from < eventTogether {
			merged[n-1].to = max(merged[n-1].from, min(merged[n-1].to, x.to))
			continue
		}
		merged = append(merged, x)
	}
	slices.SortFunc(merged, func(a, b event) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.code, b.code)) })
	events := make([]ServerEvent, 0, len(merged))
	for _, x := range merged {
		events = append(events, ServerEvent{x.code, index.FromMicros(x.from).Truncate(time.Second), index.FromMicros(x.to).Truncate(time.Second)})
	}
	return events, nil
}

// CameraIssues returns at most limit integrity issues about the permit's camera that were found since then, the newest first. It needs a
// permit for Playback or Export that is bound to no time, and returns access.ErrDenied or ErrUnknownCamera.
func (ts *timelines) CameraIssues(ctx context.Context, p access.Permit, since time.Time, limit int) ([]IntegrityIssue, error) {
	c, err := ts.permitCheck.admit(p)
	if err != nil {
		return nil, err
	}
	if !p.Window().Open() {
		return nil, access.ErrDenied
	}
	found, err := ts.db.index.IssuesIn(ctx, c.folder, since, limit)
	if err != nil {
		return nil, fmt.Errorf("integrity issues: %w", ts.db.suspect(err))
	}
	return found, nil
}
