package audit

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// anchored is a cinema with eight views after its changes.
func anchored(t *testing.T) *cinema {
	c := newCinema(t)
	for n := range 8 {
		c.watch(t, c.bob, 1, n*100, n+1)
		c.clock.advance(2 * viewPause)
		c.flushed(t)
	}
	c.intact(t)
	return c
}

// TestTamperingWithTheLogIsFoundAndNamed changes the log in every way open to somebody who holds the database.
func TestTamperingWithTheLogIsFoundAndNamed(t *testing.T) {
	c := anchored(t)
	var first, last int64
	must(t, c.db.Read().QueryRow("SELECT min(id), max(id) FROM record WHERE kind = 1").Scan(&first, &last))
	middle := first + 3
	columns := []string{"kind = 2", "written_us = written_us + 1", "viewer_kind = 2", "account_id = 1", "grant_id = 99", "name = 'alice'",
		"camera = zeroblob(16)", "action = 1", "first_us = first_us - 1", "last_us = last_us + 1", "from_us = 0", "to_us = 0",
		"address = '10.0.0.1'", "bytes = bytes + 1", "subject_id = 1", "what = 'x'", "detail = 'x'", "hash = zeroblob(32)"}
	type edit struct {
		statements string
		bad        int64
		says       string
	}
	edits := map[string]edit{
		"removed in the middle": {"DELETE FROM record WHERE id = :m", middle, "missing"},
		"removed at the start":  {"DELETE FROM record WHERE id = 1", 1, "missing"},
		"cut at the end":        {"DELETE FROM record WHERE id = (SELECT max(id) FROM record)", last, "cut off"},
		"all cut":               {"DELETE FROM record", 1, "cut off"},
		"cut with its ends":     {"DELETE FROM record; DELETE FROM record_ends", 0, "cut short"},
		"head edited":           {"UPDATE record_ends SET id = id - 1 WHERE which = 'head'", last + 1, "seal"},
		"start edited":          {"INSERT INTO record_ends VALUES ('start', 1, zeroblob(32), zeroblob(32))", 2, "seal"},
		"two exchanged": {`UPDATE record SET id = -1 WHERE id = :m; UPDATE record SET id = :m WHERE id = :m + 1;
			UPDATE record SET id = :m + 1 WHERE id = -1`, middle, "not what was written"},
		"added at the end": {"INSERT INTO record SELECT id + 1, kind, written_us, viewer_kind, account_id, grant_id, name, camera, action, first_us, " +
			"last_us, from_us, to_us, address, bytes, subject_id, what, detail, hash FROM record ORDER BY id DESC LIMIT 1", last + 1, "not what was written"},
	}
	for _, set := range columns {
		edits["column "+set] = edit{"UPDATE record SET " + set + " WHERE id = :m", middle, "not what was written"}
	}
	for name, e := range edits {
		t.Run(name, func(t *testing.T) {
			copied := c.copied(t)
			copied.exec(t, strings.NewReplacer(":m", strconv.FormatInt(middle, 10)).Replace(e.statements))
			r, err := copied.Verify(t.Context())
			must(t, err)
			if len(r.Problems) == 0 || r.FirstBad != e.bad || !strings.Contains(strings.Join(r.Problems, "\n"), e.says) {
				t.Errorf("first bad %d, want %d: %q", r.FirstBad, e.bad, r.Problems)
			}
		})
	}
}

// copied returns a cinema over a copy of the database, with the same anchor.
func (c *cinema) copied(t *testing.T) *cinema {
	t.Helper()
	must(t, c.db.Close()) // a live database's file is not opened by other means
	content, err := os.ReadFile(c.path)
	must(t, err)
	c.open(t)
	anchor, err := os.ReadFile(c.anchorPath)
	must(t, err)
	other := &cinema{clock: c.clock, logged: c.logged, alice: c.alice, bob: c.bob, path: filepath.Join(t.TempDir(), "accounts.db")}
	must(t, os.WriteFile(other.path, content, 0o600))
	other.open(t)
	must(t, os.WriteFile(other.anchorPath, anchor, 0o600))
	return other
}

func TestAnOlderCopyOfTheLogIsFoundByTheAnchor(t *testing.T) {
	c := anchored(t)
	older := c.copied(t)
	c.watch(t, c.bob, 1, 0, 1)
	must(t, c.flush(t.Context(), true))
	b, err := os.ReadFile(c.anchorPath)
	must(t, err)
	must(t, os.WriteFile(older.anchorPath, b, 0o600))
	r, err := older.Verify(t.Context())
	must(t, err)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "put back from a copy") {
		t.Fatalf("an older copy: %q", r.Problems)
	}
	// It goes on, and what happened stays on record, though the anchor is a new one.
	older.watch(t, older.bob, 1, 0, 1)
	must(t, older.flush(t.Context(), true))
	if r, err = older.Verify(t.Context()); err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "tampered with") {
		t.Errorf("after it went on: %q, %v", r.Problems, err)
	}
}

func TestAMissingAnchorAndAnotherKeyAreReported(t *testing.T) {
	c := anchored(t)
	gone := c.copied(t)
	must(t, os.Remove(gone.anchorPath))
	r, err := gone.Verify(t.Context())
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "anchor is gone") {
		t.Errorf("without the anchor: %q, %v", r.Problems, err)
	}
	foreign := c.copied(t)
	foreign.key = deriveKey([32]byte{1})
	if r, err = foreign.Verify(t.Context()); err != nil || len(r.Problems) != 2 {
		t.Errorf("with another key: %q, %v", r.Problems, err)
	}
}

func TestABreakStaysOnRecordWhenTheLogContinues(t *testing.T) {
	for name, tamper := range map[string]string{
		"tail": "DELETE FROM record WHERE id = (SELECT max(id) FROM record)", "head": "UPDATE record_ends SET id = 1", "ends": "DELETE FROM record_ends",
	} {
		t.Run(name, func(t *testing.T) {
			c := anchored(t)
			c.exec(t, tamper)
			c.change(t)
			c.change(t)
			r, err := c.Verify(t.Context())
			if told := strings.Join(r.Problems, "\n"); err != nil || strings.Count(told, "tampered with") != 1 {
				t.Errorf("after two more entries: %q, %v", r.Problems, err)
			}
			if !strings.Contains(c.logged.String(), "tampered with") {
				t.Errorf("not logged: %s", c.logged)
			}
		})
	}
}

func TestTheLogStaysVerifiableWhenItsOldestEntriesArePruned(t *testing.T) {
	c := anchored(t)
	c.ViewLog = NewViewLog(c.Log, 30*24*time.Hour)
	before := c.intact(t)
	must(t, c.prune(t.Context()))
	if after := c.intact(t); after.Views != before.Views || after.Changes != before.Changes {
		t.Errorf("young entries went: %+v, %+v", before, after)
	}
	c.clock.advance(29*24*time.Hour + time.Hour)
	c.isGood()
	c.watch(t, c.bob, 1, 0, 1)
	must(t, c.flush(t.Context(), true))
	c.clock.advance(48 * time.Hour)
	must(t, c.prune(t.Context()))
	if after := c.intact(t); after.Views != 1 || after.Changes != 1 {
		t.Errorf("after thirty-one days: %+v", after)
	}
	c.exec(t, "DELETE FROM record WHERE kind = 1")
	if r, err := c.Verify(t.Context()); err != nil || len(r.Problems) == 0 {
		t.Errorf("the pruned log hides a missing entry: %+v, %v", r, err)
	}
}

// TestAnEntryWithANewHashOfItsOwnIsFound edits an entry as one would who knows how hashes are made.
func TestAnEntryWithANewHashOfItsOwnIsFound(t *testing.T) {
	c := anchored(t)
	const last = 10
	var before []byte
	must(t, c.db.Read().QueryRow("SELECT hash FROM record WHERE id = ?", last-1).Scan(&before))
	var e entry
	must(t, c.db.Read().QueryRow("SELECT "+entryColumns+" FROM record WHERE id = ?", last).Scan(e.fields()...))
	e.bytes++
	c.exec(t, "UPDATE record SET bytes = ?, hash = ? WHERE id = ?", e.bytes, e.link(before), last)
	r, err := c.Verify(t.Context())
	if err != nil || r.FirstBad != last+1 || len(r.Problems) != 1 {
		t.Errorf("first bad %d: %q, %v", r.FirstBad, r.Problems, err)
	}
}
