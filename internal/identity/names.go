package identity

import (
	"context"
	"database/sql"

	"keepwatch.internal/internal/access"
)

// SetCameraNames notes what the configuration calls each camera, for commands that run beside the server. New devices at
// cameras that it does not name are forgotten: nobody can accept them.
func (s *Store) SetCameraNames(ctx context.Context, names map[access.Camera]string) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		const clear = `DELETE FROM cameras`
		if _, err := tx.ExecContext(ctx, clear); err != nil {
			return err
		}
		const insert = `INSERT INTO cameras (camera, name) VALUES (?, ?)`
		for c, name := range names {
			if _, err := tx.ExecContext(ctx, insert, c[:], name); err != nil {
				return err
			}
		}
		const drop = `DELETE FROM claims WHERE camera NOT IN (SELECT camera FROM cameras)`
		_, err := tx.ExecContext(ctx, drop)
		return err
	})
}

// CameraNames returns what the configuration called each camera when the server last started.
func (s *Store) CameraNames(ctx context.Context) (map[access.Camera]string, error) {
	const query = `SELECT camera, name FROM cameras`
	rows, err := s.db.Read().QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[access.Camera]string{}
	for rows.Next() {
		var camera []byte
		var name string
		if err := rows.Scan(&camera, &name); err != nil {
			return nil, err
		}
		names[access.Camera(camera)] = name
	}
	return names, rows.Err()
}
