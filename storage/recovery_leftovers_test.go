package storage

import (
	"errors"
	"os"
	"testing"

	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/index/indextest"
)

// TestWhatACrashLeftEmptyIsNotInTheWay begins a run right after Open, in the same microsecond as a segment that has a row and no
// file.
func TestWhatACrashLeftEmptyIsNotInTheWay(t *testing.T) {
	k, r := openWithRow(t, index.StateOpen)
	run, fragments := k.fragments(k.ids["front-door"], film{start: index.FromMicros(r.Start), seconds: 1})
	w := k.begin(run)
	for _, f := range fragments {
		if err := w.Append(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	ok(t, w.End(t.Context(), "over"))
}

// openWithRow opens a store that has a row, in the given state, of a segment without a file.
func openWithRow(t *testing.T, in index.State) (*kit, index.Segment) {
	t.Helper()
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 1})
	r := k.rowsOf(id)[0]
	indextest.Exec(t, k.indexFile(""), "UPDATE segment SET state = ?, end_us = start_us", in)
	path := k.path(id, r.Name())
	ok(t, errors.Join(k.Store.Close(), os.Remove(path)))
	k.openAgain()
	return k, r
}

// TestADeletedSegmentsRowDoesNotTakeTheFileOfAnotherRun has a power cut restore the row of a deleted segment after another run
// created a file of that name.
func TestADeletedSegmentsRowDoesNotTakeTheFileOfAnotherRun(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 1})
	r := k.rowsOf(id)[0]
	before, _ := k.fragments(id, film{start: epoch, seconds: 1})
	var row int64
	ok(t, k.write(t.Context(), func(tx *index.Tx) (err error) {
		row, err = tx.InsertRun(t.Context(), r.Stream, before, "over")
		return errors.Join(err, tx.DropSegment(t.Context(), r.Stream, r.Start))
	}))
	const deleting = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, size_bytes, init_bytes, key_frames) VALUES (?, ?, ?, ?, ?, 3, ?, ?, x'')`
	indextest.Exec(t, k.indexFile(""), deleting, r.Stream.Camera, r.Stream.Quality, r.Start, r.End, row, r.Size, r.Init)
	ok(t, k.Store.Close())
	k.openAgain()
	ok(t, errors.Join(k.finishDeleting(t.Context()), k.Reconcile(t.Context())))
	if rows := k.rowsOf(id); len(rows) != 1 || rows[0].State != index.StateClosed || rows[0].Start != r.Start {
		t.Errorf("%+v", rows)
	}
	k.playable(id)
}
