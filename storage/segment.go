package storage

import (
	"fmt"
	"path"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// segment is the file that a Writer appends to. Its name and place in the index never change; what grows is guarded by
// the writer's mu.
type segment struct {
	st    index.Stream
	run   int64
	start int64
	name  string
	file  disk.File

	entries []media.Entry // of the fragments that are whole in the file; readers keep prefixes of it
	good    int64         // length of the file up to the last whole fragment
	dirty   bool          // something was written since the last sync
	suspect bool          // a sync or the repair of a write went wrong: nothing more is written to this file

	syncing sync.Mutex // held while the file is synced or closed
	closed  bool       // guarded by syncing
}

// end returns the wall clock at which the segment's footage ends so far.
func (g *segment) end() int64 {
	if n := len(g.entries); n > 0 {
		return index.Micros(g.entries[n-1].End())
	}
	return g.start
}

// makeDay makes the folder of a day, once, so that it survives a power cut. A folder that is there already may have been
// made by a process that died, or met a fault, before it was synced.
func (s *Store) makeDay(c *camera, stream media.StreamID, day string) error {
	s.mu.RLock()
	known := s.days[stream] == day
	s.mu.RUnlock()
	if known {
		return nil
	}
	if err := c.files.Mkdir(day); err != nil {
		return err
	}
	if err := c.files.SyncDir(path.Dir(day)); err != nil {
		return err
	}
	if err := c.files.SyncDir("."); err != nil {
		return err
	}
	s.knowDay(stream, day)
	return nil
}

// knowDay remembers which day's folder of a stream is there for sure.
func (s *Store) knowDay(stream media.StreamID, day string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.days[stream] = day
}

// live is what is being written of a stream: a snapshot that later appends do not change.
type live struct {
	run     int64
	end     int64 // of the footage, also of earlier segments of the run
	start   int64 // of the open segment; meaningless without entries
	size    int64
	entries []media.Entry
}

// liveOf returns what is being written of a stream; its run is 0 when nothing is.
func (s *Store) liveOf(stream media.StreamID) live {
	s.mu.RLock()
	w := s.writers[stream]
	s.mu.RUnlock()
	if w == nil {
		return live{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == index.NoEnd {
		return live{}
	}
	x := live{run: w.row, end: w.end}
	if g := w.seg; g != nil {
		x.start, x.size, x.entries = g.start, g.good, g.entries[:len(g.entries):len(g.entries)]
	}
	return x
}

// syncDirty syncs every segment that was written to since its last sync. A file whose sync fails is never synced again,
// since the kernel may have dropped what it could not write: it is sealed, and writing goes on in a new one.
func (s *Store) syncDirty() {
	s.mu.RLock()
	writers := make([]*Writer, 0, len(s.writers))
	for _, w := range s.writers {
		writers = append(writers, w)
	}
	s.mu.RUnlock()
	var group sync.WaitGroup
	slots := make(chan struct{}, syncsAtOnce)
	for _, w := range writers {
		g := w.takeDirty()
		if g == nil {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			w.syncSegment(g)
			<-slots
		})
	}
	group.Wait()
}

const syncsAtOnce = 4

// takeDirty returns the writer's segment when it has to be synced.
func (w *Writer) takeDirty() *segment {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seg == nil || !w.seg.dirty || w.seg.suspect {
		return nil
	}
	w.seg.dirty = false
	return w.seg
}

// syncSegment syncs the file unless it was closed. It reports whether all that was written is on the disk.
func (w *Writer) syncSegment(g *segment) bool {
	g.syncing.Lock()
	defer g.syncing.Unlock()
	if g.closed {
		return true
	}
	err := g.file.Sync()
	if err == nil {
		return true
	}
	w.mu.Lock()
	g.suspect = true
	w.mu.Unlock()
	w.s.raise(AlarmSyncFailed, fmt.Sprintf("The disk of %s did not keep footage that it had taken (%v). The file was closed where it still verifies, "+
		"and recording goes on in a new one; the timeline shows what was lost. Look at the disk and its cable soon. This stands until the next start.",
		w.s.o.Recordings, bare(err)))
	w.s.log.Error("the disk did not keep footage: sealing the segment", "camera", w.c.name, "stream", w.st.Quality, "segment", g.name, "err", err)
	return false
}

// syncEvery is how often dirty segments are synced, so that a fragment written just after one sync is on the disk,
// the next sync included, within Options.Sync.
func (s *Store) syncEvery() time.Duration { return s.o.Sync * 3 / 4 }
