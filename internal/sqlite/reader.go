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
var errReadOnly = errors.New("the database is open for reading only")

// OpenReader opens an existing database for reading only, while other processes may write to it. It takes no write lock, runs
// no migration and creates no file. It returns fs.ErrNotExist if there is no database, ErrForeign for another program's, a
// *NewerError for a newer schema, and an *OlderError for one that is not yet migrated.
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

// checkSchema refuses the databases of other programs and other schemas.
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

// OlderError is returned by OpenReader for a database that this version has not migrated yet.
type OlderError struct {
	Path  string
	Have  int // schema of the database
	Known int // schema that this program reads
}

func (e *OlderError) Error() string {
	return "database " + e.Path + " has schema " + strconv.Itoa(e.Have) + ", and this program reads schema " + strconv.Itoa(e.Known) +
		": start the new version's nvr run once to migrate it"
}
