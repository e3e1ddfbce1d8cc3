package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrForeign is returned by Open for a file with the database of another program or package.
var ErrForeign = errors.New("not a database of this kind")

// NewerError is returned by Open for a database that a newer version of the program has migrated.
type NewerError struct {
	Path  string
	Have  int // schema of the database
	Known int // newest schema that this program knows
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("database %s has schema %d, but this program knows schemas up to %d: run the newer program that wrote it, "+
		"or restore the backup made before the upgrade", e.Path, e.Have, e.Known)
}

type migration struct {
	name string
	sql  string
}

// readMigrations returns the migrations in order: the n-th has the number n.
func readMigrations(files fs.FS) ([]migration, error) {
	if files == nil {
		return nil, errors.New("no migrations given")
	}
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no migrations given")
	}
	slices.Sort(names)
	steps := make([]migration, 0, len(names))
	for i, name := range names {
		base := strings.TrimSuffix(path.Base(name), ".sql")
		number, what, ok := strings.Cut(base, "_")
		if n, err := strconv.Atoi(number); err != nil || len(number) != 4 || n != i+1 || !ok || what == "" {
			return nil, fmt.Errorf("migration %s: want %04d_what.sql", name, i+1)
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, migration{name: base, sql: string(body)})
	}
	return steps, nil
}

// migrate upgrades the database to the newest schema: all missing steps in one transaction, or none. Its own connection
// does not enforce foreign keys, so that a step may rebuild a table that others refer to
// (https://www.sqlite.org/lang_altertable.html#otheralter). It checks them before the commit.
func migrate(ctx context.Context, o Options, steps []migration) error {
	db, err := openWriter(ctx, o, false)
	if err != nil {
		return err
	}
	err = inside(ctx, db, nil, func(tx *sql.Tx) error { return migrateIn(ctx, tx, o, steps) })
	return errors.Join(err, db.Close())
}

// inspect returns the database's schema number, 0 if it is empty. It fails if the database is not ours, or if this SQLite
// must not write to it.
func inspect(ctx context.Context, db *sql.DB, application int32) (have int, err error) {
	var version string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return 0, err
	}
	if err := checkVersion(version); err != nil {
		return 0, err
	}
	err = inside(ctx, db, nil, func(tx *sql.Tx) error {
		have, _, err = identify(ctx, tx, application)
		return err
	})
	return have, err
}

func migrateIn(ctx context.Context, tx *sql.Tx, o Options, steps []migration) error {
	have, fresh, err := identify(ctx, tx, o.ApplicationID)
	if err != nil {
		return err
	}
	if have > len(steps) {
		return &NewerError{Path: o.Path, Have: have, Known: len(steps)}
	}
	if have == len(steps) {
		return nil
	}
	if fresh {
		if _, err := tx.ExecContext(ctx, "PRAGMA application_id = "+strconv.Itoa(int(o.ApplicationID))); err != nil {
			return err
		}
	}
	for _, step := range steps[have:] {
		if _, err := tx.ExecContext(ctx, step.sql); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	if err := checkForeignKeys(ctx, tx); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(steps)))
	return err
}

// identify returns the schema's number and whether the database is still empty.
func identify(ctx context.Context, tx *sql.Tx, application int32) (have int, fresh bool, err error) {
	const query = `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`
	var mark int32
	var objects int
	if err := tx.QueryRowContext(ctx, query).Scan(&have, &mark, &objects); err != nil {
		return 0, false, err
	}
	fresh = mark == 0 && have == 0 && objects == 0
	if !fresh && mark != application {
		return 0, false, fmt.Errorf("%w: application id %#x instead of %#x", ErrForeign, uint32(mark), uint32(application))
	}
	return have, fresh, nil
}

func checkForeignKeys(ctx context.Context, tx *sql.Tx) error {
	const query = `SELECT "table", "parent" FROM pragma_foreign_key_check LIMIT 1`
	var child, parent string
	err := tx.QueryRowContext(ctx, query).Scan(&child, &parent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("migration leaves rows of %s without their row of %s", child, parent)
}
