package index

import (
	"context"
	"database/sql"
	"embed"
	"time"

	"keepwatch.internal/internal/sqlite"
)

const (
	// FileName is the name of the database in the data folder.
	FileName = "index.db"
	// LogName is the name of SQLite's log beside it, which has the commits that are not in the database yet.
	LogName = FileName + "-wal"
	// mark is the application id of the database: "KWix".
	mark = 0x4b57_6978
)

//go:embed schema.sql migrations
var files embed.FS

// Database says which database the index is, for the one at the path.
func Database(path string) sqlite.Options {
	return sqlite.Options{Path: path, ApplicationID: mark, Files: files, Synchronous: sqlite.Normal}
}

// DB is an open index. Its methods may be called from several goroutines.
type DB struct {
	Reader // of the newest state
	db     *sqlite.DB
}

// Open opens the index, makes it when it is missing, and migrates one of an older program. Errors are those of
// sqlite.Open.
func Open(ctx context.Context, path string) (*DB, error) {
	return newDB(sqlite.Open(ctx, Database(path)))
}

// OpenReader opens the index for reading alone, beside the process that writes it, and changes nothing. Errors are those
// of sqlite.OpenReader.
func OpenReader(ctx context.Context, path string) (*DB, error) {
	return newDB(sqlite.OpenReader(ctx, Database(path)))
}

func newDB(db *sqlite.DB, err error) (*DB, error) {
	if err != nil {
		return nil, err
	}
	return &DB{Reader{db.Read()}, db}, nil
}

// Close closes the index. Closing twice is harmless.
func (d *DB) Close() error { return d.db.Close() }

// Examine reads the whole index and returns an error for which sqlite.IsDamaged holds when it contradicts itself.
func (d *DB) Examine(ctx context.Context) error { return d.db.Examine(ctx) }

// View runs f with a Reader whose queries all see the same moment.
func (d *DB) View(ctx context.Context, f func(Reader) error) error {
	return d.db.View(ctx, func(tx *sql.Tx) error { return f(Reader{tx}) })
}

// Write runs f in a transaction that holds the write lock, and commits it when f returns nil. Calls wait for one another;
// f must not call Write. A power cut may take the latest commits: see LogName.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return d.db.Write(ctx, func(tx *sql.Tx) error { return f(&Tx{Reader{tx}, tx}) })
}

// Reader asks the index.
type Reader struct{ q queryer }

// queryer is a database or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx is a transaction that writes. What it reads includes what it has written.
type Tx struct {
	Reader
	tx *sql.Tx
}

// each runs a query and calls scan for every row.
func (r Reader) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := r.q.QueryContext(ctx, query, args...)
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

// exec runs a statement and forgets its result.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.tx.ExecContext(ctx, query, args...)
	return err
}

// changes runs a statement and reports whether it changed any row.
func (tx *Tx) changes(ctx context.Context, query string, args ...any) (bool, error) {
	res, err := tx.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Micros is a time as the index keeps it: microseconds since 1970.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the reverse of Micros, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
