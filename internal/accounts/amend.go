package accounts

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// amendment is a transaction that changes who may do what, and puts that on record.
type amendment struct {
	*sql.Tx
	by      access.Viewer
	now     time.Time
	entries []audit.Entry
}

// note puts a change on record. The subject is the account that it is about, 0 for none.
func (a *amendment) note(what, detail string, subject int64, c *access.Camera) {
	a.entries = append(a.entries, audit.Entry{By: a.by, At: a.now, What: what, Detail: detail, Subject: subject, Camera: c})
}

// amend runs f in a write transaction. Its notes enter the audit log together with what it changes, or neither does.
func (d *Directory) amend(ctx context.Context, by access.Viewer, f func(*amendment) error) error {
	var head audit.Head
	var noted bool
	err := d.db.Write(ctx, func(tx *sql.Tx) error {
		a := &amendment{Tx: tx, by: by, now: d.now()}
		if err := f(a); err != nil || len(a.entries) == 0 {
			return err
		}
		var err error
		head, err = d.audit.Enter(ctx, tx, a.entries...)
		noted = err == nil
		return err
	})
	if err == nil && noted {
		d.audit.Anchor(head)
	}
	return err
}

// deriveKey makes a key for one purpose from the box's master key (RFC 5869).
func deriveKey(master [32]byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, master[:], nil, "keepwatch accounts "+purpose, sha256.Size)
	if err != nil {
		panic(err) // lengths are constants
	}
	return key
}
