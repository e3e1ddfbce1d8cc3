package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const testID = 0x6b77_0001

func files(steps ...string) fstest.MapFS {
	names := []string{"0001_first.sql", "0002_second.sql", "0003_third.sql"}
	fsys := fstest.MapFS{}
	for i, step := range steps {
		fsys["migrations/"+names[i]] = &fstest.MapFile{Data: []byte(step)}
	}
	return fsys
}

func options(t *testing.T, name string, steps ...string) Options {
	return Options{Path: filepath.Join(t.TempDir(), name), ApplicationID: testID, Files: files(steps...), Busy: 2 * time.Second}
}

func mustOpen(t *testing.T, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), o)
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

func insert(db *DB, n int) error {
	return db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO t(n) VALUES (?)", n)
		return err
	})
}

func count(t *testing.T, db *DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const tableT = "CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT;"

func TestPathsWithSignsThatMeanSomethingInURIsOpenTheFileOfThatName(t *testing.T) {
	for _, name := range []string{"a b.db", "a?b.db", "a%20b.db", "a#b.db", "a&mode=memory.db", "a?mode=memory", "ü;'\".db", "100%.db"} {
		t.Run(name, func(t *testing.T) {
			o := options(t, name, tableT)
			db := mustOpen(t, o)
			if err := insert(db, 1); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(filepath.Dir(o.Path))
			if err != nil || len(entries) != 1 || entries[0].Name() != name {
				t.Fatalf("folder holds %v, %v; want %q alone", entries, err, name)
			}
			if got := count(t, mustOpen(t, o)); got != 1 {
				t.Fatalf("%d rows after opening again, want 1", got)
			}
		})
	}
}

func TestEveryConnectionHasThePragmas(t *testing.T) {
	o := options(t, "x.db", tableT)
	db := mustOpen(t, o)
	common := map[string]string{"foreign_keys": "1", "journal_mode": "wal", "synchronous": "2", "trusted_schema": "0", "busy_timeout": "2000"}
	for name, pool := range map[string]*sql.DB{"writer": db.write, "reader": db.read} {
		conns := []*sql.Conn{}
		for range pool.Stats().MaxOpenConnections { // held together, so that each is another connection
			c, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			for pragma, want := range common {
				var got string
				if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %s = %q, %v; want %q", name, pragma, got, err, want)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	o.Path += "2"
	o.Synchronous = Normal
	var got string
	if err := mustOpen(t, o).write.QueryRow("PRAGMA synchronous").Scan(&got); err != nil || got != "1" {
		t.Errorf("synchronous = %q, %v; want NORMAL", got, err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := mustOpen(t, options(t, "x.db", tableT))
	if _, err := db.Read().Exec("INSERT INTO t(n) VALUES (1)"); err == nil {
		t.Error("a reader wrote")
	}
	err := db.View(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM t")
		return err
	})
	if err == nil {
		t.Error("a view wrote")
	}
}

func TestWriteCommitsAllOrNothing(t *testing.T) {
	db := mustOpen(t, options(t, "x.db", tableT))
	boom := errors.New("boom")
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO t(n) VALUES (1)"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || count(t, db) != 0 {
		t.Errorf("after an error: %v, %d rows", err, count(t, db))
	}
	func() {
		defer func() { _ = recover() }()
		_ = db.Write(t.Context(), func(tx *sql.Tx) error {
			_, _ = tx.Exec("INSERT INTO t(n) VALUES (2)")
			panic("boom")
		})
	}()
	if got := count(t, db); got != 0 {
		t.Errorf("after a panic: %d rows", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO t(n) VALUES (3)")
		cancel()
		return err
	})
	if err == nil || count(t, db) != 0 {
		t.Errorf("after a cancelled context: %v, %d rows", err, count(t, db))
	}
	if err := insert(db, 4); err != nil || count(t, db) != 1 {
		t.Errorf("the writer is of no use after failures: %v", err)
	}
}

func TestConstraintsAndBusyAreTold(t *testing.T) {
	o := options(t, "x.db", tableT)
	o.Busy = 20 * time.Millisecond
	db, other := mustOpen(t, o), mustOpen(t, o)
	if err := insert(db, 1); err != nil {
		t.Fatal(err)
	}
	if err := insert(db, 1); !IsConstraint(err) || IsBusy(err) || IsFull(err) {
		t.Errorf("double key: %v", err)
	}
	err := db.Write(t.Context(), func(*sql.Tx) error { return insert(other, 2) })
	if !IsBusy(err) || IsConstraint(err) {
		t.Errorf("lock held by another handle: %v", err)
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	o := options(t, "x.db", tableT)
	db := mustOpen(t, o)
	if err := insert(db, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{o.Path, o.Path + "-wal", o.Path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", name, info.Mode(), err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, o)
	if info, _ := os.Stat(o.Path); info.Mode().Perm() != 0o600 {
		t.Errorf("permissions of a file that others could read stayed %v", info.Mode())
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	o := options(t, "no-such-folder/x.db", tableT)
	if _, err := Open(t.Context(), o); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), o.Path) {
		t.Errorf("missing folder: %v", err)
	}
	o.Path = t.TempDir()
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	o.Path = filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(o.Path, []byte(strings.Repeat("this is a letter to my aunt\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), o.Path) {
		t.Errorf("a text file: %v", err)
	}
	o.ApplicationID = 0
	if _, err := Open(t.Context(), o); err == nil {
		t.Error("no application id was accepted")
	}
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	db := mustOpen(t, options(t, "x.db", tableT))
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Error(err)
	}
}

func TestVersionsOfSQLiteWithTheResetFaultAreRefused(t *testing.T) {
	for version, ok := range map[string]bool{
		"3.51.2": false, "3.51.3": true, "3.51.10": true, "3.53.4": true, "4.0.0": true, "3.9.9": false, "2.99.99": false, "x": false,
	} {
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestDamageIsToldFromOtherTrouble(t *testing.T) {
	o := options(t, "a.db", tableT)
	db := mustOpen(t, o)
	const fill = "INSERT INTO t(n) WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < 5000) SELECT i FROM x"
	if err := db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(fill)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Examine(t.Context()); err != nil {
		t.Errorf("a sound database: %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Examine(over); err == nil || IsDamaged(err) {
		t.Errorf("an examination that was broken off: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	b[3*4096+5]++ // a wrong number of cells in a page
	if err := os.WriteFile(o.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mustOpen(t, o).Examine(t.Context()); !IsDamaged(err) {
		t.Errorf("a bent page: %v", err)
	}
	if err := os.WriteFile(o.Path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), o); !IsDamaged(err) {
		t.Errorf("noise: %v", err)
	}
}
