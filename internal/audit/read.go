package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"keepwatch.internal/internal/access"
)

// maxPage bounds a page of entries.
const maxPage = 500

// View is a view entry: who watched what.
type View struct {
	ID          int64         // of the entry; 0 while it is open
	Viewer      access.Viewer // Kind, AccountID, GrantID, and Name as it was then: of the account, or the label of the link
	Camera      access.Camera
	Action      access.Action
	First, Last time.Time // when it was watched
	From, To    time.Time // the recorded time that was watched
	Address     string
	Bytes       int64
	Open        bool // it goes on, or ended about a minute ago at most
}

// Change is an entry about who changed whose rights.
type Change struct {
	ID     int64
	At     time.Time
	By     string // "configuration", "console", or the name of the account as it was then
	ByID   int64  // 0 for what is no account
	Camera access.Camera
	What   string // e.g. "owner added"
	Detail string
}

// Cursor is a place in the log, newest first. The zero Cursor is before the newest entry.
type Cursor struct {
	LastUS int64
	ID     int64
}

// Query selects entries: what was done in [From, To), after the place After. Zero times are no bounds.
type Query struct {
	From, To time.Time
	After    Cursor
	Limit    int // of a page; 100 when zero, at most 500
}

// Views is a page of view entries, newest first. The first page begins with the views that are open.
type Views struct {
	List []View
	Next Cursor // zero at the end
}

// Changes is a page of change entries, newest first.
type Changes struct {
	List []Change
	Next Cursor // zero at the end
}

// bounds are a query's values in the order of the statements: from, to, and the place, as microseconds.
func (q Query) bounds() (from, to int64, after Cursor, limit int) {
	from, to, after, limit = math.MinInt64, math.MaxInt64, q.After, q.Limit
	if !q.From.IsZero() {
		from = micros(q.From)
	}
	if !q.To.IsZero() {
		to = micros(q.To)
	}
	if after == (Cursor{}) {
		after = Cursor{math.MaxInt64, math.MaxInt64}
	}
	if limit <= 0 {
		limit = 100
	}
	return from, to, after, min(limit, maxPage)
}

// The pages: ?1 the camera or account, ?2 and ?3 the bounds of time, ?4 and ?5 the place, ?6 how many.
const (
	pageBounds = ` AND last_us >= ?2 AND first_us < ?3 AND (last_us, id) < (?4, ?5) ORDER BY last_us DESC, id DESC LIMIT ?6`

	viewsOfCamera    = `SELECT ` + entryColumns + ` FROM record WHERE camera = ?1 AND kind = 1` + pageBounds
	viewsOfAccount   = `SELECT ` + entryColumns + ` FROM record WHERE account_id = ?1 AND kind = 1` + pageBounds
	changesOfCamera  = `SELECT ` + entryColumns + ` FROM record WHERE camera = ?1 AND kind = 2` + pageBounds
	changesOfAccount = `SELECT ` + entryColumns + ` FROM record WHERE kind = 2 AND subject_id = ?1` + pageBounds

	openBounds     = ` AND last_us >= ?2 AND first_us < ?3 ORDER BY last_us DESC, id DESC`
	viewingCamera  = `SELECT ` + viewingColumns + ` FROM viewing WHERE camera = ?1` + openBounds
	viewingAccount = `SELECT ` + viewingColumns + ` FROM viewing WHERE account_id = ?1` + openBounds
)

// Views returns who watched the permit's camera. It needs a permit for Manage, which owners alone have.
func (l *Log) Views(ctx context.Context, p access.Permit, q Query) (Views, error) {
	if err := p.Check(l.o.Now(), access.Manage); err != nil {
		return Views{}, err
	}
	camera := p.Camera()
	return l.viewsPage(ctx, pageQueries{viewsOfCamera, viewingCamera, camera[:]}, q)
}

// OwnViews returns what the account of the viewer's session watched, by all its sessions and tokens. It returns ErrNobody
// or access.ErrDenied.
func (l *Log) OwnViews(ctx context.Context, v access.Viewer, q Query) (Views, error) {
	if err := l.o.Session(ctx, v); err != nil {
		return Views{}, err
	}
	return l.viewsPage(ctx, pageQueries{viewsOfAccount, viewingAccount, v.AccountID}, q)
}

type pageQueries struct {
	record, viewing string
	of              any
}

func (l *Log) viewsPage(ctx context.Context, s pageQueries, q Query) (Views, error) {
	from, to, after, limit := q.bounds()
	var page Views
	err := l.o.DB.View(ctx, func(tx *sql.Tx) error {
		if q.After == (Cursor{}) {
			rows, err := tx.QueryContext(ctx, s.viewing, s.of, from, to)
			if err != nil {
				return err
			}
			open, err := readViewing(rows)
			if err != nil {
				return err
			}
			for _, e := range open {
				e.id = 0
				page.List = append(page.List, e.view())
			}
		}
		entries, next, err := readPage(ctx, tx, s.record, s.of, from, to, after.LastUS, after.ID, limit)
		for _, e := range entries {
			page.List = append(page.List, e.view())
		}
		page.Next = next
		return err
	})
	if err != nil {
		return Views{}, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// readPage reads a page; the last of args is how many.
func readPage(ctx context.Context, tx *sql.Tx, query string, args ...any) (entries []entry, next Cursor, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, next, err
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(e.fields()...); err != nil {
			return nil, next, err
		}
		entries = append(entries, e)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, next, err
	}
	if n := len(entries); n > 0 && n == args[len(args)-1] {
		next = Cursor{entries[n-1].last, entries[n-1].id}
	}
	return entries, next, nil
}

func (e *entry) view() View {
	v := View{ID: e.id, Viewer: e.viewer, Action: e.action, First: fromMicros(e.first), Last: fromMicros(e.last),
		From: fromMicros(e.from), To: fromMicros(e.to), Address: e.address, Bytes: e.bytes, Open: e.id == 0}
	copy(v.Camera[:], e.camera)
	return v
}

// Changes returns what was changed about the permit's camera: owners and shares. It needs a permit for Manage.
func (l *Log) Changes(ctx context.Context, p access.Permit, q Query) (Changes, error) {
	if err := p.Check(l.o.Now(), access.Manage); err != nil {
		return Changes{}, err
	}
	camera := p.Camera()
	return l.changesPage(ctx, changesOfCamera, camera[:], q)
}

// OwnChanges returns what was changed about the account of the viewer's session. It returns ErrNobody or access.ErrDenied.
func (l *Log) OwnChanges(ctx context.Context, v access.Viewer, q Query) (Changes, error) {
	if err := l.o.Session(ctx, v); err != nil {
		return Changes{}, err
	}
	return l.changesPage(ctx, changesOfAccount, v.AccountID, q)
}

func (l *Log) changesPage(ctx context.Context, query string, of any, q Query) (Changes, error) {
	from, to, after, limit := q.bounds()
	var page Changes
	err := l.o.DB.View(ctx, func(tx *sql.Tx) error {
		entries, next, err := readPage(ctx, tx, query, of, from, to, after.LastUS, after.ID, limit)
		for _, e := range entries {
			c := Change{ID: e.id, At: fromMicros(e.first), By: e.viewer.Name, ByID: e.viewer.AccountID, What: e.what, Detail: e.detail}
			copy(c.Camera[:], e.camera)
			page.List = append(page.List, c)
		}
		page.Next = next
		return err
	})
	if err != nil {
		return Changes{}, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}
