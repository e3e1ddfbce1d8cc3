package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// recoveriesAtOnce is how many files are read at the same time after a crash: enough that one slow read does not delay all
// others, few enough to leave the disk to the cameras.
const recoveriesAtOnce = 4

// boundOpen notes the segments that were being written when the last process ended, each with the latest end it can
// have. So a stream can be recorded again at once, before closeLeftovers has read the file.
func (s *recovery) boundOpen(ctx context.Context) error {
	open, err := s.index.InState(ctx, index.StateOpen)
	if err != nil || len(open) == 0 {
		return err
	}
	ends := make([]int64, len(open))
	atOnce(len(open), func(i int) { ends[i] = s.atMost(s.cameraOf(open[i].Stream.Camera), open[i]) })
	err = s.index.Write(ctx, func(tx *index.Tx) error {
		for i, r := range open {
			if err := tx.BoundOpen(ctx, r, ends[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, r := range open {
		// A segment without footage is closed at once. Otherwise it would be in the way of a segment that begins in the same
		// microsecond, which happens when the clock was set back.
		if ends[i] > r.Start || !s.closeLeftover(ctx, r) {
			s.leftovers = append(s.leftovers, r)
		}
	}
	return nil
}

// dropReplaced removes the rows of deleted segments when another run has a file of the same name by now: the clock was set back, and
// a power cut lost what the index knew of that run. Otherwise the new file would be deleted.
func (s *recovery) dropReplaced(ctx context.Context) error {
	marked, err := s.index.InState(ctx, index.StateDeleting)
	if err != nil {
		return err
	}
	for _, r := range marked {
		c := s.cameraOf(r.Stream.Camera)
		if !segment.OfAnotherRun(c.owner(), r.Name(), r.RunID) {
			continue
		}
		s.log.Warn("a segment is of another run than the index says; adding it again", "camera", c.name, "segment", r.Name())
		err := s.index.Write(ctx, func(tx *index.Tx) error {
			return errors.Join(tx.DropSegment(ctx, r.Stream, r.Start), tx.DropRunIfEmpty(ctx, r.Stream, r.Run))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// atOnce calls f for 0 … n-1, a few at the same time, and returns when all have returned.
func atOnce(n int, f func(i int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, recoveriesAtOnce)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			f(i)
			<-slots
		})
	}
	group.Wait()
}

// atMost returns a time at which the footage of an open segment ends at the latest, from the last label in its file. The
// label need not verify: nothing before it ends later.
func (s *recovery) atMost(c *camera, r index.Segment) int64 {
	label, err := segment.LastLabel(c.files, r.Name(), c.expected(r))
	switch {
	case err == nil:
		return max(r.Start, index.Micros(label.Start.Add(label.Duration)))
	case disk.IsMissing(err), errors.Is(err, media.ErrFormat):
		return r.Start
	}
	s.log.Warn("the end of an open segment could not be read", "camera", c.name, "segment", r.Name(), "err", err)
	return max(r.Start, index.Micros(s.now()))
}

// closeLeftovers closes the segments that the last process left open. A file that cannot be read is looked at again at
// the next start, and must not keep the others from being closed.
func (s *recovery) closeLeftovers(ctx context.Context) {
	s.mu.RLock()
	left := slices.Clone(s.leftovers)
	s.mu.RUnlock()
	atOnce(len(left), func(i int) {
		if ctx.Err() != nil {
			return
		}
		if !s.closeLeftover(ctx, left[i]) {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.leftovers = slices.DeleteFunc(s.leftovers, func(x index.Segment) bool { return x == left[i] })
	})
}

// closeLeftover closes one of them, and reports whether it did.
func (s *recovery) closeLeftover(ctx context.Context, r index.Segment) bool {
	c := s.cameraOf(r.Stream.Camera)
	if err := s.recoverSegment(ctx, c, r); err != nil {
		s.log.Error("a segment could not be recovered", "camera", c.name, "segment", r.Name(), "err", err)
		s.raise(AlarmNotExamined, fmt.Sprintf("Some footage that was being recorded when the program last ended cannot be read; the log names the files. "+
			"It is tried again at the next start. If that does not help, look after the disk of %s.", s.o.Recordings))
		return false
	}
	return true
}

// unknownFile is the newest file of a stream, when the index does not know it.
type unknownFile struct {
	c       *camera
	quality media.Quality
	name    string
	start   time.Time // in whole milliseconds
}

// staleAfter tells an old copy of the index from one that lost its last changes in a power cut: a copy is older than the recordings by
// more than this.
const staleAfter = time.Hour

// findUnknown returns the newest file of each stream that has no row. There are some when the index is older than the recordings: a
// power cut lost its last changes, or an old copy was restored.
func (s *recovery) findUnknown(ctx context.Context) ([]unknownFile, error) {
	var streams []unknownFile
	for _, c := range s.cameras {
		for _, quality := range qualities {
			streams = append(streams, unknownFile{c: c, quality: quality})
		}
	}
	errs := make([]error, len(streams))
	atOnce(len(streams), func(i int) { errs[i] = s.findUnknownOf(ctx, &streams[i]) })
	unknown := slices.DeleteFunc(streams, func(x unknownFile) bool { return x.name == "" })
	return unknown, errors.Join(errs...)
}

func (s *recovery) findUnknownOf(ctx context.Context, x *unknownFile) error {
	name, err := newestFile(x.c.files, x.quality)
	if err != nil || name == "" {
		return err
	}
	last, err := s.index.LastStart(ctx, index.Stream{Camera: x.c.row, Quality: x.quality})
	if err == nil && (last == index.NoEnd || name > index.SegmentName(x.quality, last)) {
		x.name = name
		x.start, err = time.Parse(index.DayLayout+"/"+index.TimeLayout+index.SegmentSuffix, strings.TrimPrefix(name, x.quality.String()+"/"))
	}
	return err
}

// judge finds out whether the index is an old copy, and raises an alarm.
func (s *recovery) judge(alive time.Time, unknown []unknownFile) {
	newest := alive
	for _, x := range unknown {
		if x.start.After(newest) {
			newest = x.start
		}
	}
	late := newest.Sub(alive)
	if late <= staleAfter {
		return
	}
	s.stale = true
	s.log.Warn("the index is older than the recordings; adding what is missing", "index", alive, "recordings", newest)
	s.raise(AlarmIndexOld, fmt.Sprintf("The index ends %s before the recordings: an older copy of %s seems to have been restored. "+
		"What it lacks is found in the recordings; why there are gaps in that time is not known any more.", format.Duration(late), index.FileName))
}

// adoptNewest adopts the newest files that the index does not know, so that nothing is recorded over them. Reconcile adopts the other
// files.
func (s *recovery) adoptNewest(ctx context.Context, unknown []unknownFile) {
	atOnce(len(unknown), func(i int) {
		x := unknown[i]
		for range 3 { // a file that is no segment is quarantined: then the one before it is looked at
			if _, err := s.adopt(ctx, x.c, x.name, false); err != nil {
				s.log.Error("the newest file of a stream has no row and could not be adopted", "camera", x.c.name, "segment", x.name, "err", err)
				return
			}
			name := x.name
			x.name = ""
			if err := s.findUnknownOf(ctx, &x); err != nil || x.name == "" || x.name == name {
				return
			}
		}
	})
}

// newestFile returns the name of a stream's newest segment file, going by names alone; "" when there is none.
func newestFile(d disk.Folder, q media.Quality) (string, error) {
	days, err := d.List(q.String())
	if err != nil {
		if disk.IsMissing(err) {
			err = nil
		}
		return "", err
	}
	for _, day := range slices.Backward(days) {
		if _, err := time.Parse(index.DayLayout, day.Name()); err != nil || !day.IsDir() {
			continue
		}
		entries, err := d.List(path.Join(q.String(), day.Name()))
		if err != nil {
			return "", err
		}
		for _, e := range slices.Backward(entries) {
			if _, err := time.Parse(index.TimeLayout+index.SegmentSuffix, e.Name()); err == nil && e.Type().IsRegular() && strings.HasSuffix(e.Name(), index.SegmentSuffix) {
				return path.Join(q.String(), day.Name(), e.Name()), nil
			}
		}
	}
	return "", nil
}

// recoverSegment closes one open row according to its file.
func (s *recovery) recoverSegment(ctx context.Context, c *camera, r index.Segment) error {
	m, err := segment.Repair(c.owner(), r.Name())
	another := err == nil && m.Run.ID != r.RunID
	if err == nil && !another {
		err = s.write(ctx, func(tx *index.Tx) error {
			if err := tx.CloseSegment(ctx, closing(r.Stream, m)); err != nil {
				return err
			}
			// An earlier start may have been unable to read the file and have called it a gap.
			if err := tx.Enter(ctx, r.Stream, r.Start, index.Micros(m.End()), index.Footage(r.Run)); err != nil {
				return err
			}
			return tx.EndClaim(ctx, r, index.Micros(m.End()), gap(s.down))
		})
		if !sqlite.IsConstraint(err) {
			return err
		}
		err = fmt.Errorf("%w: %w: %w", media.ErrFormat, ErrOverlap, err) // its place is taken, which only a clock set back can do
	}
	switch {
	case another:
		// The power failed before the index knew that this row's file was gone and another run has made one of that name.
		s.log.Warn("a segment is of another run than the index says; adding it again", "camera", c.name, "segment", r.Name())
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, segment.ErrNoFragments), segment.IsDamage(err) && m.Size <= r.Init: // nothing was recorded
		err = disk.RemoveSynced(c.files, r.Name())
		if err != nil {
			return err
		}
	case segment.IsDamage(err):
		if err := s.issues.quarantineFile(c, r.Name(), err); err != nil {
			return err
		}
	default:
		return err
	}
	return s.write(ctx, func(tx *index.Tx) error {
		if err := tx.DropSegment(ctx, r.Stream, r.Start); err != nil {
			return err
		}
		if err := tx.EndClaim(ctx, r, r.Start, gap(s.down)); err != nil {
			return err
		}
		return tx.DropRunIfEmpty(ctx, r.Stream, r.Run)
	})
}
