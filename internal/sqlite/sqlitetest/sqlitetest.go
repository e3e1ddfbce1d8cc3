// Package sqlitetest is the test kit for packages with a database. It compares schema.sql, the current schema, with the
// result of the migrations on an empty file, and shows how SQLite would run a statement.
package sqlitetest

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"keepwatch.internal/internal/sqlite"
)

// testApplicationID marks the databases of this kit, which exist for one test.
const testApplicationID = 0x7465_7374

// CheckSchema fails t unless schema.sql and migrations/ in files create the same tables, indexes, triggers and views, and
// every table is STRICT. Comments, spaces and quotes around names are ignored.
func CheckSchema(t *testing.T, files fs.FS) {
	t.Helper()
	schema, err := fs.ReadFile(files, "schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	today := open(t, "schema.db", fstest.MapFS{"migrations/0001_schema.sql": {Data: schema}})
	migrated := open(t, "migrated.db", files)
	for _, difference := range differences(objects(t, today), objects(t, migrated)) {
		t.Error(difference)
	}
	for _, table := range lax(t, migrated) {
		t.Errorf("table %s is not STRICT", table)
	}
}

func differences(want, got map[string]string) []string {
	var all []string
	for name, text := range want {
		switch other, ok := got[name]; {
		case !ok:
			all = append(all, "schema.sql has "+name+", the migrations do not make it")
		case other != text:
			all = append(all, name+" differs:\nschema.sql: "+text+"\nmigrations: "+other)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			all = append(all, "the migrations make "+name+", schema.sql lacks it")
		}
	}
	return all
}

// Plan returns SQLite's plan for the query, one step a line, for tests that check that a hot query uses its index.
func Plan(t *testing.T, db *sqlite.DB, query string, args ...any) string {
	t.Helper()
	var steps []string
	each(t, db, "EXPLAIN QUERY PLAN "+query, args, func(rows *sql.Rows) error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		steps = append(steps, detail)
		return err
	})
	return strings.Join(steps, "\n")
}

func open(t *testing.T, name string, files fs.FS) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(context.Background(), sqlite.Options{
		Path:          filepath.Join(t.TempDir(), name),
		ApplicationID: testApplicationID,
		Files:         files,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func objects(t *testing.T, db *sqlite.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	const query = `SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL`
	each(t, db, query, nil, func(rows *sql.Rows) error {
		var name, text string
		err := rows.Scan(&name, &text)
		all[name] = normal(text)
		return err
	})
	return all
}

// lax returns the tables that are not STRICT.
func lax(t *testing.T, db *sqlite.DB) []string {
	t.Helper()
	var tables []string
	const query = `SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`
	each(t, db, query, nil, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		tables = append(tables, name)
		return err
	})
	return tables
}

func each(t *testing.T, db *sqlite.DB, query string, args []any, f func(*sql.Rows) error) {
	t.Helper()
	rows, err := db.Read().QueryContext(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() && err == nil {
		err = f(rows)
	}
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
}

// normal drops comments, quotes around names and insignificant spaces. It keeps string literals unchanged.
func normal(text string) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "--"):
			i += untilEnd(text[i:], "\n") - 1
			space = true
		case strings.HasPrefix(text[i:], "/*"):
			i += untilEnd(text[i:], "*/") - 1
			space = true
		case c == '\'':
			n := 1 + untilEnd(text[i+1:], "'")
			b.WriteString(text[i : i+n])
			i += n - 1
			space = false
		case c == '"' || c == '`':
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			space = true
		default:
			if space && b.Len() > 0 && word(c) && word(b.String()[b.Len()-1]) {
				b.WriteByte(' ')
			}
			space = false
			b.WriteByte(c)
		}
	}
	return b.String()
}

// untilEnd returns the length of s up to and including end.
func untilEnd(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
