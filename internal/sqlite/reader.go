package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// errReadOnly is returned by Write of a database that OpenReader opened.
var errReadOnly = errors.New("the database was opened for reading alone")

// OpenReader opens a database that exists for reading alone, beside whatever process writes it: it takes no write lock, runs
// no migration and makes no file. It returns an error that is fs.ErrNotExist when there is no database, ErrForeign for
// another program's, a *NewerError for one of a newer program, and an *OlderError for one that has yet to be migrated.
func OpenReader(ctx context.Context, o Options) (*DB, error) {
	steps, err := o.complete()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.Path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{path: o.Path, version: len(steps)}
	if d.read, err = sql.Open("sqlite", dsn(o, false, true)); err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	d.read.SetMaxOpenConns(o.Readers)
	d.read.SetMaxIdleConns(o.Readers)
	if err := d.checkSchema(ctx, o, len(steps)); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", o.Path, err), d.Close())
	}
	return d, nil
}

// checkSchema refuses a database that is not of this program and of this schema.
func (d *DB) checkSchema(ctx context.Context, o Options, known int) error {
	return d.View(ctx, func(tx *sql.Tx) error {
		have, _, err := identify(ctx, tx, o.ApplicationID)
		switch {
		case err != nil:
			return err
		case have > known:
			return &NewerError{Path: o.Path, Have: have, Known: known}
		case have < known:
			return &OlderError{Path: o.Path, Have: have, Known: known}
		}
		return nil
	})
}

// OlderError is returned by OpenReader for a database that this version of the program has yet to migrate.
type OlderError struct {
	Path  string
	Have  int // schema of the database
	Known int // schema that this program reads
}

func (e *OlderError) Error() string {
	return "database " + e.Path + " has schema " + strconv.Itoa(e.Have) + ", and this program reads schema " + strconv.Itoa(e.Known) +
		": start the new version's nvr run once, which brings it up to date"
}
