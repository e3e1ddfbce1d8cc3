// Package indextest is the test kit for what stands on the index: it looks into the database and changes it as no method
// of package index would, to see what a store makes of that.
package indextest

import (
	"context"
	"database/sql"
	"testing"

	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/index"
)

// Exec runs statements, all in one transaction, on the index with the path. Other processes and the test itself may have
// it open.
func Exec(t testing.TB, path, query string, args ...any) {
	t.Helper()
	if err := TryExec(t, path, query, args...); err != nil {
		t.Fatal(err)
	}
}

// TryExec is Exec for statements that may be refused.
func TryExec(t testing.TB, path, query string, args ...any) error {
	t.Helper()
	return with(t, path, func(db *sqlite.DB) error {
		return db.Write(context.Background(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(context.Background(), query, args...)
			return err
		})
	})
}

// Value returns the one value that a query finds.
func Value[T any](t testing.TB, path, query string, args ...any) T {
	t.Helper()
	var value T
	err := with(t, path, func(db *sqlite.DB) error {
		return db.Read().QueryRowContext(context.Background(), query, args...).Scan(&value)
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func with(t testing.TB, path string, f func(*sqlite.DB) error) error {
	t.Helper()
	db, err := sqlite.Open(context.Background(), index.Database(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	return f(db)
}
