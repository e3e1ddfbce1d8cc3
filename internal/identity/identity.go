// Package identity keeps which device each configured camera is: the fingerprint by which a stream's camera was recognised, the
// new device that answers in its place and waits for the owner, and what the configuration called each camera.
//
// What it promises. An owner accepts exactly what was looked at: a new device that changed meanwhile is refused. What became of
// fingerprints is kept, the newest hundred changes of each camera.
//
// Its tables are in accounts.db; package schema has them. How cameras are told apart is the business of package camera, and
// package recorder asks for the judgement; here evidence is text.
package identity

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
	"keepwatch.internal/internal/sqlite"
)

// Store keeps fingerprints, new devices and names of cameras. Its methods may be called from several goroutines, and several
// processes may use the same database.
type Store struct {
	db  *sqlite.DB
	now func() time.Time
}

// New returns the store in db, which has the tables of package schema, and which the caller closes.
func New(db *sqlite.DB, now func() time.Time) *Store { return &Store{db: db, now: now} }

var (
	// ErrNoNewDevice is returned by AcceptNewDevices when the camera is not quarantined.
	ErrNoNewDevice = errors.New("nothing to accept: the camera is not quarantined")
	// ErrNewDeviceChanged is returned by AcceptNewDevices when the new device is not the one that was looked at.
	ErrNewDeviceChanged = errors.New("the device that answers in the camera's place has changed meanwhile: look again")
)

// maxChanges is how many changes are kept of each camera.
const maxChanges = 100

// Fingerprint is what tells the camera of a stream from others.
type Fingerprint struct {
	Camera   access.Camera
	Stream   string    // main or sub
	Address  string    // host:port where it was seen last
	Evidence string    // JSON, which package camera reads
	Since    time.Time // first contact
	Changed  time.Time // of Evidence
}

// NewDevice is a device that answers in a camera's place and contradicts its fingerprint.
type NewDevice struct {
	Camera      access.Camera
	Stream      string
	Address     string
	Evidence    string
	Differences []string // sentences
	Resembles   string   // id of the configured camera that it looks like; empty for none. Not for people who may not know of that camera
	Since       time.Time
}

// ID names what was seen, so that an owner accepts that and nothing that came later.
func (c NewDevice) ID() string {
	sum := sha256.Sum256([]byte(c.Stream + "\n" + c.Evidence))
	return hex.EncodeToString(sum[:8])
}

// Change is something that became of a camera's fingerprints.
type Change struct {
	Stream string
	At     time.Time
	What   string
	By     string // account, "console", or empty for the program itself
}

// Fingerprints returns the fingerprints of all cameras.
func (s *Store) Fingerprints(ctx context.Context) ([]Fingerprint, error) {
	const query = `SELECT camera, stream, address, evidence, since_us, changed_us FROM pins ORDER BY camera, stream`
	rows, err := s.db.Read().QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Fingerprint
	for rows.Next() {
		var p Fingerprint
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

// SetFingerprint keeps a fingerprint, forgets the stream's new device, and notes what happened.
func (s *Store) SetFingerprint(ctx context.Context, p Fingerprint, what string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := putFingerprint(ctx, tx, p); err != nil {
			return err
		}
		return noteChange(ctx, tx, p, Change{At: p.Changed, What: what})
	})
}

func putFingerprint(ctx context.Context, tx *sql.Tx, p Fingerprint) error {
	const put = `INSERT INTO pins (camera, stream, address, evidence, since_us, changed_us) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (camera, stream) DO UPDATE SET address = excluded.address, evidence = excluded.evidence, changed_us = excluded.changed_us`
	if _, err := tx.ExecContext(ctx, put, p.Camera[:], p.Stream, p.Address, p.Evidence, p.Since.UnixMicro(), p.Changed.UnixMicro()); err != nil {
		return err
	}
	const settle = `DELETE FROM claims WHERE camera = ? AND stream = ?`
	_, err := tx.ExecContext(ctx, settle, p.Camera[:], p.Stream)
	return err
}

func noteChange(ctx context.Context, tx *sql.Tx, p Fingerprint, c Change) error {
	const insert = `INSERT INTO pin_changes (camera, stream, at_us, what, by) VALUES (?, ?, ?, ?, ?)`
	if _, err := tx.ExecContext(ctx, insert, p.Camera[:], p.Stream, c.At.UnixMicro(), c.What, c.By); err != nil {
		return err
	}
	const prune = `DELETE FROM pin_changes WHERE camera = ?1 AND id <= (SELECT id FROM pin_changes WHERE camera = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`
	_, err := tx.ExecContext(ctx, prune, p.Camera[:], maxChanges)
	return err
}

// Changes returns what became of a camera's fingerprints, newest first.
func (s *Store) Changes(ctx context.Context, camera access.Camera) ([]Change, error) {
	const query = `SELECT stream, at_us, what, by FROM pin_changes WHERE camera = ? ORDER BY id DESC`
	rows, err := s.db.Read().QueryContext(ctx, query, camera[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Change
	for rows.Next() {
		var c Change
		var at int64
		if err := rows.Scan(&c.Stream, &at, &c.What, &c.By); err != nil {
			return nil, err
		}
		c.At = time.UnixMicro(at).UTC()
		all = append(all, c)
	}
	return all, rows.Err()
}

// SetNewDevice keeps the device that contradicts a stream's fingerprint, in place of an earlier one.
func (s *Store) SetNewDevice(ctx context.Context, c NewDevice) error {
	differences, err := json.Marshal(c.Differences)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		const put = `INSERT OR REPLACE INTO claims (camera, stream, address, evidence, differences, resembles, since_us) VALUES (?, ?, ?, ?, ?, ?, ?)`
		_, err := tx.ExecContext(ctx, put, c.Camera[:], c.Stream, c.Address, c.Evidence, string(differences), c.Resembles, c.Since.UnixMicro())
		return err
	})
}

// ForgetNewDevice forgets the stream's new device: the camera is back.
func (s *Store) ForgetNewDevice(ctx context.Context, camera access.Camera, stream string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		const drop = `DELETE FROM claims WHERE camera = ? AND stream = ?`
		_, err := tx.ExecContext(ctx, drop, camera[:], stream)
		return err
	})
}

const (
	allNewDevices      = `SELECT camera, stream, address, evidence, differences, resembles, since_us FROM claims ORDER BY camera, stream`
	newDevicesOfCamera = `SELECT camera, stream, address, evidence, differences, resembles, since_us FROM claims WHERE camera = ? ORDER BY stream`
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// NewDevices returns the new devices at all cameras.
func (s *Store) NewDevices(ctx context.Context) ([]NewDevice, error) {
	return readNewDevices(ctx, s.db.Read(), allNewDevices)
}

// NewDevicesOf returns the new devices at one camera.
func (s *Store) NewDevicesOf(ctx context.Context, camera access.Camera) ([]NewDevice, error) {
	return readNewDevices(ctx, s.db.Read(), newDevicesOfCamera, camera[:])
}

func readNewDevices(ctx context.Context, q querier, query string, args ...any) ([]NewDevice, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []NewDevice
	for rows.Next() {
		var c NewDevice
		var camera []byte
		var differences string
		var since int64
		if err := rows.Scan(&camera, &c.Stream, &c.Address, &c.Evidence, &differences, &c.Resembles, &since); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(differences), &c.Differences); err != nil {
			return nil, fmt.Errorf("differences of a new device: %w", err)
		}
		copy(c.Camera[:], camera)
		c.Since = time.UnixMicro(since).UTC()
		all = append(all, c)
	}
	return all, rows.Err()
}

// AcceptNewDevices takes the new devices for the camera from now on. ids are those of all new devices that were looked at
// (NewDevice.ID); by is an account's name or "console". It returns ErrNoNewDevice or ErrNewDeviceChanged. The caller has made
// sure that whoever asks may manage the camera.
func (s *Store) AcceptNewDevices(ctx context.Context, camera access.Camera, ids []string, by string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		devices, err := readNewDevices(ctx, tx, newDevicesOfCamera, camera[:])
		if err != nil {
			return err
		}
		if len(devices) == 0 {
			return ErrNoNewDevice
		}
		for _, c := range devices {
			if !slices.Contains(ids, c.ID()) {
				return ErrNewDeviceChanged
			}
			p := Fingerprint{Camera: camera, Stream: c.Stream, Address: c.Address, Evidence: c.Evidence, Since: s.now(), Changed: s.now()}
			if err := putFingerprint(ctx, tx, p); err != nil {
				return err
			}
			what := "accepted as this camera from now on"
			for _, difference := range c.Differences {
				what += "; " + difference
			}
			if err := noteChange(ctx, tx, p, Change{At: s.now(), What: what, By: by}); err != nil {
				return err
			}
		}
		return nil
	})
}
