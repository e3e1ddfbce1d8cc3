package segment

import (
	"errors"
	"fmt"
	"io"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// ErrNoFragments says that a segment file has a header of the camera and nothing behind it.
var ErrNoFragments = errors.New("a segment without fragments")

// Contents is what a segment file holds.
type Contents struct {
	Run        *media.Run
	Init, Size int64         // bytes of the init header, and of the file
	Entries    []media.Entry // in order; Repair and Trust return at least one
}

// Start returns the wall clock of the first picture.
func (c Contents) Start() time.Time { return c.Entries[0].Start }

// End returns the wall clock at which the last picture ends.
func (c Contents) End() time.Time { return c.Entries[len(c.Entries)-1].End() }

// Repair cuts a segment file after the last fragment that verifies, ends it with its table and syncs it. Any of that may have
// been done before. The error is fs.ErrNotExist, ErrNoFragments, one for which IsDamage holds when the file is no segment of
// the camera or has good footage behind a bad place, or that of the disk; then nothing was changed. Size is set whenever
// the file could be opened.
func Repair(o Owner, name string) (c Contents, err error) {
	f, err := o.Folder.Edit(name)
	if err != nil {
		return Contents{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	disk.Uncache(f)
	if c.Size, err = f.Size(); err != nil {
		return c, err
	}
	res, err := media.Scan(f, c.Size, o.Camera, o.Key)
	if err != nil {
		return c, err
	}
	if res.Err != nil && !IsDamage(res.Err) {
		return c, res.Err
	}
	if res.Err != nil {
		if err := nothingFollows(f, c.Size, res, o); err != nil {
			return c, err
		}
	}
	if len(res.Table.Entries) == 0 {
		return c, ErrNoFragments
	}
	c.Run, c.Init, c.Entries = res.Run, res.InitSize, res.Table.Entries
	if !res.Closed {
		if err := f.Truncate(res.GoodSize); err != nil {
			return c, err
		}
		c.Size = res.GoodSize
		box := res.Table.Box(res.Run, o.Key)
		if _, err := f.WriteAt(box, c.Size); err == nil {
			c.Size += int64(len(box))
		} else if cut := f.Truncate(c.Size); cut != nil { // a file without table is fine, one with half of it is not
			return c, errors.Join(err, cut)
		}
	}
	return c, f.Sync()
}

// nothingFollows returns an error for which IsDamage holds when behind the place where a scan stopped there is footage that
// verifies and begins with a key frame. Such a file is not cut: it is salvaged.
func nothingFollows(f disk.File, size int64, res media.ScanResult, o Owner) error {
	rest := io.NewSectionReader(f, res.GoodSize, size-res.GoodSize)
	_, stretches, err := media.Salvage(rest, rest.Size(), res.Run, o.Key, o.Camera)
	if err == nil && len(stretches) > 0 {
		at := res.GoodSize + stretches[0].Entries[0].Offset
		err = fmt.Errorf("%w at %d, and good footage follows at %d: %w", media.ErrFormat, res.GoodSize, at, res.Err)
	}
	return err
}

// Trust reads what a closed segment file says of itself in its header and table, which are both labelled. It is for files that
// were synced before another was begun; their fragments are verified when they are served. It reports false when header,
// table and size do not agree.
func Trust(o Owner, name string) (c Contents, sure bool) {
	f, err := o.Folder.Open(name)
	if err != nil {
		return c, false
	}
	defer f.Close()
	if c.Size, err = f.Size(); err != nil {
		return c, false
	}
	if c.Init, err = media.InitSize(f, c.Size); err != nil {
		return c, false
	}
	init := make([]byte, c.Init)
	if _, err := f.ReadAt(init, 0); err != nil {
		return c, false
	}
	if c.Run, err = media.OpenRun(init, o.Camera, o.Key); err != nil {
		return c, false
	}
	table, err := media.ReadTable(f, c.Size, o.Camera, o.Key)
	if err != nil || len(table.Entries) == 0 || table.Entries[0].Offset != c.Init {
		return c, false
	}
	c.Entries = table.Entries
	last := &c.Entries[len(c.Entries)-1]
	return c, last.Offset+int64(last.Size) < c.Size
}
