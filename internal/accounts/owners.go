package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// owners keeps which accounts own which cameras.
type owners struct{ *core }

// Ownership is the owners of a camera, by account name. A camera without owners belongs to the first account ever created, while
// that exists, and never to another one.
type Ownership struct {
	Camera access.Camera
	Name   string // of the camera, for people
	Owners []string
}

// UnknownOwnersError is returned by SetOwners and CheckOwners for owners who never had an account.
type UnknownOwnersError struct {
	Names   []string // of the owners, sorted
	Cameras []string // the names of the cameras that are given to them, sorted
}

func (e *UnknownOwnersError) Error() string {
	return fmt.Sprintf("owners without an account: %s (named at %s). Create the account with \"nvr user add %s\", or correct the name in the configuration",
		strings.Join(e.Names, ", "), strings.Join(e.Cameras, ", "), e.Names[0])
}

// SetOwners replaces the stored owners by those of the configuration, and puts every difference on record.
//
// Before the first account exists, owners may lack one. Afterwards it returns *UnknownOwnersError for an owner who never had an
// account, and changes nothing: a mistyped name would hide a camera from its owner. An owner whose account was removed is logged
// and owns nothing; the cameras continue to record.
func (o *owners) SetOwners(ctx context.Context, all []Ownership) error {
	var gone []string
	err := o.amend(ctx, audit.Configuration(), func(a *amendment) error {
		var err error
		if gone, err = checkOwners(ctx, a.Tx, all); err != nil {
			return err
		}
		return replaceOwners(ctx, a, all)
	})
	if err != nil {
		if _, ok := errors.AsType[*UnknownOwnersError](err); ok {
			return err
		}
		return fmt.Errorf("set owners: %w", err)
	}
	for _, name := range gone {
		o.log.Warn("an owner named in the configuration has no account and sees nothing", "owner", name)
	}
	return nil
}

// CheckOwners returns the error that SetOwners would return, and changes nothing.
func (o *owners) CheckOwners(ctx context.Context, all []Ownership) error {
	return o.db.View(ctx, func(tx *sql.Tx) error {
		_, err := checkOwners(ctx, tx, all)
		return err
	})
}

// checkOwners returns the names that have no account and need none, or *UnknownOwnersError.
func checkOwners(ctx context.Context, tx *sql.Tx, all []Ownership) (gone []string, err error) {
	first, err := noAccount(ctx, tx)
	if err != nil {
		return nil, err
	}
	unknown := UnknownOwnersError{}
	for _, o := range all {
		for _, name := range o.Owners {
			if err := checkName(name); err != nil { // above all the empty one, which means the first account
				return nil, fmt.Errorf("owner %q: %w", name, err)
			}
			const query = `SELECT EXISTS (SELECT 1 FROM accounts WHERE name = ?1 AND id > 0), EXISTS (SELECT 1 FROM former WHERE name = ?1)`
			var known, former bool
			if err := tx.QueryRowContext(ctx, query, name).Scan(&known, &former); err != nil {
				return nil, err
			}
			switch {
			case known:
			case first || former:
				gone = append(gone, name)
			default:
				unknown.Names = append(unknown.Names, name)
				unknown.Cameras = append(unknown.Cameras, o.Name)
			}
		}
	}
	slices.Sort(gone)
	if len(unknown.Names) == 0 {
		return slices.Compact(gone), nil
	}
	slices.Sort(unknown.Names)
	slices.Sort(unknown.Cameras)
	unknown.Names, unknown.Cameras = slices.Compact(unknown.Names), slices.Compact(unknown.Cameras)
	return nil, &unknown
}

// ownerRow is a row of ownership.
type ownerRow struct {
	camera access.Camera
	owner  string // "" stands for the first account
}

// replaceOwners stores the differences and puts them on record.
func replaceOwners(ctx context.Context, a *amendment, all []Ownership) error {
	want := map[ownerRow]bool{}
	for _, o := range all {
		if o.Camera == (access.Camera{}) {
			return errors.New("a camera without key")
		}
		for _, name := range o.Owners {
			want[ownerRow{o.Camera, name}] = true
		}
		if len(o.Owners) == 0 {
			want[ownerRow{o.Camera, ""}] = true
		}
	}
	have, err := ownerRows(ctx, a.Tx)
	if err != nil {
		return err
	}
	const remove = `DELETE FROM ownership WHERE camera = ? AND owner = ?`
	for _, row := range inOrder(have) {
		if !want[row] {
			if err := changeOwner(ctx, a, remove, row, "owner removed"); err != nil {
				return err
			}
		}
	}
	const insert = `INSERT INTO ownership (camera, owner) VALUES (?, ?)`
	for _, row := range inOrder(want) {
		if !have[row] {
			if err := changeOwner(ctx, a, insert, row, "owner added"); err != nil {
				return err
			}
		}
	}
	return nil
}

func changeOwner(ctx context.Context, a *amendment, statement string, row ownerRow, what string) error {
	if _, err := a.ExecContext(ctx, statement, row.camera[:], row.owner); err != nil {
		return err
	}
	name := row.owner
	const find = `SELECT id, name FROM accounts WHERE name = ?1 OR (?1 = '' AND id = 1)`
	var id int64
	err := a.QueryRowContext(ctx, find, row.owner).Scan(&id, &name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if name == "" {
		name = "the first account"
	}
	a.note(what, name, id, &row.camera)
	return nil
}

func ownerRows(ctx context.Context, tx *sql.Tx) (map[ownerRow]bool, error) {
	const query = `SELECT camera, owner FROM ownership WHERE owner NOT IN (SELECT name FROM accounts WHERE id < 0)`
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := map[ownerRow]bool{}
	for rows.Next() {
		var camera []byte
		var row ownerRow
		if err := rows.Scan(&camera, &row.owner); err != nil {
			return nil, err
		}
		if len(camera) != len(row.camera) {
			return nil, fmt.Errorf("a camera's key has %d bytes", len(camera))
		}
		row.camera = access.Camera(camera)
		have[row] = true
	}
	return have, errors.Join(rows.Err(), rows.Close())
}

func inOrder(rows map[ownerRow]bool) []ownerRow {
	sorted := make([]ownerRow, 0, len(rows))
	for row := range rows {
		sorted = append(sorted, row)
	}
	slices.SortFunc(sorted, func(x, y ownerRow) int {
		if c := slices.Compare(x.camera[:], y.camera[:]); c != 0 {
			return c
		}
		return strings.Compare(x.owner, y.owner)
	})
	return sorted
}
