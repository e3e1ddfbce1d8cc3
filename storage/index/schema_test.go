package index

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/internal/sqlite/sqlitetest"
)

func TestSchemaIsWhatTheMigrationsMake(t *testing.T) { sqlitetest.CheckSchema(t, files) }

// testDB opens a new index.
func testDB(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), FileName))
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

func TestHotQueriesUseTheirKeys(t *testing.T) {
	db := testDB(t)
	var id [16]byte
	for name, x := range map[string]struct {
		query string
		args  []any
	}{
		"timeline":          {ledgerQuery, []any{id[:], 1, 0, 10}},
		"clip":              {segmentsQuery, []any{id[:], 1, 0, 10}},
		"activity":          {activityQuery, []any{id[:], 1, 0, 10}},
		"coarse":            {coarseActivityQuery, []any{id[:], 1, 0, 10}},
		"before":            {segmentBeforeQuery, []any{id[:], 1, 10}},
		"key frame":         {keyFrameQuery, []any{id[:], 1, 10}},
		"unsettled":         {unsettledQuery, []any{1}},
		"deletable":         {deletableQuery, []any{1, 1, 0, 10}},
		"held":              {heldQuery, []any{1}},
		"touched":           {touchedQuery, []any{1, 1, 0, 10}},
		"kept":              {keptQuery, []any{1}},
		"kept one":          {keptOneQuery, []any{1, id[:]}},
		"kept in":           {keptInQuery, []any{1, 1, 0, 10}},
		"is kept":           {isKeptQuery, []any{1, 1, 0, 10}},
		"last end":          {lastEndQuery, []any{1, 1}},
		"last settled":      {lastSettledQuery, []any{1, 1}},
		"last start":        {lastStartQuery, []any{1, 1}},
		"next start":        {nextStartQuery, []any{1, 1, 0}},
		"ledger at":         {ledgerAtQuery, []any{1, 1, 10}},
		"any gap":           {anyGapQuery, []any{1, 1, 0, 10}},
		"unresolved issues": {unresolvedQuery, []any{1, 10}},
		"issues in":         {issuesInQuery, []any{"a", "a/", "a0", 0, 10}},
		"row of a file":     {rowInQuery, []any{1, 1, 0, 1000}},
		"next closed":       {nextClosedQuery, []any{1, 1, 0}},
		"day":               {dayQuery, []any{1, 1, 0, 1000}},
		"covered":           {coveredQuery, []any{1, 1, 0, 1000}},
	} {
		plan := strings.ReplaceAll(sqlitetest.Plan(t, db.db, x.query, x.args...), "SCAN CONSTANT ROW", "")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") && name != "issues in" {
			t.Errorf("%s walks more than it returns:\n%s", name, plan)
		}
	}
	plan := sqlitetest.Plan(t, db.db, serverEventsQuery, 0, 10)
	if !strings.Contains(plan, "SEARCH l USING PRIMARY KEY (camera=? AND quality=? AND start_us>?)") {
		t.Errorf("server events walk all ledgers:\n%s", plan)
	}
}

// TestWhatIsKeptIsSaidOnce checks the shared condition with spans that touch a segment by a microsecond on either side, and spans
// of the greatest length: for the list of kept clips, for the query, and for the mark that would delete.
func TestWhatIsKeptIsSaidOnce(t *testing.T) {
	db := testDB(t)
	const begin, end = int64(1_000_000_000_000_000), int64(1_000_000_060_000_000)
	longest := MaxKept.Microseconds()
	for _, x := range []struct {
		span    Interval
		streams uint8
		kept    bool
	}{
		{Interval{begin - longest + 1, begin + 1}, 3, true},
		{Interval{begin - longest, begin}, 3, false},
		{Interval{end - 1, end - 1 + longest}, 3, true},
		{Interval{end, end + longest}, 3, false},
		{Interval{begin + 5, begin + 6}, 1, true},
		{Interval{begin + 5, begin + 6}, 2, false},
	} {
		k := Kept{ID: [16]byte{1}, Span: x.span, Streams: x.streams}
		err := db.Write(t.Context(), func(tx *Tx) error {
			s := Segment{Stream: testStream(t, tx), Start: begin, End: end}
			if err := tx.InsertKept(t.Context(), s.Stream.Camera, k); err != nil {
				return err
			}
			closed := ClosedSegment{Stream: s.Stream, Start: begin, End: end, Size: 1, Keys: []byte{}}
			if err := tx.InsertClosed(t.Context(), closed, 1, 1); err != nil {
				return err
			}
			found, err := tx.KeptIn(t.Context(), s.Stream, Interval{begin, end})
			if err != nil || (len(found) == 1) != x.kept {
				t.Errorf("%+v: %d are found, %v", x, len(found), err)
			}
			if kept, err := tx.IsKept(t.Context(), s); err != nil || kept != x.kept {
				t.Errorf("%+v: kept %v, %v", x, kept, err)
			}
			if marked, err := tx.MarkDeleting(t.Context(), s); err != nil || marked == x.kept {
				t.Errorf("%+v: marked %v, %v", x, marked, err)
			}
			return errUndo
		})
		if err != errUndo {
			t.Fatal(err)
		}
	}
	err := db.Write(t.Context(), func(tx *Tx) error {
		st := testStream(t, tx)
		return tx.InsertKept(t.Context(), st.Camera, Kept{Span: Interval{begin, begin + longest + 1}, Streams: 1})
	})
	if !sqlite.IsConstraint(err) {
		t.Errorf("a span that is longer than MaxKept: %v", err)
	}
}

// errUndo rolls a transaction back.
var errUndo = errors.New("undo")

// testStream adds a camera and a run, and returns the camera's main stream.
func testStream(t *testing.T, tx *Tx) Stream {
	t.Helper()
	id := media.NewCameraID()
	row, err := tx.InsertCamera(t.Context(), Camera{ID: id, Name: "a", Folder: "a"}, map[media.Quality]LedgerEntry{
		media.Main: Gap("waiting", "waiting"), media.Sub: Gap("waiting", "waiting")})
	if err != nil {
		t.Fatal(err)
	}
	st := Stream{row, media.Main}
	if _, err := tx.InsertRun(t.Context(), st, &media.Run{ID: media.RunID{1}}, ""); err != nil {
		t.Fatal(err)
	}
	return st
}
