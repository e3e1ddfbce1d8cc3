package audit

import (
	"context"
	"database/sql"
	"errors"
	"slices"
)

// unsaved is an open view with something to be written, as it was at one moment.
type unsaved struct {
	s    *openView
	now  snapshot
	row  int64
	over bool // it becomes an entry
}

// flush writes the views that grew. all ends every view.
func (l *ViewLog) flush(ctx context.Context, all bool) error {
	began := l.log.o.Now()
	work := l.gather(micros(began), all)
	if len(work) > 0 {
		if err := l.write(ctx, work); err != nil {
			return err
		}
		l.written(work)
	}
	l.good.Store(&began)
	return nil
}

func (l *ViewLog) gather(now int64, all bool) []unsaved {
	l.mu.Lock()
	defer l.mu.Unlock()
	var work []unsaved
	for _, list := range l.views {
		for _, s := range list {
			x := s.look()
			over := all || s.handles == 0 && now-x.last > viewPause.Microseconds() || now-x.first >= longestView.Microseconds()
			if over || s.row == 0 || x != s.stored {
				work = append(work, unsaved{s: s, now: x, row: s.row, over: over})
			}
		}
	}
	slices.SortFunc(work, func(a, b unsaved) int { return int(min(max(a.now.first-b.now.first, -1), 1)) })
	return work
}

// look returns the view as it is now. The caller holds ViewLog.mu.
func (s *openView) look() snapshot {
	last := s.last.Load() // before the bytes: a write in between is seen with its bytes, or next time
	return snapshot{first: s.first, last: max(last, s.first), from: s.from, to: s.to, bytes: s.bytes.Load() - s.entered}
}

// written marks work as written. A view that is over is dropped; one that continued meanwhile is the next view.
func (l *ViewLog) written(work []unsaved) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range work {
		s := w.s
		s.row, s.stored = w.row, w.now
		if !w.over {
			continue
		}
		s.row, s.stored = 0, snapshot{}
		s.entered += w.now.bytes
		if s.handles > 0 || s.look().bytes > 0 {
			s.first, s.from = w.now.last, w.now.to
			continue
		}
		list := l.views[s.key]
		list = slices.DeleteFunc(list, func(x *openView) bool { return x == s })
		l.count--
		if l.each[s.key.viewer.AccountID]--; l.each[s.key.viewer.AccountID] == 0 {
			delete(l.each, s.key.viewer.AccountID)
		}
		if l.views[s.key] = list; len(list) == 0 {
			delete(l.views, s.key)
		}
	}
}

// write stores all of it or nothing.
func (l *ViewLog) write(ctx context.Context, work []unsaved) error {
	return l.entering(ctx, func(tx *sql.Tx) (entries []entry, err error) {
		for i := range work {
			w := &work[i]
			if w.over {
				if err := forget(ctx, tx, w.row); err != nil {
					return nil, err
				}
				entries = append(entries, w.entry())
				continue
			}
			if err := w.store(ctx, tx); err != nil {
				return nil, err
			}
		}
		return entries, nil
	})
}

// entering runs f in a transaction, and adds the entries that it returns to the log.
func (l *ViewLog) entering(ctx context.Context, f func(*sql.Tx) ([]entry, error)) error {
	var head end
	err := l.log.o.DB.Write(ctx, func(tx *sql.Tx) error {
		entries, err := f(tx)
		if err != nil || len(entries) == 0 {
			return err
		}
		head, err = l.log.enter(ctx, tx, entries)
		return err
	})
	if err == nil && head.id > 0 {
		l.log.anchorAt(head)
	}
	return err
}

func (w *unsaved) entry() entry {
	k := w.s.key
	return entry{kind: viewEntry, viewer: k.viewer, camera: k.camera[:], action: k.action, first: w.now.first, last: w.now.last,
		from: w.now.from, to: w.now.to, address: k.address, bytes: w.now.bytes}
}

func forget(ctx context.Context, tx *sql.Tx, row int64) error {
	const remove = `DELETE FROM viewing WHERE id = ?`
	_, err := tx.ExecContext(ctx, remove, row)
	return err
}

// store writes the view as it is so far.
func (w *unsaved) store(ctx context.Context, tx *sql.Tx) error {
	if w.row != 0 {
		const update = `UPDATE viewing SET last_us = ?, from_us = ?, to_us = ?, bytes = ? WHERE id = ?`
		_, err := tx.ExecContext(ctx, update, w.now.last, w.now.from, w.now.to, w.now.bytes, w.row)
		return err
	}
	const insert = `INSERT INTO viewing (viewer_kind, account_id, grant_id, name, camera, action, first_us, last_us, from_us, to_us,
		address, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
	e := w.entry()
	return tx.QueryRowContext(ctx, insert, e.viewer.Kind, e.viewer.AccountID, e.viewer.GrantID, e.viewer.Name, e.camera, e.action,
		e.first, e.last, e.from, e.to, e.address, e.bytes).Scan(&w.row)
}

const viewingColumns = `id, viewer_kind, account_id, grant_id, name, camera, action, first_us, last_us, from_us, to_us, address, bytes`

// adopt makes entries of the views that a killed process had stored.
func (l *ViewLog) adopt(ctx context.Context) error {
	l.mu.Lock()
	held := map[int64]bool{}
	for _, list := range l.views {
		for _, s := range list {
			held[s.row] = true
		}
	}
	l.mu.Unlock()
	return l.entering(ctx, func(tx *sql.Tx) ([]entry, error) {
		const query = `SELECT ` + viewingColumns + ` FROM viewing ORDER BY id`
		rows, err := tx.QueryContext(ctx, query)
		if err != nil {
			return nil, err
		}
		left, err := readViewing(rows)
		if err != nil {
			return nil, err
		}
		left = slices.DeleteFunc(left, func(e entry) bool { return held[e.id] })
		for _, e := range left {
			if err := forget(ctx, tx, e.id); err != nil {
				return nil, err
			}
		}
		return left, nil
	})
}

func readViewing(rows *sql.Rows) ([]entry, error) {
	defer rows.Close()
	var all []entry
	for rows.Next() {
		e := entry{kind: viewEntry}
		if err := rows.Scan(&e.id, &e.viewer.Kind, &e.viewer.AccountID, &e.viewer.GrantID, &e.viewer.Name, &e.camera, &e.action,
			&e.first, &e.last, &e.from, &e.to, &e.address, &e.bytes); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
