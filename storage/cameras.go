package storage

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// cameraList knows which cameras there are and which streams are being written.
type cameraList struct {
	mu      sync.RWMutex
	closed  bool
	cameras map[media.CameraID]*camera
	writers map[media.StreamID]*Writer
	days    map[media.StreamID]string // the folder that each stream's segments go to, once it is synced
}

// newCameraList is one without cameras.
func newCameraList() cameraList {
	return cameraList{cameras: map[media.CameraID]*camera{}, writers: map[media.StreamID]*Writer{}, days: map[media.StreamID]string{}}
}

// camera is what the store knows of one camera. It is immutable; changes replace it.
type camera struct {
	row     int64
	id      media.CameraID
	name    string
	label   string
	folder  string
	created time.Time
	retired time.Time // zero while in use
	retain  Retain
	files   disk.Folder
	key     media.LabelKey
}

// camera returns what the store knows of a camera, retired or not.
func (r *cameraList) camera(id media.CameraID) (*camera, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, ErrClosed
	}
	c := r.cameras[id]
	if c == nil || id.IsZero() {
		return nil, fmt.Errorf("%w: %v", ErrUnknownCamera, id)
	}
	return c, nil
}

// cameraOf returns the camera of a row.
func (r *cameraList) cameraOf(row int64) *camera {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, c := range r.cameras {
		if c.row == row {
			return c
		}
	}
	return nil
}

// all returns the cameras, retired ones among them. The map is never changed.
func (r *cameraList) all() map[media.CameraID]*camera {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.cameras
}

// writer returns what writes a stream now; nil when nothing does.
func (r *cameraList) writer(stream media.StreamID) *Writer {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.writers[stream]
}

// know replaces what the store knows of the camera.
func (r *cameraList) know(c *camera) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := maps.Clone(r.cameras)
	known[c.id] = c
	r.cameras = known
}

// forget takes the writer out of the list of those that write.
func (r *cameraList) forget(w *Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writers[w.stream] == w {
		delete(r.writers, w.stream)
	}
}

// knowDay remembers which day's folder of a stream is there for sure.
func (r *cameraList) knowDay(stream media.StreamID, day string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.days[stream] = day
}

// beingWritten is what is being written of a stream: a snapshot that later appends do not change.
type beingWritten struct {
	run     int64
	end     int64 // of the footage, also of earlier segments of the run
	start   int64 // of the open segment; meaningless without entries
	size    int64
	entries []media.Entry
}

// writtenOf returns what is being written of a stream; its run is 0 when nothing is.
func (r *cameraList) writtenOf(stream media.StreamID) beingWritten {
	r.mu.RLock()
	w := r.writers[stream]
	r.mu.RUnlock()
	if w == nil {
		return beingWritten{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.end == index.NoEnd {
		return beingWritten{}
	}
	x := beingWritten{run: w.row, end: w.end}
	if g := w.seg; g != nil {
		x.start = g.Start
		if x.entries, x.size = g.Entries(); len(x.entries) > 0 { // the last may be newer than w.end
			x.end = max(x.end, g.End())
		}
	}
	return x
}

// owner says whose footage the camera's files have to be.
func (c *camera) owner() segment.Owner {
	return segment.Owner{Folder: c.files, Camera: c.id, Key: c.key}
}

// expected says what the file of one of the camera's segments has to be.
func (c *camera) expected(r index.Segment) segment.Expected {
	return segment.Expected{Stream: media.StreamID{Camera: c.id, Quality: r.Stream.Quality}, Key: c.key, Run: r.RunID,
		Start: r.Start, End: r.End, Size: r.Size, Init: r.Init}
}

// closing is what the row of a segment learns from its file.
func closing(st index.Stream, x segment.Contents) index.ClosedSegment {
	start := index.Micros(x.Start())
	return index.ClosedSegment{Stream: st, Start: start, End: index.Micros(x.End()), Size: x.Size, Keys: index.PackKeys(start, index.KeysOf(x.Entries))}
}

// verify reads the whole file of a closed segment. It returns the packed key frames of the file, and a flaw when the file is not
// what its row says. The error is that of ctx, or of a disk that could not be read.
func (c *camera) verify(ctx context.Context, r index.Segment, pace *disk.Pace) (keys []byte, bad *segment.Flaw, err error) {
	entries, bad, err := segment.Verify(ctx, c.files, r.Name(), c.expected(r), segment.Verification{Fragments: true, Pace: pace})
	if bad != nil || err != nil {
		return nil, bad, err
	}
	return index.PackKeys(r.Start, index.KeysOf(entries)), nil, nil
}
