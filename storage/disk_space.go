package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

const (
	// reserveName is a file in the data folder that is there to be deleted: when the disk is full to the last byte, the space it
	// gives back lets the databases take what a login writes, and what deleting footage writes.
	reserveName = "reserve"
	// reserveBytes is its size on disks that are large enough, and reserveShare the least share of the others.
	reserveBytes = 16 << 20
	reserveShare = 16
	// spaceEvery is how often the free space is looked at.
	spaceEvery = time.Second
)

// diskSpace is what the store knows of the space on its disks. Its fields but the last are used by one goroutine at a time, under
// Store.spacing.
type diskSpace struct {
	reserve int64 // size of the reserve; 0 while there is none
	shared  bool  // data and recordings are on the same disk

	stopped bool // footage is refused, so that it does not take the space that the databases need; under Store.mu
}

// errOutOfSpace is why footage is refused while the reserve is given up. It is that of a full disk.
var errOutOfSpace = &fs.PathError{Op: "write", Path: "recordings", Err: syscall.ENOSPC}

// sizes returns how large the reserve is on a disk of so many bytes, and how little must be free for it to be given up.
func reserveSizes(total int64) (reserve, least int64) {
	reserve = min(reserveBytes, total/reserveShare)
	return reserve, reserve / 4
}

// watchSpace looks after the free space until ctx is over.
func (s *Store) watchSpace(ctx context.Context) {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	last := ""
	for {
		text := ""
		if err := s.manageReserve(); err != nil {
			if text = err.Error(); text != last {
				s.log.Error("the reserve of the data folder", "err", err)
			}
		}
		last = text
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// manageReserve gives the reserve up when the data folder's disk is about to be full, and makes it again when there is space.
func (s *Store) manageReserve() error {
	s.spacing.Lock()
	defer s.spacing.Unlock()
	free, total, err := s.data.Space()
	if err != nil {
		return err
	}
	size, least := reserveSizes(total)
	switch {
	case s.space.reserve == 0 && free >= size+2*least:
		if err := s.makeReserve(size); err != nil {
			return err
		}
		s.refuseFootage(false)
	case s.space.reserve != 0 && free < least:
		if err := s.dropReserve(); err != nil {
			return err
		}
	case s.space.reserve == 0 && free < least:
		s.refuseFootage(s.space.shared)
	}
	return s.reportSpace()
}

// hold refuses footage, or takes it again.
func (s *Store) refuseFootage(stopped bool) {
	s.mu.Lock()
	changed := s.space.stopped != stopped
	s.space.stopped = stopped
	s.mu.Unlock()
	switch {
	case changed && stopped:
		s.log.Error("the disk is full: recording stops until there is space again", "path", s.o.Recordings)
		s.wake()
	case changed:
		s.log.Info("there is space again: recording goes on", "path", s.o.Recordings)
	}
}

// outOfSpace reports whether footage is refused.
func (s *Store) outOfSpace() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.space.stopped
}

// reportSpace raises the alarm about the disks, or ends it.
func (s *Store) reportSpace() error {
	var full []string
	for _, x := range []struct {
		path string
		d    disk.Folder
	}{{s.o.Data, s.data}, {s.o.Recordings, s.disk}} {
		free, total, err := x.d.Space()
		if err != nil {
			return err
		}
		if _, least := reserveSizes(total); free < least || s.outOfSpace() {
			full = append(full, fmt.Sprintf("%s (%s of %s are free)", x.path, format.Size(free), format.Size(total)))
		}
		if s.space.shared {
			break
		}
	}
	if len(full) == 0 {
		s.lower(AlarmDiskFull)
		return nil
	}
	s.raise(AlarmDiskFull, fmt.Sprintf("The disk is full: %s. What the cameras send is dropped until there is space. The oldest footage is deleted as "+
		"storage.min_free says; if that does not help, something else fills the disk: delete it there, or keep less footage.", joined(full)))
	return nil
}

func joined(parts []string) string {
	if len(parts) == 2 {
		return parts[0] + " and " + parts[1]
	}
	return parts[0]
}

// makeReserve makes the reserve. One of the right size that is there already is taken.
func (s *Store) makeReserve(size int64) error {
	info, err := s.data.Stat(reserveName)
	if err == nil && info.Size() == size {
		s.space.reserve = size
		return nil
	}
	if err == nil {
		err = s.data.Remove(reserveName)
	}
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	f, err := s.data.Create(reserveName)
	if err != nil {
		return err
	}
	err = disk.Allocate(f, size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, s.data.Remove(reserveName))
	}
	s.space.reserve = size
	return nil
}

// dropReserve gives the reserve up. Where footage goes to the same disk, none is taken from then on, since it would have the
// space used up in a moment.
func (s *Store) dropReserve() error {
	s.refuseFootage(s.space.shared)
	told := s.reportSpace() // first: whoever sees that the reserve is gone finds the alarm
	if err := s.data.Remove(reserveName); err != nil && !disk.IsMissing(err) {
		return err
	}
	s.space.reserve = 0
	s.log.Warn("the disk of the data folder is full: its reserve was given up", "path", s.o.Data)
	s.wake()
	return told
}

// rescue gives the reserve up for a statement that found the disk full, and reports whether it is worth another try.
func (s *Store) rescue(err error) bool {
	if !sqlite.IsFull(err) && !disk.IsFull(err) {
		return false
	}
	s.spacing.Lock()
	defer s.spacing.Unlock()
	if s.space.reserve == 0 {
		return false
	}
	if err := s.dropReserve(); err != nil {
		s.log.Error("the reserve of the data folder", "err", err)
		return false
	}
	return true
}

// sacrifice is for a disk so full that the index cannot even note what is to be deleted, the reserve being used up by others:
// it deletes the file of the first of the rows before they are marked, so that there is space to mark them. It reports
// whether it did. A crash right after it leaves a row without a file, which becomes a gap.
func (s *Store) sacrifice(ctx context.Context, c *camera, rows []index.Segment) bool {
	if !s.space.shared {
		return false
	}
	for _, r := range rows {
		kept, err := s.index.IsKept(ctx, r)
		if err != nil || kept || s.held(media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, r.Start, r.End) {
			continue
		}
		if err := c.files.Remove(r.Name()); err == nil {
			s.log.Warn("the disk is full to the last byte: a segment was deleted before the index could note it", "camera", c.name, "segment", r.Name())
			return true
		}
	}
	return false
}
