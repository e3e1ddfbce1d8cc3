package storage

import (
	"database/sql"
	"errors"
	"os"
	"testing"
)

// TestWhatACrashLeftEmptyIsNotInTheWay begins a run in the very microsecond of a segment of which only the row was left, before
// anything but Open looked after it.
func TestWhatACrashLeftEmptyIsNotInTheWay(t *testing.T) {
	k, r := openWithRow(t, stateOpen)
	run, fragments := k.fragments(k.ids["front-door"], film{start: fromMicros(r.start), seconds: 1})
	w := k.begin(run)
	for _, f := range fragments {
		if err := w.Append(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	ok(t, w.End(t.Context(), "over"))
}

// openWithRow opens a store that has a row, in the given state, of a segment without a file.
func openWithRow(t *testing.T, in state) (*kit, segmentRow) {
	t.Helper()
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 1})
	r := k.rowsOf(id)[0]
	ok(t, k.write(t.Context(), func(tx *sql.Tx) error {
		return exec(t.Context(), tx, "UPDATE segment SET state = ?, end_us = start_us", in)
	}))
	path := k.path(id, r.name())
	ok(t, errors.Join(k.Store.Close(), os.Remove(path)))
	k.openAgain()
	return k, r
}

// TestADeletedSegmentsRowDoesNotTakeTheFileOfAnotherRun has a power cut bring back the row of a deleted segment after another
// run has made a file of that name.
func TestADeletedSegmentsRowDoesNotTakeTheFileOfAnotherRun(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 1})
	r := k.rowsOf(id)[0]
	before, _ := k.fragments(id, film{start: epoch, seconds: 1})
	ok(t, k.write(t.Context(), func(tx *sql.Tx) error {
		row, err := newRun(t.Context(), tx, r.st, before, "over")
		if err != nil {
			return err
		}
		const deleting = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, size_bytes, init_bytes, key_frames) VALUES (?, ?, ?, ?, ?, 3, ?, ?, x'')`
		return errors.Join(dropSegment(t.Context(), tx, r.st, r.start),
			exec(t.Context(), tx, deleting, r.st.camera, r.st.quality, r.start, r.end, row, r.size, r.init))
	}))
	ok(t, k.Store.Close())
	k.openAgain()
	ok(t, errors.Join(k.finishDeleting(t.Context()), k.reconcile(t.Context())))
	if rows := k.rowsOf(id); len(rows) != 1 || rows[0].state != stateClosed || rows[0].start != r.start {
		t.Errorf("%+v", rows)
	}
	k.playable(id)
}
