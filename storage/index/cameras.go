package index

import (
	"context"
	"database/sql"
	"time"

	"keepwatch.internal/internal/media"
)

// Camera is the row of a camera. Row, ID, Folder and Created never change.
type Camera struct {
	Row     int64 // its number in the index
	ID      media.CameraID
	Name    string
	Label   string
	Folder  string // in recordings
	Created time.Time
	Retired time.Time // zero while in use
	Retain  Retain
}

// Retain is how long and how much footage of a camera is kept. Zero values set no limit.
type Retain struct {
	Age      time.Duration
	MaxBytes int64
}

// Cameras lists all cameras, retired ones among them, in no order.
func (r Reader) Cameras(ctx context.Context) ([]Camera, error) {
	const query = `SELECT id, uuid, name, label, folder, created_us, coalesce(retired_us, 0), retain_us, retain_bytes FROM camera`
	var found []Camera
	err := r.each(ctx, query, nil, func(rows *sql.Rows) error {
		var c Camera
		var id []byte
		var created, retired, age int64
		if err := rows.Scan(&c.Row, &id, &c.Name, &c.Label, &c.Folder, &created, &retired, &age, &c.Retain.MaxBytes); err != nil {
			return err
		}
		copy(c.ID[:], id)
		c.Created, c.Retain.Age = FromMicros(created), time.Duration(age)*time.Microsecond
		if retired != 0 {
			c.Retired = FromMicros(retired)
		}
		found = append(found, c)
		return nil
	})
	return found, err
}

// retiredMicros is the column of the time of retirement.
func (c Camera) retiredMicros() any {
	if c.Retired.IsZero() {
		return nil
	}
	return Micros(c.Retired)
}

// InsertCamera adds a camera with its streams, and returns its row. The ledger of each stream begins with the camera; first
// says with what.
func (tx *Tx) InsertCamera(ctx context.Context, c Camera, first map[media.Quality]LedgerEntry) (row int64, err error) {
	const insertCamera = `INSERT INTO camera (uuid, name, label, folder, created_us, retired_us, retain_us, retain_bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
	err = tx.q.QueryRowContext(ctx, insertCamera, c.ID[:], c.Name, c.Label, c.Folder, Micros(c.Created), c.retiredMicros(),
		c.Retain.Age.Microseconds(), c.Retain.MaxBytes).Scan(&row)
	if err != nil {
		return 0, err
	}
	for quality, entry := range first {
		const insertStream = `INSERT INTO stream (camera, quality) VALUES (?, ?)`
		if err := tx.exec(ctx, insertStream, row, quality); err != nil {
			return 0, err
		}
		if err := tx.Enter(ctx, Stream{row, quality}, Micros(c.Created), Forever, entry); err != nil {
			return 0, err
		}
	}
	return row, nil
}

// UpdateCamera changes what may change of a camera.
func (tx *Tx) UpdateCamera(ctx context.Context, c Camera) error {
	const query = `UPDATE camera SET label = ?, retired_us = ?, retain_us = ?, retain_bytes = ? WHERE id = ? AND uuid = ?`
	return tx.exec(ctx, query, c.Label, c.retiredMicros(), c.Retain.Age.Microseconds(), c.Retain.MaxBytes, c.Row, c.ID[:])
}
