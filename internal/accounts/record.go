package accounts

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/access"
)

// The kinds of entry in the record. Their numbers stand in the database.
const (
	viewEntry   = 1
	changeEntry = 2
)

// entry is a row of the record.
type entry struct {
	id       int64
	kind     int
	written  int64
	viewer   access.Viewer // who did it: Kind, AccountID, GrantID and Name count
	camera   []byte        // nil: about no camera
	action   access.Action
	first    int64
	last     int64
	from, to int64
	address  string
	bytes    int64
	subject  int64
	what     string
	detail   string
	hash     []byte
}

// link is the hash of the entry behind the one with the hash before: SHA-256 over that and every field, each in an encoding
// that is its own and no other's. docs/threat-model.md says what it shows.
func (e *entry) link(before []byte) []byte {
	h := sha256.New()
	h.Write(before)
	for _, n := range []int64{e.id, int64(e.kind), e.written, int64(e.viewer.Kind), e.viewer.AccountID, e.viewer.GrantID,
		int64(e.action), e.first, e.last, e.from, e.to, e.bytes, e.subject} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	for _, s := range []string{string(e.camera), e.viewer.Name, e.address, e.what, e.detail} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}

const entryColumns = `id, kind, written_us, viewer_kind, account_id, grant_id, name, camera, action, first_us, last_us,
	from_us, to_us, address, bytes, subject_id, what, detail, hash`

func (e *entry) fields() []any {
	return []any{&e.id, &e.kind, &e.written, &e.viewer.Kind, &e.viewer.AccountID, &e.viewer.GrantID, &e.viewer.Name, &e.camera,
		&e.action, &e.first, &e.last, &e.from, &e.to, &e.address, &e.bytes, &e.subject, &e.what, &e.detail, &e.hash}
}

// end is one of the record's two ends.
type end struct {
	id   int64
	hash []byte
}

// The names of the ends in the database.
const (
	startEnd = "start" // the last entry that was let go; 0 while none was
	headEnd  = "head"  // the newest entry
)

// errSeal says that an end of the record was not written by this program with this key.
var errSeal = errors.New("its seal is broken: it was edited by something else, or belongs to another master key")

// deriveKey makes a key for one purpose from the box's master key (RFC 5869).
func deriveKey(master [32]byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, master[:], nil, "keepwatch accounts "+purpose, sha256.Size)
	if err != nil {
		panic(err) // lengths are constants
	}
	return key
}

func (d *Directory) seal(which string, e end) []byte {
	h := hmac.New(sha256.New, d.recordKey)
	h.Write([]byte(which))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(e.id)))
	h.Write(e.hash)
	return h.Sum(nil)
}

// end reads an end and checks its seal. An end that was never written is at 0.
func (d *Directory) end(ctx context.Context, tx *sql.Tx, which string) (end, error) {
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
	if !hmac.Equal(seal, d.seal(which, e)) {
		return e, fmt.Errorf("the %s of the record: %w", which, errSeal)
	}
	return e, nil
}

func (d *Directory) setEnd(ctx context.Context, tx *sql.Tx, which string, e end) error {
	const set = `INSERT INTO record_ends (which, id, hash, seal) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (which) DO UPDATE SET id = ?2, hash = ?3, seal = ?4`
	_, err := tx.ExecContext(ctx, set, which, e.id, e.hash, d.seal(which, e))
	return err
}

// enter adds entries to the record's end; it sets their IDs and hashes, and returns the new head. A record that was
// tampered with goes on behind an entry that says so, for as long as entries are kept.
func (d *Directory) enter(ctx context.Context, tx *sql.Tx, entries []entry) (end, error) {
	head, broken, err := d.intactHead(ctx, tx)
	if err != nil {
		return end{}, fmt.Errorf("write the record: %w", err)
	}
	if broken != "" {
		d.log.Error("the record of views was tampered with; nvr check names where", "what", broken)
		at := micros(d.now())
		mark := entry{kind: changeEntry, viewer: byProgram(), what: brokenRecord, detail: broken, first: at, last: at}
		entries = append([]entry{mark}, entries...)
	}
	const insert = `INSERT INTO record (` + entryColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	now := micros(d.now())
	for i := range entries {
		e := &entries[i]
		e.id, e.written = head.id+1, now
		e.hash = e.link(head.hash)
		if _, err := tx.ExecContext(ctx, insert, e.values()...); err != nil {
			return end{}, fmt.Errorf("write the record: %w", err)
		}
		head = end{id: e.id, hash: e.hash}
	}
	return head, d.setEnd(ctx, tx, headEnd, head)
}

// brokenRecord is the change that says that the record is not what it was.
const brokenRecord = "record broken"

// intactHead returns the newest entry, and what is wrong with the record's ends: that it was edited, cut short, or put
// back from an older copy. Once in the life of the process it looks at the anchor too.
func (d *Directory) intactHead(ctx context.Context, tx *sql.Tx) (head end, broken string, err error) {
	head, err = d.end(ctx, tx, headEnd)
	if err != nil && !errors.Is(err, errSeal) {
		return end{}, "", err
	}
	if err != nil {
		broken = err.Error()
	}
	start, err := d.end(ctx, tx, startEnd)
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
		broken, err = d.checkAnchor(ctx, tx, head)
	}
	if last.id < head.id { // entries that were cut off leave their places empty
		last.id = head.id
	}
	return last, broken, err
}

func (e *entry) values() []any {
	var camera any
	if e.camera != nil {
		camera = e.camera
	}
	return []any{e.id, e.kind, e.written, e.viewer.Kind, e.viewer.AccountID, e.viewer.GrantID, e.viewer.Name, camera,
		e.action, e.first, e.last, e.from, e.to, e.address, e.bytes, e.subject, e.what, e.detail, e.hash}
}

// actor is who changes something.
type actor = access.Viewer

// byConsole is whoever may run nvr on the box, byConfig what the configuration says at the start, and byProgram the program
// itself. No account gets one of their names.
func byConsole() actor { return actor{Name: "console"} }
func byConfig() actor  { return actor{Name: "configuration"} }
func byProgram() actor { return actor{Name: "keepwatch"} }

// amendment is a transaction that changes who may do what, and puts that on record.
type amendment struct {
	*sql.Tx
	by      actor
	now     time.Time
	entries []entry
}

// note puts a change on record. The subject is the account that it is about, 0 for none.
func (a *amendment) note(what, detail string, subject int64, c *access.Camera) {
	e := entry{kind: changeEntry, viewer: a.by, subject: subject, what: what, detail: detail, first: micros(a.now), last: micros(a.now)}
	if c != nil {
		e.camera = c[:]
	}
	a.entries = append(a.entries, e)
}

// amend runs f in a write transaction whose notes enter the record with what it changes, or neither does.
func (d *Directory) amend(ctx context.Context, by actor, f func(*amendment) error) error {
	var head end
	var noted bool
	err := d.db.Write(ctx, func(tx *sql.Tx) error {
		a := &amendment{Tx: tx, by: by, now: d.now()}
		if err := f(a); err != nil || len(a.entries) == 0 {
			return err
		}
		var err error
		head, err = d.enter(ctx, tx, a.entries)
		noted = err == nil
		return err
	})
	if err == nil && noted {
		d.anchorAt(head)
	}
	return err
}
