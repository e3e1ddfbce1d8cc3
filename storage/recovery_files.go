package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// recovery makes the index and the files agree. It closes what the last process left open, adopts files without a row, and makes gaps
// of rows without a file.
type recovery struct {
	*liveness
	*cameraList
	*database
	*storeClock
	*alarms
	o      *Options
	log    *slog.Logger
	disk   disk.Folder // recordings
	issues *integrity

	// leftovers are the segments that the last process left open and that are yet to be closed; under cameraList.mu.
	leftovers []index.Segment
	stale     bool // the index is older than the recordings, or new beside old ones
}

// Reconcile closes what the last process left open, and then compares all files with all rows, the newest days first. Files without
// a row are adopted when their labels verify, and quarantined otherwise (I1). Rows without a file become gaps. Files shorter
// than their row says are repaired. Recording goes on meanwhile. Run does this by itself.
func (s *recovery) Reconcile(ctx context.Context) error {
	s.closeLeftovers(ctx)
	known := s.all()
	var errs []error
	for _, c := range known {
		for _, quality := range qualities {
			if err := s.reconcileStream(ctx, c, quality); err != nil {
				errs = append(errs, fmt.Errorf("%s %s: %w", c.name, quality, err))
			}
		}
	}
	// What was moved to quarantine on the way is salvaged at once: it may be mostly good.
	if _, err := s.issues.resolveAfter(ctx, 0, &disk.Pace{Rate: resolveRate}); err != nil && ctx.Err() == nil {
		s.log.Error("an integrity issue about footage could not be resolved; will try again", "err", err)
	}
	return errors.Join(errs...)
}

func (s *recovery) reconcileStream(ctx context.Context, c *camera, quality media.Quality) error {
	days, err := Days(ctx, s.index.Reader, c.files, index.Stream{Camera: c.row, Quality: quality})
	if err != nil {
		return err
	}
	var errs []error
	for i, day := range slices.Backward(days) {
		began := time.Now()
		if err := s.reconcileDay(ctx, c, quality, day, i == len(days)-1); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", day.Format(index.DayLayout), err))
		}
		// Recording comes first: the walk uses the disk at most half of the time.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Since(began), time.Second)):
		}
	}
	return errors.Join(errs...)
}

// Days lists, in order, the days of a stream that have a folder or a row. folder is the camera's folder.
func Days(ctx context.Context, db index.Reader, folder disk.Folder, st index.Stream) ([]time.Time, error) {
	entries, err := folder.List(st.Quality.String())
	if err != nil && !disk.IsMissing(err) {
		return nil, err
	}
	var days []time.Time
	for _, e := range entries {
		if day, err := time.Parse(index.DayLayout, e.Name()); err == nil && e.IsDir() {
			days = append(days, day)
		}
	}
	for from := int64(index.NoEnd); ; {
		start, err := db.NextStart(ctx, st, from)
		if err != nil {
			return nil, err
		}
		if start == index.NoEnd {
			break
		}
		day := index.FromMicros(start).Truncate(24 * time.Hour)
		days = append(days, day)
		from = index.Micros(day.Add(24 * time.Hour))
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal), nil
}

// dayOf returns the span of a UTC day.
func dayOf(day time.Time) index.Interval {
	return index.Interval{From: index.Micros(day), To: index.Micros(day.Add(24 * time.Hour))}
}

// reconcileDay compares the files of a day with its rows. The files are listed first: one that was made since has its
// row by then, and one that was deleted since is not found when it is looked at.
// The last file of the newest day may have been unsynced when the power failed; the others were synced before it was begun.
func (s *recovery) reconcileDay(ctx context.Context, c *camera, quality media.Quality, day time.Time, newest bool) error {
	folder := path.Join(quality.String(), day.Format(index.DayLayout))
	entries, err := c.files.List(folder)
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	if err := s.syncFolder(c, folder); err != nil {
		return err
	}
	rows, err := s.index.BeginningIn(ctx, index.Stream{Camera: c.row, Quality: quality}, dayOf(day))
	if err != nil {
		return err
	}
	noted := make(map[string]index.Segment, len(rows))
	for _, r := range rows {
		noted[r.Name()] = r
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

// syncFolder syncs a folder that changed recently. A process that was killed between deleting and syncing leaves a mark in the index,
// and no trace when the index is lost too.
func (s *recovery) syncFolder(c *camera, folder string) error {
	if !s.recent(c, folder) {
		return nil
	}
	if err := c.files.SyncDir(folder); err != nil && !disk.IsMissing(err) {
		return err
	}
	return nil
}

// dropPieces removes incomplete segments that were being restored when the program ended. The file they come from is still in
// quarantine.
func (s *recovery) dropPieces(c *camera, folder string, entries []fs.DirEntry) error {
	s.issues.repairing.Lock()
	defer s.issues.repairing.Unlock()
	var errs []error
	for _, e := range entries {
		if disk.IsRegular(e) && strings.HasSuffix(e.Name(), segment.PieceSuffix) {
			errs = append(errs, disk.RemoveSynced(c.files, path.Join(folder, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (s *recovery) reconcileFile(ctx context.Context, c *camera, name string, noted map[string]index.Segment, synced bool) error {
	s.issues.repairing.Lock()
	defer s.issues.repairing.Unlock()
	if r, ok := noted[name]; ok {
		return s.compare(ctx, c, r)
	}
	_, err := s.adopt(ctx, c, name, synced)
	return err
}

// compare checks that a closed row has a file of its size. What is missing becomes a gap. The caller holds repairing, but may have
// read the row before that. So the row is read again before anything is changed: meanwhile the file may have been repaired, or
// replaced by a good part of it.
func (s *recovery) compare(ctx context.Context, c *camera, r index.Segment) error {
	if r.State != index.StateClosed {
		return nil
	}
	info, err := c.files.Stat(r.Name())
	if err == nil && info.Size() >= r.Size {
		return nil
	}
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	switch now, noted, err := s.issues.rowOf(ctx, c, r.Name()); {
	case err != nil:
		return err
	case !noted:
		_, err := s.adopt(ctx, c, r.Name(), false)
		return err
	case now != r:
		return s.compare(ctx, c, now)
	}
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil { // the whole disk is in trouble, not this file
		return err
	}
	if err != nil {
		reason := ReasonMissing
		if s.stale { // it may have been deleted after the index was copied
			reason = ReasonRebuilt
		}
		s.log.Error("a segment's file is missing", "camera", c.name, "segment", r.Name())
		return s.loseMissing(ctx, c, r, reason)
	}
	s.log.Error("a segment's file is shorter than it was", "camera", c.name, "segment", r.Name(), "size", info.Size(), "expected", r.Size)
	m, err := segment.Repair(c.owner(), r.Name())
	if err != nil && !errors.Is(err, segment.ErrNoFragments) && !segment.IsDamage(err) {
		return err
	}
	if err != nil || index.Micros(m.Entries[0].Start) != r.Start || m.Run.ID != r.RunID {
		return errors.Join(s.issues.quarantineFile(c, r.Name(), fmt.Errorf("the file is not what the index says: %w", errors.Join(err, media.ErrFormat))),
			s.lose(ctx, r, ReasonQuarantined))
	}
	return s.write(ctx, func(tx *index.Tx) error {
		x := closing(r.Stream, m)
		if shortened, err := tx.Shorten(ctx, x); err != nil || !shortened { // retention was quicker
			return err
		}
		return tx.Enter(ctx, r.Stream, x.End, max(x.End, r.End), gap(ReasonDiskError))
	})
}

// loseMissing makes a gap of a segment whose file is missing. It syncs the folder first: whoever removed the file may have died
// before doing so.
func (s *recovery) loseMissing(ctx context.Context, c *camera, r index.Segment, reason string) error {
	if err := c.files.SyncDir(path.Dir(r.Name())); err != nil && !disk.IsMissing(err) {
		return err
	}
	return s.lose(ctx, r, reason)
}

// lose removes the row of a closed or quarantined segment that has no file, and makes its time a gap.
func (s *recovery) lose(ctx context.Context, r index.Segment, reason string) error {
	return s.write(ctx, func(tx *index.Tx) error {
		lost, err := tx.DropLost(ctx, r)
		if err != nil || !lost { // retention was quicker
			return err
		}
		if err := tx.Enter(ctx, r.Stream, r.Start, r.End, gap(reason)); err != nil {
			return err
		}
		return tx.DropRunIfEmpty(ctx, r.Stream, r.Run)
	})
}

// unsyncedFor is longer than any system delays writing to the disk.
const unsyncedFor = 15 * time.Minute

// recent reports whether a file or folder changed so recently that a process which was killed may have left the change unsynced.
func (s *recovery) recent(c *camera, name string) bool {
	info, err := c.files.Stat(name)
	return err == nil && s.now().Sub(info.ModTime()) < unsyncedFor
}

// adopt gives a row to a file without one, or moves the file to quarantine. A file that was synced is not read whole. It
// returns a description of what it did. The caller holds repairing.
func (s *recovery) adopt(ctx context.Context, c *camera, name string, synced bool) (string, error) {
	if _, noted, err := s.issues.rowOf(ctx, c, name); err != nil || noted { // somebody adopted it a moment ago
		return "the index lists it already", err
	}
	m, sure, err := segment.Contents{}, false, error(nil)
	if synced && !s.recent(c, name) {
		m, sure = segment.Trust(c.owner(), name)
	}
	if !sure {
		m, err = segment.Repair(c.owner(), name)
	}
	quality, _ := media.ParseQuality(path.Dir(path.Dir(name)))
	if err == nil {
		err = s.fits(c, quality, name, m)
	}
	if err == nil {
		err = s.write(ctx, func(tx *index.Tx) error { return adoptRow(ctx, tx, index.Stream{Camera: c.row, Quality: quality}, m) })
		if sqlite.IsConstraint(err) {
			err = fmt.Errorf("%w: %w: %w", media.ErrFormat, ErrOverlap, err)
		}
	}
	switch {
	case err == nil:
		s.log.Info("a segment that the index did not list was added", "camera", c.name, "segment", name)
		return "it was added to the index", nil
	case disk.IsMissing(err): // it was being deleted
		return "it is gone", nil
	case errors.Is(err, segment.ErrNoFragments):
		return "it had no footage and was removed", disk.RemoveSynced(c.files, name)
	case segment.IsDamage(err):
		target, moved := s.issues.moveToQuarantine(c, name, err)
		return fmt.Sprintf("moved to %s; what verifies in it is restored from there", target), moved
	}
	return "", err
}

// fits checks that the file is where its label says, and does not overlap with what is being written.
func (s *recovery) fits(c *camera, quality media.Quality, name string, m segment.Contents) error {
	start := index.Micros(m.Entries[0].Start)
	if m.Run.Stream.Quality != quality || index.SegmentName(quality, start) != name {
		return fmt.Errorf("%w: its label says %s", media.ErrFormat, index.SegmentName(m.Run.Stream.Quality, start))
	}
	now := s.writtenOf(m.Run.Stream)
	if len(now.entries) > 0 && index.Micros(m.End()) > now.start {
		return fmt.Errorf("%w: %w", media.ErrFormat, ErrOverlap)
	}
	return nil
}

// adoptRow adds the rows for a segment that was found.
func adoptRow(ctx context.Context, tx *index.Tx, st index.Stream, m segment.Contents) error {
	run, err := tx.RunNumber(ctx, st, m.Run.ID)
	if err == nil && run == 0 {
		run, err = tx.InsertRun(ctx, st, m.Run, ReasonRebuilt)
	}
	if err != nil {
		return err
	}
	x := closing(st, m)
	if err := tx.InsertClosed(ctx, x, run, m.Init); err != nil {
		return err
	}
	return tx.Enter(ctx, st, x.Start, x.End, index.Footage(run))
}
