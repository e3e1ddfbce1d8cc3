package sqlite

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

func TestMigrationsRunOnceAndInOrder(t *testing.T) {
	o := options(t, "x.db", tableT+"INSERT INTO t VALUES (1);")
	if got := count(t, mustOpen(t, o)); got != 1 {
		t.Fatalf("%d rows after the first step, want 1", got)
	}
	o.Files = files(tableT+"INSERT INTO t VALUES (1);", "INSERT INTO t SELECT n+1 FROM t;", "INSERT INTO t SELECT n+2 FROM t;")
	for range 2 {
		db := mustOpen(t, o)
		if got := count(t, db); got != 4 || db.Version() != 3 {
			t.Fatalf("%d rows at version %d, want 4 at 3", got, db.Version())
		}
	}
}

func TestAFailingMigrationLeavesTheDatabaseAsItWas(t *testing.T) {
	o := options(t, "x.db", tableT)
	if err := mustOpen(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	before := o.Files
	o.Files = files(tableT, "INSERT INTO t VALUES (1);", "INSERT INTO nowhere VALUES (1);")
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "0003_third") {
		t.Fatalf("a broken step: %v; want its name", err)
	}
	o.Files = before
	if got := count(t, mustOpen(t, o)); got != 0 {
		t.Fatalf("%d rows, want the state before", got)
	}
}

func TestADatabaseOfANewerProgramIsRefusedByName(t *testing.T) {
	o := options(t, "x.db", tableT, "SELECT 1;")
	if err := mustOpen(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.Files = files(tableT)
	_, err := Open(t.Context(), o)
	newer, ok := errors.AsType[*NewerError](err)
	if !ok || newer.Have != 2 || newer.Known != 1 || !strings.Contains(err.Error(), "schema 2") || !strings.Contains(err.Error(), o.Path) {
		t.Fatalf("got %v", err)
	}
}

func TestAnotherProgramsDatabaseIsRefused(t *testing.T) {
	o := options(t, "x.db", tableT)
	if err := mustOpen(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.ApplicationID++
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrForeign) {
		t.Fatalf("another mark: %v", err)
	}
	unmarked := options(t, "y.db", tableT+"PRAGMA application_id = 0;")
	if err := mustOpen(t, unmarked).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), unmarked); !errors.Is(err, ErrForeign) {
		t.Fatalf("no mark: %v", err)
	}
}

func TestTablesThatOthersReferToCanBeRebuilt(t *testing.T) {
	first := `CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT;
		CREATE TABLE child (n INTEGER NOT NULL REFERENCES t(n) ON DELETE CASCADE) STRICT;
		INSERT INTO t VALUES (1); INSERT INTO child VALUES (1);`
	rebuild := `CREATE TABLE new (n INTEGER PRIMARY KEY, more TEXT) STRICT;
		INSERT INTO new(n) SELECT n FROM t; DROP TABLE t; ALTER TABLE new RENAME TO t;`
	o := options(t, "x.db", first)
	if err := mustOpen(t, o).Close(); err != nil {
		t.Fatal(err)
	}
	o.Files = files(first, rebuild)
	var children int
	if err := mustOpen(t, o).Read().QueryRow("SELECT count(*) FROM child").Scan(&children); err != nil || children != 1 {
		t.Fatalf("%d children after the rebuild, %v; want 1", children, err)
	}
	o.Files = files(first, rebuild, "DELETE FROM t;")
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "child") {
		t.Fatalf("a step that orphans rows: %v", err)
	}
}

func TestMigrationsAreNumberedWithoutHoles(t *testing.T) {
	for _, names := range [][]string{{}, {"0002_a"}, {"0001_a", "0003_b"}, {"0001_a", "0001_b"}, {"1_a"}, {"0001"}, {"0001_"}, {"first"}} {
		fsys := fstest.MapFS{}
		for _, name := range names {
			fsys["migrations/"+name+".sql"] = &fstest.MapFile{Data: []byte("SELECT 1;")}
		}
		if _, err := readMigrations(fsys); err == nil {
			t.Errorf("%v was accepted", names)
		}
	}
	if _, err := readMigrations(nil); err == nil {
		t.Error("no files were accepted")
	}
}

// TestSeveralProcessesShareADatabase starts this test binary again as writers on one new database.
func TestSeveralProcessesShareADatabase(t *testing.T) {
	const processes, rows = 4, 25
	if path := os.Getenv("SQLITE_TEST_PATH"); path != "" {
		first, _ := strconv.Atoi(os.Getenv("SQLITE_TEST_FIRST"))
		o := Options{Path: path, ApplicationID: testID, Files: files(tableT, "INSERT INTO t VALUES (-1);")}
		db := mustOpen(t, o)
		for i := range rows {
			if err := insert(db, first+i); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	o := options(t, "x.db", tableT, "INSERT INTO t VALUES (-1);")
	var running sync.WaitGroup
	for p := range processes {
		running.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSeveralProcessesShareADatabase$")
			cmd.Env = append(os.Environ(), "SQLITE_TEST_PATH="+o.Path, "SQLITE_TEST_FIRST="+strconv.Itoa(p*rows))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("process %d: %v\n%s", p, err, out)
			}
		})
	}
	running.Wait()
	if got, want := count(t, mustOpen(t, o)), processes*rows+1; got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
}
