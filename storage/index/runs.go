package index

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"keepwatch.internal/internal/media"
)

// InsertRun adds a run and returns its number in the stream. endReason is "" for a run that is being recorded.
func (tx *Tx) InsertRun(ctx context.Context, st Stream, run *media.Run, endReason string) (int64, error) {
	const query = `INSERT INTO run (camera, quality, id, uuid, start_us, end_reason, shift_us)
		VALUES (?1, ?2, (SELECT coalesce(max(id), 0) + 1 FROM run WHERE camera = ?1 AND quality = ?2), ?3, ?4, nullif(?5, ''), ?6) RETURNING id`
	var row int64
	err := tx.q.QueryRowContext(ctx, query, st.Camera, st.Quality, run.ID[:], Micros(run.Start), endReason, run.Shift.Microseconds()).Scan(&row)
	return row, err
}

// RunNumber returns the number of a run in its stream; 0 when the index does not know the run.
func (r Reader) RunNumber(ctx context.Context, st Stream, run media.RunID) (int64, error) {
	const query = `SELECT id FROM run WHERE camera = ? AND quality = ? AND uuid = ?`
	var row int64
	err := r.q.QueryRowContext(ctx, query, st.Camera, st.Quality, run[:]).Scan(&row)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return row, err
}

// RunsGoingOn lists the numbers of the stream's runs that have not ended.
func (r Reader) RunsGoingOn(ctx context.Context, st Stream) ([]int64, error) {
	const query = `SELECT id FROM run WHERE camera = ? AND quality = ? AND end_reason IS NULL`
	var runs []int64
	err := r.each(ctx, query, []any{st.Camera, st.Quality}, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		runs = append(runs, id)
		return err
	})
	return runs, err
}

// EndRun notes why a run ended, and deletes a run that has no footage left.
func (tx *Tx) EndRun(ctx context.Context, st Stream, run int64, reason string) error {
	const query = `UPDATE run SET end_reason = ? WHERE camera = ? AND quality = ? AND id = ?`
	if err := tx.exec(ctx, query, reason, st.Camera, st.Quality, run); err != nil {
		return err
	}
	return tx.DropRunIfEmpty(ctx, st, run)
}

// DropRunIfEmpty forgets an ended run without a segment and without an entry in the ledger.
func (tx *Tx) DropRunIfEmpty(ctx context.Context, st Stream, run int64) error {
	const query = `DELETE FROM run WHERE camera = ?1 AND quality = ?2 AND id = ?3 AND end_reason IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM segment WHERE camera = ?1 AND quality = ?2 AND run = ?3)
		AND NOT EXISTS (SELECT 1 FROM ledger WHERE camera = ?1 AND quality = ?2 AND run = ?3)`
	return tx.exec(ctx, query, st.Camera, st.Quality, run)
}

// NoteCameraClock notes by how much the camera's own clock was ahead of ours during a run.
func (tx *Tx) NoteCameraClock(ctx context.Context, st Stream, run media.RunID, ahead time.Duration) error {
	const query = `UPDATE run SET camera_clock_us = ? WHERE camera = ? AND quality = ? AND uuid = ?`
	return tx.exec(ctx, query, ahead.Microseconds(), st.Camera, st.Quality, run[:])
}
