package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestAReaderSeesWhatTheWriterCommitsAndCannotWrite(t *testing.T) {
	o := options(t, "a.db", tableT)
	db := mustOpen(t, o)
	r, err := OpenReader(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for n := range 3 {
		if err := insert(db, n); err != nil {
			t.Fatal(err)
		}
		if got := count(t, r); got != n+1 {
			t.Fatalf("the reader sees %d rows of %d", got, n+1)
		}
	}
	if err := insert(r, 9); !errors.Is(err, errReadOnly) {
		t.Errorf("a write through the reader: %v", err)
	}
	if _, err := r.Read().Exec("INSERT INTO t(n) VALUES (9)"); err == nil {
		t.Error("the reader's connections can write")
	}
	// A writer in the middle of a transaction does not block a reader.
	if err := db.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("INSERT INTO t(n) VALUES (50)"); err != nil {
			return err
		}
		if got := count(t, r); got != 3 {
			t.Errorf("the reader sees %d rows while one is being written", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAReaderMakesNothingAndMigratesNothing(t *testing.T) {
	o := options(t, "a.db", tableT)
	if _, err := OpenReader(t.Context(), o); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no database: %v", err)
	}
	if _, err := os.Stat(o.Path); err == nil {
		t.Error("a database was made")
	}
	mustOpen(t, o)
	o.Files = files(tableT, "CREATE TABLE u (n INTEGER) STRICT;")
	_, err := OpenReader(t.Context(), o)
	if _, is := errors.AsType[*OlderError](err); !is {
		t.Errorf("an older schema: %v", err)
	}
	newer := mustOpen(t, o)
	if newer.Version() != 2 {
		t.Fatal(newer.Version())
	}
	o.Files = files(tableT)
	_, err = OpenReader(t.Context(), o)
	if _, is := errors.AsType[*NewerError](err); !is {
		t.Errorf("a newer schema: %v", err)
	}
	o.ApplicationID++
	if _, err := OpenReader(t.Context(), o); !errors.Is(err, ErrForeign) {
		t.Errorf("another room's database: %v", err)
	}
}
