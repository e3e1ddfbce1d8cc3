package index

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Verification says how far the verification pass over all footage has come. Its zero value is that of a pass that never
// began.
type Verification struct {
	Began    time.Time // of this round; zero between two rounds
	Stream   Stream    // of the segment that was read last
	Start    int64     // of that segment, µs
	Read     int64     // bytes in this round
	Found    int64     // integrity issues, in all rounds
	Finished time.Time // end of the last full round; zero before it
}

// Verification returns how far the verification pass has come.
func (r Reader) Verification(ctx context.Context) (Verification, error) {
	const query = `SELECT began_us, camera, quality, start_us, read_bytes, found, finished_us FROM scrub WHERE id = 1`
	var x Verification
	var began int64
	var finished sql.NullInt64
	err := r.q.QueryRowContext(ctx, query).Scan(&began, &x.Stream.Camera, &x.Stream.Quality, &x.Start, &x.Read, &x.Found, &finished)
	if errors.Is(err, sql.ErrNoRows) {
		return Verification{}, nil
	}
	if began != 0 {
		x.Began = FromMicros(began)
	}
	if finished.Valid {
		x.Finished = FromMicros(finished.Int64)
	}
	return x, err
}

// SaveVerification remembers how far the verification pass has come.
func (tx *Tx) SaveVerification(ctx context.Context, x Verification) error {
	const query = `INSERT INTO scrub (id, began_us, camera, quality, start_us, read_bytes, found, finished_us) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET began_us = excluded.began_us, camera = excluded.camera, quality = excluded.quality,
			start_us = excluded.start_us, read_bytes = excluded.read_bytes, found = excluded.found, finished_us = excluded.finished_us`
	began := int64(0)
	if !x.Began.IsZero() {
		began = Micros(x.Began)
	}
	finished := sql.NullInt64{Int64: Micros(x.Finished), Valid: !x.Finished.IsZero()}
	return tx.exec(ctx, query, began, x.Stream.Camera, x.Stream.Quality, x.Start, x.Read, x.Found, finished)
}
