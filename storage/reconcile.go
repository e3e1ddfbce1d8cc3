package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
)

// reconcile closes what the last process left open, and then walks over all files and rows, the newest days first. Files without a row are adopted when their labels
// verify and quarantined when not (I1); rows without a file become gaps; files shorter than their row says are mended.
// Recording goes on meanwhile.
func (s *Store) reconcile(ctx context.Context) error {
	s.settleLeftovers(ctx)
	s.mu.RLock()
	known := s.cameras
	s.mu.RUnlock()
	var errs []error
	for _, c := range known {
		for _, quality := range qualities {
			if err := s.reconcileStream(ctx, c, quality); err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", c.name, quality, err))
			}
		}
	}
	// What was taken out on the way is looked into at once: it may be mostly good.
	if _, err := s.settleAfter(ctx, 0, &pace{rate: settleRate}); err != nil && ctx.Err() == nil {
		s.log.Error("a doubt about footage could not be settled; will try again", "err", err)
	}
	return errors.Join(errs...)
}

func (s *Store) reconcileStream(ctx context.Context, c *camera, quality media.Quality) error {
	days, err := s.daysOf(ctx, c, quality)
	if err != nil {
		return err
	}
	var errs []error
	for i, day := range slices.Backward(days) {
		began := time.Now()
		if err := s.reconcileDay(ctx, c, quality, day, i == len(days)-1); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", day.Format(dayLayout), err))
		}
		// The disk is for recording in the first place: the walk takes at most half of it.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Since(began), time.Second)):
		}
	}
	return errors.Join(errs...)
}

// daysOf lists the days of which there is a folder or a row, in order.
func (s *Store) daysOf(ctx context.Context, c *camera, quality media.Quality) ([]time.Time, error) {
	entries, err := c.files.List(quality.String())
	if err != nil && !disk.IsMissing(err) {
		return nil, err
	}
	var days []time.Time
	for _, e := range entries {
		if day, err := time.Parse(dayLayout, e.Name()); err == nil && e.IsDir() {
			days = append(days, day)
		}
	}
	for from := int64(noEnd); ; {
		const query = `SELECT start_us FROM segment WHERE camera = ? AND quality = ? AND start_us >= ? ORDER BY start_us LIMIT 1`
		var start int64
		err := s.index.Read().QueryRowContext(ctx, query, c.row, quality, from).Scan(&start)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return nil, err
		}
		day := fromMicros(start).Truncate(24 * time.Hour)
		days = append(days, day)
		from = micros(day.Add(24 * time.Hour))
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal), nil
}

// dayQuery finds the segments of a stream that begin in a stretch of time.
const dayQuery = `SELECT ` + segmentColumns + `
	FROM segment s JOIN run r ON r.camera = s.camera AND r.quality = s.quality AND r.id = s.run
	WHERE s.camera = ? AND s.quality = ? AND s.start_us >= ? AND s.start_us < ? ORDER BY s.start_us`

// reconcileDay compares the files of a day with its rows. The files are listed first: one that was made since has its
// row by then, and one that was deleted since is not found when it is looked at.
// The last file of the newest day may have been in the making when the power went; the others were synced before it.
func (s *Store) reconcileDay(ctx context.Context, c *camera, quality media.Quality, day time.Time, newest bool) error {
	folder := path.Join(quality.String(), day.Format(dayLayout))
	entries, err := c.files.List(folder)
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	if err := s.settleFolder(c, folder); err != nil {
		return err
	}
	rows, err := s.segmentRows(ctx, dayQuery, c.row, quality, micros(day), micros(day.Add(24*time.Hour)))
	if err != nil {
		return err
	}
	noted := make(map[string]segmentRow, len(rows))
	for _, r := range rows {
		noted[r.name()] = r
	}
	errs := []error{s.dropPieces(c, folder, entries)}
	seen := make(map[string]bool, len(entries))
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return !strings.HasSuffix(e.Name(), ".mp4") || !e.Type().IsRegular()
	})
	for i, e := range entries {
		name := path.Join(folder, e.Name())
		seen[name] = true
		if err := s.reconcileFile(ctx, c, name, noted, !newest || i < len(entries)-1); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name := range noted {
		if !seen[name] {
			errs = append(errs, s.reconcileFile(ctx, c, name, noted, false))
		}
	}
	return errors.Join(errs...)
}

// settleFolder makes what is seen in a folder survive a power cut when it changed so lately that it may not yet: a process
// that was killed between deleting and syncing leaves its mark in the index, and nothing at all once that is lost, too.
func (s *Store) settleFolder(c *camera, folder string) error {
	if !s.recent(c, folder) {
		return nil
	}
	if err := c.files.SyncDir(folder); err != nil && !disk.IsMissing(err) {
		return err
	}
	return nil
}

// dropPieces removes what is left of segments that were about to be made from a damaged file when the program ended: the file
// they come from is in quarantine, whole.
func (s *Store) dropPieces(c *camera, folder string, entries []fs.DirEntry) error {
	s.repairing.Lock()
	defer s.repairing.Unlock()
	var errs []error
	for _, e := range entries {
		if regular(e) && strings.HasSuffix(e.Name(), pieceSuffix) {
			errs = append(errs, disk.RemoveSynced(c.files, path.Join(folder, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) reconcileFile(ctx context.Context, c *camera, name string, noted map[string]segmentRow, synced bool) error {
	s.repairing.Lock()
	defer s.repairing.Unlock()
	if r, ok := noted[name]; ok {
		return s.compare(ctx, c, r)
	}
	_, err := s.adopt(ctx, c, name, synced)
	return err
}

// compare checks that a closed row has its file, whole. What is missing becomes a gap.
func (s *Store) compare(ctx context.Context, c *camera, r segmentRow) error {
	if r.state != stateClosed {
		return nil
	}
	info, err := c.files.Stat(r.name())
	if err == nil && info.Size() >= r.size {
		return nil
	}
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil { // the whole disk is in trouble, not this file
		return err
	}
	if err != nil {
		reason := ReasonMissing
		if s.stale { // it may have been deleted after the index was copied
			reason = ReasonRebuilt
		}
		s.log.Error("a segment's file is missing", "camera", c.name, "segment", r.name())
		return s.loseMissing(ctx, c, r, reason)
	}
	s.log.Error("a segment's file is shorter than it was", "camera", c.name, "segment", r.name(), "size", info.Size(), "expected", r.size)
	m, err := mend(c, r.name())
	if err != nil && !errors.Is(err, errNoFragments) && !isFormat(err) {
		return err
	}
	if err != nil || micros(m.entries[0].Start) != r.start || m.run.ID != r.runID {
		return errors.Join(s.quarantineFile(c, r.name(), fmt.Errorf("the file is not what the index says: %w", errors.Join(err, media.ErrFormat))),
			s.lose(ctx, r, ReasonQuarantined))
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		x := m.closing(r.st)
		const query = `UPDATE segment SET end_us = ?, size_bytes = ?, key_frames = ?
			WHERE camera = ? AND quality = ? AND start_us = ? AND state = 2`
		if err := exec(ctx, tx, query, x.end, x.size, x.keys, r.st.camera, r.st.quality, r.start); err != nil {
			return err
		}
		return enter(ctx, tx, r.st, x.end, max(x.end, r.end), gap(ReasonDiskError))
	})
}

// loseMissing makes a gap of a segment whose file is not there, once that would survive a power cut: whoever removed it may
// have died before its folder was synced.
func (s *Store) loseMissing(ctx context.Context, c *camera, r segmentRow, reason string) error {
	if err := c.files.SyncDir(path.Dir(r.name())); err != nil && !disk.IsMissing(err) {
		return err
	}
	return s.lose(ctx, r, reason)
}

// lose forgets a closed or quarantined segment whose file is no more.
func (s *Store) lose(ctx context.Context, r segmentRow, reason string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		const query = `DELETE FROM segment WHERE camera = ? AND quality = ? AND start_us = ? AND state IN (2, 4)`
		res, err := tx.ExecContext(ctx, query, r.st.camera, r.st.quality, r.start)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 { // retention was quicker
			return err
		}
		if err := enter(ctx, tx, r.st, r.start, r.end, gap(reason)); err != nil {
			return err
		}
		return dropRunIfEmpty(ctx, tx, r.st, r.run)
	})
}

// unsyncedFor is for longer than any system keeps what a program wrote from the disk.
const unsyncedFor = 15 * time.Minute

// recent reports whether a file was written to, or the names in a folder changed, so lately that a process which was killed
// may have left that unsynced.
func (s *Store) recent(c *camera, name string) bool {
	info, err := c.files.Stat(name)
	return err == nil && s.now().Sub(info.ModTime()) < unsyncedFor
}

// adopt gives a row to a file without one, or moves the file to quarantine. A file that was synced is not read whole. It
// tells in words what it did. The caller holds repairing.
func (s *Store) adopt(ctx context.Context, c *camera, name string, synced bool) (string, error) {
	if _, noted, err := s.rowOf(ctx, c, name); err != nil || noted { // somebody adopted it a moment ago
		return "it has its row", err
	}
	m, sure, err := mended{}, false, error(nil)
	if synced && !s.recent(c, name) {
		m, sure = trust(c, name)
	}
	if !sure {
		m, err = mend(c, name)
	}
	quality, _ := media.ParseQuality(path.Dir(path.Dir(name)))
	if err == nil {
		err = s.fits(c, quality, name, m)
	}
	if err == nil {
		err = s.write(ctx, func(tx *sql.Tx) error { return adoptRow(ctx, tx, streamRow{c.row, quality}, m) })
		if sqlite.IsConstraint(err) {
			err = fmt.Errorf("%w: %w: %w", media.ErrFormat, ErrOverlap, err)
		}
	}
	switch {
	case err == nil:
		s.log.Info("a segment without a row was adopted", "camera", c.name, "segment", name)
		return "it was adopted", nil
	case disk.IsMissing(err): // it was being deleted
		return "it is gone", nil
	case errors.Is(err, errNoFragments):
		return "it held no footage, and was removed", disk.RemoveSynced(c.files, name)
	case isFormat(err):
		target, moved := s.moveToQuarantine(c, name, err)
		return fmt.Sprintf("moved to %s, complete; what verifies of it is taken back from there", target), moved
	}
	return "", err
}

// fits checks that the file is where its label belongs and does not lie beside what is being written.
func (s *Store) fits(c *camera, quality media.Quality, name string, m mended) error {
	start := micros(m.entries[0].Start)
	if m.run.Stream.Quality != quality || segmentName(quality, start) != name {
		return fmt.Errorf("%w: its label says %s", media.ErrFormat, segmentName(m.run.Stream.Quality, start))
	}
	now := s.liveOf(m.run.Stream)
	if len(now.entries) > 0 && micros(m.end()) > now.start {
		return fmt.Errorf("%w: %w", media.ErrFormat, ErrOverlap)
	}
	return nil
}

// adoptRow adds the rows for a segment that was found.
func adoptRow(ctx context.Context, tx *sql.Tx, st streamRow, m mended) error {
	const find = `SELECT id FROM run WHERE camera = ? AND quality = ? AND uuid = ?`
	var run int64
	err := tx.QueryRowContext(ctx, find, st.camera, st.quality, m.run.ID[:]).Scan(&run)
	if errors.Is(err, sql.ErrNoRows) {
		run, err = newRun(ctx, tx, st, m.run, ReasonRebuilt)
	}
	if err != nil {
		return err
	}
	x := m.closing(st)
	const insert = `INSERT INTO segment (camera, quality, start_us, end_us, run, state, size_bytes, init_bytes, key_frames)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	if err := exec(ctx, tx, insert, st.camera, st.quality, x.start, x.end, run, stateClosed, x.size, m.init, x.keys); err != nil {
		return err
	}
	return enter(ctx, tx, st, x.start, x.end, footage(run))
}
