// Package schema keeps the tables of accounts.db: schema.sql says what they are today, migrations/ is the path to it, and a
// test compares both. Packages that keep something in that file (accounts, audit, identity, layout) take the database that
// Open returns and own the SQL of their tables.
package schema

import (
	"context"
	"embed"

	"keepwatch.internal/internal/sqlite"
)

//go:embed schema.sql migrations
var files embed.FS

// applicationID marks the accounts database: "kw" and 1.
const applicationID = 0x6b77_0001

// Open opens or creates the accounts database at path, and brings its tables up to date. The caller closes it. It returns
// the errors of sqlite.Open.
func Open(ctx context.Context, path string) (*sqlite.DB, error) {
	return sqlite.Open(ctx, sqlite.Options{Path: path, ApplicationID: applicationID, Files: files})
}

// OpenReader opens a database that exists, for reading alone: it runs no migration. It returns the errors of
// sqlite.OpenReader.
func OpenReader(ctx context.Context, path string) (*sqlite.DB, error) {
	return sqlite.OpenReader(ctx, sqlite.Options{Path: path, ApplicationID: applicationID, Files: files})
}
