package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// ErrIndexDamaged is returned by Run when the index turned out to be damaged while it was in use. The store has to be
// closed and opened again: Open puts the damaged index aside and makes it again from the files.
var ErrIndexDamaged = errors.New("the index is damaged")

const (
	// damagedMark begins the names of damaged indexes that were put aside.
	damagedMark = index.FileName + ".damaged-"
	// suspectName is a file that says, to the next Open, that the index is damaged and why.
	suspectName = index.FileName + ".suspect"
	// keptDamaged is how many damaged indexes are kept.
	keptDamaged = 3
)

// openIndexed opens the index and settles what the last process left. An index that turns out to be damaged on the way is
// put aside and made again: the files say all that it has to know.
func (s *Store) openIndexed(ctx context.Context) error {
	why, err := disk.ReadFile(s.data, suspectName, maxSmallFile)
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	if err == nil {
		if err := s.putIndexAside(strings.TrimSpace(string(why))); err != nil {
			return err
		}
	}
	err = s.tryIndex(ctx)
	if !sqlite.IsDamaged(err) && !errors.Is(err, sqlite.ErrForeign) {
		return err
	}
	if closeErr := s.closeIndex(); closeErr != nil {
		s.log.Warn("a damaged index could not be closed", "err", closeErr)
	}
	s.index, s.cameras = nil, map[media.CameraID]*camera{}
	if err := s.putIndexAside(err.Error()); err != nil {
		return err
	}
	return s.tryIndex(ctx)
}

func (s *Store) tryIndex(ctx context.Context) (err error) {
	path := filepath.Join(s.o.Data, index.FileName)
	if s.index, err = index.Open(ctx, path); err != nil {
		if newer, ok := errors.AsType[*sqlite.NewerError](err); ok {
			return refuse("%s was written by a newer nvr (its schema is %d, this nvr knows %d): run that one again, or move %s* aside; "+
				"the index is then made again from the recordings", path, newer.Have, newer.Known, path)
		}
		return err
	}
	if err := s.recover(ctx); err != nil {
		return fmt.Errorf("recover %s: %w", s.o.Recordings, err)
	}
	return nil
}

// closeIndex closes the index and the cameras that were read from it.
func (s *Store) closeIndex() error {
	s.mu.Lock()
	known := s.cameras
	s.cameras, s.leftovers = nil, nil
	s.mu.Unlock()
	var errs []error
	for _, c := range known {
		errs = append(errs, c.files.Close())
	}
	if s.index != nil {
		errs = append(errs, s.index.Close())
	}
	return errors.Join(errs...)
}

// putIndexAside renames the index and what belongs to it, the log first: a log without its database is dropped by SQLite,
// one beside another database would be taken for that one's. A crash on the way is harmless.
func (s *Store) putIndexAside(why string) error {
	target := damagedMark + s.now().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := s.data.Stat(target); disk.IsMissing(err) {
			break
		} else if err != nil {
			return err
		}
		target = fmt.Sprintf("%s%s-%d", damagedMark, s.now().Format("20060102T150405Z"), n)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := s.data.Rename(index.FileName+suffix, target+suffix); err != nil && !disk.IsMissing(err) {
			return fmt.Errorf("put the damaged index aside: %w", err)
		}
	}
	if err := s.data.SyncDir("."); err != nil {
		return err
	}
	if err := disk.RemoveSynced(s.data, suspectName); err != nil {
		return err
	}
	kept := filepath.Join(s.o.Data, target)
	s.log.Error("the index is damaged; it was put aside and is made again from the recordings", "kept", kept, "err", why)
	s.raise(AlarmIndexRebuilt, fmt.Sprintf("The index was damaged. It is made again from the recordings; nothing of them is lost. "+
		"The damaged one is kept as %s and can be deleted. If this happens again, look after that disk.", kept))
	return s.dropOldDamaged()
}

// dropOldDamaged deletes all but the newest damaged indexes.
func (s *Store) dropOldDamaged() error {
	entries, err := s.data.List(".")
	if err != nil {
		return err
	}
	var kept []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, damagedMark) && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			kept = append(kept, name)
		}
	}
	slices.Sort(kept)
	for _, name := range kept[:max(0, len(kept)-keptDamaged)] {
		for _, suffix := range []string{"-wal", "-shm", ""} {
			if err := s.data.Remove(name + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// SuspectIndex has the next Open put the index aside and make it again from the files. data is the data folder.
func SuspectIndex(data disk.Folder, why string) error {
	return disk.WriteFile(data, suspectName, []byte(why+"\n"))
}
