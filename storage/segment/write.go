package segment

import (
	"errors"
	"fmt"
	"path"
	"sync"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// Writer is a segment that is being written. One goroutine at a time calls Create, Append, Close and Discard; any may call the
// other methods.
type Writer struct {
	Name  string // path in the camera's folder
	Start int64  // wall clock of the first picture, µs

	failed func(error) // called when a sync failed

	mu      sync.Mutex
	file    disk.File
	entries []media.Entry // of the fragments that are whole in the file; readers keep prefixes of it
	good    int64         // length of the file up to the last whole fragment
	dirty   bool          // something was written since the last sync
	suspect bool          // a sync or the repair of a write went wrong: nothing more is written to this file

	syncing sync.Mutex // held while the file is synced or closed
	closed  bool       // guarded by syncing
}

// New returns a segment that has no file yet. failed is called with the error of a sync that failed; the file is not synced again.
func New(name string, start int64, failed func(error)) *Writer {
	return &Writer{Name: name, Start: start, failed: failed}
}

// Create creates the file with its init header in a folder that survives a power cut. created reports whether there is a file,
// which Discard removes.
func (g *Writer) Create(d disk.Folder, init []byte) (created bool, err error) {
	f, err := d.Create(g.Name)
	if err != nil {
		return false, err
	}
	g.mu.Lock()
	g.file = f
	g.mu.Unlock()
	if err := d.SyncDir(path.Dir(g.Name)); err != nil {
		return true, err
	}
	if _, err := f.WriteAt(init, 0); err != nil {
		return true, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.good = int64(len(init))
	return true, nil
}

// Append writes a fragment with one write behind the last one. e is its entry but for the offset. After an error the fragment
// is not in the file.
func (g *Writer) Append(fragment []byte, e media.Entry) error {
	if n, err := g.file.WriteAt(fragment, g.good); err != nil {
		if n > 0 {
			if cut := g.file.Truncate(g.good); cut != nil {
				g.MarkSuspect()
			}
		}
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	e.Offset = g.good
	g.entries = append(g.entries, e)
	g.good += int64(len(fragment))
	g.dirty = true
	return nil
}

// Entries returns the entries of what was written and the length of the file. Later appends do not change them.
func (g *Writer) Entries() (entries []media.Entry, size int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.entries[:len(g.entries):len(g.entries)], g.good
}

// End returns the wall clock at which the footage ends so far, µs.
func (g *Writer) End() int64 {
	entries, _ := g.Entries()
	if n := len(entries); n > 0 {
		return micros(entries[n-1].End())
	}
	return g.Start
}

// MarkSuspect has the segment closed before anything else is written to it.
func (g *Writer) MarkSuspect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.suspect = true
}

// Suspect reports whether nothing more is to be written to the file.
func (g *Writer) Suspect() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.suspect
}

// TakeDirty reports whether the segment has to be synced, and takes that for done.
func (g *Writer) TakeDirty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.dirty || g.suspect {
		return false
	}
	g.dirty = false
	return true
}

// Sync syncs the file unless it was closed. It reports whether all that was written is on the disk. A file whose sync failed
// is suspect: the kernel may have dropped what it could not write.
func (g *Writer) Sync() bool {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	if g.closed {
		return true
	}
	err := g.file.Sync()
	if err == nil {
		return true
	}
	g.MarkSuspect()
	g.failed(err)
	return false
}

// Discard closes and removes the file, if there is one.
func (g *Writer) Discard(d disk.Folder) error {
	if g.file == nil {
		return nil
	}
	err := g.closeFile()
	return errors.Join(err, disk.RemoveSynced(d, g.Name))
}

func (g *Writer) closeFile() error {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	g.closed = true
	return g.file.Close()
}

// Close writes the table, syncs and closes the file, and returns what it holds: all of End, or less when the disk did not keep
// it. The run is that of the segment, and of the owner. After an error the file is closed and has no valid table.
func (g *Writer) Close(o Owner, run *media.Run) (Contents, error) {
	entries, size := g.Entries()
	c := Contents{Run: run, Init: int64(len(run.Init)), Size: size, Entries: entries}
	suspect := g.Suspect()
	if !suspect {
		table := &media.Table{Entries: entries}
		box := table.Box(run, o.Key)
		if _, err := g.file.WriteAt(box, size); err == nil {
			c.Size += int64(len(box))
		} else if err := g.file.Truncate(size); err != nil { // without a table the file is read from the front
			suspect = true
		}
	}
	suspect = suspect || !g.Sync()
	err := g.closeFile()
	if err == nil && !suspect && !g.Suspect() { // a sync that was under way may have failed
		return c, nil
	}
	c.Size, c.Entries, err = readBack(o, g.Name)
	return c, err
}

// readBack reads what is left of a file that the disk may not have kept: the size of what is good, and its fragments.
func readBack(o Owner, name string) (int64, []media.Entry, error) {
	f, err := o.Folder.Open(name)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	disk.Uncache(f)
	size, err := f.Size()
	if err != nil {
		return 0, nil, err
	}
	res, err := media.Scan(f, size, o.Camera, o.Key)
	if err != nil {
		return 0, nil, err
	}
	if len(res.Table.Entries) == 0 {
		return 0, nil, fmt.Errorf("nothing of the file is left: %w", errors.Join(res.Err, media.ErrFormat))
	}
	if res.Closed {
		return size, res.Table.Entries, nil
	}
	return res.GoodSize, res.Table.Entries, nil
}
