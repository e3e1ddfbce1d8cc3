package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// recover resolves what the last process left, as far as recording has to wait for it: it opens the cameras, finds out until
// when at most each stream has footage, and ends runs and gaps. What reads files whole or depends on their number is
// reconcile's, beside the recording. It may be interrupted at any point and repeated.
func (s *Store) recover(ctx context.Context) error {
	if err := s.loadCameras(ctx); err != nil {
		return err
	}
	if err := s.adoptCameras(ctx); err != nil {
		return err
	}
	alive, err := s.lastAlive(ctx)
	if err != nil {
		return err
	}
	if err := s.boundOpen(ctx); err != nil {
		return err
	}
	if err := s.dropReplaced(ctx); err != nil {
		return err
	}
	unknown, err := s.findUnknown(ctx)
	if err != nil {
		return err
	}
	s.judge(alive, unknown)
	if err := s.endLeftovers(ctx, alive); err != nil {
		return err
	}
	s.adoptNewest(ctx, unknown)
	return nil
}

// loadCameras opens the folder of every camera that the index knows.
func (s *Store) loadCameras(ctx context.Context) error {
	found, err := camerasOf(ctx, s.index.Reader)
	if err != nil {
		return err
	}
	for _, c := range found {
		c.key = s.LabelKey(c.id)
		retired := c.retired
		if err := s.openCamera(c); err != nil {
			return ExplainDiskError(path.Join(s.o.Recordings, c.folder), err)
		}
		s.know(c)
		if !c.retired.Equal(retired) {
			if err := s.noteRetired(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// openCamera opens the camera's folder, which must say that it is this camera's. A folder that vanished is made anew. A
// camera that its folder calls retired is, whatever an index says that may be older: its name may be another's now.
func (s *Store) openCamera(c *camera) error {
	if !fs.ValidPath(c.folder) || strings.Contains(c.folder, "/") {
		return refuse("the index names the folder %q for camera %s", c.folder, c.name)
	}
	_, err := s.disk.Stat(c.folder)
	if errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the folder of a camera is missing; making a new one", "camera", c.name, "folder", c.folder)
		return s.makeFolder(c)
	}
	if err != nil {
		return err
	}
	if c.files, err = s.disk.Sub(c.folder); err != nil {
		return err
	}
	k, id, err := readManifest(c.files)
	if err == nil && c.retired.IsZero() && !k.Retired.IsZero() {
		c.retired = k.Retired.UTC().Truncate(time.Microsecond)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = c.writeManifest()
	case err == nil && id != c.id:
		err = refuse("the folder %s says it is camera %s, expected %s", c.folder, id, c.id)
	}
	if err != nil {
		return errors.Join(err, c.files.Close())
	}
	return nil
}

// adoptCameras adds the cameras whose folders the index does not know: all of them when it was lost.
func (s *Store) adoptCameras(ctx context.Context) error {
	entries, err := s.disk.List(".")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, c := range s.cameras {
		known[c.folder] = true
	}
	before := len(known)
	for _, e := range entries {
		if !e.IsDir() || known[e.Name()] || e.Name() == QuarantineFolder || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := s.adoptCamera(ctx, e.Name()); err != nil {
			s.log.Warn("a folder in recordings is left alone", "folder", e.Name(), "err", err)
		}
	}
	if before == 0 && len(s.cameras) > 0 && !s.standing(AlarmIndexRebuilt) {
		s.raise(AlarmIndexRebuilt, fmt.Sprintf("There was no index in %s: it is made again from the recordings. Nothing of them is lost.", s.o.Data))
	}
	return nil
}

func (s *Store) adoptCamera(ctx context.Context, name string) error {
	d, err := s.disk.Sub(name)
	if err != nil {
		return err
	}
	k, id, err := readManifest(d)
	if err == nil && s.cameras[id] != nil {
		err = fmt.Errorf("it says it is camera %s, whose folder is %s", id, s.cameras[id].folder)
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	c := k.camera(id)
	c.folder, c.files, c.key = name, d, s.LabelKey(id)
	for _, other := range s.cameras {
		if other.name == c.name && other.retired.IsZero() && c.retired.IsZero() {
			c.retired = s.now()
		}
	}
	err = s.index.Write(ctx, func(tx *index.Tx) error {
		if err := c.insert(ctx, tx); err != nil {
			return err
		}
		return tx.Enter(ctx, index.Stream{Camera: c.row, Quality: media.Main}, index.Micros(c.created), index.Micros(s.now()), gap(ReasonRebuilt))
	})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	s.know(c)
	s.log.Info("camera found on disk", "camera", c.name, "id", c.id, "folder", c.folder)
	return nil
}

// endLeftovers ends the runs that the last process did not end, and says that since it was last alive nothing ran.
func (s *Store) endLeftovers(ctx context.Context, alive time.Time) error {
	if s.stale { // what the ledger says of the time after it is not known to be true
		if err := s.admitIgnorance(ctx, alive); err != nil {
			return err
		}
	}
	err := s.index.Write(ctx, func(tx *index.Tx) error {
		for _, c := range s.cameras {
			for _, quality := range qualities {
				if err := endLeftover(ctx, tx, index.Stream{Camera: c.row, Quality: quality}, s.down); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.noteDownSince(ctx, alive, s.down)
}

// admitIgnorance writes into the ledger that of the time since the index was copied nothing is known; footage that is found
// is entered over it.
func (s *Store) admitIgnorance(ctx context.Context, alive time.Time) error {
	now := index.Micros(s.now())
	return s.index.Write(ctx, func(tx *index.Tx) error {
		for _, c := range s.cameras {
			for _, quality := range qualities {
				st := index.Stream{Camera: c.row, Quality: quality}
				tail, since, err := tx.LedgerAt(ctx, st, index.Forever)
				if err != nil {
					return err
				}
				if tail.Code == CodeNotRecorded || tail.Code == CodeRetired {
					continue
				}
				from := max(since, index.Micros(alive))
				if !tail.IsGap() {
					end, err := tx.LastSettledEnd(ctx, st)
					if err != nil {
						return err
					}
					from = max(since, end)
				}
				if err := tx.Enter(ctx, st, from, now, gap(ReasonRebuilt)); err != nil {
					return err
				}
				if err := tx.Enter(ctx, st, max(now, from), index.Forever, gap(s.down)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// endLeftover ends what the last process did not. The segments that it left open are footage once they are recovered.
func endLeftover(ctx context.Context, tx *index.Tx, st index.Stream, reason string) error {
	tail, since, err := tx.LedgerAt(ctx, st, index.Forever)
	if err != nil {
		return err
	}
	if !tail.IsGap() {
		end, err := tx.LastSettledEnd(ctx, st)
		if err != nil {
			return err
		}
		if err := tx.Enter(ctx, st, max(since, end), index.Forever, gap(reason)); err != nil {
			return err
		}
	}
	runs, err := tx.RunsGoingOn(ctx, st)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := tx.EndRun(ctx, st, run, reason); err != nil {
			return err
		}
	}
	return nil
}
