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
	// reserveName is a file in the data folder that is there to be deleted: when the disk is full to the last byte, the room it
	// gives back lets the databases take what a login writes, and what deleting footage writes.
	reserveName = "reserve"
	// reserveBytes is its size on disks that are large enough, and reserveShare the least share of the others.
	reserveBytes = 16 << 20
	reserveShare = 16
	// roomEvery is how often the free space is looked at.
	roomEvery = time.Second
)

// room is what the store knows of the space on its disks. Its fields but the last are used by one goroutine at a time, under
// Store.rooming.
type room struct {
	reserve int64 // size of the reserve; 0 while there is none
	shared  bool  // data and recordings are on the same disk

	stopped bool // footage is refused, so that it does not take the room that the databases need; under Store.mu
}

// errNoRoom is why footage is refused while the reserve is given up. It is that of a full disk.
var errNoRoom = &fs.PathError{Op: "write", Path: "recordings", Err: syscall.ENOSPC}

// sizes returns how large the reserve is on a disk of so many bytes, and how little must be free for it to be given up.
func reserveSizes(total int64) (reserve, least int64) {
	reserve = min(reserveBytes, total/reserveShare)
	return reserve, reserve / 4
}

// watchRoom looks after the free space until ctx is over.
func (s *Store) watchRoom(ctx context.Context) {
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	last := ""
	for {
		text := ""
		if err := s.lookAfterRoom(); err != nil {
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

// lookAfterRoom gives the reserve up when the data folder's disk is about to be full, and makes it again when there is room.
func (s *Store) lookAfterRoom() error {
	s.rooming.Lock()
	defer s.rooming.Unlock()
	free, total, err := s.data.Space()
	if err != nil {
		return err
	}
	size, least := reserveSizes(total)
	switch {
	case s.room.reserve == 0 && free >= size+2*least:
		if err := s.makeReserve(size); err != nil {
			return err
		}
		s.hold(false)
	case s.room.reserve != 0 && free < least:
		if err := s.dropReserve(); err != nil {
			return err
		}
	case s.room.reserve == 0 && free < least:
		s.hold(s.room.shared)
	}
	return s.tellRoom()
}

// hold refuses footage, or takes it again.
func (s *Store) hold(stopped bool) {
	s.mu.Lock()
	changed := s.room.stopped != stopped
	s.room.stopped = stopped
	s.mu.Unlock()
	switch {
	case changed && stopped:
		s.log.Error("the disk is full: recording stops until there is room again", "path", s.o.Recordings)
		s.wake()
	case changed:
		s.log.Info("there is room again: recording goes on", "path", s.o.Recordings)
	}
}

// noRoom reports whether footage is refused.
func (s *Store) noRoom() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.room.stopped
}

// tellRoom raises the alarm about the disks, or ends it.
func (s *Store) tellRoom() error {
	var full []string
	for _, x := range []struct {
		path string
		d    disk.Folder
	}{{s.o.Data, s.data}, {s.o.Recordings, s.disk}} {
		free, total, err := x.d.Space()
		if err != nil {
			return err
		}
		if _, least := reserveSizes(total); free < least || s.noRoom() {
			full = append(full, fmt.Sprintf("%s (%s of %s are free)", x.path, format.Size(free), format.Size(total)))
		}
		if s.room.shared {
			break
		}
	}
	if len(full) == 0 {
		s.lower(AlarmDiskFull)
		return nil
	}
	s.raise(AlarmDiskFull, fmt.Sprintf("The disk is full: %s. What the cameras send is dropped until there is room. The oldest footage is deleted as "+
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
		s.room.reserve = size
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
	s.room.reserve = size
	return nil
}

// dropReserve gives the reserve up. Where footage goes to the same disk, none is taken from then on, since it would have the
// room used up in a moment.
func (s *Store) dropReserve() error {
	s.hold(s.room.shared)
	told := s.tellRoom() // first: whoever sees that the reserve is gone finds the alarm
	if err := s.data.Remove(reserveName); err != nil && !disk.IsMissing(err) {
		return err
	}
	s.room.reserve = 0
	s.log.Warn("the disk of the data folder is full: its reserve was given up", "path", s.o.Data)
	s.wake()
	return told
}

// rescue gives the reserve up for a statement that found the disk full, and reports whether it is worth another try.
func (s *Store) rescue(err error) bool {
	if !sqlite.IsFull(err) && !disk.IsFull(err) {
		return false
	}
	s.rooming.Lock()
	defer s.rooming.Unlock()
	if s.room.reserve == 0 {
		return false
	}
	if err := s.dropReserve(); err != nil {
		s.log.Error("the reserve of the data folder", "err", err)
		return false
	}
	return true
}

// sacrifice is for a disk so full that the index cannot even note what is to be deleted, the reserve being used up by others:
// it deletes the file of the first of the rows before they are marked, so that there is room to mark them. It reports
// whether it did. A crash right after it leaves a row without a file, which becomes a gap.
func (s *Store) sacrifice(ctx context.Context, c *camera, rows []index.Segment) bool {
	if !s.room.shared {
		return false
	}
	for _, r := range rows {
		kept, err := s.index.IsKept(ctx, r)
		if err != nil || kept || s.pinned(media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, r.Start, r.End) {
			continue
		}
		if err := c.files.Remove(r.Name()); err == nil {
			s.log.Warn("the disk is full to the last byte: a segment was deleted before the index could note it", "camera", c.name, "segment", r.Name())
			return true
		}
	}
	return false
}
