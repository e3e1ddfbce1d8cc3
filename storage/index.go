package storage

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
)

const (
	indexName = "index.db"
	// indexMark is the application id of index.db: "KWix".
	indexMark = 0x4b57_6978
)

//go:embed schema.sql migrations
var indexFiles embed.FS

// openIndex opens the index. It is rebuilt from the files when lost, so that its commits need not wait for the disk.
func openIndex(ctx context.Context, path string) (*sqlite.DB, error) {
	return sqlite.Open(ctx, sqlite.Options{Path: path, ApplicationID: indexMark, Files: indexFiles, Synchronous: sqlite.Normal})
}

// state is where a segment is on its way. Its numbers stand in the index.
type state int

const (
	stateOpen        state = 1
	stateClosed      state = 2
	stateDeleting    state = 3
	stateQuarantined state = 4
)

// streamRow names a stream inside the index.
type streamRow struct {
	camera  int64
	quality media.Quality
}

// micros is a time as the index keeps it.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros is the reverse of micros.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// write runs f in a writing transaction, after the changes that are owed from when the index could not be written.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	if err := s.settleOwed(ctx); err != nil {
		return err
	}
	err := s.index.Write(ctx, f)
	if s.rescue(err) {
		err = s.index.Write(ctx, f)
	}
	return s.suspect(err)
}

// logName is SQLite's log beside the index, which has the commits that are not in the index yet.
const logName = indexName + "-wal"

// writeFirst is write for a change that must not be lost when what is done to files after it is not: it returns when the
// change survives a power cut. Other commits wait for the next checkpoint. Syncing the log makes all commits in it
// safe; SQLite holds no lock on that file, so that closing it here drops none.
// https://www.sqlite.org/wal.html
func (s *Store) writeFirst(ctx context.Context, f func(*sql.Tx) error) error {
	if err := s.write(ctx, f); err != nil {
		return err
	}
	log, err := s.data.Edit(logName)
	if err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	if err := errors.Join(log.Sync(), log.Close(), s.data.SyncDir(".")); err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	return nil
}

// each runs a query and calls scan for every row.
func each(ctx context.Context, q queryer, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement in a transaction and forgets its result.
func exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}
