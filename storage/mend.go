package storage

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// errNoFragments says that a segment file has a header of the camera and nothing behind it.
var errNoFragments = errors.New("a segment without fragments")

// isFormat reports whether err says that bytes are wrong, and not that they could not be read.
func isFormat(err error) bool {
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return false
	}
	return errors.Is(err, media.ErrForged) || errors.Is(err, media.ErrFormat)
}

// mended is what a segment file holds, after it was cut to that and closed.
type mended struct {
	run        *media.Run
	init, size int64
	entries    []media.Entry
}

func (m mended) end() time.Time { return m.entries[len(m.entries)-1].End() }

func (m mended) closing(st index.Stream) index.ClosedSegment {
	start := index.Micros(m.entries[0].Start)
	return index.ClosedSegment{Stream: st, Start: start, End: index.Micros(m.end()), Size: m.size, Keys: index.PackKeys(start, index.KeysOf(m.entries))}
}

// nothingFollows returns an error for which isFormat holds when behind the place where a scan stopped there is footage that
// verifies and begins with a key frame: such a file is not cut but taken apart.
func nothingFollows(f disk.File, size int64, res media.ScanResult, c *camera) error {
	rest := io.NewSectionReader(f, res.GoodSize, size-res.GoodSize)
	_, stretches, err := media.Salvage(rest, rest.Size(), res.Run, c.key, c.id)
	if err == nil && len(stretches) > 0 {
		at := res.GoodSize + stretches[0].Entries[0].Offset
		err = fmt.Errorf("%w at %d, and good footage follows at %d: %w", media.ErrFormat, res.GoodSize, at, res.Err)
	}
	return err
}

// mend cuts a segment file after the last fragment that verifies, ends it with its table and syncs it, all of which may
// have happened before. The error is fs.ErrNotExist, errNoFragments, one for which isFormat holds when the file is no
// segment of the camera or has good footage behind a bad place, or that of the disk, and then nothing was changed; size is set whenever the file could be opened.
func mend(c *camera, name string) (m mended, err error) {
	f, err := c.files.Edit(name)
	if err != nil {
		return mended{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	disk.Uncache(f)
	if m.size, err = f.Size(); err != nil {
		return m, err
	}
	res, err := media.Scan(f, m.size, c.id, c.key)
	if err != nil {
		return m, err
	}
	if res.Err != nil && !isFormat(res.Err) {
		return m, res.Err
	}
	if res.Err != nil {
		if err := nothingFollows(f, m.size, res, c); err != nil {
			return m, err
		}
	}
	if len(res.Table.Entries) == 0 {
		return m, errNoFragments
	}
	m.run, m.init, m.entries = res.Run, res.InitSize, res.Table.Entries
	if !res.Closed {
		if err := f.Truncate(res.GoodSize); err != nil {
			return m, err
		}
		m.size = res.GoodSize
		box := res.Table.Box(res.Run, c.key)
		if _, err := f.WriteAt(box, m.size); err == nil {
			m.size += int64(len(box))
		} else if cut := f.Truncate(m.size); cut != nil { // a file without table is fine, one with half of it is not
			return m, errors.Join(err, cut)
		}
	}
	return m, f.Sync()
}

// trust takes a closed segment file at the word of its header and table, both labelled. It is for files that were synced
// before another was begun; their fragments are verified when they are read. It reports false when there is any doubt.
func trust(c *camera, name string) (m mended, sure bool) {
	f, err := c.files.Open(name)
	if err != nil {
		return m, false
	}
	defer f.Close()
	if m.size, err = f.Size(); err != nil {
		return m, false
	}
	if m.init, err = media.InitSize(f, m.size); err != nil {
		return m, false
	}
	init := make([]byte, m.init)
	if _, err := f.ReadAt(init, 0); err != nil {
		return m, false
	}
	if m.run, err = media.OpenRun(init, c.id, c.key); err != nil {
		return m, false
	}
	table, err := media.ReadTable(f, m.size, c.id, c.key)
	if err != nil || len(table.Entries) == 0 || table.Entries[0].Offset != m.init {
		return m, false
	}
	m.entries = table.Entries
	last := &m.entries[len(m.entries)-1]
	return m, last.Offset+int64(last.Size) < m.size
}
