package sqlitetest

import (
	"strings"
	"testing"
	"testing/fstest"
)

const today = `-- people
CREATE TABLE a (id INTEGER PRIMARY KEY, "name" TEXT NOT NULL DEFAULT 'a -- b' /* kept */, more INTEGER) STRICT;
CREATE INDEX by_name ON a(name);`

func TestSchemaAndMigrationsThatAgreePass(t *testing.T) {
	CheckSchema(t, fstest.MapFS{
		"schema.sql":                {Data: []byte(today)},
		"migrations/0001_first.sql": {Data: []byte("CREATE TABLE b(id INTEGER PRIMARY KEY,\n name TEXT NOT NULL DEFAULT 'a -- b') STRICT; ALTER TABLE b RENAME TO a;")},
		"migrations/0002_more.sql":  {Data: []byte("ALTER TABLE a ADD COLUMN more INTEGER; CREATE INDEX  by_name ON a ( name ) ;")},
	})
}

func TestNormalFormKeepsWhatMatters(t *testing.T) {
	same := [][2]string{
		{"CREATE TABLE \"a\" (b  INT)", "CREATE TABLE a(\n\tb INT -- that\n)"},
		{"a /* x */ b", "a b"},
	}
	for _, pair := range same {
		if normal(pair[0]) != normal(pair[1]) {
			t.Errorf("%q and %q differ: %q, %q", pair[0], pair[1], normal(pair[0]), normal(pair[1]))
		}
	}
	different := [][2]string{
		{"DEFAULT 'a b'", "DEFAULT 'a  b'"}, {"a INT", "a TEXT"}, {"CHECK (a > 1)", "CHECK (a > 2)"}, {"ab", "a b"}, {"'--' x", "'--' y"},
	}
	for _, pair := range different {
		if normal(pair[0]) == normal(pair[1]) {
			t.Errorf("%q and %q are taken for the same", pair[0], pair[1])
		}
	}
}

func TestPlanNamesTheIndex(t *testing.T) {
	db := open(t, "x.db", fstest.MapFS{"migrations/0001_first.sql": {Data: []byte(today)}})
	if plan := Plan(t, db, "SELECT id FROM a WHERE name = ?", "x"); !strings.Contains(plan, "by_name") {
		t.Errorf("plan: %s", plan)
	}
}

func TestEachKindOfDifferenceIsFound(t *testing.T) {
	want := map[string]string{"table a": "1", "table b": "1"}
	for _, got := range []map[string]string{
		{"table a": "1"}, {"table a": "1", "table b": "2"}, {"table a": "1", "table b": "1", "index c": "1"},
	} {
		if found := differences(want, got); len(found) != 1 {
			t.Errorf("%v against %v: %q", got, want, found)
		}
	}
	if found := differences(want, want); len(found) != 0 {
		t.Errorf("the same schema twice: %q", found)
	}
	db := open(t, "x.db", fstest.MapFS{"migrations/0001_first.sql": {Data: []byte("CREATE TABLE a (b) ; CREATE TABLE c (d INT) STRICT;")}})
	if tables := lax(t, db); len(tables) != 1 || tables[0] != "a" {
		t.Errorf("tables that are not STRICT: %q, want a", tables)
	}
}
