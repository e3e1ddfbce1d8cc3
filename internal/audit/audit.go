// Package audit keeps the audit log: who watched what, and who changed whose rights.
//
// What it promises. Entries are a chain whose two ends are sealed and whose newest entry is noted in a file elsewhere: Verify
// says when the log is not what was written. A change of rights and its entry are one transaction: Enter takes the
// transaction that makes the change. Views gather in a ViewLog, which never makes a handler wait, and which refuses new views
// while what was watched cannot be written. Only an owner's permit opens the entries of a camera, and only a session those of
// its account.
//
// Its tables are in accounts.db; package schema has them. It does not know accounts, HTTP or footage.
//
// Read in this order: audit.go (the log, Enter), entry.go (an entry and its hash), ends.go and anchor.go (what seals the
// chain), read.go and verify.go (what comes out), viewlog.go with its two further files (how views come in).
package audit

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/sqlite"
)

// Options is what a Log needs. All fields but Anchor are needed.
type Options struct {
	DB     *sqlite.DB // with the tables of package schema; the caller closes it
	Key    [32]byte   // the box's master key: the ends of the log are sealed under a key derived from it
	Anchor string     // the file in which the newest entry is noted, in another place than DB; "" for none
	Now    func() time.Time
	Logger *slog.Logger

	// Trouble reports what stops nothing, such as an anchor that cannot be written. It may be called often.
	Trouble func(message string, err error)
	// Session returns nil while the viewer holds a session of the account that it names.
	Session func(context.Context, access.Viewer) error
}

// Log is the audit log. Its methods may be called from several goroutines, and several processes may write it.
type Log struct {
	o      Options
	key    []byte
	anchor anchorLock
}

// New returns the log kept in o.DB.
func New(o Options) *Log {
	return &Log{o: o, key: deriveKey(o.Key)}
}

// deriveKey makes the key of the seals from the box's master key (RFC 5869).
func deriveKey(master [32]byte) []byte {
	key, err := hkdf.Key(sha256.New, master[:], nil, "keepwatch accounts record", sha256.Size)
	if err != nil {
		panic(err) // lengths are constants
	}
	return key
}

// Console, Configuration and Program are the viewers of changes that no account made: by whoever may run nvr on the box, by
// what the configuration says at the start, and by the program itself.
func Console() access.Viewer       { return access.Viewer{Name: "console"} }
func Configuration() access.Viewer { return access.Viewer{Name: "configuration"} }
func Program() access.Viewer       { return access.Viewer{Name: "keepwatch"} }

// Reserved reports whether the name is one of theirs, so that no account may have it.
func Reserved(name string) bool {
	return name == Console().Name || name == Configuration().Name || name == Program().Name
}

// Entry is a change of rights that is put on record.
type Entry struct {
	By      access.Viewer
	At      time.Time
	What    string // e.g. "owner added"
	Detail  string
	Subject int64          // the account that it is about; 0 for none
	Camera  *access.Camera // that it is about; nil for none
}

// Enter adds entries to the end of the log, in the transaction that makes the changes: either both are kept or neither. Once
// that transaction is committed, the caller gives the head to Anchor.
func (l *Log) Enter(ctx context.Context, tx *sql.Tx, entries ...Entry) (Head, error) {
	rows := make([]entry, 0, len(entries))
	for _, x := range entries {
		at := micros(x.At)
		e := entry{kind: changeEntry, viewer: x.By, subject: x.Subject, what: x.What, detail: x.Detail, first: at, last: at}
		if x.Camera != nil {
			e.camera = x.Camera[:]
		}
		rows = append(rows, e)
	}
	head, err := l.enter(ctx, tx, rows)
	return Head{head}, err
}

// Head is the newest entry as Enter left it.
type Head struct{ end }

// Anchor notes a committed head in the anchor file. That it cannot be written is reported, and stops nothing: the entry is in
// the database.
func (l *Log) Anchor(h Head) { l.anchorAt(h.end) }

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// wrote wraps the errors of writing the log.
func wrote(err error) error { return fmt.Errorf("write the audit log: %w", err) }
