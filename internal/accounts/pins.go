package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
)

var (
	// ErrNoClaim is returned by AcceptClaims when the camera is not quarantined.
	ErrNoClaim = errors.New("nothing to accept: the camera is not quarantined")
	// ErrClaimChanged is returned by AcceptClaims when what answers in the camera's place is not what was looked at.
	ErrClaimChanged = errors.New("what answers in the camera's place has changed meanwhile: look again")
)

// maxPinChanges is how many changes are kept of each camera's pins.
const maxPinChanges = 100

// Pin is whom a stream of a camera was recognised as.
type Pin struct {
	Camera   access.Camera
	Stream   string    // main or sub
	Address  string    // host:port where it was seen last
	Evidence string    // JSON, of the room that knows cameras
	Since    time.Time // first contact
	Changed  time.Time // of Evidence
}

// Claim is what answers in a camera's place and contradicts its pin.
type Claim struct {
	Camera      access.Camera
	Stream      string
	Address     string
	Evidence    string
	Differences []string // sentences
	Resembles   string   // id of the configured camera that it looks like; empty for none. Not for people who may not know of that camera
	Since       time.Time
}

// ID names what was seen, so that an owner accepts that and nothing that came after.
func (c Claim) ID() string {
	sum := sha256.Sum256([]byte(c.Stream + "\n" + c.Evidence))
	return hex.EncodeToString(sum[:8])
}

// PinChange is an entry in the record of what became of a camera's pins.
type PinChange struct {
	Stream string
	At     time.Time
	What   string
	By     string // account, "console", or empty for the program itself
}

// Pins returns the pins of all cameras.
func (d *Directory) Pins(ctx context.Context) ([]Pin, error) {
	const query = `SELECT camera, stream, address, evidence, since_us, changed_us FROM pins ORDER BY camera, stream`
	rows, err := d.db.Read().QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Pin
	for rows.Next() {
		var p Pin
		var camera []byte
		var since, changed int64
		if err := rows.Scan(&camera, &p.Stream, &p.Address, &p.Evidence, &since, &changed); err != nil {
			return nil, err
		}
		copy(p.Camera[:], camera)
		p.Since, p.Changed = time.UnixMicro(since).UTC(), time.UnixMicro(changed).UTC()
		all = append(all, p)
	}
	return all, rows.Err()
}

// SetPin keeps a pin, drops the stream's claim, and notes what happened.
func (d *Directory) SetPin(ctx context.Context, p Pin, what string) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		if err := putPin(ctx, tx, p); err != nil {
			return err
		}
		return notePinChange(ctx, tx, p, PinChange{At: p.Changed, What: what})
	})
}

func putPin(ctx context.Context, tx *sql.Tx, p Pin) error {
	const put = `INSERT INTO pins (camera, stream, address, evidence, since_us, changed_us) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (camera, stream) DO UPDATE SET address = excluded.address, evidence = excluded.evidence, changed_us = excluded.changed_us`
	if _, err := tx.ExecContext(ctx, put, p.Camera[:], p.Stream, p.Address, p.Evidence, micros(p.Since), micros(p.Changed)); err != nil {
		return err
	}
	const settle = `DELETE FROM claims WHERE camera = ? AND stream = ?`
	_, err := tx.ExecContext(ctx, settle, p.Camera[:], p.Stream)
	return err
}

func notePinChange(ctx context.Context, tx *sql.Tx, p Pin, c PinChange) error {
	const insert = `INSERT INTO pin_changes (camera, stream, at_us, what, by) VALUES (?, ?, ?, ?, ?)`
	if _, err := tx.ExecContext(ctx, insert, p.Camera[:], p.Stream, micros(c.At), c.What, c.By); err != nil {
		return err
	}
	const prune = `DELETE FROM pin_changes WHERE camera = ?1 AND id <= (SELECT id FROM pin_changes WHERE camera = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`
	_, err := tx.ExecContext(ctx, prune, p.Camera[:], maxPinChanges)
	return err
}

// PinChanges returns what became of a camera's pins, newest first.
func (d *Directory) PinChanges(ctx context.Context, camera access.Camera) ([]PinChange, error) {
	const query = `SELECT stream, at_us, what, by FROM pin_changes WHERE camera = ? ORDER BY id DESC`
	rows, err := d.db.Read().QueryContext(ctx, query, camera[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []PinChange
	for rows.Next() {
		var c PinChange
		var at int64
		if err := rows.Scan(&c.Stream, &at, &c.What, &c.By); err != nil {
			return nil, err
		}
		c.At = time.UnixMicro(at).UTC()
		all = append(all, c)
	}
	return all, rows.Err()
}

// SetClaim keeps what contradicts a stream's pin, in place of what did before.
func (d *Directory) SetClaim(ctx context.Context, c Claim) error {
	differences, err := json.Marshal(c.Differences)
	if err != nil {
		return err
	}
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		const put = `INSERT OR REPLACE INTO claims (camera, stream, address, evidence, differences, resembles, since_us) VALUES (?, ?, ?, ?, ?, ?, ?)`
		_, err := tx.ExecContext(ctx, put, c.Camera[:], c.Stream, c.Address, c.Evidence, string(differences), c.Resembles, micros(c.Since))
		return err
	})
}

// DropClaim forgets what contradicted a stream's pin: the camera is back.
func (d *Directory) DropClaim(ctx context.Context, camera access.Camera, stream string) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		const drop = `DELETE FROM claims WHERE camera = ? AND stream = ?`
		_, err := tx.ExecContext(ctx, drop, camera[:], stream)
		return err
	})
}

const (
	allClaims      = `SELECT camera, stream, address, evidence, differences, resembles, since_us FROM claims ORDER BY camera, stream`
	claimsOfCamera = `SELECT camera, stream, address, evidence, differences, resembles, since_us FROM claims WHERE camera = ? ORDER BY stream`
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Claims returns what is quarantined, of all cameras.
func (d *Directory) Claims(ctx context.Context) ([]Claim, error) {
	return readClaims(ctx, d.db.Read(), allClaims)
}

// ClaimsOf returns what is quarantined of one camera.
func (d *Directory) ClaimsOf(ctx context.Context, camera access.Camera) ([]Claim, error) {
	return readClaims(ctx, d.db.Read(), claimsOfCamera, camera[:])
}

func readClaims(ctx context.Context, q querier, query string, args ...any) ([]Claim, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Claim
	for rows.Next() {
		var c Claim
		var camera []byte
		var differences string
		var since int64
		if err := rows.Scan(&camera, &c.Stream, &c.Address, &c.Evidence, &differences, &c.Resembles, &since); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(differences), &c.Differences); err != nil {
			return nil, fmt.Errorf("differences of a claim: %w", err)
		}
		copy(c.Camera[:], camera)
		c.Since = time.UnixMicro(since).UTC()
		all = append(all, c)
	}
	return all, rows.Err()
}

// AcceptClaims takes what answers in the camera's place for the camera from now on. ids are of all claims that were looked at
// (Claim.ID); by is an account's name or "console". It returns ErrNoClaim or ErrClaimChanged. The caller has made sure that
// whoever asks may manage the camera.
func (d *Directory) AcceptClaims(ctx context.Context, camera access.Camera, ids []string, by string) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error {
		claims, err := readClaims(ctx, tx, claimsOfCamera, camera[:])
		if err != nil {
			return err
		}
		if len(claims) == 0 {
			return ErrNoClaim
		}
		for _, c := range claims {
			if !slices.Contains(ids, c.ID()) {
				return ErrClaimChanged
			}
			p := Pin{Camera: camera, Stream: c.Stream, Address: c.Address, Evidence: c.Evidence, Since: d.now(), Changed: d.now()}
			if err := putPin(ctx, tx, p); err != nil {
				return err
			}
			what := "accepted as this camera from now on"
			for _, difference := range c.Differences {
				what += "; " + difference
			}
			if err := notePinChange(ctx, tx, p, PinChange{At: d.now(), What: what, By: by}); err != nil {
				return err
			}
		}
		return nil
	})
}
