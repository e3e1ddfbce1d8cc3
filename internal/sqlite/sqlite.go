// Package sqlite opens databases with the right settings and migrates their schemas.
//
// A DB has one writer, whose transactions take the write lock when they begin, and a pool of readers that cannot write.
// Both use write-ahead logging, foreign keys, a busy timeout and an untrusted schema. Several processes may have the same
// database open: `nvr user` works while `nvr run` does.
//
// This package knows no tables. Each package with a database has its own schema.sql and migrations, and package sqlitetest
// compares them.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Synchronous says how much a commit waits for the disk.
type Synchronous uint8

const (
	// Full makes every commit survive a power cut. It is the zero value.
	Full Synchronous = iota
	// Normal lets a power cut lose the latest commits but never damages the database. It is for data that can be rebuilt.
	Normal
)

func (s Synchronous) String() string {
	if s == Normal {
		return "NORMAL"
	}
	return "FULL"
}

const (
	defaultReaders = 4
	defaultBusy    = 5 * time.Second
	walLimitBytes  = 16 << 20 // a log that grew larger is truncated to this
)

// minVersion is the first SQLite without the bug that could corrupt a database when the write-ahead log was reset.
var minVersion = [3]int{3, 51, 3}

// Options says which database to open and how.
type Options struct {
	// Path of the database file. Its folder must exist. A missing file is created, readable only by its owner.
	Path string
	// ApplicationID marks the file as this package's. A file with another mark is refused. It must not be zero.
	ApplicationID int32
	// Files contains migrations/NNNN_what.sql, numbered from 0001 without gaps.
	Files fs.FS
	// Synchronous is Full unless the content can be rebuilt.
	Synchronous Synchronous
	// Readers bounds the reading connections; 4 when zero.
	Readers int
	// Busy is how long a statement waits for another process's lock before it fails; 5 s when zero.
	Busy time.Duration
}

// DB is an open database. Its methods may be called from several goroutines.
type DB struct {
	path    string
	version int
	write   *sql.DB
	read    *sql.DB
}

// complete fills in the defaults, makes the path absolute, and returns the migrations.
func (o *Options) complete() ([]migration, error) {
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	if o.Busy <= 0 {
		o.Busy = defaultBusy
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	o.Path = abs
	steps, err := readMigrations(o.Files)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	return steps, nil
}

// Open opens or creates the database, checks that it is ours, and runs the missing migrations. It returns a *NewerError
// if a newer version wrote the database, and ErrForeign if another program did.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.ApplicationID == 0 {
		return nil, errors.New("open database: no application id given")
	}
	steps, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := createFile(o.Path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	d := &DB{path: o.Path, version: len(steps)}
	if err := d.connect(ctx, o, steps); err != nil {
		err = errors.Join(err, d.Close())
		if _, ok := errors.AsType[*NewerError](err); ok {
			return nil, err
		}
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	return d, nil
}

func (d *DB) connect(ctx context.Context, o Options, steps []migration) error {
	if err := d.connectWriter(ctx, o, steps); err != nil {
		return err
	}
	var err error
	var mode string
	if err := d.write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("write-ahead logging does not work in this folder (journal mode %s): use a local disk", mode)
	}
	if d.read, err = sql.Open("sqlite", dsn(o, false, true)); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(o.Readers)
	d.read.SetMaxIdleConns(o.Readers)
	return d.read.PingContext(ctx)
}

// connectWriter opens the writer on the newest schema. Most databases have it already and need no second connection for
// migrations.
func (d *DB) connectWriter(ctx context.Context, o Options, steps []migration) error {
	var err error
	if d.write, err = openWriter(ctx, o, true); err != nil {
		return err
	}
	have, err := inspect(ctx, d.write, o.ApplicationID)
	if err != nil || have == len(steps) {
		return err
	}
	if err := errors.Join(d.write.Close(), migrate(ctx, o, steps)); err != nil {
		return err
	}
	d.write, err = openWriter(ctx, o, true)
	return err
}

// openWriter returns a handle with one connection, opened at once. Switching a new database to write-ahead logging does not
// wait for other processes as statements do, so it is retried for o.Busy.
func openWriter(ctx context.Context, o Options, foreignKeys bool) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(o, true, foreignKeys))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	deadline := time.Now().Add(o.Busy)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err = db.PingContext(ctx)
		if err == nil {
			return db, nil
		}
		if !IsBusy(err) || time.Now().After(deadline) {
			return nil, errors.Join(err, db.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), db.Close())
		case <-time.After(wait):
		}
	}
}

// dsn is the URI with all settings of a connection, so that all connections of a pool are the same.
// https://www.sqlite.org/uri.html
func dsn(o Options, writer, foreignKeys bool) string {
	q := url.Values{
		"mode":          {"rw"}, // never created by accident: createFile did that, with the right permissions
		"_busy_timeout": {strconv.FormatInt(o.Busy.Milliseconds(), 10)},
		"_foreign_keys": {strconv.FormatBool(foreignKeys)},
		"_synchronous":  {o.Synchronous.String()},
		"_defensive":    {"true"},
		"_dqs":          {"false"},
		"_error_rc":     {"true"},
		"_pragma": {
			"trusted_schema(OFF)",
			"cell_size_check(ON)",
			"temp_store(MEMORY)",
			"journal_size_limit(" + strconv.Itoa(walLimitBytes) + ")",
		},
	}
	if writer {
		q.Set("_journal_mode", "WAL")
		q.Set("_txlock", "immediate")
	} else {
		q.Set("_query_only", "true")
	}
	u := url.URL{Scheme: "file", Path: o.Path, RawQuery: q.Encode()}
	return u.String()
}

// createFile creates an empty file that only its owner may read; SQLite gives its log the same permissions. It does not
// open an existing file, since closing that would drop the locks that this process may hold on it.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return keepPrivate(path)
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func keepPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(path, 0o600)
}

// Path returns the absolute path of the database file.
func (d *DB) Path() string { return d.path }

// Version returns the schema number: that of the newest migration.
func (d *DB) Version() int { return d.version }

// Read returns the pool of readers, for single statements. A statement that writes fails.
func (d *DB) Read() *sql.DB { return d.read }

// Examine reads the whole database and checks its consistency: the order of keys, the rows of each index, and that each
// page belongs to one tree. IsDamaged is true for the error of an inconsistent database. Examine takes about a second
// for 100 MB, blocks no writer, and ends early when ctx does.
func (d *DB) Examine(ctx context.Context) error {
	const query = `PRAGMA integrity_check(1)`
	var verdict string
	if err := d.read.QueryRowContext(ctx, query).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return nil
}

// View runs f in a transaction that cannot write, so that all its statements see the same state of the database.
func (d *DB) View(ctx context.Context, f func(*sql.Tx) error) error {
	return inside(ctx, d.read, &sql.TxOptions{ReadOnly: true}, f)
}

// Write runs f in a transaction that holds the write lock from its start, and commits it if f returns nil. Everything is
// rolled back if f returns an error or panics, or if ctx ends. Calls wait for each other; f must not call Write.
func (d *DB) Write(ctx context.Context, f func(*sql.Tx) error) error {
	if d.write == nil {
		return errReadOnly
	}
	return inside(ctx, d.write, nil, f)
}

func inside(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // does nothing after a commit; before one, the error of f counts
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Close waits for running statements and closes the database. The last process to close it merges the log into the file.
// Close may be called twice.
func (d *DB) Close() error {
	var errs []error
	for _, db := range []*sql.DB{d.read, d.write} { // the writer last: it may merge the log
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// IsBusy reports whether err says that another connection held a lock for longer than the busy timeout.
func IsBusy(err error) bool { return hasCode(err, lib.SQLITE_BUSY) }

// IsConstraint reports whether err says that a statement broke a constraint: a key that exists, a CHECK, a foreign key.
func IsConstraint(err error) bool { return hasCode(err, lib.SQLITE_CONSTRAINT) }

// ErrDamaged is returned by Examine for an inconsistent database.
var ErrDamaged = errors.New("the database is damaged")

// IsDamaged reports whether err says that the file is not a database, or that its content is inconsistent.
func IsDamaged(err error) bool {
	return errors.Is(err, ErrDamaged) || hasCode(err, lib.SQLITE_CORRUPT) || hasCode(err, lib.SQLITE_NOTADB)
}

// IsFull reports whether err says that the disk is full.
func IsFull(err error) bool { return hasCode(err, lib.SQLITE_FULL) }

func hasCode(err error, primary int) bool {
	e, ok := errors.AsType[*driver.Error](err)
	return ok && e.Code()&0xff == primary
}

func checkVersion(version string) error {
	var have [3]int
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return fmt.Errorf("unknown sqlite version %q", version)
		}
		have[i] = n
	}
	for i := range have {
		if have[i] > minVersion[i] {
			return nil
		}
		if have[i] < minVersion[i] {
			return fmt.Errorf("sqlite %s can corrupt databases when it resets the write-ahead log: at least %d.%d.%d is needed",
				version, minVersion[0], minVersion[1], minVersion[2])
		}
	}
	return nil
}
