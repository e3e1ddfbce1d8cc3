package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
)

// end is one of the log's two ends.
type end struct {
	id   int64
	hash []byte
}

// The names of the ends in the database.
const (
	startEnd = "start" // the last entry that was pruned; 0 while none was
	headEnd  = "head"  // the newest entry
)

// errSeal says that an end of the log was not written by this program with this key.
var errSeal = errors.New("its seal is broken: it was edited by something else, or belongs to another master key")

func (l *Log) seal(which string, e end) []byte {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte(which))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(e.id)))
	h.Write(e.hash)
	return h.Sum(nil)
}

// end reads an end and checks its seal. An end that was never written is at 0.
func (l *Log) end(ctx context.Context, tx *sql.Tx, which string) (end, error) {
	const query = `SELECT id, hash, seal FROM record_ends WHERE which = ?`
	var e end
	var seal []byte
	err := tx.QueryRowContext(ctx, query, which).Scan(&e.id, &e.hash, &seal)
	if errors.Is(err, sql.ErrNoRows) {
		return end{hash: make([]byte, sha256.Size)}, nil
	}
	if err != nil {
		return end{}, err
	}
	if !hmac.Equal(seal, l.seal(which, e)) {
		return e, fmt.Errorf("the %s of the audit log: %w", which, errSeal)
	}
	return e, nil
}

func (l *Log) setEnd(ctx context.Context, tx *sql.Tx, which string, e end) error {
	const set = `INSERT INTO record_ends (which, id, hash, seal) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (which) DO UPDATE SET id = ?2, hash = ?3, seal = ?4`
	_, err := tx.ExecContext(ctx, set, which, e.id, e.hash, l.seal(which, e))
	return err
}

// enter adds entries to the log; it sets their IDs and hashes, and returns the new head. A log that was tampered with continues
// after an entry that says so.
func (l *Log) enter(ctx context.Context, tx *sql.Tx, entries []entry) (end, error) {
	head, broken, err := l.intactHead(ctx, tx)
	if err != nil {
		return end{}, wrote(err)
	}
	if broken != "" {
		l.o.Logger.Error("the audit log was tampered with; nvr check says where", "what", broken)
		at := micros(l.o.Now())
		mark := entry{kind: changeEntry, viewer: Program(), what: brokenLog, detail: broken, first: at, last: at}
		entries = append([]entry{mark}, entries...)
	}
	const insert = `INSERT INTO record (` + entryColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	now := micros(l.o.Now())
	for i := range entries {
		e := &entries[i]
		e.id, e.written = head.id+1, now
		e.hash = e.link(head.hash)
		if _, err := tx.ExecContext(ctx, insert, e.values()...); err != nil {
			return end{}, wrote(err)
		}
		head = end{id: e.id, hash: e.hash}
	}
	return head, l.setEnd(ctx, tx, headEnd, head)
}

// brokenLog is the change that says that the log was tampered with, as it is in the database.
const brokenLog = "record broken"

// intactHead returns the newest entry, and what is wrong with the ends of the log: it was edited, cut short, or put back from an
// older copy. Once in the life of the process it compares the anchor too.
func (l *Log) intactHead(ctx context.Context, tx *sql.Tx) (head end, broken string, err error) {
	head, err = l.end(ctx, tx, headEnd)
	if err != nil && !errors.Is(err, errSeal) {
		return end{}, "", err
	}
	if err != nil {
		broken = err.Error()
	}
	start, err := l.end(ctx, tx, startEnd)
	if err != nil && !errors.Is(err, errSeal) {
		return end{}, "", err
	}
	const newest = `SELECT id, hash FROM record ORDER BY id DESC LIMIT 1`
	last := end{id: start.id, hash: start.hash}
	switch err := tx.QueryRowContext(ctx, newest).Scan(&last.id, &last.hash); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return end{}, "", err
	}
	if broken == "" && (last.id != head.id || !bytes.Equal(last.hash, head.hash)) {
		broken = fmt.Sprintf("its newest entry should be %d and is %d", head.id, last.id)
	}
	if broken == "" {
		broken, err = l.checkAnchor(ctx, tx, head)
	}
	if last.id < head.id { // the numbers of entries that were cut off are not given out again
		last.id = head.id
	}
	return last, broken, err
}
