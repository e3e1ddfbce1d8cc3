package storage

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
)

// ServerEvent is something that befell the server as a whole: it was stopped or down, or its clock was set.
type ServerEvent struct {
	Code     Code
	From, To time.Time // to the second; when the first stream was looked after again, or now while none is
}

// eventTogether is how far apart the streams of a server may tell of the same event.
const eventTogether = int64(time.Minute / time.Microsecond)

// serverEventsQuery finds what the ledgers of all streams say of the server since ?1, each until what came next, or ?2.
// CROSS JOIN keeps SQLite from walking over the whole ledger for the few streams that there are.
const serverEventsQuery = `SELECT l.code, l.start_us,
		coalesce((SELECT min(n.start_us) FROM ledger n WHERE n.camera = l.camera AND n.quality = l.quality AND n.start_us > l.start_us), ?2)
	FROM stream t
	CROSS JOIN ledger l ON l.camera = t.camera AND l.quality = t.quality AND l.start_us >= ?1
	WHERE l.code IN ('server-stopped', 'server-down', 'computer-down', 'clock-step')`

// ServerEvents returns what befell the server since then, the oldest first. Each is told once, however many streams it
// cost footage, and at the same times whoever asks: it names no camera and needs no permit. What befell single cameras,
// a full disk among it, is on their timelines.
func (s *Store) ServerEvents(ctx context.Context, since time.Time) ([]ServerEvent, error) {
	type told struct {
		code     Code
		from, to int64
	}
	var all []told
	err := each(ctx, s.index.Read(), serverEventsQuery, []any{micros(since), micros(s.now())}, func(rows *sql.Rows) error {
		var x told
		err := rows.Scan(&x.code, &x.from, &x.to)
		all = append(all, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("server events: %w", s.suspect(err))
	}
	slices.SortFunc(all, func(a, b told) int { return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.from, b.from)) })
	var merged []told
	for _, x := range all {
		if n := len(merged); n > 0 && merged[n-1].code == x.code && x.from-merged[n-1].from < eventTogether {
			merged[n-1].to = max(merged[n-1].from, min(merged[n-1].to, x.to))
			continue
		}
		merged = append(merged, x)
	}
	slices.SortFunc(merged, func(a, b told) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.code, b.code)) })
	events := make([]ServerEvent, 0, len(merged))
	for _, x := range merged {
		events = append(events, ServerEvent{x.code, fromMicros(x.from).Truncate(time.Second), fromMicros(x.to).Truncate(time.Second)})
	}
	return events, nil
}

// doubtsOfQuery finds the doubts about what lies in the folder ?1, which sort from ?2 up to ?3.
const doubtsOfQuery = `SELECT id, found_us, finder, subject, problem, settled_us, outcome FROM doubt
	WHERE (subject = ?1 OR subject >= ?2 AND subject < ?3) AND found_us >= ?4 ORDER BY id DESC LIMIT ?5`

// DoubtsOf returns at most limit doubts about the permit's camera that were found since then, the newest first. It needs a
// permit for Playback or Export that is bound to no time, and returns access.ErrDenied or ErrUnknownCamera.
func (s *Store) DoubtsOf(ctx context.Context, p access.Permit, since time.Time, limit int) ([]Doubt, error) {
	c, err := s.admit(p)
	if err != nil {
		return nil, err
	}
	if !p.Window().Open() {
		return nil, access.ErrDenied
	}
	// '0' comes after '/'.
	found, err := doubts(ctx, s.index.Read(), doubtsOfQuery, c.folder, c.folder+"/", c.folder+"0", micros(since), limit)
	if err != nil {
		return nil, fmt.Errorf("doubts: %w", s.suspect(err))
	}
	return found, nil
}
