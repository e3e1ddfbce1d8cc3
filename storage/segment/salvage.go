package segment

import (
	"context"
	"errors"
	"path"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// PieceSuffix ends the name of a segment that WritePiece has not completed.
const PieceSuffix = ".mp4.new"

// Scan reads a file that may be a segment of the owner, at the given pace, and returns what it holds. The error is that of
// opening the file, of media.Scan, or of ctx.
func Scan(ctx context.Context, o Owner, name string, pace *disk.Pace) (media.ScanResult, error) {
	f, err := o.Folder.Open(name)
	if err != nil {
		return media.ScanResult{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return media.ScanResult{}, err
	}
	return media.Scan(pace.File(ctx, f), size, o.Camera, o.Key)
}

// Salvaged is what verifies in a damaged file.
type Salvaged struct {
	File      disk.File // the damaged file
	Run       *media.Run
	Whole     bool          // all of the file verifies, and it has its table
	Stretches []media.Table // footage without a hole, each beginning with a key frame
}

// Salvage finds what verifies in a file of the owner's. When the header does not verify and run is nil, Salvaged.Run is nil and
// nothing is found: the caller may know the run from another segment and try again.
func Salvage(o Owner, f disk.File, size int64, run *media.Run) (Salvaged, error) {
	x := Salvaged{File: f, Run: run}
	if run == nil {
		res, err := media.Scan(f, size, o.Camera, o.Key)
		if err != nil && !IsDamage(err) {
			return x, err
		}
		x.Run, x.Whole = res.Run, err == nil && res.Err == nil && res.Closed && len(res.Table.Entries) > 0 && res.Table.Entries[0].Random
		if x.Whole {
			x.Stretches = []media.Table{*res.Table}
			return x, nil
		}
	}
	if x.Run == nil {
		return x, nil
	}
	_, found, err := media.Salvage(f, size, x.Run, o.Key, o.Camera)
	x.Stretches = found
	return x, err
}

// WritePiece writes a closed segment of one stretch of what was salvaged. The file has its name only when it is complete and
// synced; until then its name ends with PieceSuffix.
func (x Salvaged) WritePiece(o Owner, t *media.Table, name string) (err error) {
	temp := strings.TrimSuffix(name, ".mp4") + PieceSuffix
	if err := o.Folder.Remove(temp); err != nil && !disk.IsMissing(err) {
		return err
	}
	f, err := o.Folder.Create(temp)
	if err != nil {
		return err
	}
	piece, at := media.Table{}, int64(len(x.Run.Init))
	_, err = f.WriteAt(x.Run.Init, 0)
	for i := range t.Entries {
		if err != nil {
			break
		}
		e := t.Entries[i]
		b := make([]byte, e.Size)
		if _, err = x.File.ReadAt(b, e.Offset); err != nil {
			break
		}
		if _, err = f.WriteAt(b, at); err == nil {
			err = piece.Append(at, b)
		}
		at += int64(e.Size)
	}
	if err == nil {
		_, err = f.WriteAt(piece.Box(x.Run, o.Key), at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, o.Folder.Remove(temp))
	}
	if err := o.Folder.Rename(temp, name); err != nil {
		return err
	}
	return o.Folder.SyncDir(path.Dir(name))
}
