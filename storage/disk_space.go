package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/disk"
)

const (
	// reserveName is a file in the data folder that is there to be deleted: when the disk is completely full, the space it
	// frees lets the databases write what a login and the deletion of footage need.
	reserveName = "reserve"
	// reserveBytes is its size on disks that are large enough, and reserveShare the least share of the others.
	reserveBytes = 16 << 20
	reserveShare = 16
	// spaceEvery is how often the free space is looked at.
	spaceEvery = time.Second
)

// diskSpace looks after the space on the disks of recordings and data.
type diskSpace struct {
	o      *Options
	disk   disk.Folder // recordings
	data   disk.Folder
	log    *slog.Logger
	alarms *alarms
	wake   func() // asks for retention soon

	spacing sync.Mutex // held while the reserve is looked at and changed
	reserve int64      // size of the reserve; 0 while there is none
	shared  bool       // data and recordings are on the same disk

	refusing sync.RWMutex
	stopped  bool // footage is refused, so that it does not take the space that the databases need
}

// errOutOfSpace is the error of a full disk. It is returned for footage while the reserve is given up.
var errOutOfSpace = &fs.PathError{Op: "write", Path: "recordings", Err: syscall.ENOSPC}

// reserveSizes returns how large the reserve is on a disk of so many bytes, and how little must be free for it to be given up.
func reserveSizes(total int64) (reserve, least int64) {
	reserve = min(reserveBytes, total/reserveShare)
	return reserve, reserve / 4
}

// watchSpace looks after the free space until ctx is over.
func (d *diskSpace) watchSpace(ctx context.Context) {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	last := ""
	for {
		text := ""
		if err := d.manageReserve(); err != nil {
			if text = err.Error(); text != last {
				d.log.Error("the reserve of the data folder", "err", err)
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
func (d *diskSpace) manageReserve() error {
	d.spacing.Lock()
	defer d.spacing.Unlock()
	free, total, err := d.data.Space()
	if err != nil {
		return err
	}
	size, least := reserveSizes(total)
	switch {
	case d.reserve == 0 && free >= size+2*least:
		if err := d.makeReserve(size); err != nil {
			return err
		}
		d.refuseFootage(false)
	case d.reserve != 0 && free < least:
		if err := d.dropReserve(); err != nil {
			return err
		}
	case d.reserve == 0 && free < least:
		d.refuseFootage(d.shared)
	}
	return d.reportSpace()
}

// refuseFootage refuses footage, or takes it again.
func (d *diskSpace) refuseFootage(stopped bool) {
	d.refusing.Lock()
	changed := d.stopped != stopped
	d.stopped = stopped
	d.refusing.Unlock()
	switch {
	case changed && stopped:
		d.log.Error("the disk is full: recording stops until there is free space", "path", d.o.Recordings)
		d.wake()
	case changed:
		d.log.Info("there is free space: recording continues", "path", d.o.Recordings)
	}
}

// outOfSpace reports whether footage is refused.
func (d *diskSpace) outOfSpace() bool {
	d.refusing.RLock()
	defer d.refusing.RUnlock()
	return d.stopped
}

// reportSpace raises the alarm about the disks, or ends it.
func (d *diskSpace) reportSpace() error {
	var full []string
	for _, x := range []struct {
		path string
		d    disk.Folder
	}{{d.o.Data, d.data}, {d.o.Recordings, d.disk}} {
		free, total, err := x.d.Space()
		if err != nil {
			return err
		}
		if _, least := reserveSizes(total); free < least || d.outOfSpace() {
			full = append(full, fmt.Sprintf("%s (%s of %s are free)", x.path, format.Size(free), format.Size(total)))
		}
		if d.shared {
			break
		}
	}
	if len(full) == 0 {
		d.alarms.lower(AlarmDiskFull)
		return nil
	}
	d.alarms.raise(AlarmDiskFull, fmt.Sprintf("The disk is full: %s. New footage is dropped until there is free space. The oldest footage is deleted as "+
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
func (d *diskSpace) makeReserve(size int64) error {
	info, err := d.data.Stat(reserveName)
	if err == nil && info.Size() == size {
		d.reserve = size
		return nil
	}
	if err == nil {
		err = d.data.Remove(reserveName)
	}
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	f, err := d.data.Create(reserveName)
	if err != nil {
		return err
	}
	err = disk.Allocate(f, size)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, d.data.Remove(reserveName))
	}
	d.reserve = size
	return nil
}

// dropReserve gives the reserve up. When footage goes to the same disk, it is refused from then on: it would use up the
// space at once.
func (d *diskSpace) dropReserve() error {
	d.refuseFootage(d.shared)
	reported := d.reportSpace() // first: whoever sees that the reserve is gone finds the alarm
	if err := d.data.Remove(reserveName); err != nil && !disk.IsMissing(err) {
		return err
	}
	d.reserve = 0
	d.log.Warn("the disk of the data folder is full: its reserve was given up", "path", d.o.Data)
	d.wake()
	return reported
}

// rescue gives the reserve up for a statement that failed because the disk is full. It reports whether to try again.
func (d *diskSpace) rescue(err error) bool {
	if !sqlite.IsFull(err) && !disk.IsFull(err) {
		return false
	}
	d.spacing.Lock()
	defer d.spacing.Unlock()
	if d.reserve == 0 {
		return false
	}
	if err := d.dropReserve(); err != nil {
		d.log.Error("the reserve of the data folder", "err", err)
		return false
	}
	return true
}
